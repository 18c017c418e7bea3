//! JSON as Go's `encoding/json` reads and writes it.

mod read;

pub(crate) use read::{read, read_lenient};

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::value::{Shape, Str, Value};
use crate::{format, raw};

/// Values within values. A map may hold itself.
const DEPTH_MAX: usize = 500;

/// How JSON is written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Layout {
    /// Two spaces per level, as `toPrettyJson`.
    pub(crate) indents: bool,
    /// `<`, `>` and `&` stand as they are, as `toRawJson`.
    pub(crate) raw: bool,
    /// The most bytes.
    pub(crate) bytes: usize,
}

/// Go's `json.Marshal`; none for what JSON cannot say, a map that holds itself, or too much.
pub(crate) fn write(value: &Value, layout: Layout) -> Option<String> {
    let mut out = String::new();
    let mut writer = Writer {
        out: &mut out,
        layout,
        depth: 0,
    };
    writer.value(value)?;
    Some(out)
}

struct Writer<'o> {
    out: &'o mut String,
    layout: Layout,
    depth: usize,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value) -> Option<()> {
        if self.depth > DEPTH_MAX || self.out.len() > self.layout.bytes {
            return None;
        }
        match value {
            Value::Nil | Value::Missing => self.out.push_str("null"),
            Value::Bool(_) | Value::Int(_) | Value::Int64(_) | Value::Uint64(_) => {
                format::write_value(value, self.out);
            }
            Value::Float(number) => self.out.push_str(&float(*number)?),
            Value::String(text) => self.text(text),
            Value::Bytes(bytes) => self.text(&base64(bytes)),
            Value::List(list) if list.is_nil() => self.out.push_str("null"),
            Value::List(list) => self.list(list)?,
            Value::Map(map) if map.is_nil() => self.out.push_str("null"),
            Value::Map(map) => self.map(&map.entries())?,
            Value::Object(object) => match object.shape() {
                Shape::Struct => match object.json_fields() {
                    Some(fields) => self.fields(&fields)?,
                    None => self.text(&object.json_text()),
                },
                Shape::Map(map) => self.map(&map.entries())?,
                Shape::List(list) => self.list(&list)?,
                Shape::Int(number) => format::append(self.out, format_args!("{number}")),
            },
        }
        Some(())
    }

    fn list(&mut self, items: &[Value]) -> Option<()> {
        self.out.push('[');
        self.depth += 1;
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.line();
            self.value(item)?;
        }
        self.depth -= 1;
        if !items.is_empty() {
            self.line();
        }
        self.out.push(']');
        Some(())
    }

    fn map(&mut self, entries: &BTreeMap<Str, Value>) -> Option<()> {
        self.entries(entries.iter().map(|(key, item)| (&**key, item)))
    }

    fn fields(&mut self, fields: &[(&str, Value)]) -> Option<()> {
        self.entries(fields.iter().map(|(name, item)| (*name, item)))
    }

    fn entries<'v>(&mut self, entries: impl Iterator<Item = (&'v str, &'v Value)>) -> Option<()> {
        self.out.push('{');
        self.depth += 1;
        let mut is_empty = true;
        for (key, item) in entries {
            if !is_empty {
                self.out.push(',');
            }
            is_empty = false;
            self.line();
            self.text(key);
            self.out.push(':');
            if self.layout.indents {
                self.out.push(' ');
            }
            self.value(item)?;
        }
        self.depth -= 1;
        if !is_empty {
            self.line();
        }
        self.out.push('}');
        Some(())
    }

    fn line(&mut self) {
        if self.layout.indents {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", self.depth));
        }
    }

    fn text(&mut self, text: &str) {
        let text = &*raw::shown(text);
        self.out.push('"');
        for letter in text.chars() {
            match letter {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                '<' | '>' | '&' if !self.layout.raw => self.code(letter),
                '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => self.code(letter),
                other => self.out.push(other),
            }
        }
        self.out.push('"');
    }

    fn code(&mut self, letter: char) {
        format::append(self.out, format_args!("\\u{:04x}", u32::from(letter)));
    }
}

/// A number as JSON has it; none for what is none.
pub(crate) fn float(number: f64) -> Option<String> {
    if !number.is_finite() {
        return None;
    }
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let written = format::exponent_form(number);
        // One digit is enough for a small negative exponent.
        return Some(written.replace("e-0", "e-"));
    }
    Some(format!("{number}"))
}

/// Standard base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Standard base64, line breaks ignored.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    base64_bytes(text.as_bytes()).ok()
}

/// Go's `base64.StdEncoding`: bits that are left over are ignored; the error is where it fails.
pub(crate) fn base64_bytes(text: &[u8]) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut at = 0;
    let skip_lines = |mut at: usize| {
        while matches!(text.get(at), Some(b'\n' | b'\r')) {
            at += 1;
        }
        at
    };
    loop {
        let (mut bits, mut count) = (0_u32, 0);
        while count < 4 {
            at = skip_lines(at);
            let Some(letter) = text.get(at) else {
                return if count == 0 { Ok(out) } else { Err(at - count) };
            };
            at += 1;
            let digit = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'a'..=b'z' => letter - b'a' + 26,
                b'0'..=b'9' => letter - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'=' if count > 1 => break,
                _ => return Err(at - 1),
            };
            bits = bits << 6 | u32::from(digit);
            count += 1;
        }
        if count < 4 && count > 0 {
            if count == 2 {
                at = skip_lines(at);
                match text.get(at) {
                    None => return Err(text.len()),
                    Some(b'=') => at += 1,
                    Some(_) => return Err(at - 1),
                }
            }
            at = skip_lines(at);
            if at < text.len() {
                return Err(at);
            }
        }
        bits <<= 6 * (4 - count);
        out.extend_from_slice(&bits.to_be_bytes()[1..count]);
        if count < 4 {
            return Ok(out);
        }
    }
}
