//! `index.json` of an image layout (image-spec, image-layout.md): which names it has, and how it is changed.

use refloat_oci::manifest::MANIFEST_MAX_BYTES;
use refloat_oci::{Descriptor, Digest, ManifestView, TagName, media_type};
use refloat_ports::{ImageManifest, ImagesError};
use serde_json::{Map, Value, json};

/// The annotation that names an entry.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The name of the whole in `oci-layout`.
pub(crate) const LAYOUT_MARK: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";
/// The most bytes of an `index.json`.
pub(crate) const INDEX_MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most bytes of a manifest in it.
pub(crate) const MANIFEST_BYTES: usize = MANIFEST_MAX_BYTES;

/// The entries of an `index.json`; what is not ours stays as it is.
#[derive(Debug, Clone)]
pub(crate) struct LayoutIndex {
    document: Map<String, Value>,
}

impl LayoutIndex {
    pub(crate) fn empty() -> Self {
        let document =
            json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [] });
        Self {
            document: document.as_object().cloned().unwrap_or_default(),
        }
    }

    pub(crate) fn read(bytes: &[u8], place: &str) -> Result<Self, ImagesError> {
        let document: Map<String, Value> = serde_json::from_slice(bytes)
            .map_err(|error| ImagesError::Damaged(format!("index.json of {place}: {error}")))?;
        Ok(Self { document })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        Value::Object(self.document.clone())
            .to_string()
            .into_bytes()
    }

    fn entries(&self) -> impl Iterator<Item = &Value> {
        let list = self.document.get("manifests").and_then(Value::as_array);
        list.into_iter().flatten()
    }

    fn entries_mut(&mut self) -> &mut Vec<Value> {
        let list = self
            .document
            .entry("manifests")
            .or_insert_with(|| json!([]));
        if !list.is_array() {
            *list = json!([]);
        }
        list.as_array_mut().expect("it was made a list")
    }

    /// What a name stands for: the whole name, or the tag at its end (`docker.io/library/debian:12`).
    pub(crate) fn named(&self, name: &str) -> Option<Digest> {
        let exact = self.entries().find(|entry| ref_name(entry) == Some(name));
        let by_tag = || {
            let tag_of = |entry: &&Value| {
                let (_, tag) = ref_name(entry)?.rsplit_once(':')?;
                (tag == name).then_some(())
            };
            let mut found = self.entries().filter(|entry| tag_of(entry).is_some());
            found.next().filter(|_| found.next().is_none())
        };
        digest(exact.or_else(by_tag)?)
    }

    /// Every entry's digest, with whether a name stands at it.
    pub(crate) fn all(&self) -> Vec<(Digest, bool)> {
        let entries = self.entries();
        entries
            .filter_map(|entry| Some((digest(entry)?, ref_name(entry).is_some())))
            .collect()
    }

    /// Names that are tags, ascending.
    pub(crate) fn tags(&self) -> Vec<TagName> {
        let names = self.entries().filter_map(ref_name);
        let mut tags: Vec<TagName> = names.filter_map(|name| name.parse().ok()).collect();
        tags.sort();
        tags.dedup();
        tags
    }

    /// Names a manifest, or keeps it without a name. Entries without a name that `children` lists are reachable through
    /// it from now on, and go.
    pub(crate) fn put(
        &mut self,
        manifest: &Descriptor,
        tag: Option<&TagName>,
        children: &[Digest],
    ) {
        let list = self.entries_mut();
        list.retain(|entry| {
            let name = ref_name(entry);
            match (name, tag) {
                (Some(name), Some(tag)) => name != tag.as_str(),
                (Some(_), None) => true,
                (None, _) => {
                    let is_named = |digest: Digest| tag.is_some() && digest == manifest.digest;
                    let goes = |digest| children.contains(&digest) || is_named(digest);
                    !digest(entry).is_some_and(goes)
                }
            }
        });
        if tag.is_none()
            && list
                .iter()
                .any(|entry| digest(entry) == Some(manifest.digest))
        {
            return;
        }
        let mut entry = json!({ "mediaType": manifest.media_type, "digest": manifest.digest, "size": manifest.size });
        if let Some(tag) = tag {
            entry["annotations"] = json!({ REF_NAME: tag.as_str() });
        }
        list.push(entry);
    }
}

fn ref_name(entry: &Value) -> Option<&str> {
    entry["annotations"][REF_NAME].as_str()
}

fn digest(entry: &Value) -> Option<Digest> {
    entry["digest"].as_str()?.parse().ok()
}

/// A manifest from its bytes, checked.
pub(crate) fn manifest(digest: Digest, bytes: Vec<u8>) -> Result<ImageManifest, ImagesError> {
    let actual = Digest::of(digest.algorithm(), &bytes);
    if actual != digest {
        return Err(ImagesError::Damaged(format!(
            "manifest {digest} has the digest {actual}"
        )));
    }
    let view = ManifestView::parse(&bytes, None)
        .map_err(|error| ImagesError::Damaged(format!("{digest} is no manifest: {error}")))?;
    Ok(ImageManifest {
        digest,
        media_type: view.media_type,
        bytes: bytes.into(),
    })
}

/// The descriptor of a manifest.
pub(crate) fn descriptor(manifest: &ImageManifest) -> Descriptor {
    Descriptor {
        media_type: manifest.media_type.clone(),
        digest: manifest.digest,
        size: manifest.bytes.len() as u64,
    }
}
