//! `index.yaml` of a classic repository (helm, pkg/repo/v1/index.go).

use super::same_version;
use refloat_template::{Map, Value, yaml};
use std::collections::BTreeMap;

/// The most versions of all charts together.
const ENTRIES_MAX: usize = 1_000_000;

/// The charts of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    entries: BTreeMap<String, Vec<IndexEntry>>,
}

/// One version of a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexEntry {
    /// Its version.
    pub version: String,
    /// The version of what it installs.
    pub app_version: String,
    /// One sentence.
    pub description: String,
    /// Where its archive is; relative ones to the repository. Never empty.
    pub urls: Vec<String>,
    /// SHA-256 of its archive, in hex; empty if the index does not say.
    pub digest: String,
}

/// A text that is no index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// No YAML, or too much of it.
    #[error("{0}")]
    Yaml(String),
    /// It does not say what it is.
    #[error("no API version specified")]
    NoApiVersion,
}

impl Index {
    /// Reads an index. Entries without an address or a version are passed over.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn parse(text: &str) -> Result<Self, IndexError> {
        let value = yaml::read(text).map_err(|error| IndexError::Yaml(error.to_string()))?;
        let map = value
            .as_map()
            .ok_or_else(|| IndexError::Yaml("it must be a map of keys".to_owned()))?;
        if text_of(map, "apiVersion").is_empty() {
            return Err(IndexError::NoApiVersion);
        }
        let mut entries = BTreeMap::new();
        let mut count = 0;
        let charts = map.get("entries");
        let charts = charts.as_ref().and_then(Value::as_map);
        for (name, versions) in charts.map(Map::snapshot).unwrap_or_default() {
            let Value::List(versions) = versions else {
                continue;
            };
            count += versions.to_vec().len();
            if count > ENTRIES_MAX {
                let reason = format!("it has more than {ENTRIES_MAX} entries");
                return Err(IndexError::Yaml(reason));
            }
            let versions = versions.iter().filter_map(entry).collect();
            entries.insert(name.to_string(), versions);
        }
        Ok(Self { entries })
    }

    /// The versions of a chart, as the index orders them.
    pub fn versions(&self, name: &str) -> &[IndexEntry] {
        self.entries
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// One version of a chart.
    pub fn find(&self, name: &str, version: &str) -> Option<&IndexEntry> {
        let mut versions = self.versions(name).iter();
        versions.find(|entry| same_version(version, &entry.version))
    }
}

fn entry(value: &Value) -> Option<IndexEntry> {
    let map = value.as_map()?;
    let urls = match map.get("urls") {
        Some(Value::List(urls)) => urls.iter().filter_map(scalar).collect(),
        _ => Vec::new(),
    };
    let entry = IndexEntry {
        version: text_of(map, "version"),
        app_version: text_of(map, "appVersion"),
        description: text_of(map, "description"),
        digest: text_of(map, "digest"),
        urls,
    };
    (!entry.urls.is_empty() && !entry.version.is_empty()).then_some(entry)
}

fn text_of(map: &Map, key: &str) -> String {
    map.get(key).as_ref().and_then(scalar).unwrap_or_default()
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        Value::Int(number) | Value::Int64(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}
