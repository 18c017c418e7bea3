//! Slices.

use std::ops::Deref;
use std::rc::Rc;

use super::{Str, Value};

/// The type of a slice, as `typeOf` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// `[]interface {}`
    Any,
    /// `[]string`
    Strings,
    /// `[]int`
    Ints,
    /// `[][]interface {}`
    Lists,
}

/// A slice: shared, never changed.
#[derive(Clone)]
pub struct List {
    kind: ListKind,
    /// Go's nil slice: it prints as empty, and is `null` in JSON and YAML.
    is_nil: bool,
    items: Rc<Vec<Value>>,
}

impl List {
    /// A slice of `items`, which must fit `kind`.
    pub fn new(kind: ListKind, items: Vec<Value>) -> Self {
        Self {
            kind,
            is_nil: false,
            items: Rc::new(items),
        }
    }

    /// Go's nil slice.
    pub fn nil(kind: ListKind) -> Self {
        Self {
            is_nil: true,
            ..Self::new(kind, Vec::new())
        }
    }

    /// The slice of what was found: nil if nothing was.
    #[must_use]
    pub fn found(kind: ListKind, items: Vec<Value>) -> Self {
        if items.is_empty() {
            return Self::nil(kind);
        }
        Self::new(kind, items)
    }

    /// True for Go's nil slice.
    pub const fn is_nil(&self) -> bool {
        self.is_nil
    }

    /// A `[]string`.
    pub fn of_texts<T: Into<Str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let items = texts.into_iter().map(Value::text).collect();
        Self::new(ListKind::Strings, items)
    }

    /// Its type.
    pub const fn kind(&self) -> ListKind {
        self.kind
    }
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.items
    }
}
