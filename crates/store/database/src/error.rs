//! What can go wrong with an operation on the store.

use refloat_core::{Failure, Rejection};

/// Why an operation did not commit. Nothing of it is visible.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// The caller's fault; decided inside the transaction.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The world's fault.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// Somebody else changed the same rows; the driver runs the operation again.
    #[error("changed by somebody else at the same time")]
    Conflict,
    /// A foreign key points at nothing, or something still points here.
    #[error("a reference between rows is broken: {0}")]
    ForeignKey(String),
    /// A row with this key exists.
    #[error("the row exists already: {0}")]
    Unique(String),
}

impl StoreError {
    /// A column that is not what the statement's author expected: the database is damaged or newer.
    pub fn column(index: usize, what: &str) -> Self {
        Self::Failed(Failure::Damaged(format!("column {index} of a row is {what}")))
    }
}

impl From<refloat_fail::Injected> for StoreError {
    fn from(injected: refloat_fail::Injected) -> Self {
        Self::Failed(Failure::Transient(injected.to_string()))
    }
}
