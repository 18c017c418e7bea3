//! A layout folder: `oci-layout`, `index.json`, `blobs/ALGORITHM/HEX`.

use crate::files::{Span, blocking, world};
use crate::index::{
    INDEX_MAX_BYTES, LAYOUT_MARK, LayoutIndex, MANIFEST_BYTES, descriptor, manifest,
};
use bytes::Bytes;
use futures_util::StreamExt;
use refloat_oci::{Descriptor, Digest, ManifestView, RepositoryName, TagName, TagOrDigest};
use refloat_ports::{
    BlobRead, ByteStream, ImageManifest, Images, ImagesError, ImagesResult, verified,
};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::AsyncWriteExt as _;

/// A layout folder. The repository's name does not matter.
#[derive(Debug, Clone)]
pub struct Layout {
    folder: PathBuf,
}

/// Draft files of one process differ by this.
static DRAFTS: AtomicU64 = AtomicU64::new(0);

impl Layout {
    /// A layout that is there.
    ///
    /// # Errors
    /// [`ImagesError::NotPermitted`] if there is none.
    pub fn open(folder: &Path) -> Result<Self, ImagesError> {
        let layout = Self {
            folder: folder.to_owned(),
        };
        if layout.index_path().is_file() {
            Ok(layout)
        } else {
            let text = format!(
                "{} is no image layout: it has no index.json",
                folder.display()
            );
            Err(ImagesError::NotPermitted(text))
        }
    }

    /// A layout, made if there is none.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn create(folder: &Path) -> Result<Self, ImagesError> {
        let layout = Self {
            folder: folder.to_owned(),
        };
        if layout.index_path().is_file() {
            return Ok(layout);
        }
        let make = || -> io::Result<()> {
            std::fs::create_dir_all(folder.join("blobs/sha256"))?;
            replace(&folder.join("oci-layout"), LAYOUT_MARK.as_bytes())?;
            replace(&layout.index_path(), &LayoutIndex::empty().to_bytes())
        };
        make().map_err(|error| world(folder, &error))?;
        Ok(layout)
    }

    fn index_path(&self) -> PathBuf {
        self.folder.join("index.json")
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        let text = digest.to_string();
        let (algorithm, hex) = text.split_once(':').unwrap_or_default();
        self.folder.join("blobs").join(algorithm).join(hex)
    }

    fn span(&self, digest: &Digest) -> Result<Option<Span>, ImagesError> {
        let path = self.blob_path(digest);
        match std::fs::metadata(&path) {
            Ok(found) if found.is_file() => Ok(Some(Span {
                path,
                offset: 0,
                size: found.len(),
            })),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(world(&path, &error)),
        }
    }

    pub(crate) fn index(&self) -> Result<LayoutIndex, ImagesError> {
        let path = self.index_path();
        let size = std::fs::metadata(&path)
            .map_err(|error| world(&path, &error))?
            .len();
        let span = Span {
            path,
            offset: 0,
            size,
        };
        LayoutIndex::read(
            &span.read_small(INDEX_MAX_BYTES)?,
            &self.folder.display().to_string(),
        )
    }

    fn find(&self, target: &TagOrDigest) -> Result<Option<ImageManifest>, ImagesError> {
        let digest = match target {
            TagOrDigest::Digest(digest) => *digest,
            TagOrDigest::Tag(tag) => match self.index()?.named(tag.as_str()) {
                Some(digest) => digest,
                None => return Ok(None),
            },
        };
        match self.span(&digest)? {
            Some(span) => manifest(digest, span.read_small(MANIFEST_BYTES)?).map(Some),
            None if matches!(target, TagOrDigest::Tag(_)) => {
                let text = format!(
                    "{} names {digest}, which is not there",
                    self.folder.display()
                );
                Err(ImagesError::Damaged(text))
            }
            None => Ok(None),
        }
    }

    async fn store(
        &self,
        digest: &Digest,
        size: u64,
        stream: ByteStream,
    ) -> Result<(), ImagesError> {
        let path = self.blob_path(digest);
        let failed = |error: io::Error| world(&path, &error);
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder).await.map_err(failed)?;
        }
        let draft = draft_beside(&path);
        let mut file = tokio::fs::File::create(&draft).await.map_err(failed)?;
        let written = write(&mut file, verified(stream, *digest, size), &path).await;
        drop(file);
        if let Err(error) = written {
            let _ = tokio::fs::remove_file(&draft).await;
            return Err(error);
        }
        tokio::fs::rename(&draft, &path).await.map_err(failed)
    }

    fn keep(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Digest, ImagesError> {
        let view = ManifestView::parse(bytes, Some(media_type))
            .map_err(|error| ImagesError::Refused(error.to_string()))?;
        let digest = match target {
            TagOrDigest::Tag(_) => Digest::sha256(bytes),
            TagOrDigest::Digest(digest) => Digest::of(digest.algorithm(), bytes),
        };
        if matches!(target, TagOrDigest::Digest(wanted) if *wanted != digest) {
            let text = format!("the manifest put under {target} has the digest {digest}");
            return Err(ImagesError::Refused(text));
        }
        let needed = view
            .required_blobs()
            .into_iter()
            .chain(view.child_manifests());
        for needed in needed {
            if self.span(&needed)?.is_none() {
                let text = format!(
                    "{} has no {needed}, which the manifest names",
                    self.folder.display()
                );
                return Err(ImagesError::Refused(text));
            }
        }
        let path = self.blob_path(&digest);
        let folder = path.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder)
            .and_then(|()| replace(&path, bytes))
            .map_err(|error| world(&path, &error))?;
        let entry = Descriptor {
            media_type: media_type.to_owned(),
            digest,
            size: bytes.len() as u64,
        };
        let tag = match target {
            TagOrDigest::Tag(tag) => Some(tag),
            TagOrDigest::Digest(_) => None,
        };
        self.change(|index| index.put(&entry, tag, &view.child_manifests()))?;
        Ok(digest)
    }

    /// Changes `index.json` while no other process of ours does.
    fn change(&self, change: impl FnOnce(&mut LayoutIndex)) -> Result<(), ImagesError> {
        let path = self.index_path();
        let failed = |error: io::Error| world(&path, &error);
        let lock = std::fs::File::open(&self.folder).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut index = self.index()?;
        let before = index.to_bytes();
        change(&mut index);
        let after = index.to_bytes();
        if before != after {
            replace(&path, &after).map_err(failed)?;
        }
        Ok(())
    }
}

/// Writes beside the file, syncs, renames.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = draft_beside(path);
    let written = (|| {
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    written
}

/// A name for bytes that are not whole yet.
fn draft_beside(path: &Path) -> PathBuf {
    let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".draft-{}-{number}", std::process::id()))
}

async fn write(
    file: &mut tokio::fs::File,
    mut stream: ByteStream,
    path: &Path,
) -> Result<(), ImagesError> {
    while let Some(frame) = stream.next().await {
        let frame = frame.map_err(|error| ImagesError::Damaged(error.to_string()))?;
        file.write_all(&frame)
            .await
            .map_err(|error| world(path, &error))?;
    }
    file.flush().await.map_err(|error| world(path, &error))?;
    file.sync_all().await.map_err(|error| world(path, &error))
}

impl Images for Layout {
    fn resolve<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        target: &'a TagOrDigest,
    ) -> ImagesResult<'a, Option<Descriptor>> {
        let (layout, target) = (self.clone(), target.clone());
        Box::pin(async move {
            let found = blocking(move || layout.find(&target)).await?;
            Ok(found.as_ref().map(descriptor))
        })
    }

    fn manifest<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        target: &'a TagOrDigest,
    ) -> ImagesResult<'a, Option<ImageManifest>> {
        let (layout, target) = (self.clone(), target.clone());
        Box::pin(blocking(move || layout.find(&target)))
    }

    fn blob<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        digest: &'a Digest,
    ) -> ImagesResult<'a, Option<BlobRead>> {
        Box::pin(async move {
            match self.span(digest)? {
                Some(span) => span.read(*digest).await.map(Some),
                None => Ok(None),
            }
        })
    }

    fn mount<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        digest: &'a Digest,
        _from: Option<&'a RepositoryName>,
    ) -> ImagesResult<'a, bool> {
        Box::pin(async move { Ok(self.span(digest)?.is_some()) })
    }

    fn put_blob<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        digest: &'a Digest,
        size: u64,
        stream: ByteStream,
    ) -> ImagesResult<'a, ()> {
        Box::pin(self.store(digest, size, stream))
    }

    fn put_manifest<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        target: &'a TagOrDigest,
        media_type: &'a str,
        bytes: Bytes,
    ) -> ImagesResult<'a, Digest> {
        let (layout, target, media_type) = (self.clone(), target.clone(), media_type.to_owned());
        Box::pin(blocking(move || layout.keep(&target, &media_type, &bytes)))
    }

    fn tags<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        after: Option<&'a TagName>,
        limit: usize,
    ) -> ImagesResult<'a, Vec<TagName>> {
        Box::pin(async move {
            let layout = self.clone();
            let tags = blocking(move || Ok(layout.index()?.tags())).await?;
            let rest = tags.into_iter();
            let rest = rest.filter(|tag| after.is_none_or(|after| tag > after));
            Ok(rest.take(limit).collect())
        })
    }
}
