//! What one rendering carries along: limits, what they have used up, and the oracle.

use crate::oracle::{Oracle, Silent};

/// How much a rendering may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Actions, operands and iterations.
    pub steps: u64,
    /// Templates within templates.
    pub depth: u32,
    /// Bytes of all texts made.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 200_000_000,
            depth: 256,
            bytes: 1 << 30,
        }
    }
}

/// The state of one rendering, shared by all its files.
pub struct Context<'o> {
    pub(crate) limits: Limits,
    pub(crate) oracle: &'o dyn Oracle,
}

impl<'o> Context<'o> {
    /// A rendering that asks `oracle` and stays within the default limits.
    pub fn new(oracle: &'o dyn Oracle) -> Self {
        Self::with_limits(oracle, Limits::default())
    }

    /// A rendering with limits of its own.
    pub fn with_limits(oracle: &'o dyn Oracle, limits: Limits) -> Self {
        Self { limits, oracle }
    }
}

impl Default for Context<'static> {
    fn default() -> Self {
        Self::new(&Silent)
    }
}
