//! Values that a document does not contain but names: `{ env: X }`, `{ file: P }`, `{ stdin: true }`.
//!
//! The client resolves them before it sends a document; the server never reads its own environment or files for one.

use crate::error::DocumentError;
use crate::node::{Node, NodeValue};

/// Keys whose value may be named instead of written.
const VALUE_KEYS: [&str; 6] = [
    "password",
    "token",
    "kubeconfig",
    "age_key",
    "ssh_key",
    "secret",
];

/// Where a value is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueSource {
    /// In a variable of the client's environment.
    Env(String),
    /// In a file, relative to the document's folder.
    File(String),
    /// On the client's standard input, whole.
    Stdin,
}

/// Replaces every named value of a document by what `find` answers.
///
/// # Errors
/// A reference that is malformed, or what `find` says, with the line.
pub fn resolve<F>(document: &mut Node, find: &mut F) -> Result<(), DocumentError>
where
    F: FnMut(&ValueSource) -> Result<String, String>,
{
    let NodeValue::Map(entries) = &mut document.value else {
        return Ok(());
    };
    for (key, line, node) in entries {
        if !VALUE_KEYS.contains(&key.as_str()) {
            continue;
        }
        let NodeValue::Map(reference) = &node.value else {
            continue;
        };
        let source = source(key, *line, reference)?;
        let value = find(&source).map_err(|reason| {
            let message = format!("the value of `{key}` cannot be read: {reason}");
            DocumentError::invalid(
                *line,
                message,
                "set the variable or correct the path, then apply again",
            )
        })?;
        node.value = NodeValue::Text(value);
    }
    Ok(())
}

fn source(
    key: &str,
    line: u64,
    reference: &[(String, u64, Node)],
) -> Result<ValueSource, DocumentError> {
    let wrong = || {
        let message = format!("`{key}` names its value in no known way");
        DocumentError::invalid(
            line,
            message,
            "write { env: NAME }, { file: PATH } or { stdin: true }",
        )
    };
    let [(form, _, node)] = reference else {
        return Err(wrong());
    };
    match (form.as_str(), &node.value) {
        ("env", NodeValue::Text(name)) if !name.is_empty() => Ok(ValueSource::Env(name.clone())),
        ("file", NodeValue::Text(path)) if !path.is_empty() => Ok(ValueSource::File(path.clone())),
        ("stdin", NodeValue::Bool(true)) => Ok(ValueSource::Stdin),
        _ => Err(wrong()),
    }
}
