//! What a use case answered, on its way to the wire.

use refloat_flow::administer::Paged;
use serde_json::{Value, json};

/// An answer of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub json: Value,
    /// Whether the body shows a secret once: then it is never kept for a repeated request.
    pub secrecy: Secrecy,
}

/// Whether an answer may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// It may.
    Plain,
    /// It shows a token, once.
    ShownOnce,
}

impl Answer {
    /// 200 with this body.
    pub fn ok(json: Value) -> Self {
        Self {
            status: 200,
            json,
            secrecy: Secrecy::Plain,
        }
    }

    /// A write that may have changed nothing.
    pub fn changed(changed: bool) -> Self {
        Self::ok(json!({ "changed": changed }))
    }

    /// 201 with this body, and `"changed":true`.
    pub fn created(mut json: Value) -> Self {
        json["changed"] = Value::Bool(true);
        Self {
            status: 201,
            json,
            secrecy: Secrecy::Plain,
        }
    }

    /// The same, never to be kept.
    #[must_use]
    pub fn shown_once(self) -> Self {
        Self {
            secrecy: Secrecy::ShownOnce,
            ..self
        }
    }

    /// A page of a list: `{"items":[..],"next":cursor or null}`.
    pub fn page<T>(page: Paged<T>, item: impl Fn(T) -> Value) -> Self {
        let items: Vec<Value> = page.items.into_iter().map(item).collect();
        Self::ok(json!({ "items": items, "next": page.next }))
    }
}
