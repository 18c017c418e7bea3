//! Manifests go out, byte for byte as they came.

use crate::{Caller, FlowError, Registry};
use bytes::Bytes;
use refloat_core::Failure;
use refloat_oci::reference::TagOrDigest;
use refloat_oci::{Digest, RepositoryName};
use std::sync::Arc;

/// A manifest on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestBody {
    /// Its digest.
    pub digest: Digest,
    /// Its media type as stored.
    pub media_type: Arc<str>,
    /// Its bytes as stored.
    pub bytes: Bytes,
}

impl Registry {
    /// A manifest by tag or digest.
    pub async fn get_manifest(&self, _caller: &Caller, _repository: &RepositoryName, _reference: &TagOrDigest) -> Result<ManifestBody, FlowError> {
        Err(unbuilt())
    }

    /// A tag: takes the tag away. A digest: deletes the manifest and its tags.
    pub async fn delete_manifest(&self, _caller: &Caller, _repository: &RepositoryName, _reference: &TagOrDigest) -> Result<(), FlowError> {
        Err(unbuilt())
    }
}

fn unbuilt() -> FlowError {
    Failure::Terminal("manifests are not built yet".to_owned()).into()
}
