//! Values as JSON and back. All numbers of JSON are `float64` to a template, as in Go.

use refloat_template::{Map, Value};
use serde_json::{Number, Value as Json};

/// A JSON value as templates see it.
pub fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::list(items.iter().map(from_json).collect()),
        Json::Object(map) => {
            let entries = map.iter();
            let entries = entries.map(|(key, value)| (key.as_str(), from_json(value)));
            Value::Map(entries.collect::<Map>())
        }
    }
}

/// A value as JSON; whole numbers without a fraction. What has no JSON is null.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Nil | Value::Missing | Value::Object(_) => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) | Value::Int64(number) => Json::from(*number),
        Value::Uint64(number) => Json::from(*number),
        Value::Float(number) => float(*number),
        Value::String(text) => Json::String(text.to_string()),
        Value::Bytes(bytes) => Json::String(String::from_utf8_lossy(bytes).into_owned()),
        Value::List(list) => Json::Array(list.iter().map(to_json).collect()),
        Value::Map(map) => {
            let entries = map.snapshot().into_iter();
            Json::Object(
                entries
                    .map(|(key, value)| (key.to_string(), to_json(&value)))
                    .collect(),
            )
        }
    }
}

/// The largest whole number that a `float64` holds exactly.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

#[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits")]
fn float(number: f64) -> Json {
    if number.fract() == 0.0 && number.abs() <= EXACT_MAX {
        Json::from(number as i64)
    } else {
        Number::from_f64(number).map_or(Json::Null, Json::Number)
    }
}
