//! Manifests go out, byte for byte as they came.

use super::cache::Key;
use crate::asked::{Asked, operation};
use crate::{Caller, FlowError, Registry};
use bytes::Bytes;
use refloat_core::Failure;
use refloat_oci::reference::TagOrDigest;
use refloat_oci::{Digest, RepositoryName};
use refloat_store::access::{Delete, Pull};
use refloat_store::registry;
use refloat_store::visible::Purpose;
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
    /// A manifest by tag or digest; from memory if nothing was committed since it was read for this caller.
    pub async fn get_manifest(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        reference: &TagOrDigest,
    ) -> Result<ManifestBody, FlowError> {
        let key = Key {
            principal: &caller.principal,
            repository,
            name: reference,
        };
        let generation = self.store().generation();
        if let Some(body) = generation.and_then(|generation| self.manifests().get(&key, generation))
        {
            return Ok(body);
        }
        let body = self
            .read_manifest(Asked::new(caller, repository), reference.clone())
            .await?;
        if let Some(generation) = generation {
            let bytes = body.bytes.len() as u64;
            self.manifests().put(&key, generation, body.clone(), bytes);
        }
        Ok(body)
    }

    async fn read_manifest(
        &self,
        asked: Asked,
        reference: TagOrDigest,
    ) -> Result<ManifestBody, FlowError> {
        let read = self.store().read(operation!(tx, [asked, reference], {
            let leave = asked.authorize::<Pull>(tx).await?;
            let stored = registry::manifest(tx, &leave, &reference, Purpose::Pull).await?;
            // Rows have no checksum of their own; the digest is one.
            let actual = Digest::of(stored.digest.algorithm(), &stored.bytes);
            if actual != stored.digest {
                let text = format!(
                    "the bytes of manifest `{}` have the digest {actual}",
                    stored.digest
                );
                return Err(Failure::Damaged(text).into());
            }
            Ok(ManifestBody {
                digest: stored.digest,
                media_type: stored.media_type,
                bytes: stored.bytes,
            })
        }));
        Ok(read.await?)
    }

    /// A tag: takes the tag away. A digest: deletes the manifest and its tags.
    pub async fn delete_manifest(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        reference: &TagOrDigest,
    ) -> Result<(), FlowError> {
        let digest = match reference {
            TagOrDigest::Tag(tag) => return self.untag(caller, repository, tag.clone()).await,
            TagOrDigest::Digest(digest) => *digest,
        };
        let asked = Asked::new(caller, repository);
        let deleted = self.store().write(operation!(tx, [asked], {
            let leave = asked.authorize::<Delete>(tx).await?;
            registry::delete_manifest(tx, &leave, &digest).await
        }));
        Ok(deleted.await?)
    }
}
