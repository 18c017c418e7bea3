//! Takes the keys of a map one by one; what is left over is an error.

use crate::error::DocumentError;
use crate::node::{Node, NodeValue};

/// The most entries of a list in a document.
pub const LIST_MAX: usize = 500;

/// The keys of one map that nobody has taken yet.
pub struct Fields {
    owner: String,
    line: u64,
    entries: Vec<(String, u64, Node)>,
    known: Vec<&'static str>,
}

impl Fields {
    /// The keys of `node`, which `owner` names in messages (`RepositoryPolicy`, `tls`).
    ///
    /// # Errors
    /// If `node` is no map.
    pub fn of(node: Node, owner: impl Into<String>) -> Result<Self, DocumentError> {
        let owner = owner.into();
        let (line, kind) = (node.line, node.kind());
        let NodeValue::Map(entries) = node.value else {
            let message = format!("{owner} must be a map, not {kind}");
            return Err(DocumentError::invalid(
                line,
                message,
                "write key: value lines",
            ));
        };
        Ok(Self {
            owner,
            line,
            entries,
            known: Vec::new(),
        })
    }

    /// The same keys under another name in messages.
    #[must_use]
    pub fn renamed(self, owner: impl Into<String>) -> Self {
        Self {
            owner: owner.into(),
            ..self
        }
    }

    /// The line the map begins at.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Takes `key` if it is there and not null.
    pub fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        let at = self.entries.iter().position(|(name, ..)| name == key)?;
        let (_, _, node) = self.entries.remove(at);
        (node.value != NodeValue::Null).then_some(node)
    }

    /// Takes `key` as text.
    pub fn text(&mut self, key: &'static str) -> Result<Option<Located<String>>, DocumentError> {
        let Some(node) = self.take(key) else {
            return Ok(None);
        };
        let line = node.line;
        match node.value {
            NodeValue::Text(value) => Ok(Some(Located { line, value })),
            _ => Err(self.wrong_kind(key, &node, "text", "put it in quotes")),
        }
    }

    /// Takes `key` as text that must be there.
    pub fn required_text(&mut self, key: &'static str) -> Result<Located<String>, DocumentError> {
        let found = self.text(key)?;
        found
            .filter(|text| !text.value.is_empty())
            .ok_or_else(|| self.missing(key))
    }

    /// Takes `key` as text that parses into its type.
    pub fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Located<T>>, DocumentError> {
        self.text(key)?.map(Located::parse).transpose()
    }

    /// Takes `key` as true or false.
    pub fn flag(&mut self, key: &'static str) -> Result<Option<bool>, DocumentError> {
        let Some(node) = self.take(key) else {
            return Ok(None);
        };
        match node.value {
            NodeValue::Bool(flag) => Ok(Some(flag)),
            _ => Err(self.wrong_kind(
                key,
                &node,
                "true or false",
                "write one of them without quotes",
            )),
        }
    }

    /// Takes `key` as a list of texts; absent is empty.
    pub fn texts(&mut self, key: &'static str) -> Result<Vec<Located<String>>, DocumentError> {
        let Some(node) = self.take(key) else {
            return Ok(Vec::new());
        };
        let NodeValue::List(items) = node.value else {
            return Err(self.wrong_kind(key, &node, "a list", "write [a, b]"));
        };
        if items.len() > LIST_MAX {
            let message = format!("`{key}` of {} has more than {LIST_MAX} entries", self.owner);
            return Err(DocumentError::invalid(
                node.line,
                message,
                "use fewer, wider patterns",
            ));
        }
        let text = |item: Node| match item.value {
            NodeValue::Text(value) => Ok(Located {
                line: item.line,
                value,
            }),
            _ => Err(self.wrong_kind(key, &item, "a list of texts", "put each in quotes")),
        };
        items.into_iter().map(text).collect()
    }

    /// Refuses these keys by name if they are there: they belong to what is not built.
    ///
    /// # Errors
    /// [`crate::Problem::Unsupported`] with the line of the first of them.
    pub fn refuse_unbuilt(&mut self, keys: &[&'static str]) -> Result<(), DocumentError> {
        let unbuilt = self
            .entries
            .iter()
            .find(|(name, ..)| keys.contains(&name.as_str()));
        match unbuilt {
            Some((name, line, _)) => Err(DocumentError::unsupported(
                *line,
                &format!("key {name} of {}", self.owner),
            )),
            None => Ok(()),
        }
    }

    /// Ends the map: every key that nobody took is unknown.
    ///
    /// # Errors
    /// With the line of the first unknown key, and the keys there are.
    pub fn finish(self) -> Result<(), DocumentError> {
        match self.entries.first() {
            None => Ok(()),
            Some((name, line, _)) => {
                let name: String = name.chars().take(80).collect();
                let message = format!("key `{name}` of {} is not known", self.owner);
                Err(DocumentError::invalid(
                    *line,
                    message,
                    format!("use one of: {}", self.known.join(", ")),
                ))
            }
        }
    }

    /// The error that `key` is missing.
    pub fn missing(&self, key: &str) -> DocumentError {
        DocumentError::invalid(
            self.line,
            format!("{} has no `{key}`", self.owner),
            format!("add a line `{key}: ..`"),
        )
    }

    fn wrong_kind(&self, key: &str, node: &Node, wanted: &str, advice: &str) -> DocumentError {
        let message = format!(
            "`{key}` of {} must be {wanted}, not {}",
            self.owner,
            node.kind()
        );
        DocumentError::invalid(node.line, message, advice)
    }
}

/// A value and the line it stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// Line from 1; 0 if it did not come as text.
    pub line: u64,
    /// The value.
    pub value: T,
}

impl Located<String> {
    /// The text read into a type; its error with the line.
    ///
    /// # Errors
    /// What the type says about the text.
    pub fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
        self,
    ) -> Result<Located<T>, DocumentError> {
        match self.value.parse() {
            Ok(value) => Ok(Located {
                line: self.line,
                value,
            }),
            Err(error) => Err(DocumentError::invalid(self.line, error.to_string(), "")),
        }
    }
}
