//! YAML as charts expect it: read by the rules of YAML 1.1, written as go-yaml v2 writes.

mod compose;
mod read;
mod resolve;
mod scan;
mod write;

use crate::value::Value;
use write::Dialect;

/// A text that is no YAML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// What is wrong, in the words of Go's libraries, with its line.
    pub message: String,
}

impl From<String> for YamlError {
    fn from(message: String) -> Self {
        Self { message }
    }
}

/// Reads the first document. Numbers become `float64`, keys become text, the last of two
/// equal keys wins, merge keys are applied. An empty text is nil.
pub fn read(text: &str) -> Result<Value, YamlError> {
    read::first(text)
}

/// Reads every document.
pub fn read_all(text: &str) -> Result<Vec<Value>, YamlError> {
    read::all(text)
}

/// Writes a value as `toYaml` does, with a newline at the end.
pub fn write(value: &Value) -> String {
    write_within(value, usize::MAX).unwrap_or_default()
}

/// The same within a number of bytes; none if they do not do, or if a map holds itself.
pub(crate) fn write_within(value: &Value, bytes: usize) -> Option<String> {
    write::document(value, Dialect::Two, bytes)
}

/// `toYamlPretty`: go-yaml v3's style, sequences indented under their key.
pub(crate) fn write_pretty(value: &Value, bytes: usize) -> Option<String> {
    write::document(value, Dialect::Three, bytes)
}

#[cfg(test)]
mod tests;
