//! The key `patch` of a RepositoryPolicy: how images without a task are patched.

use crate::error::DocumentError;
use crate::fields::{Fields, LIST_MAX};
use crate::node::{Node, NodeValue};
use serde_json::{Value, json};

/// What a policy says about patches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchDocument {
    /// `auto`, `rebase`, `rebuild` or `off`.
    pub method: &'static str,
    /// `proven` or `test`.
    pub allow: &'static str,
    /// Rules of its lines, as text.
    pub lines: Vec<String>,
    /// Commands that must exit 0 in a container from the candidate, each as its arguments.
    pub tests: Vec<Vec<String>>,
}

impl PatchDocument {
    /// Reads the map.
    ///
    /// # Errors
    /// [`DocumentError`] with the line.
    pub(crate) fn read(node: Node) -> Result<Self, DocumentError> {
        let mut fields = Fields::of(node, "patch of RepositoryPolicy")?;
        let method = word(&mut fields, "method", &["auto", "rebase", "rebuild", "off"])?;
        let allow = word(&mut fields, "allow", &["proven", "test"])?;
        let lines = fields.texts("lines")?;
        let tests = match fields.take("tests") {
            Some(node) => tests(node)?,
            None => Vec::new(),
        };
        fields.finish()?;
        Ok(Self {
            method,
            allow,
            lines: lines.into_iter().map(|line| line.value).collect(),
            tests,
        })
    }

    /// The map as it is kept.
    pub fn to_json(&self) -> Value {
        let tests: Vec<Value> = self.tests.iter().map(|run| json!({ "run": run })).collect();
        json!({ "method": self.method, "allow": self.allow, "lines": self.lines, "tests": tests })
    }
}

/// Takes one of the words, the first one if nothing is written. A bare `off` is false to YAML 1.1.
fn word(
    fields: &mut Fields,
    key: &'static str,
    words: &[&'static str],
) -> Result<&'static str, DocumentError> {
    let Some(node) = fields.take(key) else {
        return Ok(words.first().copied().unwrap_or_default());
    };
    let written = match &node.value {
        NodeValue::Text(text) => text.as_str(),
        NodeValue::Bool(false) => "off",
        _ => "",
    };
    words
        .iter()
        .copied()
        .find(|word| *word == written)
        .ok_or_else(|| {
            DocumentError::invalid(
                node.line,
                format!("`{key}` of patch of RepositoryPolicy is not known"),
                format!("write one of: {}", words.join(", ")),
            )
        })
}

/// `[{ run: [..] }, ..]`; a test with other images is not built.
fn tests(node: Node) -> Result<Vec<Vec<String>>, DocumentError> {
    let NodeValue::List(items) = node.value else {
        let message = format!("`tests` must be a list, not {}", node.kind());
        return Err(DocumentError::invalid(
            node.line,
            message,
            "write [{ run: [\"/app/selftest\"] }]",
        ));
    };
    if items.len() > LIST_MAX {
        let message = format!("`tests` has more than {LIST_MAX} entries");
        return Err(DocumentError::invalid(node.line, message, "use fewer"));
    }
    let test = |item: Node| {
        let mut fields = Fields::of(item, "a test of patch")?;
        fields.refuse_unbuilt(&["with"])?;
        let line = fields.line();
        let run: Vec<String> = fields
            .texts("run")?
            .into_iter()
            .map(|word| word.value)
            .collect();
        fields.finish()?;
        if run.is_empty() {
            return Err(DocumentError::invalid(
                line,
                "a test runs nothing",
                "write { run: [\"/app/selftest\"] }",
            ));
        }
        Ok(run)
    };
    items.into_iter().map(test).collect()
}
