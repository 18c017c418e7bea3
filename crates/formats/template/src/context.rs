//! What one rendering carries along: limits, what they have used up, and the oracle.

use std::collections::BTreeMap;
use std::rc::Rc;

use regex::Regex;

use crate::exec::Parsed;
use crate::oracle::{Oracle, Silent};
use crate::value::{Frozen, Str, Value};
use crate::yaml::{self, YamlError};

/// How much a rendering may use, over all its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Actions and iterations.
    pub steps: u64,
    /// Templates within templates. Each takes some KiB of the thread's stack.
    pub depth: u32,
    /// Bytes of all texts that templates make, used or not.
    pub bytes: u64,
    /// Bytes of all lists and maps that templates make, used or not.
    pub held: u64,
}

/// Many times what the largest known charts need, and below a second.
const STEPS: u64 = 10_000_000;
/// Real charts stay below 30.
const DEPTH: u32 = 100;
/// The largest known charts make some 50 MB.
const BYTES: u64 = 100 << 20;

/// Many times what the largest known charts make.
const HELD: u64 = 160 << 20;

/// Texts given to `fromYaml` are kept up to this sum.
const DOCUMENT_BYTES: usize = 8 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: STEPS,
            depth: DEPTH,
            bytes: BYTES,
            held: HELD,
        }
    }
}

/// The state of one rendering, shared by all its files.
pub struct Context<'o> {
    pub(crate) limits: Limits,
    pub(crate) oracle: &'o dyn Oracle,
    pub(crate) steps: u64,
    pub(crate) bytes: u64,
    pub(crate) held: u64,
    /// How often each template is within itself.
    pub(crate) included: BTreeMap<Str, u32>,
    /// Texts given to `tpl` so far.
    pub(crate) parsed: BTreeMap<Str, Rc<Parsed>>,
    /// Expressions compiled so far.
    pub(crate) expressions: BTreeMap<Str, Regex>,
    /// Texts given to `fromYaml` so far, and how many bytes they have.
    documents: BTreeMap<Str, Frozen>,
    document_bytes: usize,
}

impl<'o> Context<'o> {
    /// A rendering that asks `oracle` and stays within the default limits.
    pub fn new(oracle: &'o dyn Oracle) -> Self {
        Self::with_limits(oracle, Limits::default())
    }

    /// A rendering with limits of its own.
    pub fn with_limits(oracle: &'o dyn Oracle, limits: Limits) -> Self {
        Self {
            limits,
            oracle,
            steps: 0,
            bytes: 0,
            held: 0,
            included: BTreeMap::new(),
            parsed: BTreeMap::new(),
            expressions: BTreeMap::new(),
            documents: BTreeMap::new(),
            document_bytes: 0,
        }
    }

    /// Reads a text of YAML; one that was read before is not parsed again.
    pub(crate) fn read_yaml(&mut self, text: &Str) -> Result<Value, YamlError> {
        if let Some(known) = self.documents.get(text) {
            return Ok(known.thaw());
        }
        let value = yaml::read(text)?;
        self.document_bytes = self.document_bytes.saturating_add(text.len());
        if self.document_bytes <= DOCUMENT_BYTES
            && let Some(frozen) = Frozen::of(&value)
        {
            self.documents.insert(Str::clone(text), frozen);
        }
        Ok(value)
    }
}

impl Default for Context<'static> {
    fn default() -> Self {
        Self::new(&Silent)
    }
}
