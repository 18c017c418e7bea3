//! What a long work tells whoever watches it. Nothing depends on it.

use refloat_oci::Digest;
use std::sync::Arc;

/// A step of the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A layer is read from here on.
    Reading {
        /// The blob.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
    },
    /// So many bytes of it have come.
    Bytes(u64),
    /// A base is looked for among so many images.
    Candidates(usize),
    /// A blob is sent from here on; it could not be mounted.
    Sending {
        /// The blob.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
    },
    /// Something that deserves a line of its own.
    Note(String),
}

/// Who watches.
pub type Observer = Arc<dyn Fn(Step) + Send + Sync>;

/// Nobody watches.
pub fn unobserved() -> Observer {
    Arc::new(|_| {})
}
