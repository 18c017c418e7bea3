//! Equality and copies of whole values.

use super::{Map, Value};

/// Values within values that are followed. A map may hold itself.
const DEPTH_MAX: usize = 500;

/// Go's `reflect.DeepEqual`: types must be the same as well.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    equal_at(left, right, 0)
}

#[expect(clippy::float_cmp, reason = "Go compares in the same way")]
fn equal_at(left: &Value, right: &Value, depth: usize) -> bool {
    if depth > DEPTH_MAX {
        return false;
    }
    match (left, right) {
        (Value::Nil | Value::Missing, Value::Nil | Value::Missing) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) | (Value::Int64(a), Value::Int64(b)) => a == b,
        (Value::Uint64(a), Value::Uint64(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.kind() == b.kind()
                && a.is_nil() == b.is_nil()
                && a.len() == b.len()
                && a.iter()
                    .zip(b.iter())
                    .all(|(a, b)| equal_at(a, b, depth + 1))
        }
        (Value::Map(a), Value::Map(b)) => a.is(b) || equal_maps(a, b, depth),
        (Value::Object(a), Value::Object(b)) => {
            a.type_name() == b.type_name() && a.text() == b.text()
        }
        _ => false,
    }
}

fn equal_maps(left: &Map, right: &Map, depth: usize) -> bool {
    let (a, b) = (left.entries(), right.entries());
    left.kind() == right.kind()
        && a.len() == b.len()
        && a.iter()
            .zip(b.iter())
            .all(|((a, left), (b, right))| a == b && equal_at(left, right, depth + 1))
}

/// A copy that shares no map with the original; none if it is too deep.
pub(crate) fn copy(value: &Value) -> Option<Value> {
    copy_at(value, 0)
}

fn copy_at(value: &Value, depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    Some(match value {
        Value::List(list) if list.is_nil() => value.clone(),
        Value::List(list) => {
            let items: Option<Vec<Value>> =
                list.iter().map(|item| copy_at(item, depth + 1)).collect();
            Value::List(super::List::new(list.kind(), items?))
        }
        Value::Map(map) => {
            let mut entries = std::collections::BTreeMap::new();
            for (key, item) in map.entries().iter() {
                entries.insert(super::Str::clone(key), copy_at(item, depth + 1)?);
            }
            Value::Map(Map::of(map.kind(), entries))
        }
        other => other.clone(),
    })
}

/// What a list or map takes without its entries.
pub(crate) const COLLECTION_BYTES: usize = 96;
/// What an element of a list takes.
pub(crate) const ITEM_BYTES: usize = 24;
/// What an entry of a map takes, its key included; a map of a few entries takes room for eleven.
pub(crate) const ENTRY_BYTES: usize = 96;
/// What a map with any entry takes at least.
pub(crate) const MAP_BYTES: usize = 512;

/// What a value takes with all that is in it; counted up to a limit.
pub(crate) fn weight(value: &Value, limit: usize) -> usize {
    weight_at(value, limit, 0)
}

fn weight_at(value: &Value, limit: usize, depth: usize) -> usize {
    if depth > DEPTH_MAX {
        return limit.saturating_add(1);
    }
    let mut sum = match value {
        Value::String(text) => return text.len(),
        Value::List(list) => COLLECTION_BYTES + ITEM_BYTES * list.len(),
        Value::Map(map) => map_weight(map.len()),
        _ => return 0,
    };
    let mut add = |item: &Value| {
        if sum <= limit {
            sum += weight_at(item, limit - sum, depth + 1);
        }
    };
    match value {
        Value::List(list) => list.iter().for_each(&mut add),
        Value::Map(map) => map.entries().values().for_each(&mut add),
        _ => {}
    }
    sum
}

/// What a map of so many entries takes.
pub(crate) const fn map_weight(entries: usize) -> usize {
    if entries == 0 {
        return COLLECTION_BYTES;
    }
    let spread = entries.saturating_mul(ENTRY_BYTES);
    if spread > MAP_BYTES {
        spread
    } else {
        MAP_BYTES
    }
}
