//! What the tests push: bytes that follow from a seed, and manifests over them.
//!
//! A [`Content`] is small enough to be written into the ledger and gives its bytes again at any time, so that
//! a checker can finish an upload that a worker began before the server died.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use refloat_rig::seed::Seed;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The media type of an image manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A digest algorithm of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// The usual one.
    Sha256,
    /// The other one that registries must know.
    Sha512,
}

/// Bytes that follow from a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// What they follow from.
    pub seed: u64,
    /// How many.
    pub size_bytes: usize,
    /// How their digest is written.
    pub algorithm: Algorithm,
}

impl Content {
    /// `size_bytes` bytes of `seed`, known by their SHA-256.
    pub fn new(seed: u64, size_bytes: usize) -> Self {
        Self {
            seed,
            size_bytes,
            algorithm: Algorithm::Sha256,
        }
    }

    /// The bytes.
    pub fn blob(self) -> Blob {
        let mut bytes = vec![0; self.size_bytes];
        Seed::new(self.seed).fill(&mut bytes);
        Blob {
            digest: digest_of(self.algorithm, &bytes),
            bytes,
            content: Some(self),
        }
    }
}

/// Bytes and their digest.
#[derive(Debug, Clone)]
pub struct Blob {
    /// `ALGORITHM:HEX`.
    pub digest: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What they follow from, if from a seed.
    pub content: Option<Content>,
}

impl Blob {
    /// Any bytes, known by their SHA-256.
    pub fn of(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self {
            digest: digest_of(Algorithm::Sha256, &bytes),
            bytes,
            content: None,
        }
    }

    /// Its descriptor.
    pub fn descriptor(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// A manifest or index: its bytes, and what has to be there before it is pushed.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Bytes and digest.
    pub blob: Blob,
    /// Its media type.
    pub media_type: &'static str,
    /// The blobs it needs.
    pub blobs: Vec<String>,
    /// The manifests it needs.
    pub children: Vec<String>,
    /// What it refers to.
    pub subject: Option<String>,
}

impl Manifest {
    /// An image of `config` and `layers`; `note` makes it differ from others of the same layers.
    pub fn image(config: &Blob, layers: &[Blob], note: &str) -> Self {
        let layer = |blob: &Blob| blob.descriptor("application/vnd.oci.image.layer.v1.tar");
        let body = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor("application/vnd.oci.image.config.v1+json"),
            "layers": layers.iter().map(layer).collect::<Vec<_>>(),
            "annotations": { "note": note },
        });
        let blobs = std::iter::once(config)
            .chain(layers)
            .map(|blob| blob.digest.clone())
            .collect();
        Self {
            blobs,
            ..Self::of(&body, MANIFEST)
        }
    }

    /// An index of manifests that are there already, given as digest and size.
    pub fn index(children: &[(String, usize)], note: &str) -> Self {
        let child = |(digest, size): &(String, usize)| {
            json!({ "mediaType": MANIFEST, "digest": digest, "size": size,
                "platform": { "architecture": "amd64", "os": "linux" } })
        };
        let body = json!({
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": children.iter().map(child).collect::<Vec<_>>(),
            "annotations": { "note": note },
        });
        let children = children.iter().map(|(digest, _)| digest.clone()).collect();
        Self {
            children,
            ..Self::of(&body, INDEX)
        }
    }

    /// An artifact with one layer that refers to `subject`, given as digest and size.
    pub fn artifact(subject: &(String, usize), layer: &Blob, note: &str) -> Self {
        let empty = Blob::of(*b"{}");
        let body = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/vnd.refloat.test",
            "config": empty.descriptor("application/vnd.oci.empty.v1+json"),
            "layers": [layer.descriptor("application/octet-stream")],
            "subject": { "mediaType": MANIFEST, "digest": subject.0, "size": subject.1 },
            "annotations": { "note": note },
        });
        let blobs = vec![empty.digest, layer.digest.clone()];
        Self {
            blobs,
            subject: Some(subject.0.clone()),
            ..Self::of(&body, MANIFEST)
        }
    }

    /// Its digest.
    pub fn digest(&self) -> &str {
        &self.blob.digest
    }

    fn of(body: &Value, media_type: &'static str) -> Self {
        Self {
            blob: Blob::of(body.to_string()),
            media_type,
            blobs: Vec::new(),
            children: Vec::new(),
            subject: None,
        }
    }
}

/// What a stored manifest needs and refers to, read from its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Blobs: configuration and layers.
    pub blobs: Vec<String>,
    /// Manifests: the children of an index.
    pub children: Vec<String>,
    /// The subject, which need not be there.
    pub subject: Option<String>,
}

impl Needs {
    /// Reads them; nothing from bytes that are no manifest.
    pub fn of(manifest: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(manifest).unwrap_or_default();
        let digest = |descriptor: &Value| descriptor["digest"].as_str().map(str::to_owned);
        let list = |field: &str| -> Vec<String> {
            value[field]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(digest)
                .collect()
        };
        let mut blobs: Vec<String> = digest(&value["config"])
            .into_iter()
            .chain(list("layers"))
            .collect();
        blobs.sort();
        blobs.dedup();
        Self {
            blobs,
            children: list("manifests"),
            subject: digest(&value["subject"]),
        }
    }
}

/// The digest of `bytes` as the wire writes it.
pub fn digest_of(algorithm: Algorithm, bytes: &[u8]) -> String {
    let (name, algorithm) = match algorithm {
        Algorithm::Sha256 => ("sha256", &SHA256),
        Algorithm::Sha512 => ("sha512", &SHA512),
    };
    let hash = digest(algorithm, bytes);
    let mut text = format!("{name}:");
    for byte in hash.as_ref() {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether `bytes` have this digest.
pub fn has_digest(bytes: &[u8], digest: &str) -> bool {
    let algorithm = if digest.starts_with("sha512:") {
        Algorithm::Sha512
    } else {
        Algorithm::Sha256
    };
    digest_of(algorithm, bytes) == digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_manifest_needs_is_read_back_from_its_bytes() {
        let layer = Content::new(1, 100).blob();
        let image = Manifest::image(&Blob::of("{}"), std::slice::from_ref(&layer), "x");
        let mut blobs = image.blobs.clone();
        blobs.sort();
        assert_eq!(Needs::of(&image.blob.bytes).blobs, blobs);
        let about = (image.digest().to_owned(), image.blob.bytes.len());
        let index = Manifest::index(std::slice::from_ref(&about), "x");
        assert_eq!(Needs::of(&index.blob.bytes).children, index.children);
        let artifact = Manifest::artifact(&about, &layer, "x");
        assert_eq!(
            Needs::of(&artifact.blob.bytes).subject.as_deref(),
            Some(image.digest())
        );
        assert!(has_digest(&layer.bytes, &layer.digest));
        assert!(!has_digest(b"other", &layer.digest));
    }
}
