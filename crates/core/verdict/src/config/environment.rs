//! Environment variables, per key, in order; values that embed the old base's are spliced.

use super::{Conflict, conflict};
use serde_json::Value;

/// Shorter values of other variables are not looked for inside the app's.
const EMBEDDED_BYTES_MIN: usize = 4;

/// `KEY=VALUE` in order, the last of a key wins.
pub(crate) fn variables(config: &Value) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let lines = config
        .get("Env")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for line in lines.filter_map(Value::as_str) {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        match found.iter_mut().find(|(there, _)| there == key) {
            Some(there) => value.clone_into(&mut there.1),
            None => found.push((key.to_owned(), value.to_owned())),
        }
    }
    found
}

pub(crate) fn get<'a>(of: &'a [(String, String)], key: &str) -> Option<&'a str> {
    of.iter()
        .find(|(there, _)| there == key)
        .map(|(_, value)| value.as_str())
}

pub(super) fn merge(parts: [&Value; 3], conflicts: &mut Vec<Conflict>) -> Option<Value> {
    let [base0, base1, app] = parts.map(variables);
    let moved: Vec<(&str, &str)> = base0
        .iter()
        .filter_map(|(key, old)| Some((old.as_str(), get(&base1, key)?)))
        .filter(|(old, new)| old != new && old.len() >= EMBEDDED_BYTES_MIN && old.starts_with('/'))
        .collect();
    let mut keys: Vec<&String> = base1.iter().map(|(key, _)| key).collect();
    for (key, _) in &app {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let mut merged = Vec::new();
    for key in keys {
        let (old, new, own) = (get(&base0, key), get(&base1, key), get(&app, key));
        let value = if own == old {
            new.map(str::to_owned)
        } else if let Some(value) = spliced(old, new, own, &moved) {
            Some(value)
        } else if old == new || own == new {
            own.map(str::to_owned)
        } else {
            let values = [old, new, own].map(|value| value.map_or(Value::Null, Value::from));
            conflicts.push(conflict(
                &format!("config.Env.{key}"),
                [&values[0], &values[1], &values[2]],
            ));
            own.map(str::to_owned)
        };
        if let Some(value) = value {
            merged.push(Value::String(format!("{key}={value}")));
        }
    }
    (!merged.is_empty()).then_some(Value::Array(merged))
}

/// The app's value with the old base's replaced by the new one's, where it holds it whole; and with paths in it that
/// other variables of the base moved away from (JAVA_HOME inside PATH).
fn spliced(
    old: Option<&str>,
    new: Option<&str>,
    own: Option<&str>,
    moved: &[(&str, &str)],
) -> Option<String> {
    let own = own?;
    let mut value = own.to_owned();
    if old != new {
        let (old, new) = (old?, new?);
        let is_whole =
            !old.is_empty() && value.matches(old).count() == 1 && is_bounded(&value, old);
        return (own != new && is_whole).then(|| value.replacen(old, new, 1));
    }
    for (before, after) in moved {
        value = replace_paths(&value, before, after);
    }
    (value != own).then_some(value)
}

/// True if what is embedded begins and ends at the boundaries of a list's elements.
fn is_bounded(value: &str, embedded: &str) -> bool {
    let Some(at) = value.find(embedded) else {
        return false;
    };
    let is_boundary = |character: Option<char>| {
        character.is_none_or(|it| matches!(it, ':' | ' ' | ',' | ';' | '/'))
    };
    let before = value[..at].chars().next_back();
    is_boundary(before).then(|| is_boundary(value[at + embedded.len()..].chars().next()))
        == Some(true)
}

/// Replaces a path and what is below it, in a list separated by colons.
fn replace_paths(value: &str, before: &str, after: &str) -> String {
    value
        .split(':')
        .map(|element| match element.strip_prefix(before) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{after}{rest}"),
            _ => element.to_owned(),
        })
        .collect::<Vec<_>>()
        .join(":")
}
