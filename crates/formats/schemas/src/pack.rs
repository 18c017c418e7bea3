//! Makes the packed data of Kubernetes' own documents. Called by `cargo xtask schemas`, never by the program.

use crate::Lifecycle;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

/// The OpenAPI document of a minor version (`api/openapi-spec/swagger.json`).
pub struct Source {
    /// The minor version.
    pub minor: u32,
    /// The document.
    pub swagger: String,
}

/// The keys of a schema that are kept.
const KEPT: [&str; 6] = [
    "type",
    "format",
    "required",
    "enum",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-int-or-string",
];

/// Packs documents and lifecycles; the same input gives the same bytes.
///
/// # Errors
/// A document that is none of Kubernetes.
pub fn pack(sources: &[Source], lifecycles: &[Lifecycle]) -> Result<Vec<u8>, String> {
    let mut definitions = BTreeMap::<(String, String), u32>::new();
    let mut kinds = BTreeMap::<[String; 4], u32>::new();
    for (position, source) in sources.iter().enumerate() {
        let bit = 1_u32 << position;
        let document: Value = serde_json::from_str(&source.swagger)
            .map_err(|error| format!("the document of 1.{}: {error}", source.minor))?;
        let all = document["definitions"].as_object();
        let all =
            all.ok_or_else(|| format!("the document of 1.{} has no definitions", source.minor))?;
        for (name, schema) in all {
            *definitions
                .entry((name.clone(), schema_of(schema).to_string()))
                .or_default() |= bit;
            let of = schema["x-kubernetes-group-version-kind"].as_array();
            for kind in of.into_iter().flatten() {
                let text = |key: &str| kind[key].as_str().unwrap_or_default().to_owned();
                // Options of requests belong to every group; they are no objects.
                if of.is_some_and(|all| all.len() == 1) {
                    let key = [text("group"), text("version"), text("kind"), name.clone()];
                    *kinds.entry(key).or_default() |= bit;
                }
            }
        }
    }
    let minors: Vec<String> = sources
        .iter()
        .map(|source| source.minor.to_string())
        .collect();
    let mut text = format!("m\t{}\n", minors.join(" "));
    for ((name, schema), mask) in definitions {
        let _ = writeln!(text, "d\t{name}\t{mask:x}\t{schema}");
    }
    for ([group, version, kind, name], mask) in kinds {
        let _ = writeln!(text, "k\t{group}\t{version}\t{kind}\t{mask:x}\t{name}");
    }
    let mut lifecycles: Vec<&Lifecycle> = lifecycles.iter().collect();
    lifecycles.sort_by_key(|one| (&one.group, &one.version, &one.kind));
    for one in lifecycles {
        let minor =
            |minor: Option<u32>| minor.map_or_else(|| "-".to_owned(), |minor| minor.to_string());
        let instead = one.replacement.as_deref().unwrap_or("-");
        let (deprecated, removed) = (minor(one.deprecated), minor(one.removed));
        let (group, version, kind) = (&one.group, &one.version, &one.kind);
        let _ = writeln!(
            text,
            "l\t{group}\t{version}\t{kind}\t{deprecated}\t{removed}\t{instead}"
        );
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let packed = encoder
        .write_all(text.as_bytes())
        .and_then(|()| encoder.finish());
    packed.map_err(|error| error.to_string())
}

/// What is kept of a schema: no descriptions, no merge rules.
fn schema_of(schema: &Value) -> Value {
    let mut kept = Map::new();
    for (key, value) in schema.as_object().into_iter().flatten() {
        let value = match key.as_str() {
            "$ref" => {
                let text = value.as_str().unwrap_or_default();
                json!(text.rsplit('/').next().unwrap_or_default())
            }
            "properties" => {
                let all = value.as_object().into_iter().flatten();
                let inner = all.map(|(name, schema)| (name.clone(), schema_of(schema)));
                Value::Object(inner.collect())
            }
            "items" | "additionalProperties" if value.is_object() => schema_of(value),
            key if KEPT.contains(&key) => value.clone(),
            _ => continue,
        };
        kept.insert(key.clone(), value);
    }
    Value::Object(kept)
}
