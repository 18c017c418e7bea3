//! Splices, and the proof that they changed what was intended and nothing else.

use super::find::{Step, ValuesPath};
use super::tree::read_all;
use super::{BumpError, Bumped, ChangedValue};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What one edit changes.
pub(super) struct Plan {
    /// The path that was asked for, for errors.
    pub(super) path: ValuesPath,
    pub(super) splices: Vec<Splice>,
    pub(super) left_out: Option<&'static str>,
}

impl Plan {
    /// No change yet.
    pub(super) fn new(path: ValuesPath) -> Self {
        Self {
            path,
            splices: Vec::new(),
            left_out: None,
        }
    }

    /// The same edit, in the document of this number.
    pub(super) fn of_document(mut self, number: usize) -> Self {
        for splice in &mut self.splices {
            splice.document = number;
        }
        self
    }
}

/// Bytes put in the place of others, and what the values are to be afterwards.
pub(super) struct Splice {
    /// Empty where something is put in between.
    pub(super) range: Range<usize>,
    pub(super) text: String,
    /// The line it touches, counted from 1; a whole new line comes behind it.
    pub(super) line: usize,
    pub(super) kind: SpliceKind,
    pub(super) path: ValuesPath,
    pub(super) old: Option<String>,
    pub(super) new: String,
    /// Which document of the text, counted from 0.
    pub(super) document: usize,
    /// Where the text is YAML in a text of the document: the path of that text, and what it is to be.
    pub(super) within: Option<(ValuesPath, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpliceKind {
    /// The line changes.
    Within,
    /// A line is added.
    NewLine,
}

/// The text with a plan applied, proven.
pub(super) fn edited(text: &str, plan: &Plan) -> Result<String, BumpError> {
    let mut splices: Vec<&Splice> = plan.splices.iter().collect();
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    let mut result = text.to_owned();
    for splice in splices.iter().rev() {
        result.replace_range(splice.range.clone(), &splice.text);
    }
    prove(text, &result, &splices).map_err(|reason| BumpError::Unproven {
        path: plan.path.to_string(),
        reason,
    })?;
    Ok(result)
}

/// Applies a plan and proves the result.
pub(super) fn apply(text: &str, plan: &Plan) -> Result<Bumped, BumpError> {
    let result = edited(text, plan)?;
    let mut splices: Vec<&Splice> = plan.splices.iter().collect();
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    let mut added = 0;
    let mut changed = Vec::new();
    for splice in splices {
        added += usize::from(splice.kind == SpliceKind::NewLine);
        changed.push(ChangedValue {
            path: splice.path.to_string(),
            line: splice.line + added,
            old: splice.old.clone(),
            new: splice.new.clone(),
        });
    }
    Ok(Bumped {
        text: result,
        changed,
        left_out: plan.left_out,
    })
}

fn prove(old: &str, new: &str, splices: &[&Splice]) -> Result<(), String> {
    let mut intended = values(old)?;
    for splice in splices {
        let (path, text) = match &splice.within {
            Some((path, text)) => (path, text),
            None => (&splice.path, &splice.new),
        };
        let tree = intended.get_mut(splice.document);
        let tree = tree.ok_or_else(|| "the document is not there".to_owned())?;
        set(tree, path.steps(), text)?;
    }
    if values(new)? != intended {
        return Err("reading it again shows other values than intended".to_owned());
    }
    other_lines_stay(old, new, splices)
}

/// Every line that no splice touches is the same bytes, in the same order.
fn other_lines_stay(old: &str, new: &str, splices: &[&Splice]) -> Result<(), String> {
    let (mut touched, mut added) = (BTreeSet::new(), BTreeMap::<usize, usize>::new());
    for splice in splices {
        match splice.kind {
            SpliceKind::Within => {
                touched.insert(splice.line);
            }
            SpliceKind::NewLine => *added.entry(splice.line).or_default() += 1,
        }
    }
    let mut lines = new.split('\n');
    for (index, line) in old.split('\n').enumerate() {
        let number = index + 1;
        let same = lines.next().is_some_and(|found| found == line);
        if !same && !touched.contains(&number) {
            return Err(format!("line {number} would change"));
        }
        for _ in 0..added.get(&number).copied().unwrap_or_default() {
            lines.next();
        }
    }
    match lines.next() {
        None => Ok(()),
        Some(_) => Err("lines would be added at the end".to_owned()),
    }
}

/// The documents as trees; of keys that stand twice the last one, as Helm reads them.
fn values(text: &str) -> Result<Vec<Value>, String> {
    let documents = read_all(text).map_err(|error| error.to_string())?;
    let ends = documents.iter().skip(1).map(|document| document.start);
    let ends = ends.chain([text.len()]);
    let starts = [0].into_iter();
    let starts = starts.chain(documents.iter().skip(1).map(|document| document.start));
    starts
        .zip(ends)
        .map(|(start, end)| one(&text[start..end]))
        .collect()
}

fn one(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let text = error.to_string();
        text.lines().next().unwrap_or_default().to_owned()
    })
}

fn set(tree: &mut Value, steps: &[Step], text: &str) -> Result<(), String> {
    let nowhere = || "the path is not in the tree".to_owned();
    let Some((last, parents)) = steps.split_last() else {
        *tree = Value::String(text.to_owned());
        return Ok(());
    };
    let mut node = tree;
    for step in parents {
        node = match step {
            Step::Key(key) => node.get_mut(key.as_str()),
            Step::Index(index) => node.get_mut(*index),
        }
        .ok_or_else(nowhere)?;
    }
    match (last, node) {
        (Step::Key(key), Value::Object(map)) => {
            map.insert(key.clone(), Value::String(text.to_owned()));
            Ok(())
        }
        (Step::Index(index), Value::Array(list)) => {
            *list.get_mut(*index).ok_or_else(nowhere)? = Value::String(text.to_owned());
            Ok(())
        }
        _ => Err(nowhere()),
    }
}
