//! From a name to manifests, configurations and layers, of every platform.

use crate::error::ImageError;
use crate::platform::Platform;
use futures_util::StreamExt;
use refloat_oci::manifest::INDEX_DEPTH_MAX;
use refloat_oci::{Digest, ManifestKind, ManifestView, TagOrDigest, media_type};
use refloat_ports::{ImageManifest, ImagesError, Place};
use serde_json::Value;
use std::io;

/// The most bytes of a configuration.
const CONFIG_MAX_BYTES: u64 = 8 * 1024 * 1024;

/// An image as it lies there: one platform, or an index of several.
#[derive(Clone)]
pub struct ImageTree {
    /// Where.
    pub place: Place,
    /// What its name stands for: a manifest or an index.
    pub root: ImageManifest,
    /// Its images, in the index's order.
    pub platforms: Vec<PlatformImage>,
    /// Entries of the index that are no images: attestations and whatever else.
    pub others: Vec<Value>,
}

/// The image of one platform.
#[derive(Clone)]
pub struct PlatformImage {
    /// For which machines, by its configuration.
    pub platform: Platform,
    /// Its manifest.
    pub manifest: ImageManifest,
    /// The manifest, parsed; written back only with what is changed on purpose.
    pub document: Value,
    /// Its configuration, parsed.
    pub config: Value,
    /// Its layers, lowest first.
    pub layers: Vec<LayerEntry>,
    /// The layers' DiffIDs, as the configuration claims.
    pub diff_ids: Vec<Digest>,
}

/// A layer, as the manifest names it.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerEntry {
    /// The blob.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Its media type.
    pub media_type: String,
    /// The whole descriptor.
    pub descriptor: Value,
}

impl ImageTree {
    /// The image for these machines.
    pub fn platform(&self, platform: &Platform) -> Option<&PlatformImage> {
        self.platforms
            .iter()
            .find(|image| image.platform.fits(platform))
    }

    /// Whether the name stands for an index.
    pub fn is_index(&self) -> bool {
        media_type::is_index(&self.root.media_type)
    }

    /// `registry/repository@digest` or what a file reference has in its place.
    pub fn pinned(&self) -> String {
        pinned(&self.place, &self.root.digest)
    }
}

impl PlatformImage {
    /// An annotation of the manifest; where a manifest can have none (docker's), the label of the same name.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        let annotation = self.document["annotations"][key].as_str();
        annotation.or_else(|| self.config["config"]["Labels"][key].as_str())
    }

    /// Whether the other's layers lie at the bottom of this one's.
    pub fn stands_on(&self, base: &Self) -> bool {
        !base.diff_ids.is_empty() && self.diff_ids.starts_with(&base.diff_ids)
    }
}

/// A place's image by its digest, as people can write it.
pub(crate) fn pinned(place: &Place, digest: &Digest) -> String {
    pinned_text(&place.written, digest)
}

/// The same of what was written.
pub(crate) fn pinned_text(written: &str, digest: &Digest) -> String {
    let bare = written.split('@').next().unwrap_or_default();
    let name = match bare.split_once(':') {
        // A form with a file: the name in it comes after the second colon.
        Some((form @ ("oci" | "oci-archive" | "docker-archive"), rest))
            if !rest.starts_with("//") =>
        {
            let path = rest.split(':').next().unwrap_or_default();
            format!("{form}:{path}")
        }
        _ => {
            let bare = bare.strip_prefix("oci://").unwrap_or(bare);
            match bare.rsplit_once(':') {
                Some((name, tag)) if !tag.contains('/') => name.to_owned(),
                _ => bare.to_owned(),
            }
        }
    };
    format!("{name}@{digest}")
}

/// Reads the manifests and configurations of an image; no layer.
///
/// # Errors
/// [`ImageError`] that names what is missing, damaged, or no image.
pub async fn walk(place: &Place) -> Result<ImageTree, ImageError> {
    let target = place
        .target
        .clone()
        .ok_or_else(|| ImageError::Absent(place.written.clone()))?;
    let root = place
        .images
        .manifest(&place.repository, &target)
        .await?
        .ok_or_else(|| ImageError::Absent(place.written.clone()))?;
    let mut tree = ImageTree {
        place: place.clone(),
        root: root.clone(),
        platforms: Vec::new(),
        others: Vec::new(),
    };
    let view = view(place, &root)?;
    match view.kind {
        ManifestKind::Image => tree.platforms.push(image(place, root).await?),
        ManifestKind::Index => walk_index(&mut tree, &root).await?,
        ManifestKind::Artifact => {
            let kind = view.artifact_type.unwrap_or_default();
            return Err(not_an_image(
                place,
                format!("it is an artifact of type `{kind}`"),
            ));
        }
    }
    if tree.platforms.is_empty() {
        return Err(not_an_image(place, "its index lists no image".to_owned()));
    }
    Ok(tree)
}

fn view(place: &Place, manifest: &ImageManifest) -> Result<ManifestView, ImageError> {
    ManifestView::parse(&manifest.bytes, Some(&manifest.media_type))
        .map_err(|error| damaged(place, manifest.digest, error.to_string()))
}

async fn walk_index(tree: &mut ImageTree, root: &ImageManifest) -> Result<(), ImageError> {
    let place = tree.place.clone();
    let document: Value = serde_json::from_slice(&root.bytes)
        .map_err(|error| damaged(&place, root.digest, error.to_string()))?;
    for entry in document["manifests"].as_array().into_iter().flatten() {
        if !is_image_entry(entry) {
            tree.others.push(entry.clone());
            continue;
        }
        let digest: Digest = entry["digest"]
            .as_str()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| damaged(&place, root.digest, "an entry has no digest".to_owned()))?;
        let child = place
            .images
            .manifest(&place.repository, &TagOrDigest::Digest(digest))
            .await?
            .ok_or_else(|| ImageError::Missing {
                image: place.written.clone(),
                digest,
            })?;
        match view(&place, &child)?.kind {
            ManifestKind::Image => tree.platforms.push(image(&place, child).await?),
            ManifestKind::Artifact => tree.others.push(entry.clone()),
            ManifestKind::Index => {
                let text = format!(
                    "{}: an index within an index (at most {INDEX_DEPTH_MAX} are stored, one is walked)",
                    place.written
                );
                return Err(ImageError::Unsupported(text));
            }
        }
    }
    Ok(())
}

/// Attestations say so by an annotation of BuildKit's, or by a platform nobody has.
pub(crate) fn is_image_entry(entry: &Value) -> bool {
    let kind = entry["mediaType"].as_str().unwrap_or_default();
    let is_attestation = entry["annotations"]["vnd.docker.reference.type"].is_string();
    let is_unknown = Platform::of(&entry["platform"]).is_some_and(|platform| platform.is_unknown());
    let is_artifact = entry["artifactType"]
        .as_str()
        .is_some_and(|kind| !media_type::is_image_config(kind));
    (kind.is_empty() || media_type::is_manifest(kind))
        && !is_attestation
        && !is_unknown
        && !is_artifact
}

async fn image(place: &Place, manifest: ImageManifest) -> Result<PlatformImage, ImageError> {
    let wrong = |reason: String| damaged(place, manifest.digest, reason);
    let document: Value =
        serde_json::from_slice(&manifest.bytes).map_err(|error| wrong(error.to_string()))?;
    let config_digest: Digest = document["config"]["digest"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| wrong("it names no configuration".to_owned()))?;
    let bytes = small_blob(place, &config_digest).await?;
    let config: Value = serde_json::from_slice(&bytes)
        .map_err(|error| damaged(place, config_digest, error.to_string()))?;
    let layers = document["layers"].as_array().into_iter().flatten();
    let layers = layers
        .map(|descriptor| {
            layer(descriptor).ok_or_else(|| wrong("a layer has no digest".to_owned()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let ids = config["rootfs"]["diff_ids"]
        .as_array()
        .into_iter()
        .flatten();
    let diff_ids = ids
        .map(|id| {
            let id = id.as_str().and_then(|text| text.parse::<Digest>().ok());
            id.ok_or_else(|| damaged(place, config_digest, "a DiffID is no digest".to_owned()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if diff_ids.len() != layers.len() {
        let text = format!("{} layers and {} DiffIDs", layers.len(), diff_ids.len());
        return Err(wrong(text));
    }
    let platform = Platform::of(&config)
        .ok_or_else(|| not_an_image(place, "its configuration names no platform".to_owned()))?;
    Ok(PlatformImage {
        platform,
        manifest,
        document,
        config,
        layers,
        diff_ids,
    })
}

fn layer(descriptor: &Value) -> Option<LayerEntry> {
    Some(LayerEntry {
        digest: descriptor["digest"].as_str()?.parse().ok()?,
        size: descriptor["size"].as_u64()?,
        media_type: descriptor["mediaType"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        descriptor: descriptor.clone(),
    })
}

async fn small_blob(place: &Place, digest: &Digest) -> Result<Vec<u8>, ImageError> {
    let read = place.images.blob(&place.repository, digest).await?;
    let mut read = read.ok_or_else(|| ImageError::Missing {
        image: place.written.clone(),
        digest: *digest,
    })?;
    if read.size > CONFIG_MAX_BYTES {
        let text = format!("a configuration of {} bytes", read.size);
        return Err(ImageError::Unsupported(text));
    }
    let mut all = Vec::new();
    while let Some(frame) = read.stream.next().await {
        let frame = frame.map_err(|error| broken(place, *digest, &error))?;
        all.extend_from_slice(&frame);
    }
    Ok(all)
}

/// A stream of a place that ended badly.
pub(crate) fn broken(place: &Place, digest: Digest, error: &io::Error) -> ImageError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            damaged(place, digest, error.to_string())
        }
        _ => {
            let text = format!("{}: {digest}: {error}", place.written);
            ImageError::Place(ImagesError::Failed(refloat_core::Failure::Transient(text)))
        }
    }
}

pub(crate) fn damaged(place: &Place, digest: Digest, reason: String) -> ImageError {
    ImageError::Damaged {
        image: place.written.clone(),
        digest,
        reason,
    }
}

fn not_an_image(place: &Place, reason: String) -> ImageError {
    ImageError::NotAnImage {
        image: place.written.clone(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_written_by_its_digest() {
        let digest = Digest::sha256(b"");
        for (written, name) in [
            ("127.0.0.1:5000/apps/web:1.2", "127.0.0.1:5000/apps/web"),
            ("127.0.0.1:5000/apps/web", "127.0.0.1:5000/apps/web"),
            ("oci://example.com/apps/web:1", "example.com/apps/web"),
            ("example.com/apps/web:1@sha256:00", "example.com/apps/web"),
            ("oci:./images:web", "oci:./images"),
            ("oci:./images@sha256:00", "oci:./images"),
            ("docker-archive:/a.tar:team/web:1", "docker-archive:/a.tar"),
        ] {
            assert_eq!(
                pinned_text(written, &digest),
                format!("{name}@{digest}"),
                "{written}"
            );
        }
    }

    #[test]
    fn attestations_are_no_images() {
        let entry = |platform: &str, extra: Value| {
            let (os, architecture) = platform.split_once('/').expect("two parts");
            let mut entry = serde_json::json!({ "mediaType": media_type::OCI_MANIFEST,
                "platform": { "os": os, "architecture": architecture } });
            if extra.is_object() {
                entry["annotations"] = extra;
            }
            entry
        };
        let attested = serde_json::json!({ "vnd.docker.reference.type": "attestation-manifest" });
        assert!(is_image_entry(&entry("linux/amd64", Value::Null)));
        assert!(!is_image_entry(&entry("unknown/unknown", Value::Null)));
        assert!(!is_image_entry(&entry("linux/amd64", attested)));
    }
}
