//! An archive of `docker save`: `manifest.json` names a configuration and layers, and no manifest. One is made here, in
//! OCI's form, always the same for the same archive.

use crate::archive::{Contents, read_only};
use crate::files::Span;
use crate::index::{INDEX_MAX_BYTES, descriptor};
use bytes::Bytes;
use refloat_core::Failure;
use refloat_oci::{
    Algorithm, Descriptor, Digest, Hasher, RepositoryName, TagName, TagOrDigest, media_type,
};
use refloat_ports::{BlobRead, ByteStream, ImageManifest, Images, ImagesError, ImagesResult};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};

/// The most bytes of a configuration.
const CONFIG_MAX_BYTES: usize = 8 * 1024 * 1024;

/// An archive of `docker save`; it is not written to.
#[derive(Debug)]
pub struct DockerArchive {
    path: PathBuf,
    /// Each image with the names docker gave it, in the archive's order.
    images: Vec<(Vec<String>, ImageManifest)>,
    blobs: BTreeMap<Digest, Span>,
}

impl DockerArchive {
    /// Reads the archive once, to know the digests of its layers. Blocking.
    ///
    /// # Errors
    /// [`ImagesError::Damaged`] if it is none, those of the file system.
    pub fn open(path: &Path) -> Result<Self, ImagesError> {
        let contents = Contents::read(path)?;
        let wrong = |what: &str| ImagesError::Damaged(format!("{}: {what}", path.display()));
        let list = contents
            .get("manifest.json")
            .ok_or_else(|| wrong("it has no manifest.json"))?;
        let list: Value = serde_json::from_slice(&list.read_small(INDEX_MAX_BYTES)?)
            .map_err(|error| wrong(&format!("manifest.json: {error}")))?;
        let mut archive = Self {
            path: path.to_owned(),
            images: Vec::new(),
            blobs: BTreeMap::new(),
        };
        for entry in list.as_array().into_iter().flatten() {
            let texts = |key: &str| -> Vec<String> {
                let list = entry[key].as_array().into_iter().flatten();
                list.filter_map(|text| text.as_str().map(str::to_owned))
                    .collect()
            };
            let find = |name: &str| {
                contents
                    .get(name)
                    .cloned()
                    .ok_or_else(|| wrong(&format!("{name} is missing")))
            };
            let config = find(entry["Config"].as_str().unwrap_or_default())?;
            let layers = texts("Layers")
                .iter()
                .map(|name| find(name))
                .collect::<Result<Vec<_>, _>>()?;
            let manifest = archive.describe(&config, &layers)?;
            archive.images.push((texts("RepoTags"), manifest));
        }
        Ok(archive)
    }

    fn describe(&mut self, config: &Span, layers: &[Span]) -> Result<ImageManifest, ImagesError> {
        let bytes = config.read_small(CONFIG_MAX_BYTES)?;
        let digest = Digest::sha256(&bytes);
        self.blobs.insert(digest, config.clone());
        let config =
            json!({ "mediaType": media_type::OCI_CONFIG, "digest": digest, "size": bytes.len() });
        let mut list = Vec::new();
        for layer in layers {
            let (digest, kind) = hash(layer)?;
            list.push(json!({ "mediaType": kind, "digest": digest, "size": layer.size }));
            self.blobs.insert(digest, layer.clone());
        }
        let document = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": list });
        let bytes = Bytes::from(document.to_string());
        Ok(ImageManifest {
            digest: Digest::sha256(&bytes),
            media_type: media_type::OCI_MANIFEST.to_owned(),
            bytes,
        })
    }

    /// The image of a name: the whole one, or its tag; without a name the only image there.
    pub(crate) fn named(&self, name: Option<&str>) -> Option<Digest> {
        let Some(name) = name else {
            return match self.images.as_slice() {
                [(_, only)] => Some(only.digest),
                _ => None,
            };
        };
        let has =
            |names: &[String], fits: &dyn Fn(&str) -> bool| names.iter().any(|name| fits(name));
        let whole = |known: &str| {
            let familiar = known
                .strip_prefix("docker.io/library/")
                .or_else(|| known.strip_prefix("docker.io/"));
            known == name || familiar == Some(name)
        };
        let tag = |known: &str| known.rsplit_once(':').is_some_and(|(_, tag)| tag == name);
        let exact = self.images.iter().find(|(names, _)| has(names, &whole));
        let by_tag = || {
            let mut found = self.images.iter().filter(|(names, _)| has(names, &tag));
            found.next().filter(|_| found.next().is_none())
        };
        exact.or_else(by_tag).map(|(_, manifest)| manifest.digest)
    }

    fn find(&self, target: &TagOrDigest) -> Option<&ImageManifest> {
        let digest = match target {
            TagOrDigest::Digest(digest) => *digest,
            TagOrDigest::Tag(tag) => self.named(Some(tag.as_str()))?,
        };
        let mut manifests = self.images.iter().map(|(_, manifest)| manifest);
        manifests.find(|manifest| manifest.digest == digest)
    }
}

/// The digest and type of a layer as it lies there.
fn hash(layer: &Span) -> Result<(Digest, &'static str), ImagesError> {
    let read = || -> io::Result<(Digest, &'static str)> {
        let mut file = std::fs::File::open(&layer.path)?;
        file.seek(io::SeekFrom::Start(layer.offset))?;
        let mut rest = file.take(layer.size);
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let mut buffer = vec![0; 256 * 1024];
        let mut kind = None;
        loop {
            let length = rest.read(&mut buffer)?;
            kind.get_or_insert_with(|| match &buffer[..length] {
                [0x1f, 0x8b, ..] => media_type::OCI_LAYER_GZIP,
                [0x28, 0xb5, 0x2f, 0xfd, ..] => media_type::OCI_LAYER_ZSTD,
                _ => media_type::OCI_LAYER,
            });
            if length == 0 {
                return Ok((hasher.finish(), kind.unwrap_or(media_type::OCI_LAYER)));
            }
            hasher.update(&buffer[..length]);
        }
    };
    read().map_err(|error| {
        ImagesError::Failed(Failure::Terminal(format!(
            "{}: {error}",
            layer.path.display()
        )))
    })
}

impl Images for DockerArchive {
    fn resolve<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        target: &'a TagOrDigest,
    ) -> ImagesResult<'a, Option<Descriptor>> {
        let found = self.find(target).map(descriptor);
        Box::pin(async move { Ok(found) })
    }

    fn manifest<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        target: &'a TagOrDigest,
    ) -> ImagesResult<'a, Option<ImageManifest>> {
        let found = self.find(target).cloned();
        Box::pin(async move { Ok(found) })
    }

    fn blob<'a>(
        &'a self,
        _repository: &'a RepositoryName,
        digest: &'a Digest,
    ) -> ImagesResult<'a, Option<BlobRead>> {
        Box::pin(async move {
            match self.blobs.get(digest) {
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
        Box::pin(async move { Ok(self.blobs.contains_key(digest)) })
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
        let names = self.images.iter().flat_map(|(names, _)| names);
        let mut tags: Vec<TagName> = names
            .filter_map(|name| name.rsplit_once(':')?.1.parse().ok())
            .filter(|tag| after.is_none_or(|after| tag > after))
            .collect();
        tags.sort();
        tags.dedup();
        tags.truncate(limit);
        Box::pin(async move { Ok(tags) })
    }
}
