//! Stored bytes: written once under a key that is never used again, read with their checksums.
//!
//! # The life of a key
//!
//! ```text
//!              append*              finish                    delete
//! (absent) ──────────────► upload ──────────► stored ─────────────────► (absent, for good)
//!    begin                    │                                ▲
//!                             └────────────────────────────────┘ delete: an upload that is given up
//! ```
//!
//! * A key is made by the caller, a fresh one per upload. It names one body for ever, or nothing.
//! * `begin` may be called again until the first byte is there. `append` continues at an offset; what it
//!   acknowledged is on disk, and survives the process and the machine. Bytes past the last acknowledged offset
//!   do not exist for the contract: the next `append` at that offset overwrites them.
//! * One caller at a time writes one key. The caller sees to that (a lease, and the offset in its row).
//! * `finish` checks the digest first and makes the key readable last. After a mismatch the upload is as before.
//!   Only when it has returned may a row name the key.
//! * Whoever dies between `finish` and its row still has its upload where it was acknowledged: it may append again and
//!   finish again. The same digest gives the same answer; another one loses the upload. Stored bytes never change.
//! * `read` never hands out a byte that it has not checked against the checksums that `finish` returned.
//! * `delete` may be repeated, and may name a key that never was.

use crate::Checksums;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use refloat_core::{Failure, StorageKey};
use refloat_oci::{Algorithm, Digest};
use std::ops::Range;
use std::pin::Pin;

/// Bytes on their way; an error ends the stream.
pub type ByteStream = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// Why an append did not take the whole body.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The body broke off. What came before is kept: the upload continues at `length`.
    #[error("the body broke off: {source}")]
    Body {
        /// What the body said.
        source: std::io::Error,
        /// Bytes of the upload that are on disk now.
        length: u64,
    },
    /// Acknowledged bytes are not there, or cannot be trusted to be on disk: the upload must start again.
    #[error("the bytes of upload `{key}` are lost: {cause}")]
    Lost {
        /// The upload.
        key: StorageKey,
        /// What happened to it.
        cause: Failure,
    },
    /// The world; the upload continues at the offset of this append.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Why an upload did not become stored.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// The bytes have another digest. The upload is as before.
    #[error("the bytes have the digest {actual}")]
    Mismatch {
        /// What they have.
        actual: Digest,
    },
    /// Acknowledged bytes are not there, or cannot be trusted to be on disk: the upload must start again.
    #[error("the bytes of upload `{key}` are lost: {cause}")]
    Lost {
        /// The upload.
        key: StorageKey,
        /// What happened to it.
        cause: Failure,
    },
    /// The world.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// What `finish` found out about the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Their length in bytes.
    pub size: u64,
    /// The checksum of each MiB, for `read`.
    pub checksums: Checksums,
}

/// A key that the store holds bytes under, for audits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The key.
    pub key: StorageKey,
    /// Length in bytes.
    pub size: u64,
}

/// A place for bytes. The life cycle stands at the head of this module.
pub trait Blobs: Send + Sync + 'static {
    /// Announces an upload and how its digest will probably be computed. Nothing needs to be on disk.
    ///
    /// # Errors
    /// [`Failure`] of the world.
    fn begin(&self, key: StorageKey, algorithm: Algorithm) -> BoxFuture<'_, Result<(), Failure>>;

    /// Writes `body` from `offset` on, syncs it, and returns the upload's length in bytes.
    ///
    /// # Errors
    /// [`AppendError`]; it says what is kept.
    fn append(
        &self,
        key: StorageKey,
        offset: u64,
        body: ByteStream,
    ) -> BoxFuture<'_, Result<u64, AppendError>>;

    /// Checks that the first `size` bytes have `digest`, and makes them readable for good.
    ///
    /// # Errors
    /// [`FinishError`]; after a mismatch the upload goes on as if nothing had been asked.
    fn finish(
        &self,
        key: StorageKey,
        size: u64,
        digest: Digest,
    ) -> BoxFuture<'_, Result<Finished, FinishError>>;

    /// The bytes of `range`, each MiB checked before any byte of it is handed out. A MiB that does not have its
    /// checksum ends the stream with an error of kind `InvalidData`.
    ///
    /// # Errors
    /// [`Failure::Damaged`] if the key is not there or has another length than the checksums cover.
    fn read(
        &self,
        key: StorageKey,
        range: Range<u64>,
        checksums: Checksums,
    ) -> BoxFuture<'_, Result<ByteStream, Failure>>;

    /// Removes an upload or stored bytes; nothing to remove is success.
    ///
    /// # Errors
    /// [`Failure`] of the world; ask again.
    fn delete(&self, key: StorageKey) -> BoxFuture<'_, Result<(), Failure>>;

    /// Keys that hold bytes, uploads included, at most `limit`, in an order of the store's own; `after` is the last
    /// key of the page before. For audits.
    ///
    /// # Errors
    /// [`Failure`] of the world.
    fn list(
        &self,
        after: Option<StorageKey>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Stored>, Failure>>;
}
