//! Images and artifacts of a place: a registry, or an image layout on disk. What reads and writes them needs no more.
//!
//! * Bytes come verbatim; whoever implements this has checked them against the digest that was asked for, or ends the
//!   stream with an error of kind `InvalidData`.
//! * A manifest is put after all it names. `put_manifest` by digest moves no tag.
//! * `mount` and `put_blob` of what is there already are success: every write may be repeated.
//! * A manifest with a `subject` is found by `referrers` afterwards, also where a registry has no such API
//!   (distribution-spec, "Unavailable Referrers API": the tag `ALGORITHM-HASH`).

mod memory;
mod verified;

pub use memory::MemoryImages;
pub use verified::verified;

use crate::ByteStream;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use refloat_core::Failure;
use refloat_oci::{Descriptor, Digest, Location, RepositoryName, TagName, TagOrDigest};
use std::sync::Arc;

/// A manifest or index as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its media type, as the place names it.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// A blob on its way.
pub struct BlobRead {
    /// Its length in bytes.
    pub size: u64,
    /// Its bytes.
    pub stream: ByteStream,
}

/// Why a place did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImagesError {
    /// The place wants other credentials, or does not know what was asked for and does not tell which.
    #[error("not found or not permitted: {0}; check the name, and sign in with `refloat login`")]
    NotPermitted(String),
    /// What was sent or asked is refused, with the place's own words.
    #[error("refused: {0}")]
    Refused(String),
    /// The place does not do this at all.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// The bytes are not what their digest says, or no manifest.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The world.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// The answer of a place.
pub type ImagesResult<'a, T> = BoxFuture<'a, Result<T, ImagesError>>;

/// A place that holds images.
pub trait Images: Send + Sync + 'static {
    /// What a tag or digest names now, by HEAD where there is one; `None` is a definite absence.
    fn resolve<'a>(
        &'a self,
        repository: &'a RepositoryName,
        target: &'a TagOrDigest,
    ) -> ImagesResult<'a, Option<Descriptor>>;

    /// A manifest or index; `None` is a definite absence.
    fn manifest<'a>(
        &'a self,
        repository: &'a RepositoryName,
        target: &'a TagOrDigest,
    ) -> ImagesResult<'a, Option<ImageManifest>>;

    /// A blob; `None` is a definite absence.
    fn blob<'a>(
        &'a self,
        repository: &'a RepositoryName,
        digest: &'a Digest,
    ) -> ImagesResult<'a, Option<BlobRead>>;

    /// Has a blob without sending its bytes: it is there, or the place can mount it from another repository of its own.
    /// `false` means that the bytes must be sent.
    fn mount<'a>(
        &'a self,
        repository: &'a RepositoryName,
        digest: &'a Digest,
        from: Option<&'a RepositoryName>,
    ) -> ImagesResult<'a, bool>;

    /// Stores a blob of `size` bytes.
    fn put_blob<'a>(
        &'a self,
        repository: &'a RepositoryName,
        digest: &'a Digest,
        size: u64,
        stream: ByteStream,
    ) -> ImagesResult<'a, ()>;

    /// Stores a manifest under a tag, or by its digest alone.
    fn put_manifest<'a>(
        &'a self,
        repository: &'a RepositoryName,
        target: &'a TagOrDigest,
        media_type: &'a str,
        bytes: Bytes,
    ) -> ImagesResult<'a, Digest>;

    /// Tags in ascending order after `after`, at most `limit`.
    fn tags<'a>(
        &'a self,
        repository: &'a RepositoryName,
        after: Option<&'a TagName>,
        limit: usize,
    ) -> ImagesResult<'a, Vec<TagName>>;
}

/// A place, and what in it is meant.
#[derive(Clone)]
pub struct Place {
    /// The place.
    pub images: Arc<dyn Images>,
    /// The repository in it; a layout has one, called `layout`.
    pub repository: RepositoryName,
    /// The tag or digest; `None` means the only image there.
    pub target: Option<TagOrDigest>,
    /// As people write it.
    pub written: String,
}

/// Opens places by what people write. The binary knows how: our own registry in this process, foreign ones over HTTP
/// with their credentials, layouts and archives as files.
pub trait Places: Send + Sync + 'static {
    /// Opens it. Nothing needs to be asked of the place yet.
    fn open<'a>(&'a self, location: &'a Location) -> ImagesResult<'a, Place>;
}
