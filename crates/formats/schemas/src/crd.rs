//! The schemas of custom resources, by their definitions (apiextensions.k8s.io/v1, and v1beta1 with one schema for all).

use serde_json::Value;
use std::collections::BTreeMap;

/// A file of definitions that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the definitions cannot be read: {0}")]
pub struct CrdError(String);

pub(crate) type Custom = BTreeMap<(String, String, String), Value>;

/// Takes the definitions of all documents.
pub(crate) fn read(text: &str, custom: &mut Custom) -> Result<usize, CrdError> {
    let before = custom.len();
    let documents = text
        .split("\n---")
        .filter(|document| !document.trim().is_empty());
    for document in documents {
        let document = document.trim_start_matches("---");
        let read: Result<Value, _> = serde_saphyr::from_str(document);
        let object = read.map_err(|error| {
            let error = error.to_string();
            CrdError(error.lines().next().unwrap_or_default().to_owned())
        })?;
        add(&object, custom);
    }
    Ok(custom.len() - before)
}

/// Takes a definition; of another object nothing.
pub(crate) fn add(object: &Value, custom: &mut Custom) {
    if object["kind"] == "List" {
        for item in object["items"].as_array().into_iter().flatten() {
            add(item, custom);
        }
        return;
    }
    if object["kind"] != "CustomResourceDefinition" {
        return;
    }
    let spec = &object["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, kind) = (text(&spec["group"]), text(&spec["names"]["kind"]));
    let shared = &spec["validation"]["openAPIV3Schema"];
    for version in spec["versions"].as_array().into_iter().flatten() {
        if version["served"] == Value::Bool(false) {
            continue;
        }
        let own = &version["schema"]["openAPIV3Schema"];
        let schema = if own.is_object() { own } else { shared };
        let key = (group.clone(), text(&version["name"]), kind.clone());
        custom.insert(key, schema.clone());
    }
    if let Some(version) = spec["version"].as_str() {
        let key = (group, version.to_owned(), kind);
        custom.entry(key).or_insert_with(|| shared.clone());
    }
}
