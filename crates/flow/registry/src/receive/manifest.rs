//! `put_manifest`: the bytes of a manifest become a manifest of the repository.

use crate::asked::{Asked, operation};
use crate::{Caller, FlowError, Registry};
use bytes::Bytes;
use refloat_core::Rejection;
use refloat_core::registry::ManifestFacts;
use refloat_oci::manifest::{ManifestError, ManifestView};
use refloat_oci::reference::TagOrDigest;
use refloat_oci::{Digest, RepositoryName, TagName};
use refloat_store::StoreError;
use refloat_store::access::Push;
use refloat_store::registry;
use std::sync::Arc;

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
    pub async fn put_manifest(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        put: PutManifest,
    ) -> Result<PutDone, FlowError> {
        let limit_bytes = self.limits().manifest_bytes_max;
        if put.bytes.len() as u64 > limit_bytes {
            return Err(too_large(limit_bytes).into());
        }
        let view = ManifestView::parse(&put.bytes, put.content_type.as_deref())
            .map_err(|error| invalid(error, limit_bytes))?;
        let (digest, tags) = named(&put)?;
        let subject = view.subject.as_ref().map(|subject| subject.digest);
        let asked = Asked::new(caller, repository);
        let new = Arc::new(registry::PutManifest {
            facts: ManifestFacts {
                digest,
                media_type: view.media_type.clone(),
                artifact_type: view.artifact_type.clone(),
                subject,
                size_bytes: put.bytes.len() as u64,
            },
            annotations: view.annotations.clone(),
            blobs: view.required_blobs(),
            optional_blobs: view
                .optional_blobs
                .iter()
                .map(|layer| layer.digest)
                .collect(),
            children: view.child_manifests(),
            bytes: put.bytes,
            tags,
        });
        let store = self.store().clone();
        let work = async move {
            let outcome = store.write(operation!(tx, [asked, new], {
                let leave = asked.authorize::<Push>(tx).await?;
                registry::put_manifest(tx, &leave, &new).await
            }));
            let outcome = outcome.await?;
            refloat_fail::point("manifest.stored").map_err(StoreError::from)?;
            Ok::<_, FlowError>(outcome)
        };
        let outcome = self.tasks().durable("put_manifest", work).await?;
        Ok(PutDone {
            digest,
            subject,
            tags: outcome.tags,
            quarantined: outcome.quarantined,
        })
    }
}

/// The digest of the bytes and the tags that shall name it.
fn named(put: &PutManifest) -> Result<(Digest, Vec<TagName>), Rejection> {
    match &put.reference {
        TagOrDigest::Tag(tag) => {
            let mut tags = vec![tag.clone()];
            tags.extend(put.tags.iter().filter(|other| *other != tag).cloned());
            Ok((Digest::sha256(&put.bytes), unique(tags)))
        }
        TagOrDigest::Digest(claimed) => {
            let actual = Digest::of(claimed.algorithm(), &put.bytes);
            if actual != *claimed {
                let text = format!("the manifest's bytes have the digest {actual}, not {claimed}");
                return Err(Rejection::DigestInvalid(text));
            }
            Ok((actual, unique(put.tags.clone())))
        }
    }
}

/// Each tag once, in the order of the request.
fn unique(tags: Vec<TagName>) -> Vec<TagName> {
    let mut seen = std::collections::BTreeSet::new();
    tags.into_iter()
        .filter(|tag| seen.insert(tag.clone()))
        .collect()
}

fn too_large(limit_bytes: u64) -> Rejection {
    Rejection::TooLarge {
        what: "the manifest",
        limit_bytes,
    }
}

fn invalid(error: ManifestError, limit_bytes: u64) -> Rejection {
    match error {
        ManifestError::TooLarge => too_large(limit_bytes),
        ManifestError::Unsupported(what) => Rejection::Unsupported(what),
        ManifestError::Json(_)
        | ManifestError::MediaTypeMismatch { .. }
        | ManifestError::MediaType(_)
        | ManifestError::Shape(_)
        | ManifestError::Descriptor { .. } => Rejection::ManifestInvalid(error.to_string()),
    }
}
