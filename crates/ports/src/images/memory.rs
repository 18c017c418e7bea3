//! Images in memory: a fake for tests that keeps the whole contract.

use crate::{BlobRead, ByteStream, ImageManifest, Images, ImagesError, ImagesResult};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use refloat_oci::{Descriptor, Digest, ManifestView, RepositoryName, TagName, TagOrDigest};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Repository {
    tags: BTreeMap<TagName, Digest>,
    manifests: BTreeMap<Digest, (String, Bytes)>,
    blobs: BTreeMap<Digest, Bytes>,
}

/// Images in memory; a clone is the same place.
#[derive(Clone, Default)]
pub struct MemoryImages {
    repositories: Arc<Mutex<BTreeMap<RepositoryName, Repository>>>,
}

impl MemoryImages {
    /// A place without images.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loses a blob, as a bad registry would.
    pub fn lose(&self, repository: &RepositoryName, digest: &Digest) {
        if let Some(repository) = self.lock().get_mut(repository) {
            repository.blobs.remove(digest);
        }
    }

    /// Cuts a blob to its first `length` bytes, as a bad registry would; its digest stays.
    pub fn truncate(&self, repository: &RepositoryName, digest: &Digest, length: usize) {
        let mut all = self.lock();
        let blob = all
            .get_mut(repository)
            .and_then(|repository| repository.blobs.get_mut(digest));
        if let Some(bytes) = blob {
            bytes.truncate(length);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RepositoryName, Repository>> {
        self.repositories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, name: &RepositoryName, target: &TagOrDigest) -> Option<ImageManifest> {
        let all = self.lock();
        let repository = all.get(name)?;
        let digest = match target {
            TagOrDigest::Tag(tag) => *repository.tags.get(tag)?,
            TagOrDigest::Digest(digest) => *digest,
        };
        let (media_type, bytes) = repository.manifests.get(&digest)?;
        Some(ImageManifest {
            digest,
            media_type: media_type.clone(),
            bytes: bytes.clone(),
        })
    }

    fn keep(
        &self,
        name: &RepositoryName,
        target: &TagOrDigest,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Digest, ImagesError> {
        let view = ManifestView::parse(&bytes, Some(media_type))
            .map_err(|error| ImagesError::Refused(error.to_string()))?;
        let digest = match target {
            TagOrDigest::Tag(_) => Digest::sha256(&bytes),
            TagOrDigest::Digest(digest) => Digest::of(digest.algorithm(), &bytes),
        };
        if matches!(target, TagOrDigest::Digest(wanted) if *wanted != digest) {
            return Err(ImagesError::Refused(format!("the manifest is {digest}")));
        }
        let mut all = self.lock();
        let repository = all.entry(name.clone()).or_default();
        let missing = view
            .required_blobs()
            .into_iter()
            .find(|blob| !repository.blobs.contains_key(blob));
        let orphan = view
            .child_manifests()
            .into_iter()
            .find(|child| !repository.manifests.contains_key(child));
        if let Some(digest) = missing.or(orphan) {
            return Err(ImagesError::Refused(format!("{digest} is not there")));
        }
        repository
            .manifests
            .insert(digest, (media_type.to_owned(), bytes));
        if let TagOrDigest::Tag(tag) = target {
            repository.tags.insert(tag.clone(), digest);
        }
        Ok(digest)
    }

    async fn store(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        size: u64,
        mut stream: ByteStream,
    ) -> Result<(), ImagesError> {
        let mut all = Vec::new();
        while let Some(frame) = stream.next().await {
            let frame =
                frame.map_err(|error| ImagesError::Damaged(format!("{digest}: {error}")))?;
            all.extend_from_slice(&frame);
        }
        if all.len() as u64 != size || Digest::of(digest.algorithm(), &all) != *digest {
            return Err(ImagesError::Damaged(format!("{digest} has other bytes")));
        }
        self.lock()
            .entry(name.clone())
            .or_default()
            .blobs
            .insert(*digest, all.into());
        Ok(())
    }
}

impl Images for MemoryImages {
    fn resolve<'a>(
        &'a self,
        repository: &'a RepositoryName,
        target: &'a TagOrDigest,
    ) -> ImagesResult<'a, Option<Descriptor>> {
        let found = self.find(repository, target).map(|found| Descriptor {
            media_type: found.media_type,
            digest: found.digest,
            size: found.bytes.len() as u64,
        });
        Box::pin(async move { Ok(found) })
    }

    fn manifest<'a>(
        &'a self,
        repository: &'a RepositoryName,
        target: &'a TagOrDigest,
    ) -> ImagesResult<'a, Option<ImageManifest>> {
        let found = self.find(repository, target);
        Box::pin(async move { Ok(found) })
    }

    fn blob<'a>(
        &'a self,
        repository: &'a RepositoryName,
        digest: &'a Digest,
    ) -> ImagesResult<'a, Option<BlobRead>> {
        let all = self.lock();
        let bytes = all
            .get(repository)
            .and_then(|repository| repository.blobs.get(digest))
            .cloned();
        Box::pin(async move {
            Ok(bytes.map(|bytes| {
                let size = bytes.len() as u64;
                let whole: ByteStream = Box::pin(stream::iter([Ok(bytes)]));
                BlobRead {
                    size,
                    stream: super::verified(whole, *digest, size),
                }
            }))
        })
    }

    fn mount<'a>(
        &'a self,
        repository: &'a RepositoryName,
        digest: &'a Digest,
        from: Option<&'a RepositoryName>,
    ) -> ImagesResult<'a, bool> {
        let mut all = self.lock();
        let blob = |name: &RepositoryName| all.get(name)?.blobs.get(digest).cloned();
        let found = blob(repository).or_else(|| blob(from?));
        let there = found.is_some();
        if let Some(bytes) = found {
            let repository = all.entry(repository.clone()).or_default();
            repository.blobs.insert(*digest, bytes);
        }
        Box::pin(async move { Ok(there) })
    }

    fn put_blob<'a>(
        &'a self,
        repository: &'a RepositoryName,
        digest: &'a Digest,
        size: u64,
        stream: ByteStream,
    ) -> ImagesResult<'a, ()> {
        Box::pin(self.store(repository, digest, size, stream))
    }

    fn put_manifest<'a>(
        &'a self,
        repository: &'a RepositoryName,
        target: &'a TagOrDigest,
        media_type: &'a str,
        bytes: Bytes,
    ) -> ImagesResult<'a, Digest> {
        let kept = self.keep(repository, target, media_type, bytes);
        Box::pin(async move { kept })
    }

    fn tags<'a>(
        &'a self,
        repository: &'a RepositoryName,
        after: Option<&'a TagName>,
        limit: usize,
    ) -> ImagesResult<'a, Vec<TagName>> {
        let all = self.lock();
        let tags = all
            .get(repository)
            .into_iter()
            .flat_map(|repository| repository.tags.keys());
        let page = tags
            .filter(|tag| after.is_none_or(|after| *tag > after))
            .take(limit)
            .cloned()
            .collect();
        Box::pin(async move { Ok(page) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_the_contract() {
        let name = |text: &str| text.parse::<RepositoryName>().expect("a name");
        let images = MemoryImages::new();
        crate::images_suite::run(&images, &name("apps/web"), &name("apps/api")).await;
    }
}
