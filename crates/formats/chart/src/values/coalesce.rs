//! What a user gives laid over what charts have by default, for a chart and those below it
//! (helm, pkg/chart/common/util/coalesce.go).
//!
//! Two ways: to *coalesce* removes a key that was given as null, to *merge* keeps the null for a later coalescing. Maps are
//! shared by reference as in Helm, where a chart's values are a part of its parent's: this decides what a template that
//! changes values shows to others.

use super::{GLOBAL, deep_copy};
use crate::prepare::Prepared;
use refloat_template::{Map, Value};
use std::collections::BTreeSet;

/// What becomes of nulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// They delete.
    Delete,
    /// They stay.
    Keep,
}

/// The values of a chart and of those below it; `given` is not changed.
///
/// # Errors
/// A key of a dependency's name that is no table.
pub(crate) fn coalesce(chart: &Prepared<'_>, given: &Map, nulls: Nulls) -> Result<Map, String> {
    let values = deep_copy(given);
    chart_and_below(chart, &values, nulls)?;
    Ok(values)
}

fn chart_and_below(chart: &Prepared<'_>, values: &Map, nulls: Nulls) -> Result<(), String> {
    defaults(chart, values, nulls);
    for below in &chart.dependencies {
        let name = below.name();
        let inner = match values.get(name) {
            None => {
                let inner = Map::new();
                values.insert(name, Value::Map(inner.clone()));
                inner
            }
            Some(Value::Map(inner)) => inner,
            Some(other) => {
                return Err(format!(
                    "type mismatch on {name}: it is the name of a dependency, so its value must be a map, not {}",
                    kind(&other)
                ));
            }
        };
        globals(&inner, values);
        chart_and_below(below, &inner, nulls)?;
    }
    Ok(())
}

/// Lays `values` over the chart's defaults.
fn defaults(chart: &Prepared<'_>, values: &Map, nulls: Nulls) {
    for (key, default) in deep_copy(&chart.values).snapshot() {
        match values.get(&key) {
            Some(Value::Nil) if nulls == Nulls::Delete => {
                values.remove(&key);
            }
            Some(Value::Map(above)) => {
                if let Value::Map(below) = default {
                    // Nulls for a dependency are for that chart to judge.
                    let is_chart = chart.dependencies.iter().any(|below| below.name() == &*key);
                    let nulls = if is_chart { Nulls::Keep } else { nulls };
                    if nulls == Nulls::Delete {
                        remove_nulls(&below);
                    }
                    tables(&above, &below, nulls);
                }
            }
            Some(_) => {}
            None => {
                if nulls == Nulls::Delete {
                    match &default {
                        Value::Nil => continue,
                        Value::Map(map) => remove_nulls(map),
                        _ => {}
                    }
                }
                values.insert(key, default);
            }
        }
    }
}

/// Gives `inner` the globals of the chart above it, which win over its own.
fn globals(inner: &Map, above: &Map) {
    let of = |map: &Map| match map.get(GLOBAL) {
        None => Some(Map::new()),
        Some(Value::Map(globals)) => Some(globals),
        Some(_) => None,
    };
    let (Some(mine), Some(theirs)) = (of(inner), of(above)) else {
        return;
    };
    for (key, value) in theirs.snapshot() {
        match (value, mine.get(&key)) {
            (Value::Map(table), None) => {
                mine.insert(key, Value::Map(table.shallow_copy()));
            }
            (Value::Map(table), Some(Value::Map(own))) => {
                let table = table.shallow_copy();
                tables(&table, &own, Nulls::Keep);
                mine.insert(key, Value::Map(table));
            }
            // A table is never replaced by something else, nor the other way round.
            (Value::Map(_), Some(_)) | (_, Some(Value::Map(_))) => {}
            (plain, _) => {
                mine.insert(key, plain);
            }
        }
    }
    inner.insert(GLOBAL, Value::Map(mine));
}

/// Fills `above` with what only `below` has; both are changed.
pub(crate) fn tables(above: &Map, below: &Map, nulls: Nulls) {
    let filled: BTreeSet<_> = {
        let entries = below.entries();
        let filled = entries.iter().filter(|(_, value)| !value.is_nil());
        filled.map(|(key, _)| key.clone()).collect()
    };
    for (key, value) in above.snapshot() {
        if value.is_nil() {
            below.insert(key, Value::Nil);
        }
    }
    for (key, value) in below.snapshot() {
        match above.get(&key) {
            Some(Value::Nil) if nulls == Nulls::Delete && filled.contains(&key) => {
                above.remove(&key);
            }
            None => {
                above.insert(key, value);
            }
            Some(Value::Map(upper)) => {
                if let Value::Map(lower) = value {
                    tables(&upper, &lower, nulls);
                }
            }
            Some(_) => {}
        }
    }
}

fn remove_nulls(map: &Map) {
    for (key, value) in map.snapshot() {
        match value {
            Value::Nil => {
                map.remove(&key);
            }
            Value::Map(inner) => remove_nulls(&inner),
            _ => {}
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::List(_) => "a list",
        Value::String(_) => "a text",
        Value::Bool(_) => "a boolean",
        nothing if nothing.is_nil() => "null",
        _ => "a number",
    }
}
