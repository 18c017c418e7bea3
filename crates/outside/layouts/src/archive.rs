//! A tar of an image layout, read where it lies: its table of contents is read once, its blobs by offset.

use crate::files::{Span, world};
use crate::index::{INDEX_MAX_BYTES, LayoutIndex, MANIFEST_BYTES, descriptor, manifest};
use bytes::Bytes;
use refloat_oci::{Descriptor, Digest, RepositoryName, TagName, TagOrDigest};
use refloat_ports::{BlobRead, ByteStream, ImageManifest, Images, ImagesError, ImagesResult};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The most entries of an archive.
const ENTRIES_MAX: usize = 100_000;

/// What a tar holds, by name without `./`. Links are followed once, within the archive.
#[derive(Debug)]
pub(crate) struct Contents {
    files: BTreeMap<String, Span>,
}

impl Contents {
    pub(crate) fn read(path: &Path) -> Result<Self, ImagesError> {
        let list = || -> io::Result<Self> {
            let mut archive = tar::Archive::new(File::open(path)?);
            let (mut files, mut links) = (BTreeMap::new(), Vec::new());
            for entry in archive.entries_with_seek()? {
                let entry = entry?;
                let name = clean(&entry.path()?);
                if entry.header().entry_type().is_file() {
                    let span = Span {
                        path: path.to_owned(),
                        offset: entry.raw_file_position(),
                        size: entry.size(),
                    };
                    files.insert(name, span);
                } else if let Some(target) = entry.link_name()? {
                    let hard = entry.header().entry_type().is_hard_link();
                    let folder = Path::new(&name).parent().unwrap_or(Path::new(""));
                    let target = if hard {
                        target.into_owned()
                    } else {
                        folder.join(target)
                    };
                    links.push((name, clean(&target)));
                }
                if files.len() + links.len() > ENTRIES_MAX {
                    return Err(io::Error::other("it has more entries than are read"));
                }
            }
            for (name, target) in links {
                if let Some(span) = files.get(&target).cloned() {
                    files.insert(name, span);
                }
            }
            Ok(Self { files })
        };
        list().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => world(path, &error),
            _ => ImagesError::Damaged(format!(
                "{} is no tar archive of images: {error}",
                path.display()
            )),
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Span> {
        self.files.get(&clean(Path::new(name)))
    }
}

/// `./a/../b` as `b`; nothing leads out of the archive.
fn clean(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            std::path::Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            std::path::Component::ParentDir => {
                parts.pop();
            }
            _ => {}
        }
    }
    parts.join("/")
}

/// A tar of an image layout; it is not written to.
#[derive(Debug)]
pub struct OciArchive {
    path: PathBuf,
    contents: Contents,
    index: LayoutIndex,
}

impl OciArchive {
    /// Reads the table of contents. Blocking.
    ///
    /// # Errors
    /// [`ImagesError::Damaged`] if it is none, those of the file system.
    pub fn open(path: &Path) -> Result<Self, ImagesError> {
        let contents = Contents::read(path)?;
        let place = path.display().to_string();
        let index = contents
            .get("index.json")
            .ok_or_else(|| ImagesError::Damaged(format!("{place} has no index.json")))?;
        let index = LayoutIndex::read(&index.read_small(INDEX_MAX_BYTES)?, &place)?;
        Ok(Self {
            path: path.to_owned(),
            contents,
            index,
        })
    }

    pub(crate) fn index(&self) -> &LayoutIndex {
        &self.index
    }

    fn span(&self, digest: &Digest) -> Option<&Span> {
        self.contents
            .get(&format!("blobs/{}", digest.to_string().replace(':', "/")))
    }

    fn find(&self, target: &TagOrDigest) -> Result<Option<ImageManifest>, ImagesError> {
        let digest = match target {
            TagOrDigest::Digest(digest) => Some(*digest),
            TagOrDigest::Tag(tag) => self.index.named(tag.as_str()),
        };
        let Some((digest, span)) = digest.and_then(|digest| Some((digest, self.span(&digest)?)))
        else {
            return Ok(None);
        };
        manifest(digest, span.read_small(MANIFEST_BYTES)?).map(Some)
    }
}

/// What archives answer when they are written to.
pub(crate) fn read_only<T: Send + 'static>(path: &Path) -> ImagesResult<'static, T> {
    let text = format!(
        "writing into the archive {}; write into a layout folder, oci:DIR:TAG",
        path.display()
    );
    Box::pin(async move { Err(ImagesError::Unsupported(text)) })
}

impl Images for OciArchive {
    fn resolve<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        target: &'a TagOrDigest,
    ) -> ImagesResult<'a, Option<Descriptor>> {
        Box::pin(async move { Ok(self.find(target)?.as_ref().map(descriptor)) })
    }

    fn manifest<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        target: &'a TagOrDigest,
    ) -> ImagesResult<'a, Option<ImageManifest>> {
        Box::pin(async move { self.find(target) })
    }

    fn blob<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        digest: &'a Digest,
    ) -> ImagesResult<'a, Option<BlobRead>> {
        Box::pin(async move {
            match self.span(digest) {
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
        Box::pin(async move { Ok(self.span(digest).is_some()) })
    }

    fn put_blob<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        _digest: &'a Digest,
        _size: u64,
        _stream: ByteStream,
    ) -> ImagesResult<'a, ()> {
        read_only(&self.path)
    }

    fn put_manifest<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        _target: &'a TagOrDigest,
        _media_type: &'a str,
        _bytes: Bytes,
    ) -> ImagesResult<'a, Digest> {
        read_only(&self.path)
    }

    fn tags<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        after: Option<&'a TagName>,
        limit: usize,
    ) -> ImagesResult<'a, Vec<TagName>> {
        let tags = self.index.tags().into_iter();
        let rest = tags.filter(|tag| after.is_none_or(|after| tag > after));
        let page = rest.take(limit).collect();
        Box::pin(async move { Ok(page) })
    }
}
