//! Types, kinds, equality and copies.

use std::any::Any;
use std::rc::Rc;

use super::{Function, Type, fixed};
use crate::exec::Failure;
use crate::format::{kind_name, type_name};
use crate::value::{CallError, Object, Value, deep};

const ANY: Type = Type::Any;

pub(super) const TABLE: &[Function] = &[
    fixed("typeOf", &[ANY], |_, args| {
        Ok(Value::from(type_name(&args[0])))
    }),
    fixed("kindOf", &[ANY], |_, args| {
        Ok(Value::from(kind_name(&args[0])))
    }),
    fixed("typeIs", &[Type::String, ANY], |_, args| {
        Ok(Value::Bool(args[0].as_str() == Some(type_name(&args[1]))))
    }),
    fixed("typeIsLike", &[Type::String, ANY], |_, args| {
        let target = args[0].as_str().unwrap_or_default();
        let found = type_name(&args[1]);
        Ok(Value::Bool(
            target == found || found.strip_prefix('*') == Some(target),
        ))
    }),
    fixed("kindIs", &[Type::String, ANY], |_, args| {
        Ok(Value::Bool(args[0].as_str() == Some(kind_name(&args[1]))))
    }),
    fixed("deepEqual", &[ANY, ANY], |_, args| {
        Ok(Value::Bool(deep::equal(&args[0], &args[1])))
    }),
    fixed("deepCopy", &[ANY], |machine, args| {
        machine.hold_all(&args[0])?;
        copy(&args[0])
    }),
    fixed("mustDeepCopy", &[ANY], |machine, args| {
        machine.hold_all(&args[0])?;
        copy(&args[0])
    }),
];

fn copy(value: &Value) -> Result<Value, Failure> {
    if value.is_nil() {
        let words = "reflect: call of reflect.Value.Type on zero Value";
        return Err(Failure::message(words));
    }
    if let Value::Object(object) = value
        && object.text() != object.value_text()
    {
        return Ok(Value::Object(Rc::new(Copied(Rc::clone(object)))));
    }
    deep::copy(value).ok_or_else(|| Failure::Limit("depth of a value to copy".to_owned()))
}

/// A copy of a struct, which nothing points to: methods of pointers are not seen.
struct Copied(Rc<dyn Object>);

impl Object for Copied {
    fn type_name(&self) -> &'static str {
        self.0.type_name()
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.0.field(name)
    }

    fn method(&self, _: &str) -> Option<usize> {
        None
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, CallError> {
        Err(CallError(format!("{name} is a method of a pointer")))
    }

    fn text(&self) -> String {
        self.0.value_text()
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn Any> {
        self
    }
}
