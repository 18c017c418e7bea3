//! The grammar of `--set-literal` (helm, pkg/strvals/literal_parser.go): one name, and all behind `=` as it is.

use super::set::{Letters, Stop, deeper, index, inner_map, list_of, not_negative, put, put_index};
use refloat_template::{Map, Value};

/// Sets in `values` what `text` says.
pub(super) fn apply(text: &str, values: &Map) -> Result<(), String> {
    let mut letters = Letters::new(text);
    match key(&mut letters, values, 0) {
        Ok(()) | Err(Stop::End) => Ok(()),
        Err(Stop::Wrong(reason)) => Err(reason),
    }
}

fn key(letters: &mut Letters<'_>, data: &Map, depth: usize) -> Result<(), Stop> {
    let (name, stop) = letters.until_literally(&['=', '[', '.']);
    match stop {
        None if name.is_empty() => Err(Stop::End),
        None => Err(format!("key {name:?} has no value").into()),
        Some('=') => {
            put(data, &name, Value::from(letters.rest()));
            Ok(())
        }
        Some('[') => {
            let position = bracket(letters)?;
            let list = list_of(data.get(&name), &name)?;
            // The list is there even if nothing follows.
            let (list, done) = match item(letters, list.clone(), position, depth) {
                Ok(list) => (list, Ok(())),
                Err(stop) => (list, Err(stop)),
            };
            put(data, &name, Value::list(list));
            done
        }
        Some(_) => {
            let depth = deeper(depth)?;
            let inner = inner_map(data.get(&name), &name)?;
            key(letters, &inner, depth)?;
            if inner.is_empty() {
                return Err(format!("key map {name:?} has no value").into());
            }
            put(data, &name, Value::Map(inner));
            Ok(())
        }
    }
}

fn bracket(letters: &mut Letters<'_>) -> Result<i64, Stop> {
    match letters.until_literally(&[']']) {
        (text, Some(_)) => index(&text),
        (_, None) => Err(Stop::End),
    }
}

fn item(
    letters: &mut Letters<'_>,
    mut list: Vec<Value>,
    position: i64,
    depth: usize,
) -> Result<Vec<Value>, Stop> {
    let position = not_negative(position)?;
    let (text, stop) = letters.until_literally(&['[', '.', '=']);
    if !text.is_empty() {
        return Err(format!("unexpected data at end of array index: {text:?}").into());
    }
    let value = match stop {
        None => return Err(Stop::End),
        Some('=') => Value::from(letters.rest()),
        Some('[') => {
            let next = bracket(letters)?;
            let inner = match list.get(position) {
                Some(value) if !value.is_nil() => list_of(Some(value.clone()), "list")?,
                _ => Vec::new(),
            };
            Value::list(item(letters, inner, next, depth)?)
        }
        Some(_) => {
            let inner = match list.get(position) {
                Some(Value::Map(map)) => map.clone(),
                _ => Map::new(),
            };
            key(letters, &inner, depth)?;
            Value::Map(inner)
        }
    };
    put_index(&mut list, position, value)?;
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::to_json;

    #[test]
    fn everything_behind_the_sign_is_the_value() -> Result<(), String> {
        let cases = [
            ("a.b=x,y=z\\", r#"{"a":{"b":"x,y=z\\"}}"#),
            ("l[1].k={1,2}", r#"{"l":[null,{"k":"{1,2}"}]}"#),
            ("empty=", r#"{"empty":""}"#),
        ];
        for (text, expected) in cases {
            let values = Map::new();
            apply(text, &values)?;
            assert_eq!(to_json(&Value::Map(values)).to_string(), expected);
        }
        Ok(())
    }
}
