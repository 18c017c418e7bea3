//! Go's own functions: comparison, printing, indexing.

use std::cmp::Ordering;
use std::fmt::Write;

use super::{Function, Start, Type, fixed, open};
use crate::exec::{Failure, Machine, NO_VALUE, Outcome};
use crate::format;
use crate::value::{List, MapKind, Shape, Value};

const ANY: Type = Type::Any;

pub(super) const TABLE: &[Function] = &[
    Function {
        name: "and",
        parameters: &[ANY],
        rest: Some(ANY),
        start: Start::And,
    },
    Function {
        name: "or",
        parameters: &[ANY],
        rest: Some(ANY),
        start: Start::Or,
    },
    fixed("not", &[ANY], |_, args| Ok(Value::Bool(!args[0].is_true()))),
    open("eq", &[ANY], ANY, |_, args| equal(args).map(Value::Bool)),
    fixed("ne", &[ANY, ANY], |_, args| {
        equal(args).map(|same| Value::Bool(!same))
    }),
    fixed("lt", &[ANY, ANY], |_, args| ordered(args, Ordering::is_lt)),
    fixed("le", &[ANY, ANY], |_, args| ordered(args, Ordering::is_le)),
    fixed("gt", &[ANY, ANY], |_, args| ordered(args, Ordering::is_gt)),
    fixed("ge", &[ANY, ANY], |_, args| ordered(args, Ordering::is_ge)),
    open("print", &[], ANY, |machine, args| {
        made(machine, sprint(args))
    }),
    open("println", &[], ANY, |machine, args| {
        made(machine, sprintln(args))
    }),
    open("printf", &[Type::String], ANY, printf),
    fixed("len", &[Type::Reflect], length),
    open("index", &[ANY], ANY, index),
    open("html", &[], ANY, |machine, args| {
        made(machine, escape_html(&joined(args)))
    }),
    open("js", &[], ANY, |machine, args| {
        made(machine, escape_js(&joined(args)))
    }),
    open("urlquery", &[], ANY, |machine, args| {
        made(machine, super::urls::query_escape(&joined(args)))
    }),
    open("call", &[ANY], ANY, |_, args| match &args[0] {
        Value::Nil => Err(Failure::message("call of nil")),
        other => {
            let name = format::type_name(other);
            Err(Failure::Message(format!("non-function of type {name}")))
        }
    }),
];

/// A text that a function made.
pub(super) fn made(machine: &mut Machine<'_, '_>, text: String) -> Outcome {
    machine.charge(text.len())?;
    Ok(Value::text(text))
}

/// The class of values within which Go's templates compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Basic {
    Bool,
    Int,
    Uint,
    Float,
    String,
    None,
}

fn basic(value: &Value) -> Basic {
    match value {
        Value::Bool(_) => Basic::Bool,
        Value::Int(_) | Value::Int64(_) => Basic::Int,
        Value::Uint64(_) => Basic::Uint,
        Value::Float(_) => Basic::Float,
        Value::String(_) => Basic::String,
        Value::Object(object) if matches!(object.shape(), Shape::Int(_)) => Basic::Int,
        _ => Basic::None,
    }
}

/// An integer of any type.
fn whole(value: &Value) -> i128 {
    match value {
        Value::Uint64(number) => i128::from(*number),
        other => i128::from(super::convert::integer(other)),
    }
}

/// `eq`: the first equals any of the others.
fn equal(args: &[Value]) -> Result<bool, Failure> {
    let Some((first, others)) = args.split_first() else {
        return Ok(false);
    };
    if others.is_empty() {
        return Err(Failure::message("missing argument for comparison"));
    }
    for other in others {
        if equal_pair(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[expect(clippy::float_cmp, reason = "Go compares in the same way")]
fn equal_pair(left: &Value, right: &Value) -> Result<bool, Failure> {
    let kinds = (basic(left), basic(right));
    match kinds {
        (Basic::Int | Basic::Uint, Basic::Int | Basic::Uint) => Ok(whole(left) == whole(right)),
        (Basic::None, Basic::None) => equal_others(left, right),
        (a, b) if a != b => {
            if left.is_nil() || right.is_nil() {
                return Ok(false);
            }
            Err(Failure::Message(format!(
                "incompatible types for comparison: {} and {}",
                format::type_name(left),
                format::type_name(right)
            )))
        }
        _ => Ok(match (left, right) {
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::String(a), Value::String(b)) => a == b,
            _ => false,
        }),
    }
}

/// Values without an order: equal if both are nil; maps and slices cannot be compared.
fn equal_others(left: &Value, right: &Value) -> Result<bool, Failure> {
    let is_nil =
        |value: &Value| value.is_nil() || value.as_list().is_some_and(crate::value::List::is_nil);
    if is_nil(left) || is_nil(right) {
        return Ok(is_nil(left) && is_nil(right));
    }
    let kind = format::kind_name(left);
    if kind != format::kind_name(right) {
        return Err(Failure::Message(format!(
            "non-comparable types {}: {}, {}: {}",
            format::sprintf("%s", std::slice::from_ref(left)),
            format::type_name(left),
            format::type_name(right),
            format::display(right),
        )));
    }
    match (left, right) {
        (Value::Object(a), Value::Object(b)) if kind == "ptr" => Ok(std::rc::Rc::ptr_eq(a, b)),
        (Value::Object(a), Value::Object(b)) if kind == "struct" => {
            Ok(a.type_name() == b.type_name() && a.text() == b.text())
        }
        _ => Err(Failure::Message(format!(
            "non-comparable type {}: {}",
            format::sprintf("%s", std::slice::from_ref(right)),
            format::type_name(right)
        ))),
    }
}

fn ordered(args: &[Value], holds: fn(Ordering) -> bool) -> Outcome {
    let (left, right) = (&args[0], &args[1]);
    let kinds = (basic(left), basic(right));
    if kinds.0 == Basic::None || kinds.1 == Basic::None {
        return Err(Failure::message("invalid type for comparison"));
    }
    let order = match (left, right) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Bool(_), Value::Bool(_)) => {
            return Err(Failure::message("invalid type for comparison"));
        }
        _ => match kinds {
            (Basic::Int | Basic::Uint, Basic::Int | Basic::Uint) => {
                Some(whole(left).cmp(&whole(right)))
            }
            _ => {
                return Err(Failure::Message(format!(
                    "incompatible types for comparison: {} and {}",
                    format::type_name(left),
                    format::type_name(right)
                )));
            }
        },
    };
    Ok(Value::Bool(order.is_some_and(holds)))
}

/// Go's `fmt.Sprint`: a space between operands when neither is a string.
pub(super) fn sprint(args: &[Value]) -> String {
    let mut out = String::new();
    let mut was_text = true;
    for (index, value) in args.iter().enumerate() {
        let is_text = matches!(value, Value::String(_));
        if index > 0 && !is_text && !was_text {
            out.push(' ');
        }
        format::write_value(value, &mut out);
        was_text = is_text;
    }
    out
}

fn sprintln(args: &[Value]) -> String {
    let mut out = String::new();
    for (index, value) in args.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        format::write_value(value, &mut out);
    }
    out.push('\n');
    out
}

fn printf(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let Some((Value::String(pattern), rest)) = args.split_first() else {
        return Ok(Value::from(""));
    };
    made(machine, format::sprintf(pattern, rest))
}

/// Go's `evalArgs`: the text of a lone string, or `fmt.Sprint`.
fn joined(args: &[Value]) -> String {
    if let [Value::String(text)] = args {
        return text.to_string();
    }
    let shown: Vec<Value> = args
        .iter()
        .map(|value| match value {
            Value::Nil | Value::Missing => Value::from(NO_VALUE),
            other => other.clone(),
        })
        .collect();
    sprint(&shown)
}

fn length(_: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let count = match &args[0] {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Missing => return Err(Failure::message("len of nil pointer")),
        Value::Nil => {
            let words = "reflect: call of reflect.Value.Type on zero Value";
            return Err(Failure::message(words));
        }
        Value::Object(object) => match object.shape() {
            Shape::Map(map) => map.len(),
            Shape::List(list) => list.len(),
            Shape::Struct | Shape::Int(_) => return Err(no_length(&args[0])),
        },
        other => return Err(no_length(other)),
    };
    Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn no_length(value: &Value) -> Failure {
    Failure::Message(format!("len of type {}", format::type_name(value)))
}

fn index(_: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let mut item = std::mem::take(&mut args[0]);
    if item.is_nil() {
        return Err(Failure::message("index of untyped nil"));
    }
    for key in &args[1..] {
        item = match &item {
            Value::Nil | Value::Missing => return Err(Failure::message("index of nil pointer")),
            Value::List(list) => element(list, key)?,
            Value::Map(map) => match (map.get(map_key(key)?), map.kind()) {
                (Some(found), _) => found,
                (None, MapKind::Strings) => Value::from(""),
                (None, MapKind::Any | MapKind::Values) => Value::Nil,
            },
            Value::String(text) => {
                let bytes = crate::raw::bytes(text);
                let place = place(key, bytes.len(), "string")?;
                Value::Uint64(u64::from(bytes[place]))
            }
            Value::Bytes(bytes) => {
                Value::Uint64(u64::from(bytes[place(key, bytes.len(), "slice")?]))
            }
            Value::Object(object) => match object.shape() {
                Shape::Map(map) => map.get(map_key(key)?).unwrap_or_default(),
                Shape::List(list) => element(&list, key)?,
                Shape::Struct | Shape::Int(_) => return Err(no_index(&item)),
            },
            other => return Err(no_index(other)),
        };
    }
    Ok(item)
}

fn no_index(value: &Value) -> Failure {
    Failure::Message(format!(
        "can't index item of type {}",
        format::type_name(value).trim_start_matches('*')
    ))
}

fn element(list: &List, key: &Value) -> Outcome {
    Ok(list[place(key, list.len(), "slice")?].clone())
}

/// Go's `index` lets the place behind the last pass, where reflection then fails.
fn place(key: &Value, count: usize, kind: &str) -> Result<usize, Failure> {
    let number = match key {
        Value::Int(number) | Value::Int64(number) => *number,
        Value::Uint64(number) => i64::try_from(*number).unwrap_or(i64::MAX),
        Value::Nil | Value::Missing => {
            return Err(Failure::message("cannot index slice/array with nil"));
        }
        other => {
            let name = format::type_name(other);
            return Err(Failure::Message(format!(
                "cannot index slice/array with type {name}"
            )));
        }
    };
    match usize::try_from(number) {
        Ok(place) if place < count => Ok(place),
        Ok(place) if place == count => Err(Failure::Message(format!(
            "reflect: {kind} index out of range"
        ))),
        _ => Err(Failure::Message(format!("index out of range: {number}"))),
    }
}

fn map_key(key: &Value) -> Result<&str, Failure> {
    match key {
        Value::String(text) => Ok(text),
        Value::Nil | Value::Missing => {
            Err(Failure::message("value is nil; should be of type string"))
        }
        other => Err(Failure::Message(format!(
            "value has type {}; should be string",
            format::type_name(other)
        ))),
    }
}

/// Go's `HTMLEscapeString`.
fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\0' => out.push(char::REPLACEMENT_CHARACTER),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
    }
    out
}

/// Go's `JSEscapeString`.
fn escape_js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' => out.push_str("\\u003C"),
            '>' => out.push_str("\\u003E"),
            '&' => out.push_str("\\u0026"),
            '=' => out.push_str("\\u003D"),
            other if other < ' ' || !format::is_printable(other) => {
                let _ = write!(out, "\\u{:04X}", u32::from(other));
            }
            other => out.push(other),
        }
    }
    out
}
