//! Values with methods: files, capabilities, versions, instants.

use std::any::Any;
use std::rc::Rc;

use super::{List, Map, Value};

/// Why a call failed, in the words that follow `error calling NAME:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError(pub String);

/// What an object is made of, as `kindOf` and printing see it.
pub enum Shape {
    /// A struct: printed by its fields or by [`Object::text`].
    Struct,
    /// A map with methods.
    Map(Map),
    /// A slice with methods.
    List(List),
    /// An integer with methods (`time.Duration`).
    Int(i64),
}

/// A value with fields and methods of its own.
pub trait Object {
    /// Go's name of its type: `*semver.Version`.
    fn type_name(&self) -> &'static str;

    /// What it is made of.
    fn shape(&self) -> Shape {
        Shape::Struct
    }

    /// The value of an exported field.
    fn field(&self, name: &str) -> Option<Value>;

    /// How many arguments the method takes; none if there is no such method.
    fn method(&self, name: &str) -> Option<usize>;

    /// Calls a method that [`Object::method`] knows, with as many arguments as it said.
    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, CallError>;

    /// What an action prints.
    fn text(&self) -> String;

    /// Its fields in their order, where JSON has it as an object.
    fn json_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        None
    }

    /// What it is as a text of JSON.
    fn json_text(&self) -> String {
        self.text()
    }

    /// What functions print of it, where that differs: methods of pointers are not seen there.
    fn value_text(&self) -> String {
        self.text()
    }

    /// What `if` makes of it.
    fn is_true(&self) -> bool {
        match self.shape() {
            Shape::Struct => true,
            Shape::Map(map) => !map.is_empty(),
            Shape::List(list) => !list.is_empty(),
            Shape::Int(number) => number != 0,
        }
    }

    /// For those who know its type.
    fn as_any(self: Rc<Self>) -> Rc<dyn Any>;
}
