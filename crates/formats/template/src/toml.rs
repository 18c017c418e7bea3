//! TOML as `github.com/BurntSushi/toml` writes and reads it.

mod read;
mod scalar;

pub(crate) use read::read;

use crate::format;
use crate::value::{Map, Shape, Value};

/// Go's reflection on nothing, which is a fault of the call.
pub(crate) const NIL: &str = "reflect: call of reflect.Value.Type on zero Value";
/// Tables within tables.
const DEPTH_MAX: usize = 100;

/// The text of a map; the error is the library's words.
pub(crate) fn write(value: &Value) -> Result<String, String> {
    if value.is_nil() {
        return Err(NIL.to_owned());
    }
    let mut out = String::new();
    match as_map(value) {
        Some(map) => table(&map, &mut Vec::new(), &mut out)?,
        None if is_table_list(value) => {
            return Err("toml: top-level values must be Go maps or structs".to_owned());
        }
        None => inline(value, &mut out)?,
    }
    Ok(out)
}

fn as_map(value: &Value) -> Option<Map> {
    match value {
        Value::Map(map) => Some(map.clone()),
        Value::Object(object) => match object.shape() {
            Shape::Map(map) => Some(map),
            Shape::Struct | Shape::List(_) | Shape::Int(_) => None,
        },
        _ => None,
    }
}

fn is_table_list(value: &Value) -> bool {
    match value {
        Value::List(list) => !list.is_empty() && list.iter().all(|item| as_map(item).is_some()),
        _ => false,
    }
}

/// Plain keys first, then tables, each sorted by name.
fn table(map: &Map, path: &mut Vec<String>, out: &mut String) -> Result<(), String> {
    if path.len() > DEPTH_MAX {
        return Err("toml: tables are nested too deeply".to_owned());
    }
    let indent = "  ".repeat(path.len());
    let entries = map.snapshot();
    for (name, value) in &entries {
        if as_map(value).is_some() || is_table_list(value) || value.is_nil() {
            continue;
        }
        format::append(out, format_args!("{indent}{} = ", key(name)));
        inline(value, out)?;
        out.push('\n');
    }
    for (name, value) in &entries {
        path.push(key(name));
        if let Some(inner) = as_map(value) {
            header(path, "[", "]", out);
            table(&inner, path, out)?;
        } else if let Value::List(list) = value
            && is_table_list(value)
        {
            for inner in list.iter().filter_map(as_map) {
                header(path, "[[", "]]", out);
                table(&inner, path, out)?;
            }
        }
        path.pop();
    }
    Ok(())
}

fn header(path: &[String], open: &str, close: &str, out: &mut String) {
    if !out.is_empty() && (path.len() == 1 || open == "[[") {
        out.push('\n');
    }
    let indent = "  ".repeat(path.len() - 1);
    format::append(
        out,
        format_args!("{indent}{open}{}{close}\n", path.join(".")),
    );
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' | '\u{7f}' => {
                format::append(&mut out, format_args!("\\u{:04x}", u32::from(letter)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

fn inline(value: &Value, out: &mut String) -> Result<(), String> {
    match value {
        Value::String(text) => out.push_str(&quoted(text)),
        Value::Float(number) => out.push_str(&float(*number)),
        Value::List(list) => {
            out.push('[');
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                inline(item, out)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (index, (name, item)) in map.snapshot().iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                format::append(out, format_args!("{} = ", key(name)));
                inline(item, out)?;
            }
            out.push('}');
        }
        Value::Nil | Value::Missing => {
            return Err("toml: cannot encode array with nil element".to_owned());
        }
        Value::Bytes(_) | Value::Object(_) => {
            out.push_str(&quoted(&format::display(value)));
        }
        Value::Bool(_) | Value::Int(_) | Value::Int64(_) | Value::Uint64(_) => {
            format::write_value(value, out);
        }
    }
    Ok(())
}

/// A float always shows that it is one.
fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let text = format::display(&Value::Float(number));
    if text.contains(['.', 'e']) {
        text
    } else {
        format!("{text}.0")
    }
}
