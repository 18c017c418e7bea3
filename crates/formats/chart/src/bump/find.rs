//! Paths into values, and the node at one: found only where exactly one node can be meant.

use super::BumpError;
use super::tree::{Document, Kind, Node};
use std::fmt;
use std::str::FromStr;

/// A path of keys and list positions: `web.image`, `containers[0].image`, `a\.b.image`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValuesPath(Vec<Step>);

/// A part of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A key of a map.
    Key(String),
    /// A position in a list, counted from 0.
    Index(usize),
}

/// A text that is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no path into values; write keys with dots between them, for example web.image or containers[0].image"
)]
pub struct PathError(String);

impl FromStr for ValuesPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let wrong = || PathError(text.to_owned());
        let mut steps = Vec::new();
        for part in split(text) {
            let (key, mut rest) = match part.find('[') {
                Some(at) => part.split_at(at),
                None => (part.as_str(), ""),
            };
            if !key.is_empty() {
                steps.push(Step::Key(key.to_owned()));
            } else if rest.is_empty() {
                return Err(wrong());
            }
            while !rest.is_empty() {
                let inner = rest.strip_prefix('[').ok_or_else(wrong)?;
                let (index, after) = inner.split_once(']').ok_or_else(wrong)?;
                steps.push(Step::Index(index.parse().map_err(|_| wrong())?));
                rest = after;
            }
        }
        Ok(Self(steps))
    }
}

/// Parts between dots; a backslash keeps a dot.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => part.extend(letters.next()),
            '.' => parts.push(std::mem::take(&mut part)),
            other => part.push(other),
        }
    }
    parts.push(part);
    parts
}

impl ValuesPath {
    /// A path of keys alone.
    pub(super) fn of_key(key: &str) -> Self {
        Self(vec![Step::Key(key.to_owned())])
    }

    /// The path of keys, one below the other.
    pub(super) fn of_keys(keys: &[&str]) -> Self {
        let step = |key: &&str| Step::Key((*key).to_owned());
        Self(keys.iter().map(step).collect())
    }

    /// This path below another one.
    pub(super) fn below(&self, base: &Self) -> Self {
        Self(base.0.iter().chain(&self.0).cloned().collect())
    }

    /// The same path with a position behind it.
    pub(super) fn item(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Self(steps)
    }

    /// The path above and the last key, if it ends with one and has more than that.
    pub(super) fn split_key(&self) -> Option<(Self, &str)> {
        match self.0.split_last()? {
            (Step::Key(key), above) if !above.is_empty() => Some((Self(above.to_vec()), key)),
            _ => None,
        }
    }

    /// The same path with a key behind it.
    pub(super) fn child(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_owned()));
        Self(steps)
    }

    /// A path of these parts.
    pub fn of_steps(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// Its parts.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl fmt::Display for ValuesPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(&self.0, formatter)
    }
}

fn write(steps: &[Step], formatter: &mut impl fmt::Write) -> fmt::Result {
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Key(key) => {
                let dot = if at == 0 { "" } else { "." };
                write!(formatter, "{dot}{}", key.replace('.', "\\."))?;
            }
            Step::Index(index) => write!(formatter, "[{index}]")?,
        }
    }
    Ok(())
}

fn written(steps: &[Step]) -> String {
    let mut text = String::new();
    let _ = write(steps, &mut text);
    if text.is_empty() {
        "the top".to_owned()
    } else {
        text
    }
}

/// A node that a path means, and nothing else means.
pub(super) struct Place<'a> {
    pub(super) path: ValuesPath,
    pub(super) node: &'a Node,
    /// The key it stands behind; none in a list.
    pub(super) key: Option<&'a Node>,
}

/// The node at `path`.
pub(super) fn find<'a>(document: &'a Document, path: &ValuesPath) -> Result<Place<'a>, BumpError> {
    let ambiguous = |reason: String| BumpError::Ambiguous {
        path: path.to_string(),
        reason,
    };
    let (mut node, mut key) = (&document.root, None);
    for (depth, step) in path.0.iter().enumerate() {
        shared(document, node).map_err(ambiguous)?;
        let missing = |hint: String| BumpError::Missing {
            path: path.to_string(),
            missing: written(std::slice::from_ref(step)),
            parent: written(&path.0[..depth]),
            hint,
        };
        match (&node.kind, step) {
            (Kind::Map { entries, .. }, Step::Key(name)) => {
                let found = entry(entries, name).map_err(ambiguous)?;
                let found = found.ok_or_else(|| missing(hint(&path.0[..depth], entries)))?;
                (key, node) = (Some(&found.0), &found.1);
            }
            (Kind::List(items), Step::Index(index)) => {
                let count = items.len();
                let found = items.get(*index);
                node = found.ok_or_else(|| missing(format!("one of its {count} items")))?;
                key = None;
            }
            (Kind::Alias(_), _) => break,
            _ => return Err(missing("the path of an image".to_owned())),
        }
    }
    if matches!(node.kind, Kind::Alias(_)) {
        return Err(ambiguous(format!(
            "line {} is an alias, so what it shows is written elsewhere; change it where its anchor stands",
            node.line
        )));
    }
    shared(document, node).map_err(ambiguous)?;
    Ok(Place {
        path: path.clone(),
        node,
        key,
    })
}

/// Refuses a node whose anchor is used elsewhere: an edit would change both places.
pub(super) fn shared(document: &Document, node: &Node) -> Result<(), String> {
    let is_use = |(anchor, _): &&(usize, usize)| node.anchor != 0 && *anchor == node.anchor;
    match document.aliases.iter().find(is_use) {
        None => Ok(()),
        Some((_, line)) => Err(format!(
            "the anchor of line {} is used again at line {line}, so an edit would change both; write it out at one of them",
            node.line
        )),
    }
}

/// The entry of a key that stands there once and is not merged in.
pub(super) fn entry<'a>(
    entries: &'a [(Node, Node)],
    name: &str,
) -> Result<Option<&'a (Node, Node)>, String> {
    let mut found = entries.iter().filter(|(key, _)| key.text() == Some(name));
    let first = found.next();
    if let (Some((one, _)), Some((two, _))) = (first, found.next()) {
        return Err(format!(
            "the key `{name}` stands twice, at lines {} and {}; remove one",
            one.line, two.line
        ));
    }
    if first.is_none() {
        merge_free(entries, name)?;
    }
    Ok(first)
}

/// Refuses a map that may have the key by a merge.
fn merge_free(entries: &[(Node, Node)], name: &str) -> Result<(), String> {
    match entries.iter().find(|(key, _)| key.text() == Some("<<")) {
        None => Ok(()),
        Some((key, _)) => Err(format!(
            "the merge key `<<` at line {} may bring `{name}`; write `{name}` out in this map",
            key.line
        )),
    }
}

/// Some keys that are there, as paths.
fn hint(parent: &[Step], entries: &[(Node, Node)]) -> String {
    let names = entries.iter().filter_map(|(key, _)| key.text());
    let names: Vec<String> = names
        .take(5)
        .map(|name| {
            let mut steps = parent.to_vec();
            steps.push(Step::Key(name.to_owned()));
            format!("`{}`", written(&steps))
        })
        .collect();
    if names.is_empty() {
        "another file".to_owned()
    } else {
        names.join(", ")
    }
}
