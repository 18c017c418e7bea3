//! What differs between two configurations, field by field.

use crate::compare::Depth;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Fields of the configuration that say when and how it was built, and the layers, whose files are compared instead.
const OF_THE_BUILD: [&str; 9] = [
    "created",
    "history",
    "rootfs",
    "parent",
    "container",
    "container_config",
    "docker_version",
    "author",
    "moby.buildkit.buildinfo.v1",
];
/// Fields of the inner configuration that name the builder's container.
const OF_THE_CONTAINER: [&str; 3] = ["config.Hostname", "config.Domainname", "config.Image"];

/// `{"field","old","new"}` for each field that differs; environment, labels, volumes and ports by key.
pub(crate) fn differences(old: &Value, new: &Value, depth: Depth, prefix: &str) -> Vec<Value> {
    let (old, new) = (flat(old, depth), flat(new, depth));
    let fields: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differing = fields
        .into_iter()
        .filter(|field| old.get(*field) != new.get(*field));
    differing
        .map(|field| json!({ "field": format!("{prefix}{field}"), "old": old.get(field), "new": new.get(field) }))
        .collect()
}

fn flat(config: &Value, depth: Depth) -> BTreeMap<String, Value> {
    let mut fields = BTreeMap::new();
    for (key, value) in config.as_object().into_iter().flatten() {
        if depth == Depth::Meaning && OF_THE_BUILD.contains(&key.as_str()) {
            continue;
        }
        if key == "config" {
            inner(value, &mut fields);
        } else {
            fields.insert(key.clone(), value.clone());
        }
    }
    if depth == Depth::Meaning {
        fields.retain(|field, _| !OF_THE_CONTAINER.contains(&field.as_str()));
    }
    fields.retain(|_, value| !is_empty(value));
    fields
}

fn inner(config: &Value, fields: &mut BTreeMap<String, Value>) {
    for (key, value) in config.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("Env", Value::Array(list)) => {
                for entry in list.iter().filter_map(Value::as_str) {
                    let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
                    fields.insert(format!("config.Env.{name}"), json!(value));
                }
            }
            ("Labels" | "Volumes" | "ExposedPorts", Value::Object(map)) => {
                for (name, value) in map {
                    // An empty object is all that a port or volume has: it must not count as absent.
                    let value = if value.is_object() {
                        json!(true)
                    } else {
                        value.clone()
                    };
                    fields.insert(format!("config.{key}.{name}"), value);
                }
            }
            _ => drop(fields.insert(format!("config.{key}"), value.clone())),
        }
    }
}

/// Writers differ in whether they write what is empty.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_mean_something() {
        let old = json!({ "os": "linux", "created": "2024", "history": [1], "config":
            { "Env": ["PATH=/bin", "A=1"], "Cmd": ["sh"], "User": "", "ExposedPorts": { "80/tcp": {} } } });
        let new = json!({ "os": "linux", "created": "2025", "config":
            { "Env": ["PATH=/usr/bin"], "Cmd": ["sh"], "Labels": { "a": "b" } } });
        let found = differences(&old, &new, Depth::Meaning, "");
        let fields: Vec<&str> = found
            .iter()
            .filter_map(|entry| entry["field"].as_str())
            .collect();
        let expected = [
            "config.Env.A",
            "config.Env.PATH",
            "config.ExposedPorts.80/tcp",
            "config.Labels.a",
        ];
        assert_eq!(fields, expected);
        assert_eq!(found[1]["old"], "/bin");
        assert_eq!(differences(&old, &new, Depth::All, "").len(), 6);
    }
}
