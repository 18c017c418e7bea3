//! Blobs go out, checked MiB by MiB.

use crate::{Caller, FlowError, Registry};
use refloat_core::Failure;
use refloat_oci::{Digest, RepositoryName};
use refloat_ports::ByteStream;

/// A blob without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}

/// A part of a blob that a caller asks for, as `Range: bytes=` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// From `first` to `last` inclusive, or to the end; a `last` past the end is clamped.
    From {
        /// The first byte.
        first: u64,
        /// The last byte.
        last: Option<u64>,
    },
    /// The last bytes, at most this many.
    Suffix(u64),
}

/// A blob, or a part of it, on its way.
pub struct BlobBody {
    /// The whole blob's digest.
    pub digest: Digest,
    /// The whole blob's length in bytes.
    pub size: u64,
    /// Where the part begins.
    pub first: u64,
    /// How many bytes the stream has, unless it ends with an error.
    pub length: u64,
    /// The bytes. An error in place of bytes means that what is stored is damaged: break the connection.
    pub stream: ByteStream,
}

impl Registry {
    /// Whether the caller can read this blob here, and how long it is.
    pub async fn head_blob(&self, _caller: &Caller, _repository: &RepositoryName, _digest: &Digest) -> Result<BlobInfo, FlowError> {
        Err(unbuilt())
    }

    /// The bytes of a blob, or of a part of it.
    pub async fn open_blob(
        &self,
        _caller: &Caller,
        _repository: &RepositoryName,
        _digest: &Digest,
        _range: Option<ByteRange>,
    ) -> Result<BlobBody, FlowError> {
        Err(unbuilt())
    }

    /// Takes a blob out of the repository; its bytes go when nothing else uses them.
    pub async fn delete_blob(&self, _caller: &Caller, _repository: &RepositoryName, _digest: &Digest) -> Result<(), FlowError> {
        Err(unbuilt())
    }
}

fn unbuilt() -> FlowError {
    Failure::Terminal("blobs are not built yet".to_owned()).into()
}
