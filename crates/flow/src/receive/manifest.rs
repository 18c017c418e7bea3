//! `put_manifest`: the bytes of a manifest become a manifest of the repository.

use crate::{Caller, FlowError, Registry};
use bytes::Bytes;
use refloat_core::Failure;
use refloat_oci::reference::TagOrDigest;
use refloat_oci::{Digest, RepositoryName, TagName};

/// A manifest as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutManifest {
    /// What the path says: a tag to move, or the digest the bytes must have.
    pub reference: TagOrDigest,
    /// More tags to move (`?tag=`), for a push by digest.
    pub tags: Vec<TagName>,
    /// The `Content-Type`, which must be the media type in the bytes if both are there.
    pub content_type: Option<String>,
    /// The bytes, kept verbatim.
    pub bytes: Bytes,
}

/// What became of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutDone {
    /// Its digest.
    pub digest: Digest,
    /// Its subject, if it has one.
    pub subject: Option<Digest>,
    /// The tags that name it now, of those asked for.
    pub tags: Vec<TagName>,
    /// Whether it is quarantined: only those who clear it can pull it.
    pub quarantined: bool,
}

impl Registry {
    /// Stores a manifest and moves tags to it, all or nothing.
    pub async fn put_manifest(&self, _caller: &Caller, _repository: &RepositoryName, _put: PutManifest) -> Result<PutDone, FlowError> {
        Err(Failure::Terminal("put_manifest is not built yet".to_owned()).into())
    }
}
