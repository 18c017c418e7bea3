//! Values as go-yaml v3 writes them with an indentation of two: `toYamlPretty`.
//!
//! The emitter of v2 with the differences that show: lists stand two further right than
//! their key, folding is off, text is quoted where YAML 1.1 or 1.2 would read it otherwise.

use crate::value::Value;

/// The whole text; none if it is longer than `bytes` or too deep.
pub(super) fn document(value: &Value, bytes: usize) -> Option<String> {
    super::write::indented(value, bytes)
}
