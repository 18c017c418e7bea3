//! What can go wrong with an operation on the store, and with opening it.

use refloat_core::{Failure, Rejection};
use std::path::PathBuf;

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
        Self::Failed(Failure::Damaged(format!(
            "column {index} of a row is {what}"
        )))
    }

    /// The world may comply later.
    pub(crate) fn transient(text: impl Into<String>) -> Self {
        Self::Failed(Failure::Transient(text.into()))
    }

    /// A person has to act, or a program has to be corrected.
    pub(crate) fn terminal(text: impl Into<String>) -> Self {
        Self::Failed(Failure::Terminal(text.into()))
    }
}

impl From<refloat_fail::Injected> for StoreError {
    fn from(injected: refloat_fail::Injected) -> Self {
        Self::Failed(Failure::Transient(injected.to_string()))
    }
}

/// Why a database was not opened. It was left as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the folder's lock.
    #[error("data folder {} is in use by process {process}; stop it, or use another folder", .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The other process's id, as it wrote it into the lock.
        process: String,
    },
    /// SQLite's write-ahead log needs shared memory between processes, which no network file system has.
    #[error("data folder {} lies on {kind}; SQLite is not safe there: use a local disk, or PostgreSQL", .folder.display())]
    NetworkFilesystem {
        /// The folder.
        folder: PathBuf,
        /// The file system.
        kind: &'static str,
    },
    /// The SQLite this program was built with has known ways to lose data.
    #[error("SQLite {found} is too old; {needed} or newer is needed")]
    SqliteTooOld {
        /// The version found.
        found: String,
        /// The oldest that is accepted.
        needed: &'static str,
    },
    /// A newer Refloat wrote this data.
    #[error(
        "{place} was written by a newer version of refloat: it has migration {found}, this version knows up to {known}; start the newer version"
    )]
    Newer {
        /// The database.
        place: String,
        /// Its newest migration.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// A migration that ran here is not the one this program carries.
    #[error(
        "migration {number} ({name}) of {place} is not the one this version of refloat carries: its checksum differs; start the version that made the data"
    )]
    Changed {
        /// The database.
        place: String,
        /// The migration's number.
        number: i64,
        /// Its name.
        name: String,
    },
    /// A migration failed. Those that ran before it in this start were undone with it.
    #[error("migration {number} ({name}) of {place} failed, nothing was changed: {reason}")]
    MigrationFailed {
        /// The database.
        place: String,
        /// The migration's number.
        number: i64,
        /// Its name.
        name: String,
        /// What the database says.
        reason: String,
    },
    /// An address of a database that cannot be used.
    #[error("{0}")]
    Address(String),
    /// A file or folder refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database answered with an error.
    #[error("{place}: {source}")]
    Store {
        /// The database.
        place: String,
        /// Its error.
        source: StoreError,
    },
}
