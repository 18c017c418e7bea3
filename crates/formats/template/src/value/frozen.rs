//! Values that cannot change, for threads to share.

use super::{List, ListKind, Map, MapKind, Str, Value};

/// What a document was read into. To compute with it, [`Frozen::thaw`] it.
#[derive(Debug, Clone, PartialEq)]
pub enum Frozen {
    /// `nil`
    Nil,
    /// `bool`
    Bool(bool),
    /// `float64`
    Float(f64),
    /// `string`
    String(Str),
    /// `[]interface {}`
    List(Box<[Frozen]>),
    /// `map[string]interface {}`, by key.
    Map(Box<[(Str, Frozen)]>),
}

impl Frozen {
    /// The same value; none if it is not of the kinds that documents have.
    pub fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Nil => Self::Nil,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Float(number) => Self::Float(*number),
            Value::String(text) => Self::String(Str::clone(text)),
            Value::List(list) if list.kind() == ListKind::Any && !list.is_nil() => {
                Self::List(list.iter().map(Self::of).collect::<Option<_>>()?)
            }
            Value::Map(map) if map.kind() == MapKind::Any => {
                let entries = map.entries();
                let entries = entries
                    .iter()
                    .map(|(key, value)| Some((Str::clone(key), Self::of(value)?)));
                Self::Map(entries.collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }

    /// A value that shares no map with any other.
    #[must_use]
    pub fn thaw(&self) -> Value {
        match self {
            Self::Nil => Value::Nil,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Float(number) => Value::Float(*number),
            Self::String(text) => Value::String(Str::clone(text)),
            Self::List(items) => {
                let items = items.iter().map(Self::thaw).collect();
                Value::List(List::new(ListKind::Any, items))
            }
            Self::Map(entries) => {
                let entries = entries.iter();
                let entries = entries.map(|(key, value)| (Str::clone(key), value.thaw()));
                Value::Map(Map::of(MapKind::Any, entries.collect()))
            }
        }
    }
}
