//! A packaged chart in a registry (helm, pkg/registry): its metadata as configuration, the archive as layer, annotations
//! from the metadata, a tag from the version.

use crate::chart::Chart;
use crate::load::{ChartError, load_archive};
use crate::metadata::{Maintainer, Metadata};
use crate::values::to_json;
use refloat_oci::{Algorithm, Digest, media_type};
use serde_json::{Map, Value, json};

/// The configuration: `Chart.yaml` as JSON.
pub const CONFIG_TYPE: &str = "application/vnd.cncf.helm.config.v1+json";
/// The archive.
pub const LAYER_TYPE: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// The archive as old clients named it; read, never written.
pub const LEGACY_LAYER_TYPE: &str = "application/tar+gzip";
/// The provenance file beside the archive.
pub const PROVENANCE_TYPE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

/// The most bytes of an archive that is fetched.
pub const CHART_LAYER_MAX_BYTES: u64 = crate::load::archive::CHART_MAX_BYTES;

/// All that a registry is to hold for one chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartArtifact {
    /// The manifest.
    pub manifest: Vec<u8>,
    /// Its digest.
    pub digest: Digest,
    /// The configuration.
    pub config: Vec<u8>,
    /// Its digest.
    pub config_digest: Digest,
    /// The archive.
    pub layer: Vec<u8>,
    /// Its digest.
    pub layer_digest: Digest,
    /// The provenance file and its digest, if it was signed.
    pub provenance: Option<(Vec<u8>, Digest)>,
    /// The tag of its version.
    pub tag: String,
}

impl ChartArtifact {
    /// The same chart with its provenance file. Layers are in the order of their digests, as Helm writes them.
    #[must_use]
    pub fn with_provenance(mut self, bytes: Vec<u8>) -> Self {
        let digest = digest(&bytes);
        let layer = json!({
            "mediaType": PROVENANCE_TYPE, "digest": digest.to_string(), "size": bytes.len()
        });
        let manifest = serde_json::from_slice::<Value>(&self.manifest);
        let mut manifest = manifest.expect("it was written above");
        if let Some(layers) = manifest["layers"].as_array_mut() {
            layers.push(layer);
            layers.sort_by_key(|layer| layer["digest"].as_str().map(str::to_owned));
        }
        self.manifest = manifest.to_string().into_bytes();
        self.digest = self::digest(&self.manifest);
        self.provenance = Some((bytes, digest));
        self
    }
}

/// The artifact of a packaged chart. `created` is an instant in RFC 3339, `None` leaves it out so that the same archive
/// gives the same digest.
///
/// # Errors
/// [`ChartError`] if the archive is no chart.
pub fn artifact(archive: Vec<u8>, created: Option<&str>) -> Result<ChartArtifact, ChartError> {
    let chart = load_archive(&archive)?;
    let config = to_json(&chart.metadata.to_value()).to_string().into_bytes();
    let (config_digest, layer_digest) = (digest(&config), digest(&archive));
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": { "mediaType": CONFIG_TYPE, "digest": config_digest.to_string(), "size": config.len() },
        "layers": [
            { "mediaType": LAYER_TYPE, "digest": layer_digest.to_string(), "size": archive.len() }
        ],
        "annotations": annotations(&chart.metadata, created),
    });
    let manifest = manifest.to_string().into_bytes();
    Ok(ChartArtifact {
        digest: digest(&manifest),
        manifest,
        config,
        config_digest,
        layer: archive,
        layer_digest,
        provenance: None,
        tag: tag(&chart),
    })
}

/// The tag of a chart's version: tags have no `+`.
pub fn tag(chart: &Chart) -> String {
    tag_of(&chart.metadata.version)
}

/// The tag of a version.
pub fn tag_of(version: &str) -> String {
    version.replace('+', "_")
}

/// The version of a tag.
pub fn version_of(tag: &str) -> String {
    tag.replace('_', "+")
}

/// The layers of a chart's manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartLayers {
    /// The archive's digest.
    pub archive: Digest,
    /// Its length in bytes.
    pub archive_size: u64,
    /// The provenance file's digest, if there is one.
    pub provenance: Option<Digest>,
}

/// Finds a chart in a manifest.
///
/// # Errors
/// What the manifest is instead.
pub fn layers(manifest: &[u8]) -> Result<ChartLayers, String> {
    let view =
        refloat_oci::ManifestView::parse(manifest, None).map_err(|error| error.to_string())?;
    let config = view
        .config
        .as_ref()
        .map(|config| config.media_type.as_str());
    let by = |types: &[&str]| {
        view.blobs
            .iter()
            .find(|blob| types.contains(&blob.media_type.as_str()))
    };
    match (config, by(&[LAYER_TYPE, LEGACY_LAYER_TYPE])) {
        (Some(CONFIG_TYPE), Some(archive)) => Ok(ChartLayers {
            archive: archive.digest,
            archive_size: archive.size,
            provenance: by(&[PROVENANCE_TYPE]).map(|blob| blob.digest),
        }),
        (Some(CONFIG_TYPE), None) => Err("the manifest has no chart among its layers".to_owned()),
        (other, _) => Err(format!(
            "this is no chart: its configuration is {}",
            other.unwrap_or("missing")
        )),
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

fn annotations(metadata: &Metadata, created: Option<&str>) -> Value {
    let source = metadata.sources.first().map_or("", String::as_str);
    let own = [
        ("description", metadata.description.as_str()),
        ("title", &metadata.name),
        ("version", &metadata.version),
        ("url", &metadata.home),
        ("created", created.unwrap_or_default()),
        ("source", source),
        ("authors", &authors(&metadata.maintainers)),
    ];
    let key = |name: &str| format!("org.opencontainers.image.{name}");
    let mut all = std::collections::BTreeMap::new();
    for (name, text) in own {
        if !text.trim().is_empty() {
            all.insert(key(name), text.to_owned());
        }
    }
    for (name, text) in &metadata.annotations {
        if *name != key("title") && *name != key("version") {
            all.insert(name.clone(), text.clone());
        }
    }
    let entries = all
        .into_iter()
        .map(|(name, text)| (name, Value::String(text)));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn authors(maintainers: &[Maintainer]) -> String {
    let one = |person: &Maintainer| {
        if person.email.is_empty() {
            person.name.clone()
        } else {
            format!("{} ({})", person.name, person.email)
        }
    };
    maintainers.iter().map(one).collect::<Vec<_>>().join(", ")
}
