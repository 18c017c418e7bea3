//! Values: read from files, laid over each other, set one by one, computed for a chart and those below it.

pub(crate) mod coalesce;
mod given;
mod json;
mod literal;
mod set;

pub use given::{GivenValues, ValuesError};
pub use json::{from_json, to_json};

use refloat_template::{List, Map, Value, yaml};

/// The key whose values every chart sees.
pub(crate) const GLOBAL: &str = "global";

/// The largest values file; a file of a chart may not be larger either.
const FILE_MAX_BYTES: usize = 5 << 20;

/// Reads a values file; several documents are laid over each other, the last one on top (helm, `loader.LoadValues`).
///
/// # Errors
/// The reason, with its line where there is one.
pub fn read(text: &str) -> Result<Map, String> {
    if text.len() > FILE_MAX_BYTES {
        return Err(format!("it is larger than {FILE_MAX_BYTES} bytes"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut merged = Map::new();
    for document in documents(text) {
        let value = yaml::read(&document).map_err(|error| {
            format!("cannot unmarshal yaml document: error converting YAML to JSON: {error}")
        })?;
        match value {
            Value::Map(map) => merged = merge(&merged, &map),
            nothing if nothing.is_nil() => {}
            _ => {
                return Err(
                    "cannot unmarshal yaml document: values must be a map of keys".to_owned(),
                );
            }
        }
    }
    Ok(merged)
}

/// Documents between lines that begin with `---` and hold no more than a comment.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.split_inclusive('\n') {
        let rest = line.strip_prefix("---").map(str::trim);
        match (rest, documents.last_mut()) {
            (Some(rest), Some(last)) if rest.is_empty() || rest.starts_with('#') => {
                if !last.is_empty() {
                    documents.push(String::new());
                }
            }
            (_, Some(last)) => last.push_str(line),
            (_, None) => {}
        }
    }
    documents
}

/// Lays `over` on `base`: maps merge, all else is replaced; neither changes (helm, `loader.MergeMaps`).
pub fn merge(base: &Map, over: &Map) -> Map {
    let merged = base.shallow_copy();
    for (key, value) in over.snapshot() {
        let value = match (merged.get(&key), value) {
            (Some(Value::Map(below)), Value::Map(above)) => Value::Map(merge(&below, &above)),
            (_, value) => value,
        };
        merged.insert(key, value);
    }
    merged
}

/// A copy that shares nothing that can change.
pub fn deep_copy(map: &Map) -> Map {
    let entries = map.snapshot().into_iter();
    let entries = entries.map(|(key, value)| (key, deep_copy_value(&value)));
    Map::of(map.kind(), entries.collect())
}

fn deep_copy_value(value: &Value) -> Value {
    match value {
        Value::Map(map) => Value::Map(deep_copy(map)),
        Value::List(list) => {
            let items = list.iter().map(deep_copy_value).collect();
            Value::List(List::new(list.kind(), items))
        }
        other => other.clone(),
    }
}

/// The table at a path of keys; none if one of them is missing or no table.
pub(crate) fn table(map: &Map, path: &str) -> Option<Map> {
    let mut table = map.clone();
    for key in path.split('.') {
        let Some(Value::Map(inner)) = table.get(key) else {
            return None;
        };
        table = inner;
    }
    Some(table)
}

/// The value at a path of keys, if it is there and no table.
pub(crate) fn scalar(map: &Map, path: &str) -> Option<Value> {
    let (parent, key) = match path.rsplit_once('.') {
        Some((parent, key)) => (table(map, parent)?, key),
        None => (map.clone(), path),
    };
    parent.get(key).filter(|value| value.as_map().is_none())
}
