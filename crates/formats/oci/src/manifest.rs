//! What a manifest's bytes mean: which blobs and manifests it needs, what it refers to, what it is.
//!
//! A view, never a round trip: whoever stores a manifest keeps the bytes it came as. Unknown fields are welcome.
//! Refused is what two readers could understand differently: both an image and an index (GHSA-qq97-vm5h-rrhg), a `mediaType`
//! that is not the `Content-Type`, keys that stand twice or differ from a known one by case only, numbers that are no sizes.

mod json;
#[cfg(test)]
mod tests;

use crate::digest::Digest;
use crate::media_type;
use serde::de::DeserializeSeed;
use serde_json::{Map, Value};

/// The most bytes of a manifest; the specification asks registries for at least this much.
pub const MANIFEST_MAX_BYTES: usize = 4 * 1024 * 1024;
/// The most descriptors in one manifest: configuration, layers and children together.
pub const DESCRIPTORS_MAX: usize = 4_000;
/// The deepest nesting of a manifest's JSON.
pub const JSON_DEPTH_MAX: usize = 64;
/// The deepest nesting of indexes; whoever walks children stops here.
pub const INDEX_DEPTH_MAX: usize = 8;

/// Keys that decide what a manifest is. Go's decoder ignores case, so another spelling of one is refused.
const DECIDING_KEYS: [&str; 9] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
    "fsLayers",
];

/// What a manifest describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestKind {
    /// A runnable image of one platform.
    Image,
    /// Anything else in the form of an image manifest: a chart, a signature, an SBOM.
    Artifact,
    /// A list of manifests.
    Index,
}

/// A pointer to content, as far as a registry reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// What is pointed at; empty if the manifest does not say.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes, as claimed.
    pub size: u64,
}

/// The meaning of a manifest's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestView {
    /// What it describes.
    pub kind: ManifestKind,
    /// The effective media type: what it is stored under and served as.
    pub media_type: String,
    /// The configuration of an image or artifact.
    pub config: Option<Descriptor>,
    /// Blobs that the repository must have: configuration, layers, and what an index lists that is no manifest.
    pub blobs: Vec<Descriptor>,
    /// Layers that the repository need not have (non-distributable, foreign).
    pub optional_blobs: Vec<Descriptor>,
    /// Manifests that an index lists.
    pub children: Vec<Descriptor>,
    /// The manifest that this one refers to; it need not exist.
    pub subject: Option<Descriptor>,
    /// By the rule of the referrers API: `artifactType`, otherwise the configuration's media type.
    pub artifact_type: Option<String>,
    /// The annotations as JSON text, an object of strings; `None` if there are none.
    pub annotations: Option<String>,
}

/// Why bytes are not a manifest that can be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// More bytes than [`MANIFEST_MAX_BYTES`].
    #[error("the manifest is larger than {MANIFEST_MAX_BYTES} bytes")]
    TooLarge,
    /// A form that is known and not supported.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// Not JSON, or not read the same by everyone.
    #[error("the manifest is not acceptable JSON: {0}")]
    Json(String),
    /// The body and the header name different types.
    #[error(
        "the manifest's mediaType `{body}` is not its Content-Type `{header}`; send the same in both"
    )]
    MediaTypeMismatch {
        /// `mediaType` of the body.
        body: String,
        /// `Content-Type` of the request.
        header: String,
    },
    /// A type that no manifest has.
    #[error(
        "`{0}` is not the media type of a manifest; use an OCI manifest or index, or docker's version 2 schema 2"
    )]
    MediaType(String),
    /// JSON that does not have a manifest's shape.
    #[error("{0}")]
    Shape(String),
    /// A descriptor that points at nothing that can exist.
    #[error("`{place}`: {reason}")]
    Descriptor {
        /// Where: `config`, `layers[3]`..
        place: String,
        /// What is wrong.
        reason: String,
    },
}

impl ManifestView {
    /// Reads `bytes`, sent as `content_type` (the header with or without parameters).
    ///
    /// # Errors
    /// [`ManifestError`] says what a client must change.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, ManifestError> {
        let document = read(bytes)?;
        refuse_confusing(&document)?;
        let media_type = effective_type(&document, content_type)?;
        if document.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
            return Err(ManifestError::Shape("`schemaVersion` must be 2".to_owned()));
        }
        if media_type::is_index(&media_type) {
            Self::index(&document, media_type)
        } else {
            Self::image(&document, media_type)
        }
    }

    /// Digest of every blob the repository must have, each once, sorted.
    pub fn required_blobs(&self) -> Vec<Digest> {
        unique(&self.blobs)
    }

    /// Digest of every child manifest, each once, sorted.
    pub fn child_manifests(&self) -> Vec<Digest> {
        unique(&self.children)
    }

    fn index(document: &Map<String, Value>, media_type: String) -> Result<Self, ManifestError> {
        let entries = match document.get("manifests") {
            None => {
                return Err(ManifestError::Shape(
                    "an index must have `manifests`".to_owned(),
                ));
            }
            Some(_) => descriptors(document, "manifests")?,
        };
        // Some programs keep blobs in an index (build caches); what is no manifest is then a blob it needs.
        let (children, blobs) = entries.into_iter().partition(|entry| {
            entry.media_type.is_empty() || media_type::is_manifest(&entry.media_type)
        });
        Ok(Self {
            kind: ManifestKind::Index,
            config: None,
            blobs,
            optional_blobs: Vec::new(),
            children,
            subject: optional_descriptor(document, "subject")?,
            artifact_type: text(document, "artifactType")?,
            annotations: annotations(document)?,
            media_type,
        })
    }

    fn image(document: &Map<String, Value>, media_type: String) -> Result<Self, ManifestError> {
        let config = optional_descriptor(document, "config")?
            .ok_or_else(|| ManifestError::Shape("a manifest must have `config`".to_owned()))?;
        let layers = descriptors(document, "layers")?;
        let (optional_blobs, layers): (Vec<_>, Vec<_>) = layers
            .into_iter()
            .partition(|layer| media_type::is_nondistributable(&layer.media_type));
        let written_type = text(document, "artifactType")?;
        let kind = if written_type.is_none() && media_type::is_image_config(&config.media_type) {
            ManifestKind::Image
        } else {
            ManifestKind::Artifact
        };
        let config_type = Some(config.media_type.clone()).filter(|name| !name.is_empty());
        let mut blobs = vec![config.clone()];
        blobs.extend(layers);
        Ok(Self {
            kind,
            config: Some(config),
            blobs,
            optional_blobs,
            children: Vec::new(),
            subject: optional_descriptor(document, "subject")?,
            artifact_type: written_type.or(config_type),
            annotations: annotations(document)?,
            media_type,
        })
    }
}

fn unique(descriptors: &[Descriptor]) -> Vec<Digest> {
    let digests: std::collections::BTreeSet<_> =
        descriptors.iter().map(|entry| entry.digest).collect();
    digests.into_iter().collect()
}

fn read(bytes: &[u8]) -> Result<Map<String, Value>, ManifestError> {
    if bytes.len() > MANIFEST_MAX_BYTES {
        return Err(ManifestError::TooLarge);
    }
    let malformed = |error: serde_json::Error| ManifestError::Json(error.to_string());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let strict = json::Strict {
        depth_left: JSON_DEPTH_MAX,
    };
    let value = strict.deserialize(&mut deserializer).map_err(malformed)?;
    deserializer.end().map_err(malformed)?;
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(ManifestError::Shape(
            "a manifest is a JSON object".to_owned(),
        )),
    }
}

fn refuse_confusing(document: &Map<String, Value>) -> Result<(), ManifestError> {
    for key in document.keys() {
        let twin = DECIDING_KEYS
            .iter()
            .find(|known| known.eq_ignore_ascii_case(key) && *known != key);
        if let Some(known) = twin {
            return Err(ManifestError::Shape(format!(
                "key `{key}` differs from `{known}` by case only"
            )));
        }
    }
    if document.contains_key("fsLayers")
        || document.get("schemaVersion").and_then(Value::as_u64) == Some(1)
    {
        return Err(schema1());
    }
    let of_image = ["config", "layers"]
        .into_iter()
        .find(|key| document.contains_key(*key));
    match of_image {
        Some(key) if document.contains_key("manifests") => Err(ManifestError::Shape(format!(
            "a manifest with both `manifests` and `{key}` is an index to some and an image to others"
        ))),
        _ => Ok(()),
    }
}

fn schema1() -> ManifestError {
    ManifestError::Unsupported(
        "docker's manifest schema 1; push the image with a current client".to_owned(),
    )
}

fn effective_type(
    document: &Map<String, Value>,
    content_type: Option<&str>,
) -> Result<String, ManifestError> {
    let header = content_type
        .map(media_type::essence)
        .filter(|name| !name.is_empty());
    let body = text(document, "mediaType")?;
    let named = match (header, body) {
        (Some(header), Some(body)) if header != body.to_ascii_lowercase() => {
            return Err(ManifestError::MediaTypeMismatch { body, header });
        }
        (_, Some(body)) => body,
        (Some(header), None) => header,
        (None, None) if document.contains_key("manifests") => media_type::OCI_INDEX.to_owned(),
        (None, None) => media_type::OCI_MANIFEST.to_owned(),
    };
    if media_type::is_schema1(&named) {
        return Err(schema1());
    }
    if named == media_type::OCI_ARTIFACT_WITHDRAWN {
        return Err(ManifestError::Unsupported(format!(
            "media type {named}, which OCI withdrew; use an image manifest with artifactType"
        )));
    }
    if media_type::MANIFESTS.contains(&named.as_str()) {
        Ok(named)
    } else {
        Err(ManifestError::MediaType(named.chars().take(200).collect()))
    }
}

/// A field that is text if it is there; empty counts as absent.
fn text(document: &Map<String, Value>, key: &str) -> Result<Option<String>, ManifestError> {
    match document.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err(ManifestError::Shape(format!("`{key}` must be text"))),
    }
}

fn annotations(document: &Map<String, Value>) -> Result<Option<String>, ManifestError> {
    let wrong =
        || ManifestError::Shape("`annotations` must be an object whose values are text".to_owned());
    match document.get("annotations") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) if map.values().all(Value::is_string) => {
            Ok((!map.is_empty()).then(|| Value::Object(map.clone()).to_string()))
        }
        Some(_) => Err(wrong()),
    }
}

fn optional_descriptor(
    document: &Map<String, Value>,
    key: &str,
) -> Result<Option<Descriptor>, ManifestError> {
    match document.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => descriptor(value, key).map(Some),
    }
}

/// A list of descriptors; null and absent are the empty list, as Go's encoder writes it.
fn descriptors(document: &Map<String, Value>, key: &str) -> Result<Vec<Descriptor>, ManifestError> {
    let list = match document.get(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(ManifestError::Shape(format!("`{key}` must be a list"))),
    };
    if list.len() > DESCRIPTORS_MAX {
        return Err(ManifestError::Shape(format!(
            "`{key}` has more than {DESCRIPTORS_MAX} entries"
        )));
    }
    let entries = list.iter().enumerate();
    entries
        .map(|(index, value)| descriptor(value, &format!("{key}[{index}]")))
        .collect()
}

fn descriptor(value: &Value, place: &str) -> Result<Descriptor, ManifestError> {
    let wrong = |reason: String| ManifestError::Descriptor {
        place: place.to_owned(),
        reason,
    };
    let Value::Object(map) = value else {
        return Err(wrong("a descriptor is an object".to_owned()));
    };
    let digest = match map.get("digest") {
        Some(Value::String(digest)) => digest
            .parse::<Digest>()
            .map_err(|error| wrong(error.to_string()))?,
        _ => return Err(wrong("`digest` is missing".to_owned())),
    };
    let size = map
        .get("size")
        .and_then(Value::as_u64)
        .filter(|size| i64::try_from(*size).is_ok())
        .ok_or_else(|| wrong("`size` must be a whole number of bytes, not negative".to_owned()))?;
    let media_type = text(map, "mediaType")?.unwrap_or_default();
    Ok(Descriptor {
        media_type,
        digest,
        size,
    })
}
