//! What verbs without a server get from the command line, and give back to it.

use refloat_oci::RegistryHost;
use serde_json::Value;
use std::sync::Arc;

/// What a verb without a server needs to know.
#[derive(Clone)]
pub struct Alone {
    /// The host that short names lie on.
    pub server: Option<RegistryHost>,
    /// Who is told how the work goes.
    pub watch: Watch,
}

/// Is told how long work goes.
pub type Watch = Arc<dyn Fn(Stage) + Send + Sync>;

/// A stage of long work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// So many bytes are read or sent from here on.
    Begin {
        /// What they are.
        what: String,
        /// How many.
        bytes: u64,
    },
    /// So many of them have come.
    Bytes(u64),
    /// Something is being done that has no bytes.
    Note(String),
}

/// How a rebase ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebaseEnd {
    /// Nothing has to change.
    Unchanged,
    /// The verdict is worse than what is allowed.
    Refused,
    /// It would be written.
    Planned,
    /// It was written.
    Written,
    /// The same result was there, under the same name.
    AsBefore,
}

/// A rebase, and how it ended.
pub struct Rebased {
    /// INTERFACE's JSON of `rebase`.
    pub json: Value,
    /// How it ended.
    pub end: RebaseEnd,
}
