//! What templates compute with: Go's values, as far as a chart can tell them apart.
//!
//! Strings and trees of templates are shared between threads; lists, maps and objects are
//! not, since a rendering runs on one thread. Cloning a [`Value`] never copies content.

use std::rc::Rc;
use std::sync::Arc;

pub(crate) mod deep;
pub(crate) mod frozen;
mod list;
mod map;
mod object;

pub use frozen::Frozen;
pub use list::{List, ListKind};
pub use map::{Map, MapKind};
pub use object::{CallError, Object, Shape};

/// Text, shared.
pub type Str = Arc<str>;

/// A value of a template.
///
/// Numbers read from YAML or JSON are [`Value::Float`] (charts see `float64`); literals of
/// templates are [`Value::Int`].
#[derive(Clone, Default)]
pub enum Value {
    /// No value: Go's untyped nil. A field of it is nil again.
    #[default]
    Nil,
    /// A nil found under a missing key of a map. A field of it is an error. Never stored in
    /// a collection; write [`Value::Nil`].
    Missing,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `int64`, what sprig's arithmetic gives.
    Int64(i64),
    /// `uint64`
    Uint64(u64),
    /// `float64`
    Float(f64),
    /// `string`
    String(Str),
    /// `[]byte`
    Bytes(Arc<[u8]>),
    /// A slice. Never changed once made.
    List(List),
    /// A map, by reference: whoever holds it sees every change.
    Map(Map),
    /// A value with methods.
    Object(Rc<dyn Object>),
}

impl Value {
    /// Text as a value.
    pub fn text(text: impl Into<Str>) -> Self {
        Self::String(text.into())
    }

    /// A `[]interface {}`.
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(List::new(ListKind::Any, items))
    }

    /// True for both kinds of nil.
    #[must_use]
    pub const fn is_nil(&self) -> bool {
        matches!(self, Self::Nil | Self::Missing)
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The map, if it is one.
    #[must_use]
    pub const fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, if it is one.
    #[must_use]
    pub const fn as_list(&self) -> Option<&List> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// What `if` makes of it: false for nil, zero and what is empty.
    #[must_use]
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil | Self::Missing => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) | Self::Int64(number) => *number != 0,
            Self::Uint64(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => object.is_true(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}
