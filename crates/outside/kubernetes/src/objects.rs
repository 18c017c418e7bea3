//! The objects of a manifest: parsed, in the order in which they are made, marked as a release's own.

use crate::yaml;
use refloat_chart::render::compare_kinds;
use serde_json::{Value, json};

/// The label of what a release owns.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";
const RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// What an object is called; version of its API apart, since that may change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    group: String,
    kind: String,
    namespace: String,
    name: String,
}

/// The objects of a manifest in the order in which they are made; lists are taken apart.
///
/// # Errors
/// What is no YAML or no object.
pub(crate) fn read(manifest: &str) -> Result<Vec<Value>, String> {
    let mut objects = Vec::new();
    for document in yaml::read_all(manifest)? {
        if document["kind"] == "List" && document["items"].is_array() {
            objects.extend(document["items"].as_array().cloned().unwrap_or_default());
        } else {
            objects.push(document);
        }
    }
    for object in &objects {
        let has = |path| object.pointer(path).is_some_and(Value::is_string);
        if !(has("/apiVersion") && has("/kind") && has("/metadata/name")) {
            let text: String = object.to_string().chars().take(120).collect();
            return Err(format!(
                "an object needs apiVersion, kind and metadata.name: {text}"
            ));
        }
    }
    let kind = |object: &Value| object["kind"].as_str().unwrap_or_default().to_owned();
    objects.sort_by(|one, other| compare_kinds(&kind(one), &kind(other)));
    Ok(objects)
}

/// What the object is called in a release of this namespace.
pub(crate) fn key(object: &Value, namespace: &str) -> Key {
    let text = |path| object.pointer(path).and_then(Value::as_str);
    let version = text("/apiVersion").unwrap_or_default();
    Key {
        group: version
            .split_once('/')
            .map_or("", |(group, _)| group)
            .to_owned(),
        kind: text("/kind").unwrap_or_default().to_owned(),
        namespace: text("/metadata/namespace").unwrap_or(namespace).to_owned(),
        name: text("/metadata/name").unwrap_or_default().to_owned(),
    }
}

/// `Deployment/web`, for people.
pub(crate) fn shown(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap_or_default();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    format!("{kind}/{name}")
}

/// Marks it as the release's own.
pub(crate) fn mark(object: &mut Value, release: &str, namespace: &str) {
    let metadata = &mut object["metadata"];
    for (part, key, value) in [
        ("labels", MANAGED_BY, "Helm"),
        ("annotations", RELEASE_NAME, release),
        ("annotations", RELEASE_NAMESPACE, namespace),
    ] {
        if !metadata[part].is_object() {
            metadata[part] = json!({});
        }
        metadata[part][key] = Value::from(value);
    }
}

/// Why a live object is not the release's own; `None` if it is.
pub(crate) fn foreign(live: &Value, release: &str, namespace: &str) -> Option<String> {
    let metadata = &live["metadata"];
    let marks = [
        ("label", &metadata["labels"][MANAGED_BY], MANAGED_BY, "Helm"),
        (
            "annotation",
            &metadata["annotations"][RELEASE_NAME],
            RELEASE_NAME,
            release,
        ),
        (
            "annotation",
            &metadata["annotations"][RELEASE_NAMESPACE],
            RELEASE_NAMESPACE,
            namespace,
        ),
    ];
    let wrong = marks.iter().find(|(_, has, _, wanted)| *has != wanted)?;
    let (what, has, key, wanted) = wrong;
    let has = has.as_str().unwrap_or("missing");
    Some(format!(
        "{} exists and is not this release's: its {what} `{key}` is {has}, not {wanted}",
        shown(live)
    ))
}

/// Whether a live object says that it stays when it leaves the manifest.
pub(crate) fn is_kept(live: &Value) -> bool {
    live["metadata"]["annotations"][RESOURCE_POLICY] == "keep"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(manifest: &str) -> Result<Vec<String>, String> {
        Ok(read(manifest)?.iter().map(shown).collect())
    }

    #[test]
    fn objects_are_made_in_helms_order() -> Result<(), String> {
        let manifest = "
---
# Source: a/templates/d.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
---
apiVersion: x.org/v1
kind: Zebra
metadata: {name: z}
---
apiVersion: x.org/v1
kind: Ant
metadata: {name: a}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: c2}}
- {apiVersion: v1, kind: Secret, metadata: {name: s}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c1}
";
        assert_eq!(
            order(manifest)?,
            [
                "Secret/s",
                "ConfigMap/c2",
                "ConfigMap/c1",
                "Deployment/d",
                "Ant/a",
                "Zebra/z"
            ]
        );
        Ok(())
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let error = order("apiVersion: v1\nkind: Pod\n");
        let message = error.err().unwrap_or_default();
        assert!(message.contains("metadata.name"), "{message}");
    }

    #[test]
    fn marks_tell_ours_from_theirs() {
        let mut object = json!({ "kind": "ConfigMap", "metadata": { "name": "c" } });
        let why = foreign(&object, "shop", "default").unwrap_or_default();
        assert!(why.contains("managed-by` is missing"), "{why}");
        mark(&mut object, "shop", "default");
        assert_eq!(foreign(&object, "shop", "default"), None);
        let why = foreign(&object, "other", "default").unwrap_or_default();
        assert!(why.contains("release-name` is shop, not other"), "{why}");
    }
}
