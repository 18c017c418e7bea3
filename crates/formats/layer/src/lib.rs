//! An index of one layer, made while it streams by: paths, modes, links, whiteouts, hashes, what programs need.
//!
//! [`index()`] reads a layer once, never to disk, and keeps what judging needs ([`LayerIndex`]). It is strict: what
//! container runtimes may read in two ways, or what is damaged, is an error or an [`Oddity`], never a guess. Every
//! cap has a name in [`limits`]. Called by whoever holds a layer's bytes; the index is packed by
//! [`LayerIndex::to_bytes`] and kept by (DiffID, [`FORMAT_VERSION`]).

mod archive;
mod collect;
mod compression;
mod entry;
mod java;
mod keep;
pub mod limits;
mod packed;
pub mod path;
mod words;

pub use collect::{WithoutDiffId, index, index_beside};
pub use compression::{Compression, is_readable};
pub use entry::{Entry, Facts, Kind, LayerIndex, Oddity, OddityKind};
pub use java::Java;
pub use packed::{FORMAT_VERSION, PackedError};
pub use words::{Mention, Words};

/// Why a layer has no index. Nothing of it may be judged then.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// A layer that is encrypted, foreign, or of a type nobody knows.
    #[error("layers of type `{0}` cannot be read; rebuild the image")]
    MediaType(String),
    /// The bytes ended early, or cannot be decompressed.
    #[error("the layer is truncated or damaged: {0}")]
    Read(#[source] std::io::Error),
    /// The archive is damaged, or uses a form that is not read.
    #[error("the layer's archive cannot be read: {what} at byte {offset}")]
    Archive {
        /// What is wrong.
        what: String,
        /// Where in the uncompressed bytes.
        offset: u64,
    },
    /// A path that leaves the root or cannot be a path.
    #[error("the layer has a path that cannot be used: `{0}`")]
    Path(String),
    /// More than a cap of [`limits`].
    #[error("the layer passes a limit: {what} above {limit}")]
    Limit {
        /// What is too much.
        what: &'static str,
        /// The cap.
        limit: u64,
    },
}
