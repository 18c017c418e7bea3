//! The new manifest and configuration, as bytes. Pure: the same inputs give the same digest, everywhere.

use crate::annotations::{BASE_DIGEST, BASE_INDEX, BASE_NAME, REBASED_FROM};
use crate::error::ImageError;
use crate::rebase::Destination;
use crate::rebase::buildpacks::{self, RunImage};
use crate::walk::{LayerEntry, PlatformImage};
use bytes::Bytes;
use refloat_oci::{Digest, Reference, media_type};
use refloat_verdict::merge_config;
use serde_json::{Map, Value, json};

/// Docker's layer that is not compressed.
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// A platform's image that is not written yet.
pub(super) struct Made {
    pub(super) manifest: Bytes,
    pub(super) digest: Digest,
    pub(super) media_type: &'static str,
    pub(super) config: Bytes,
    pub(super) config_digest: Digest,
    /// Its layers; the first `from_base` come from the new base's place, the others from the image's.
    pub(super) layers: Vec<LayerEntry>,
    pub(super) from_base: usize,
}

/// What of the inputs a platform's result is made of.
pub(super) struct Inputs<'a> {
    pub(super) app: &'a PlatformImage,
    pub(super) old: &'a PlatformImage,
    pub(super) new: &'a PlatformImage,
    /// What the new base's name stood for: an index, or the manifest itself.
    pub(super) new_root: Digest,
}

pub(super) fn make(inputs: &Inputs<'_>, destination: &Destination) -> Result<Made, ImageError> {
    let Inputs { app, old, new, .. } = *inputs;
    let mut layers = new.layers.clone();
    let from_base = layers.len();
    layers.extend_from_slice(&app.layers[old.layers.len()..]);
    let is_docker = app.manifest.media_type == media_type::DOCKER_MANIFEST
        && layers
            .iter()
            .all(|layer| docker_type(&layer.media_type).is_some());
    let notes = notes(inputs, destination);
    let config = config(inputs, destination, is_docker.then_some(&notes))?;
    let config_digest = Digest::sha256(&config);
    let (manifest_type, config_type) = if is_docker {
        (media_type::DOCKER_MANIFEST, media_type::DOCKER_CONFIG)
    } else {
        (media_type::OCI_MANIFEST, media_type::OCI_CONFIG)
    };
    let mut document = app.document.as_object().cloned().unwrap_or_default();
    document.insert("schemaVersion".to_owned(), json!(2));
    // What says its type says it still; docker's always does.
    if is_docker || document.contains_key("mediaType") {
        document.insert("mediaType".to_owned(), json!(manifest_type));
    }
    document.insert(
        "config".to_owned(),
        json!({ "mediaType": config_type, "digest": config_digest, "size": config.len() }),
    );
    let described = layers
        .iter()
        .map(|layer| described(layer, is_docker))
        .collect();
    document.insert("layers".to_owned(), Value::Array(described));
    document.remove("subject");
    if !is_docker {
        annotate(&mut document, &notes);
    }
    let manifest = Bytes::from(Value::Object(document).to_string());
    Ok(Made {
        digest: Digest::sha256(&manifest),
        manifest,
        media_type: manifest_type,
        config,
        config_digest,
        layers,
        from_base,
    })
}

/// The merged configuration. Docker's manifests carry no annotations: their notes become labels.
fn config(
    inputs: &Inputs<'_>,
    destination: &Destination,
    labels: Option<&Vec<(String, Option<String>)>>,
) -> Result<Bytes, ImageError> {
    let merged = merge_config(&inputs.old.config, &inputs.new.config, &inputs.app.config);
    let mut merged = merged.map_err(|conflicts| {
        let words: Vec<String> = conflicts.iter().map(ToString::to_string).collect();
        ImageError::Unsupported(format!(
            "the configurations cannot be merged: {}",
            words.join("; ")
        ))
    })?;
    let run_image = RunImage {
        old_top: inputs.old.diff_ids.last(),
        top: inputs.new.diff_ids.last(),
        reference: reference(inputs, destination),
    };
    buildpacks::renew(&mut merged, &run_image).map_err(ImageError::Unsupported)?;
    // Docker's name for the image below: it is another one now.
    if let Some(merged) = merged.as_object_mut() {
        merged.shift_remove("parent");
    }
    if let Some(created) = &destination.created {
        merged["created"] = json!(created);
    }
    for (key, value) in labels.into_iter().flatten() {
        let labels = &mut merged["config"]["Labels"];
        if !labels.is_object() {
            *labels = json!({});
        }
        match (value, labels.as_object_mut()) {
            (Some(value), _) => labels[key] = json!(value),
            (None, Some(labels)) => drop(labels.shift_remove(key)),
            (None, None) => {}
        }
    }
    Ok(Bytes::from(merged.to_string()))
}

/// The new base by its digest, with its name where that is known.
fn reference(inputs: &Inputs<'_>, destination: &Destination) -> String {
    let digest = inputs.new.manifest.digest;
    let named = destination.base_name.as_deref();
    match named.and_then(|name| Reference::parse(name, None).ok()) {
        Some(name) => format!("{}/{}@{digest}", name.registry, name.repository),
        None => digest.to_string(),
    }
}

/// Annotations that say where the result comes from; `None` takes one away that would not be true any more.
fn notes(inputs: &Inputs<'_>, destination: &Destination) -> Vec<(String, Option<String>)> {
    let note = |key: &str, value: Option<String>| (key.to_owned(), value);
    let mut notes = vec![
        note(BASE_NAME, destination.base_name.clone()),
        note(BASE_DIGEST, Some(inputs.new.manifest.digest.to_string())),
        note(BASE_INDEX, Some(inputs.new_root.to_string())),
        note(REBASED_FROM, Some(inputs.app.manifest.digest.to_string())),
    ];
    notes.extend(
        destination
            .annotations
            .iter()
            .map(|(key, value)| note(key, Some(value.clone()))),
    );
    notes
}

/// Writes notes into a document's annotations, the others stay.
fn annotate(document: &mut Map<String, Value>, notes: &[(String, Option<String>)]) {
    let written = document.entry("annotations").or_insert_with(|| json!({}));
    if !written.is_object() {
        *written = json!({});
    }
    let Some(written) = written.as_object_mut() else {
        return;
    };
    for (key, value) in notes {
        match value {
            Some(value) => drop(written.insert(key.clone(), json!(value))),
            None => drop(written.shift_remove(key)),
        }
    }
}

/// A layer's descriptor with the type that the manifest's form calls it; the bytes are the same.
fn described(layer: &LayerEntry, is_docker: bool) -> Value {
    let mut descriptor = layer.descriptor.clone();
    let kind = if is_docker {
        docker_type(&layer.media_type)
    } else {
        oci_type(&layer.media_type)
    };
    if let Some(kind) = kind {
        descriptor["mediaType"] = json!(kind);
    }
    descriptor
}

fn docker_type(kind: &str) -> Option<&'static str> {
    match kind {
        media_type::OCI_LAYER_GZIP | media_type::DOCKER_LAYER_GZIP => {
            Some(media_type::DOCKER_LAYER_GZIP)
        }
        media_type::OCI_LAYER | DOCKER_LAYER => Some(DOCKER_LAYER),
        _ => None,
    }
}

fn oci_type(kind: &str) -> Option<&'static str> {
    match kind {
        media_type::DOCKER_LAYER_GZIP => Some(media_type::OCI_LAYER_GZIP),
        DOCKER_LAYER => Some(media_type::OCI_LAYER),
        _ => None,
    }
}

/// What became of each manifest of an index: its new digest, length and type, and the platform's new base.
pub(super) struct Replaced {
    pub(super) old: Digest,
    pub(super) digest: Digest,
    pub(super) size: usize,
    pub(super) media_type: String,
    pub(super) base: Option<Digest>,
}

/// The new index: every image replaced, attestations and entries of other kinds left out (they speak of the old ones).
pub(super) fn index(
    old: &Value,
    replaced: &[Replaced],
    destination: &Destination,
) -> (Bytes, &'static str) {
    let mut document = old.as_object().cloned().unwrap_or_default();
    let mut entries = Vec::new();
    for entry in old["manifests"].as_array().into_iter().flatten() {
        let is_of =
            |replaced: &&Replaced| entry["digest"].as_str() == Some(&replaced.old.to_string());
        let Some(replaced) = replaced.iter().find(is_of) else {
            continue;
        };
        let mut entry = entry.clone();
        entry["mediaType"] = json!(replaced.media_type);
        entry["digest"] = json!(replaced.digest);
        entry["size"] = json!(replaced.size);
        refresh(
            &mut entry["annotations"],
            replaced.base.as_ref(),
            destination,
        );
        if entry["annotations"].is_null()
            && let Some(map) = entry.as_object_mut()
        {
            map.shift_remove("annotations");
        }
        entries.push(entry);
    }
    let is_docker = document.get("mediaType").and_then(Value::as_str)
        == Some(media_type::DOCKER_LIST)
        && entries
            .iter()
            .all(|entry| entry["mediaType"] == media_type::DOCKER_MANIFEST);
    let kind = if is_docker {
        media_type::DOCKER_LIST
    } else {
        media_type::OCI_INDEX
    };
    if document.contains_key("mediaType") {
        document.insert("mediaType".to_owned(), json!(kind));
    }
    document.insert("manifests".to_owned(), Value::Array(entries));
    document.remove("subject");
    let base = replaced.iter().find_map(|replaced| replaced.base.as_ref());
    if let Some(annotations) = document.get_mut("annotations") {
        refresh(annotations, base, destination);
    }
    (Bytes::from(Value::Object(document).to_string()), kind)
}

/// Base annotations that stand there already say the new base; none are added.
fn refresh(annotations: &mut Value, base: Option<&Digest>, destination: &Destination) {
    let (Some(annotations), Some(base)) = (annotations.as_object_mut(), base) else {
        return;
    };
    if annotations.contains_key(BASE_DIGEST) {
        annotations.insert(BASE_DIGEST.to_owned(), json!(base));
    }
    if annotations.contains_key(BASE_NAME) {
        match &destination.base_name {
            Some(name) => drop(annotations.insert(BASE_NAME.to_owned(), json!(name))),
            None => drop(annotations.shift_remove(BASE_NAME)),
        }
    }
}
