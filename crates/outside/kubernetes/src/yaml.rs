//! YAML as Kubernetes reads it: the rules of YAML 1.1 for plain scalars, into JSON (sigs.k8s.io/yaml over go-yaml v2).

use granit_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// The deepest nesting that is followed.
const DEPTH_MAX: usize = 100;
/// The most nodes of one text, aliases counted as often as they are used.
const NODES_MAX: usize = 1_000_000;

/// Reads every document of `text`; empty ones are left out.
///
/// # Errors
/// What is no YAML, with its line.
pub fn read_all(text: &str) -> Result<Vec<Value>, String> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        nodes: 0,
    };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            event => documents.push(reader.node(event, 0)?),
        }
    }
    documents.retain(|document| !document.is_null());
    Ok(documents)
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Value>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, String> {
        loop {
            match self.parser.next_event() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, _))) => return Ok(event),
                Some(Err(error)) => return Err(error.to_string()),
                None => return Ok(Event::StreamEnd),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Value, String> {
        self.nodes += 1;
        if depth > DEPTH_MAX || self.nodes > NODES_MAX {
            return Err("nested too deeply, or too large".to_owned());
        }
        let (value, anchor) = match event {
            Event::Scalar(text, ScalarStyle::Plain, anchor, tag)
                if tag.as_ref().is_none_or(|tag| tag.suffix() != "str") =>
            {
                (plain(&text), anchor)
            }
            Event::Scalar(text, _, anchor, _) => (Value::String(text.into_owned()), anchor),
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned();
                let value = value.ok_or("an alias without an anchor")?;
                self.nodes += count(&value);
                (value, 0)
            }
            Event::SequenceStart(_, anchor, _) => (self.items(depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.entries(depth)?, anchor),
            other => return Err(format!("unexpected {other:?}")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn items(&mut self, depth: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(Value::Array(items)),
                event => items.push(self.node(event, depth + 1)?),
            }
        }
    }

    /// The last of two equal keys wins; what is merged in gives way to what is written.
    fn entries(&mut self, depth: usize) -> Result<Value, String> {
        let mut entries = Map::new();
        let mut merged = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let is_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
            let key = self.node(event, depth + 1)?;
            let next = self.next()?;
            let value = self.node(next, depth + 1)?;
            if is_merge {
                match value {
                    Value::Array(list) => merged.extend(list),
                    other => merged.push(other),
                }
                continue;
            }
            let key = match key {
                Value::String(text) => text,
                Value::Array(_) | Value::Object(_) => {
                    return Err("a key that is no text".to_owned());
                }
                scalar => scalar.to_string(),
            };
            entries.insert(key, value);
        }
        for map in merged {
            let Value::Object(map) = map else {
                return Err("what is merged in by `<<` is no map".to_owned());
            };
            for (key, value) in map {
                entries.entry(key).or_insert(value);
            }
        }
        Ok(Value::Object(entries))
    }
}

fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(count).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

/// A plain scalar by the rules of YAML 1.1, as go-yaml v2 resolves it.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    let number = whole(text).map(Number::from).or_else(|| fraction(text));
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// `0x1f`, `0b1`, `0o17`, `017`, `1_000`.
fn whole(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let digits = digits.replace('_', "");
    let radix = |prefix: &str, radix| {
        let rest = digits.strip_prefix(prefix)?;
        i64::from_str_radix(rest, radix).ok()
    };
    let value = radix("0x", 16)
        .or_else(|| radix("0b", 2))
        .or_else(|| radix("0o", 8))
        .or_else(|| {
            if digits.len() > 1 {
                radix("0", 8)
            } else {
                None
            }
        });
    let value = value.or_else(|| {
        let octal_like = digits.len() > 1 && digits.starts_with('0');
        if octal_like {
            None
        } else {
            digits.parse().ok()
        }
    })?;
    Some(if negative { -value } else { value })
}

fn fraction(text: &str) -> Option<Number> {
    let shape = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE_".contains(&byte))
        && text.bytes().any(|byte| byte.is_ascii_digit());
    if !shape || text.starts_with('_') {
        return None;
    }
    let number = text.replace('_', "").parse().ok()?;
    Number::from_f64(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_are_read_by_the_rules_of_1_1() -> Result<(), String> {
        let text = "a: yes\nb: 'yes'\nc: 010\nd: 1_000\ne: 1.5\nf: 1.2.3\ng: ~\nh: 0x10\ni: !!str 12\nj: 1e3\nk: 089\nl: -5\n";
        let read = read_all(text)?;
        let expected = json!({
            "a": true, "b": "yes", "c": 8, "d": 1000, "e": 1.5, "f": "1.2.3", "g": null, "h": 16, "i": "12", "j": 1000.0,
            "k": 89.0, "l": -5,
        });
        assert_eq!(read, [expected]);
        Ok(())
    }

    #[test]
    fn anchors_merges_and_documents() -> Result<(), String> {
        let text =
            "---\nx: &x {a: 1, b: 2}\nw:\n  <<: *x\n  b: 3\n---\n# nothing\n---\nlist: [*x]\n";
        let refused = read_all(text);
        assert!(
            refused.is_err(),
            "an anchor lives in its document only: {refused:?}"
        );
        let text = "---\nx: &x {a: 1, b: 2}\nw:\n  <<: *x\n  b: 3\n---\n# nothing\n---\ny: 1\n";
        let read = read_all(text)?;
        assert_eq!(
            read,
            [
                json!({"x": {"a": 1, "b": 2}, "w": {"b": 3, "a": 1}}),
                json!({"true": 1})
            ]
        );
        Ok(())
    }
}
