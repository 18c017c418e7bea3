//! `semver` and `semverCompare`.

use std::rc::Rc;

use super::strings::str_at;
use super::{Function, Type, fixed};
use crate::exec::Failure;
use crate::value::Value;
use crate::versions::{Constraint, Version};

const TEXT: Type = Type::String;

pub(super) const TABLE: &[Function] = &[
    fixed("semver", &[TEXT], |_, args| {
        let version = Version::parse(str_at(args, 0));
        let version = version.map_err(|error| Failure::Message(error.to_string()))?;
        Ok(Value::Object(Rc::new(version)))
    }),
    fixed("semverCompare", &[TEXT, TEXT], |_, args| {
        let constraint = Constraint::parse(str_at(args, 0));
        let constraint = constraint.map_err(|error| Failure::Message(error.to_string()))?;
        let version = Version::parse(str_at(args, 1));
        let version = version.map_err(|error| Failure::Message(error.to_string()))?;
        Ok(Value::Bool(constraint.holds(&version)))
    }),
];
