//! A tree of YAML or JSON that knows the line of everything in it.

use crate::error::DocumentError;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use std::fmt;

/// The longest file of documents in bytes.
pub const FILE_MAX_BYTES: usize = 1024 * 1024;
/// The most documents in one file.
pub const DOCUMENTS_MAX: usize = 500;
/// The deepest nesting of a document.
pub const DEPTH_MAX: usize = 24;
/// The most nodes of one file.
pub const NODES_MAX: usize = 50_000;
/// The most aliases of one file.
pub const ALIASES_MAX: usize = 200;

/// One value and the line it stands at.
#[derive(Clone, PartialEq)]
pub struct Node {
    /// Line from 1; 0 if the value did not come as text.
    pub line: u64,
    /// The value.
    pub value: NodeValue,
}

/// What stands there.
#[derive(Clone, PartialEq)]
pub enum NodeValue {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys with the lines they stand at, in order.
    Map(Vec<(String, u64, Node)>),
}

impl Node {
    /// Reads every YAML document of `text`; empty ones are skipped.
    ///
    /// # Errors
    /// [`DocumentError`] with the line of what is no YAML, stands twice, or exceeds a bound.
    pub fn read_yaml(text: &str) -> Result<Vec<Self>, DocumentError> {
        if text.len() > FILE_MAX_BYTES {
            let message = format!("the file is larger than {FILE_MAX_BYTES} bytes");
            return Err(DocumentError::invalid(0, message, "split it"));
        }
        let budget = serde_saphyr::budget! {
            max_depth: DEPTH_MAX * 2,
            max_documents: DOCUMENTS_MAX,
            max_nodes: NODES_MAX,
            max_aliases: ALIASES_MAX,
            max_anchors: ALIASES_MAX,
        };
        let options = serde_saphyr::options! {
            budget: budget,
            duplicate_keys: DuplicateKeyPolicy::Error,
            merge_keys: MergeKeyPolicy::Error,
            strict_booleans: true,
            leading_zero_numbers_as_strings: true,
            reject_unsupported_tags: true,
            with_snippet: false,
        };
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
            let error = error.without_snippet();
            let line = error.location().map_or(0, |location| location.line());
            // The library repeats the position behind its message; ours stands in front.
            let message = error.to_string();
            let message = message
                .split(" at line ")
                .next()
                .unwrap_or(&message)
                .to_owned();
            DocumentError::invalid(
                line,
                format!("not acceptable YAML: {message}"),
                "correct the line",
            )
        })
    }

    /// The tree of a JSON value; it has no lines.
    pub fn from_json(value: Value) -> Self {
        let value = match value {
            Value::Null => NodeValue::Null,
            Value::Bool(flag) => NodeValue::Bool(flag),
            Value::Number(number) => match number.as_i64() {
                Some(number) => NodeValue::Int(number),
                None => NodeValue::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => NodeValue::Text(text),
            Value::Array(list) => NodeValue::List(list.into_iter().map(Self::from_json).collect()),
            Value::Object(map) => NodeValue::Map(
                map.into_iter()
                    .map(|(key, value)| (key, 0, Self::from_json(value)))
                    .collect(),
            ),
        };
        Self { line: 0, value }
    }

    /// The same as JSON, without lines.
    pub fn to_json(&self) -> Value {
        match &self.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(flag) => Value::Bool(*flag),
            NodeValue::Int(number) => Value::from(*number),
            NodeValue::Float(number) => Value::from(*number),
            NodeValue::Text(text) => Value::String(text.clone()),
            NodeValue::List(list) => list.iter().map(Self::to_json).collect(),
            NodeValue::Map(entries) => entries
                .iter()
                .map(|(key, _, value)| (key.clone(), value.to_json()))
                .collect(),
        }
    }

    /// What kind of value this is, for messages. Never the value itself: it may be a secret.
    pub fn kind(&self) -> &'static str {
        match self.value {
            NodeValue::Null => "nothing",
            NodeValue::Bool(_) => "true or false",
            NodeValue::Int(_) | NodeValue::Float(_) => "a number",
            NodeValue::Text(_) => "text",
            NodeValue::List(_) => "a list",
            NodeValue::Map(_) => "a map",
        }
    }
}

/// Values may be secrets: only the shape is printed.
impl fmt::Debug for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at line {}", self.kind(), self.line)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_saphyr::Spanned::<NodeValue>::deserialize(deserializer)?;
        Ok(Self {
            line: spanned.referenced.line(),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for NodeValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = NodeValue;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<NodeValue, E> {
        Ok(NodeValue::Null)
    }

    fn visit_none<E: Error>(self) -> Result<NodeValue, E> {
        Ok(NodeValue::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<NodeValue, E> {
        Ok(NodeValue::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<NodeValue, E> {
        Ok(NodeValue::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<NodeValue, E> {
        i64::try_from(number)
            .map(NodeValue::Int)
            .map_err(|_| E::custom("the number is too large"))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<NodeValue, E> {
        Ok(NodeValue::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<NodeValue, E> {
        Ok(NodeValue::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<NodeValue, E> {
        Ok(NodeValue::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<NodeValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(NodeValue::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NodeValue, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<serde_saphyr::Spanned<String>>()? {
            entries.push((key.value, key.referenced.line(), map.next_value()?));
        }
        Ok(NodeValue::Map(entries))
    }
}
