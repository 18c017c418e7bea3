//! `default` and what asks for emptiness.

use super::{Function, Type, fixed, open};
use crate::value::{Shape, Value};

const ANY: Type = Type::Any;

pub(super) const TABLE: &[Function] = &[
    open("default", &[ANY], ANY, |_, args| {
        let given = args.get(1).is_some_and(|value| !is_empty(value));
        Ok(std::mem::take(&mut args[usize::from(given)]))
    }),
    fixed("empty", &[ANY], |_, args| {
        Ok(Value::Bool(is_empty(&args[0])))
    }),
    open("coalesce", &[], ANY, |_, args| {
        let found = args.iter_mut().find(|value| !is_empty(value));
        Ok(found.map(std::mem::take).unwrap_or_default())
    }),
    open("all", &[], ANY, |_, args| {
        Ok(Value::Bool(!args.iter().any(is_empty)))
    }),
    open("any", &[], ANY, |_, args| {
        Ok(Value::Bool(args.iter().any(|value| !is_empty(value))))
    }),
];

/// sprig's `empty`: nil, zero, false and what holds nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(object) => match object.shape() {
            Shape::Struct => false,
            Shape::Map(map) => map.is_empty(),
            Shape::List(list) => list.is_empty(),
            Shape::Int(number) => number == 0,
        },
        other => !other.is_true(),
    }
}
