//! Conversions, as `github.com/spf13/cast` makes them for sprig.

use super::{Function, Type, fixed};
use crate::syntax::literal;
use crate::value::{Shape, Str, Value};

pub(super) const TABLE: &[Function] = &[
    fixed("int", &[Type::Any], |_, args| {
        Ok(Value::Int(integer(&args[0])))
    }),
    fixed("int64", &[Type::Any], |_, args| {
        Ok(Value::Int64(integer(&args[0])))
    }),
    fixed("float64", &[Type::Any], |_, args| {
        Ok(Value::Float(float(&args[0])))
    }),
    fixed("atoi", &[Type::String], |_, args| {
        Ok(atoi(args[0].as_str().unwrap_or_default()))
    }),
    fixed("toDecimal", &[Type::Any], |_, args| {
        Ok(to_decimal(&args[0]))
    }),
    fixed("toString", &[Type::Any], |_, args| {
        Ok(Value::String(text(&args[0])))
    }),
];

/// Go's `int64(f)`, which cuts; out of range it is the smallest, as on amd64.
#[expect(
    clippy::cast_possible_truncation,
    reason = "cutting is what is asked for"
)]
pub(super) fn cut(number: f64) -> i64 {
    let fits = number.is_finite() && number.abs() < 9.3e18;
    if fits { number as i64 } else { i64::MIN }
}

/// Go's `cast.ToInt64`: what cannot be converted is 0.
pub(super) fn integer(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number,
        Value::Uint64(number) => number.cast_signed(),
        Value::Float(number) => cut(*number),
        Value::Bool(truth) => i64::from(*truth),
        Value::String(text) => literal::parse_integer(without_zero_decimals(text)).unwrap_or(0),
        Value::Object(object) => match object.shape() {
            Shape::Int(number) => number,
            _ => 0,
        },
        Value::Nil | Value::Missing | Value::Bytes(_) | Value::List(_) | Value::Map(_) => 0,
    }
}

/// `5.00` is `5`.
fn without_zero_decimals(text: &str) -> &str {
    let bare = text.trim_end_matches('0');
    match bare.strip_suffix('.') {
        Some(whole) if bare.len() < text.len() => whole,
        _ => text,
    }
}

/// Go's `cast.ToFloat64`: what cannot be converted is 0.
#[expect(clippy::cast_precision_loss, reason = "Go converts in the same way")]
pub(super) fn float(value: &Value) -> f64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number as f64,
        Value::Uint64(number) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::String(text) => literal::parse_float(text).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// sprig's `strval`.
pub(crate) fn text(value: &Value) -> Str {
    match value {
        Value::String(text) => Str::clone(text),
        Value::Bytes(bytes) => crate::raw::text(bytes.to_vec()).into(),
        other => crate::format::display(other).into(),
    }
}

/// Go's `strconv.Atoi`, less its errors.
fn atoi(text: &str) -> Value {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number = !digits.starts_with('+');
    Value::Int(digits.parse().ok().filter(|_| is_number).unwrap_or(0))
}

/// Reads octal digits, whatever the name says.
fn to_decimal(value: &Value) -> Value {
    let text = crate::format::display(value);
    Value::Int64(i64::from_str_radix(&text, 8).unwrap_or(0))
}
