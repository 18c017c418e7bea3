//! Values as text, exactly as Go's `fmt` and `strconv` print them.

mod float;
mod printf;

pub(crate) use float::{exponent_form, shortest};
pub(crate) use printf::sprintf;

use std::fmt::Write;

use crate::value::{Shape, Value};

/// Values within values that printing follows; what is deeper shows as `...`.
const DEPTH_MAX: usize = 200;

/// `%v`: what an action prints, less its own rule for nil.
pub(crate) fn display(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, &mut out);
    out
}

/// Appends `%v`.
pub(crate) fn write_value(value: &Value, out: &mut String) {
    write_nested(value, out, 0);
}

fn write_nested(value: &Value, out: &mut String, depth: usize) {
    if depth > DEPTH_MAX {
        out.push_str("...");
        return;
    }
    match value {
        Value::Nil | Value::Missing => out.push_str("<nil>"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Int(number) | Value::Int64(number) => append(out, format_args!("{number}")),
        Value::Uint64(number) => append(out, format_args!("{number}")),
        Value::Float(number) => shortest(*number, out),
        Value::String(text) => out.push_str(text),
        Value::Bytes(bytes) => write_bytes(bytes, out),
        Value::List(list) => write_items(list.iter(), out, |item, out| {
            write_nested(item, out, depth + 1);
        }),
        Value::Map(map) => {
            out.push_str("map");
            write_items(map.entries().iter(), out, |(key, item), out| {
                out.push_str(key);
                out.push(':');
                write_nested(item, out, depth + 1);
            });
        }
        Value::Object(object) => out.push_str(&object.value_text()),
    }
}

/// Bytes as numbers. Charts that hash their whole context print megabytes of them.
fn write_bytes(bytes: &[u8], out: &mut String) {
    out.reserve(bytes.len().saturating_mul(4));
    out.push('[');
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        let digit = |number: u8| char::from(b'0' + number);
        if *byte >= 100 {
            out.push(digit(byte / 100));
        }
        if *byte >= 10 {
            out.push(digit(byte / 10 % 10));
        }
        out.push(digit(byte % 10));
    }
    out.push(']');
}

fn write_items<T>(
    items: impl Iterator<Item = T>,
    out: &mut String,
    write: impl Fn(T, &mut String),
) {
    out.push('[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(' ');
        }
        write(item, out);
    }
    out.push(']');
}

/// Appends to a string, which cannot fail.
pub(crate) fn append(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments)
        .expect("a string takes what is written to it");
}

/// Go's name of a value's type: `%T`.
pub(crate) fn type_name(value: &Value) -> &'static str {
    use crate::value::{ListKind, MapKind};
    match value {
        Value::Nil | Value::Missing => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Int64(_) => "int64",
        Value::Uint64(_) => "uint64",
        Value::Float(_) => "float64",
        Value::String(_) => "string",
        Value::Bytes(_) => "[]uint8",
        Value::List(list) => match list.kind() {
            ListKind::Any => "[]interface {}",
            ListKind::Strings => "[]string",
            ListKind::Ints => "[]int",
            ListKind::Lists => "[][]interface {}",
        },
        Value::Map(map) => match map.kind() {
            MapKind::Any => "map[string]interface {}",
            MapKind::Strings => "map[string]string",
            MapKind::Values => "common.Values",
        },
        Value::Object(object) => object.type_name(),
    }
}

/// Go's name of a value's kind.
pub(crate) fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Nil | Value::Missing => "invalid",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Int64(_) => "int64",
        Value::Uint64(_) => "uint64",
        Value::Float(_) => "float64",
        Value::String(_) => "string",
        Value::Bytes(_) | Value::List(_) => "slice",
        Value::Map(_) => "map",
        Value::Object(object) => match object.shape() {
            Shape::Struct if object.type_name().starts_with('*') => "ptr",
            Shape::Struct => "struct",
            Shape::Map(_) => "map",
            Shape::List(_) => "slice",
            Shape::Int(_) => "int64",
        },
    }
}

/// Go's `strconv.Quote`.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_quoted(text, '"', &mut out);
    out
}

/// Appends `text` between quotes, escaped.
pub(crate) fn write_quoted(text: &str, quote: char, out: &mut String) {
    out.push(quote);
    let plain = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'\\' && byte != b'"';
    if quote == '"' && text.bytes().all(plain) {
        out.push_str(text);
    } else {
        for letter in text.chars() {
            if let Some(byte) = crate::raw::byte(letter) {
                append(out, format_args!("\\x{byte:02x}"));
                continue;
            }
            write_escaped(letter, quote, out);
        }
    }
    out.push(quote);
}

fn write_escaped(letter: char, quote: char, out: &mut String) {
    match letter {
        '\\' => out.push_str("\\\\"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        other if other == quote => {
            out.push('\\');
            out.push(other);
        }
        other if is_printable(other) => out.push(other),
        other => {
            let code = u32::from(other);
            match code {
                0..0x20 | 0x7f => append(out, format_args!("\\x{code:02x}")),
                0..0x1_0000 => append(out, format_args!("\\u{code:04x}")),
                _ => append(out, format_args!("\\U{code:08x}")),
            }
        }
    }
}

/// Go's `unicode.IsPrint`, but for code points that are not assigned.
pub(crate) const fn is_printable(letter: char) -> bool {
    match letter {
        ' '..='~' => true,
        '\0'..='\u{a0}'
        | '\u{ad}'
        | '\u{600}'..='\u{605}'
        | '\u{61c}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{1680}'
        | '\u{180e}'
        | '\u{2000}'..='\u{200f}'
        | '\u{2028}'..='\u{202f}'
        | '\u{205f}'..='\u{206f}'
        | '\u{3000}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{fffe}'..='\u{ffff}'
        | '\u{e0000}'..='\u{e00ff}'
        | '\u{e01f0}'..='\u{10ffff}' => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests;
