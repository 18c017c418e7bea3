//! Text: trimming, quoting, indenting, splitting.

use std::collections::BTreeMap;

use super::convert::{integer, text};
use super::language::made;
use super::words;
use super::{Function, Type, fixed, open};
use crate::exec::{Failure, Machine, Outcome};
use crate::value::{List, Map, MapKind, Str, Value};
use crate::{format, raw};

const ANY: Type = Type::Any;
const TEXT: Type = Type::String;
const INT: Type = Type::Int;

pub(super) const TABLE: &[Function] = &[
    fixed("trim", &[TEXT], |_, args| {
        Ok(Value::from(str_at(args, 0).trim_matches(is_space)))
    }),
    fixed("upper", &[TEXT], |_, args| {
        Ok(Value::from(words::upper(str_at(args, 0))))
    }),
    fixed("lower", &[TEXT], |_, args| {
        Ok(Value::from(words::lower(str_at(args, 0))))
    }),
    fixed("trimAll", &[TEXT, TEXT], |_, args| Ok(trim_all(args))),
    fixed("trimall", &[TEXT, TEXT], |_, args| Ok(trim_all(args))),
    fixed("trimPrefix", &[TEXT, TEXT], |_, args| {
        let (prefix, of) = (str_at(args, 0), str_at(args, 1));
        Ok(of
            .strip_prefix(prefix)
            .map_or_else(|| args[1].clone(), Value::from))
    }),
    fixed("trimSuffix", &[TEXT, TEXT], |_, args| {
        let (suffix, of) = (str_at(args, 0), str_at(args, 1));
        Ok(of
            .strip_suffix(suffix)
            .map_or_else(|| args[1].clone(), Value::from))
    }),
    fixed("contains", &[TEXT, TEXT], |_, args| {
        Ok(Value::Bool(str_at(args, 1).contains(str_at(args, 0))))
    }),
    fixed("hasPrefix", &[TEXT, TEXT], |_, args| {
        Ok(Value::Bool(str_at(args, 1).starts_with(str_at(args, 0))))
    }),
    fixed("hasSuffix", &[TEXT, TEXT], |_, args| {
        Ok(Value::Bool(str_at(args, 1).ends_with(str_at(args, 0))))
    }),
    fixed("replace", &[TEXT, TEXT, TEXT], replace),
    fixed("repeat", &[INT, TEXT], repeat),
    fixed("trunc", &[INT, TEXT], truncate),
    fixed("substr", &[INT, INT, TEXT], substring),
    fixed("indent", &[INT, TEXT], |machine, args| {
        indent(machine, args, "")
    }),
    fixed("nindent", &[INT, TEXT], |machine, args| {
        indent(machine, args, "\n")
    }),
    open("quote", &[], ANY, quote),
    open("squote", &[], ANY, single_quote),
    open("cat", &[], ANY, concatenate),
    fixed("plural", &[TEXT, TEXT, INT], |_, args| {
        let chosen = usize::from(integer(&args[2]) != 1);
        Ok(std::mem::take(&mut args[chosen]))
    }),
    fixed("join", &[TEXT, ANY], join),
    fixed("toStrings", &[ANY], |_, args| {
        Ok(Value::List(List::of_texts(texts(&args[0]))))
    }),
    fixed("split", &[TEXT, TEXT], |machine, args| {
        hold_parts(machine, str_at(args, 1), str_at(args, 0))?;
        Ok(numbered(split(str_at(args, 1), str_at(args, 0), -1)))
    }),
    fixed("splitn", &[TEXT, INT, TEXT], |machine, args| {
        hold_parts(machine, str_at(args, 2), str_at(args, 0))?;
        Ok(numbered(split(
            str_at(args, 2),
            str_at(args, 0),
            integer(&args[1]),
        )))
    }),
    fixed("splitList", &[TEXT, TEXT], |machine, args| {
        hold_parts(machine, str_at(args, 1), str_at(args, 0))?;
        Ok(Value::List(List::of_texts(split(
            str_at(args, 1),
            str_at(args, 0),
            -1,
        ))))
    }),
];

/// The text of an argument that was checked to be one.
pub(super) fn str_at(args: &[Value], index: usize) -> &str {
    args.get(index).and_then(Value::as_str).unwrap_or_default()
}

/// Go's `unicode.IsSpace`.
pub(super) const fn is_space(letter: char) -> bool {
    matches!(
        letter,
        '\t'..='\r'
            | ' '
            | '\u{85}'
            | '\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
    )
}

fn trim_all(args: &[Value]) -> Value {
    let set = str_at(args, 0);
    Value::from(str_at(args, 1).trim_matches(|c| set.contains(c)))
}

fn replace(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let (old, new, of) = (str_at(args, 0), str_at(args, 1), str_at(args, 2));
    if !old.is_empty() && !of.contains(old) {
        return Ok(args[2].clone());
    }
    let growth = new
        .len()
        .saturating_sub(old.len())
        .saturating_mul(of.len() + 1);
    if growth > machine.bytes_left() {
        let count = of.matches(old).count();
        machine.charge(count.saturating_mul(new.len()))?;
    }
    made(machine, of.replace(old, new))
}

fn repeat(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let Ok(count) = usize::try_from(integer(&args[0])) else {
        return Err(Failure::message("strings: negative Repeat count"));
    };
    let of = str_at(args, 1);
    machine.charge(of.len().saturating_mul(count))?;
    Ok(Value::text(of.repeat(count)))
}

/// A part of a text by bytes.
fn bytes(of: &[u8], from: usize, to: usize) -> Outcome {
    let words = "runtime error: slice bounds out of range";
    if to > of.len() {
        let length = of.len();
        return Err(Failure::Message(format!(
            "{words} [:{to}] with length {length}"
        )));
    }
    if from > to {
        return Err(Failure::Message(format!("{words} [{from}:{to}]")));
    }
    Ok(Value::text(raw::text(of[from..to].to_vec())))
}

fn truncate(_: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let (count, of) = (integer(&args[0]), &*raw::bytes(str_at(args, 1)));
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if size >= of.len() {
        return Ok(args[1].clone());
    }
    if count < 0 {
        bytes(of, of.len() - size, of.len())
    } else {
        bytes(of, 0, size)
    }
}

fn substring(_: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let of = &*raw::bytes(str_at(args, 2));
    let at = |number: i64| usize::try_from(number).ok();
    let (start, end) = (at(integer(&args[0])), at(integer(&args[1])));
    let until = end.filter(|end| *end <= of.len());
    match (start, end, until) {
        (None, Some(end), _) => bytes(of, 0, end),
        (None, None, _) => {
            let end = integer(&args[1]);
            Err(Failure::Message(format!(
                "runtime error: slice bounds out of range [:{end}]"
            )))
        }
        (Some(start), _, until) => bytes(of, start, until.unwrap_or(of.len())),
    }
}

fn indent(machine: &mut Machine<'_, '_>, args: &mut [Value], before: &str) -> Outcome {
    let Ok(spaces) = usize::try_from(integer(&args[0])) else {
        return Err(Failure::message("strings: negative Repeat count"));
    };
    let of = str_at(args, 1);
    let lines = 1 + of.bytes().filter(|byte| *byte == b'\n').count();
    let size = before.len() + of.len() + lines.saturating_mul(spaces);
    machine.charge(size)?;
    let mut out = String::with_capacity(size);
    out.push_str(before);
    for (index, line) in of.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.extend(std::iter::repeat_n(' ', spaces));
        out.push_str(line);
    }
    Ok(Value::text(out))
}

fn quote(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let mut out = String::new();
    for value in args.iter().filter(|value| !value.is_nil()) {
        if !out.is_empty() {
            out.push(' ');
        }
        format::write_quoted(&text(value), '"', &mut out);
    }
    made(machine, out)
}

fn single_quote(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let mut out = String::new();
    for value in args.iter().filter(|value| !value.is_nil()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push('\'');
        format::write_value(value, &mut out);
        out.push('\'');
    }
    made(machine, out)
}

fn concatenate(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let shown = args.iter().filter(|value| !value.is_nil());
    let parts: Vec<String> = shown.map(format::display).collect();
    made(machine, parts.join(" "))
}

/// sprig's `strslice`.
pub(super) fn texts(value: &Value) -> Vec<Str> {
    match value {
        Value::Nil | Value::Missing => Vec::new(),
        other => match super::lists::items(other) {
            Some(items) => items
                .iter()
                .filter(|item| !item.is_nil())
                .map(text)
                .collect(),
            None => vec![text(other)],
        },
    }
}

fn join(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let parts = texts(&args[1]);
    let size: usize = parts.iter().map(|part| part.len()).sum();
    machine.charge(size + str_at(args, 0).len() * parts.len())?;
    Ok(Value::text(parts.join(str_at(args, 0))))
}

/// What a part of a text takes as an element.
pub(super) const PART_BYTES: usize = 72;

/// Counts the parts of a text before they are made.
fn hold_parts(machine: &mut Machine<'_, '_>, of: &str, by: &str) -> Result<(), Failure> {
    let count = of.matches(by).count() + 1;
    machine.hold(count.saturating_mul(PART_BYTES))
}

/// Go's `strings.SplitN`; all parts for a negative count.
pub(super) fn split<'t>(of: &'t str, by: &str, count: i64) -> Vec<&'t str> {
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    if limit == 0 {
        return Vec::new();
    }
    if !by.is_empty() {
        return of.splitn(limit, by).collect();
    }
    let mut parts = Vec::new();
    let mut rest = of;
    while let Some(letter) = rest.chars().next() {
        if parts.len() + 1 == limit {
            break;
        }
        let (first, others) = rest.split_at(letter.len_utf8());
        parts.push(first);
        rest = others;
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

/// Parts under `_0`, `_1`, ...
fn numbered(parts: Vec<&str>) -> Value {
    let entries: BTreeMap<Str, Value> = parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| (Str::from(format!("_{index}")), Value::from(part)))
        .collect();
    Value::Map(Map::of(MapKind::Strings, entries))
}
