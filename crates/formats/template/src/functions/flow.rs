//! `fail`, `required`, and what chooses between values.

use super::{Function, Type, fixed};
use crate::exec::Failure;
use crate::value::Value;

pub(super) const TABLE: &[Function] = &[
    fixed("fail", &[Type::String], |call, args| {
        if !call.context.oracle.lets_charts_refuse() {
            return Ok(Value::from(""));
        }
        Err(Failure::Refused(
            args[0].as_str().unwrap_or_default().to_owned(),
        ))
    }),
    fixed("required", &[Type::String, Type::Any], |call, args| {
        let is_missing = args[1].is_nil() || args[1].as_str() == Some("");
        if is_missing && !call.context.oracle.lets_charts_refuse() {
            return Ok(Value::from(""));
        }
        if is_missing {
            let words = args[0].as_str().unwrap_or_default();
            return Err(Failure::Refused(words.to_owned()));
        }
        Ok(std::mem::take(&mut args[1]))
    }),
    fixed("ternary", &[Type::Any, Type::Any, Type::Bool], |_, args| {
        let chosen = usize::from(args[2].as_bool() != Some(true));
        Ok(std::mem::take(&mut args[chosen]))
    }),
    fixed("hello", &[], |_, _| Ok(Value::from("Hello!"))),
];
