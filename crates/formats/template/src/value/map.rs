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
pub struct Map {
    /// The type under which it is held here: the same map may be held under another elsewhere.
    kind: MapKind,
    /// Go's nil map: it reads as empty, cannot be written to, and is `null` in JSON and YAML.
    is_nil: bool,
    entries: Rc<RefCell<BTreeMap<Str, Value>>>,
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
        Self {
            kind,
            is_nil: false,
            entries: Rc::new(RefCell::new(entries)),
        }
    }

    /// Go's nil map.
    pub fn nil() -> Self {
        Self {
            is_nil: true,
            ..Self::new()
        }
    }

    /// True for Go's nil map.
    pub const fn is_nil(&self) -> bool {
        self.is_nil
    }

    /// Its type.
    pub const fn kind(&self) -> MapKind {
        self.kind
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.entries.borrow().get(key).cloned()
    }

    /// True if `key` is there, be its value nil.
    pub fn has(&self, key: &str) -> bool {
        self.entries.borrow().contains_key(key)
    }

    /// Puts `value` under `key`; everyone who holds the map sees it.
    pub fn insert(&self, key: impl Into<Str>, value: Value) -> Option<Value> {
        let value = match value {
            Value::Missing => Value::Nil,
            other => other,
        };
        self.entries.borrow_mut().insert(key.into(), value)
    }

    /// Takes `key` away.
    pub fn remove(&self, key: &str) -> Option<Value> {
        self.entries.borrow_mut().remove(key)
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries, for reading. Nothing may be inserted while it is held.
    pub fn entries(&self) -> Ref<'_, BTreeMap<Str, Value>> {
        self.entries.borrow()
    }

    /// The entries as they are now; later changes do not show.
    pub fn snapshot(&self) -> Vec<(Str, Value)> {
        let entries = self.entries.borrow();
        entries
            .iter()
            .map(|(key, value)| (Str::clone(key), value.clone()))
            .collect()
    }

    /// The keys as they are now.
    pub fn keys(&self) -> Vec<Str> {
        self.entries.borrow().keys().map(Str::clone).collect()
    }

    /// True if both are the same map.
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.entries, &other.entries)
    }

    /// A map of its own with the same values: nested maps stay shared.
    #[must_use]
    pub fn shallow_copy(&self) -> Self {
        Self::of(self.kind(), self.entries.borrow().clone())
    }

    /// The same map, by reference, held as one of another kind.
    #[must_use]
    pub fn with_kind(&self, kind: MapKind) -> Self {
        Self {
            kind,
            is_nil: self.is_nil,
            entries: Rc::clone(&self.entries),
        }
    }
}

impl<K: Into<Str>> FromIterator<(K, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value));
        Self::of(MapKind::Any, entries.collect())
    }
}
