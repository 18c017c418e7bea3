//! Maps with the semantics of references.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Str, Value};

/// The type of a map, as `typeOf` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapKind {
    /// `map[string]interface {}`
    Any,
    /// `map[string]string`: a missing key reads as the empty string.
    Strings,
    /// Helm's named type of value trees, `common.Values`.
    Values,
}

/// A map, shared by reference. Keys are ordered as Go orders them when it prints or ranges.
#[derive(Clone)]
pub struct Map(Rc<Cell>);

struct Cell {
    kind: MapKind,
    entries: RefCell<BTreeMap<Str, Value>>,
}

impl Default for Map {
    fn default() -> Self {
        Self::new()
    }
}

impl Map {
    /// An empty `map[string]interface {}`.
    pub fn new() -> Self {
        Self::of(MapKind::Any, BTreeMap::new())
    }

    /// A map of a kind with its entries.
    pub fn of(kind: MapKind, entries: BTreeMap<Str, Value>) -> Self {
        Self(Rc::new(Cell {
            kind,
            entries: RefCell::new(entries),
        }))
    }

    /// Its type.
    pub fn kind(&self) -> MapKind {
        self.0.kind
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.0.entries.borrow().get(key).cloned()
    }

    /// True if `key` is there, be its value nil.
    pub fn has(&self, key: &str) -> bool {
        self.0.entries.borrow().contains_key(key)
    }

    /// Puts `value` under `key`; everyone who holds the map sees it.
    pub fn insert(&self, key: impl Into<Str>, value: Value) -> Option<Value> {
        let value = match value {
            Value::Missing => Value::Nil,
            other => other,
        };
        self.0.entries.borrow_mut().insert(key.into(), value)
    }

    /// Takes `key` away.
    pub fn remove(&self, key: &str) -> Option<Value> {
        self.0.entries.borrow_mut().remove(key)
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.0.entries.borrow().len()
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries, for reading. Nothing may be inserted while it is held.
    pub fn entries(&self) -> Ref<'_, BTreeMap<Str, Value>> {
        self.0.entries.borrow()
    }

    /// The entries as they are now; later changes do not show.
    pub fn snapshot(&self) -> Vec<(Str, Value)> {
        let entries = self.0.entries.borrow();
        entries
            .iter()
            .map(|(key, value)| (Str::clone(key), value.clone()))
            .collect()
    }

    /// The keys as they are now.
    pub fn keys(&self) -> Vec<Str> {
        self.0.entries.borrow().keys().map(Str::clone).collect()
    }

    /// True if both are the same map.
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// A map of its own with the same values: nested maps stay shared.
    #[must_use]
    pub fn shallow_copy(&self) -> Self {
        Self::of(self.kind(), self.0.entries.borrow().clone())
    }

    /// The same entries, by reference to nested maps, as a map of another kind.
    #[must_use]
    pub fn with_kind(&self, kind: MapKind) -> Self {
        Self::of(kind, self.0.entries.borrow().clone())
    }
}

impl<K: Into<Str>> FromIterator<(K, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value));
        Self::of(MapKind::Any, entries.collect())
    }
}
