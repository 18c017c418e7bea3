//! The three-way merge of image configs: what the app set stays, what it inherited comes from the new base.
//!
//! Per field, with the old base's value `b0`, the new base's `b1` and the app's `a`: `a == b0` gives `b1`,
//! `b0 == b1` or `a == b1` gives `a`, anything else is a conflict. `null`, `""`, `[]` and `{}` are absent.
//! Environment, labels, volumes and ports are merged per key; entrypoint and command are one unit.

use serde_json::{Map, Value};

mod command;
mod environment;
mod history;

pub(crate) use environment::{get, variables};
pub use history::{Seam, seam};
pub(crate) use history::{is_consistent, layer_count};

/// A field that both sides changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The field: `config.Env.JAVA_HOME`.
    pub field: String,
    /// The old base's value.
    pub old_base: Value,
    /// The new base's value.
    pub new_base: Value,
    /// The app's value.
    pub app: Value,
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{}: the base went from {} to {}, the image has {}",
            self.field, self.old_base, self.new_base, self.app
        )
    }
}

/// Fields of a config that describe the platform: they are the new base's.
const PLATFORM: [&str; 5] = ["architecture", "os", "variant", "os.version", "os.features"];
/// Per key.
const MAPS: [&str; 3] = ["Labels", "Volumes", "ExposedPorts"];
/// Remains of old builders that nothing runs by: the app's stay.
const NOISE: [&str; 11] = [
    "Hostname",
    "Domainname",
    "Image",
    "AttachStdin",
    "AttachStdout",
    "AttachStderr",
    "Tty",
    "OpenStdin",
    "StdinOnce",
    "NetworkDisabled",
    "MacAddress",
];
/// Labels that describe an image to people: an app that sets its own means it.
const DESCRIPTIVE: [&str; 4] = [
    "org.opencontainers.image.",
    "org.label-schema.",
    "maintainer",
    "io.buildah.",
];

/// The config that `app` would have on the new base: merged `config`, the new base's platform, spliced layers and
/// history. Pure and ordered: the same inputs give the same bytes.
///
/// # Errors
/// All [`Conflict`]s, by field.
pub fn merge_config(base0: &Value, base1: &Value, app: &Value) -> Result<Value, Vec<Conflict>> {
    let mut conflicts = Vec::new();
    let mut result = app.as_object().cloned().unwrap_or_default();
    for field in PLATFORM {
        put(&mut result, field, base1.get(field).cloned());
    }
    let seam = seam(base0, app);
    let parts = [base0, base1, app].map(|whole| whole.get("config").unwrap_or(&Value::Null));
    let merged = inner(parts, &seam, &mut conflicts);
    result.insert("config".into(), Value::Object(merged));
    history::splice(&mut result, base0, base1, app, &seam);
    if let Some(created) = newest([base1, app]) {
        put(&mut result, "created", Some(created));
    }
    // What a builder's scratch container looked like says nothing about the result.
    result.remove("container_config");
    if conflicts.is_empty() {
        Ok(Value::Object(result))
    } else {
        conflicts.sort_by(|left, right| left.field.cmp(&right.field));
        Err(conflicts)
    }
}

fn newest(of: [&Value; 2]) -> Option<Value> {
    of.iter()
        .filter_map(|whole| whole.get("created")?.as_str())
        .max()
        .map(Value::from)
}

fn inner(parts: [&Value; 3], seam: &Seam, conflicts: &mut Vec<Conflict>) -> Map<String, Value> {
    let [base0, base1, app] = parts;
    let mut merged = app.as_object().cloned().unwrap_or_default();
    let mut fields: Vec<String> = merged.keys().cloned().collect();
    for whole in [base1, base0] {
        for field in whole.as_object().into_iter().flat_map(Map::keys) {
            if !fields.contains(field) {
                fields.push(field.clone());
            }
        }
    }
    let commands = command::merge(parts, seam, conflicts);
    let variables = environment::merge(parts, conflicts);
    for field in fields {
        let values = parts.map(|whole| whole.get(&field).unwrap_or(&Value::Null));
        let value = match field.as_str() {
            "Entrypoint" => commands.0.clone(),
            "Cmd" => commands.1.clone(),
            "Env" => variables.clone(),
            // What a base would do to images built on it is not what an image does.
            "OnBuild" => non_empty(values[2])
                .filter(|own| Some(*own) != non_empty(values[0]))
                .cloned(),
            _ if MAPS.contains(&field.as_str()) => maps(&field, values, conflicts),
            _ if NOISE.contains(&field.as_str()) => Some(values[2].clone()),
            _ => scalar(&format!("config.{field}"), values, conflicts),
        };
        put(&mut merged, &field, value);
    }
    merged
}

fn put(map: &mut Map<String, Value>, field: &str, value: Option<Value>) {
    match value {
        Some(value) => {
            map.insert(field.to_owned(), value);
        }
        None => {
            map.shift_remove(field);
        }
    }
}

/// The value, unless it says nothing.
pub(crate) fn non_empty(value: &Value) -> Option<&Value> {
    let is_empty = match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    (!is_empty).then_some(value)
}

fn scalar(field: &str, values: [&Value; 3], conflicts: &mut Vec<Conflict>) -> Option<Value> {
    let [base0, base1, app] = values.map(non_empty);
    if app == base0 {
        base1.cloned()
    } else if base0 == base1 || app == base1 {
        app.cloned()
    } else {
        conflicts.push(conflict(field, values));
        app.cloned()
    }
}

fn conflict(field: &str, [base0, base1, app]: [&Value; 3]) -> Conflict {
    Conflict {
        field: field.to_owned(),
        old_base: base0.clone(),
        new_base: base1.clone(),
        app: app.clone(),
    }
}

fn maps(field: &str, values: [&Value; 3], conflicts: &mut Vec<Conflict>) -> Option<Value> {
    let mut merged = Map::new();
    let mut keys: Vec<&String> = Vec::new();
    for whole in [values[2], values[1]] {
        for key in whole.as_object().into_iter().flat_map(Map::keys) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    for key in keys {
        let [base0, base1, app] = values.map(|whole| whole.get(key));
        let value = if app == base0 {
            base1
        } else if base0 == base1
            || app == base1
            || (field == "Labels" && (app.is_none() || is_descriptive(key)))
        {
            app
        } else {
            let null = &Value::Null;
            let values = [base0, base1, app].map(|value| value.unwrap_or(null));
            conflicts.push(conflict(&format!("config.{field}.{key}"), values));
            app
        };
        if let Some(value) = value {
            merged.insert(key.clone(), value.clone());
        }
    }
    (!merged.is_empty()).then_some(Value::Object(merged))
}

fn is_descriptive(label: &str) -> bool {
    DESCRIPTIVE
        .iter()
        .any(|beginning| label.starts_with(beginning))
}

#[cfg(test)]
mod tests;
