//! The forms in which programs take images from a disk.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Image, Layer, digest_of};

/// Blobs, `index.json` and `oci-layout` (OCI image-spec, image layout).
pub(super) fn layout(image: &Image, folder: &Path, tag: &str) -> Result<()> {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).with_context(|| format!("cannot make {}", blobs.display()))?;
    let layers = image.layers.iter().map(Layer::bytes);
    for bytes in layers.chain([image.config(), image.manifest()]) {
        let digest = digest_of(bytes);
        let name = digest.trim_start_matches("sha256:");
        fs::write(blobs.join(name), bytes)?;
    }
    fs::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )?;
    let path = folder.join("index.json");
    let index = with_tag(&path, descriptor(image, tag), tag)?;
    fs::write(path, serde_json::to_vec(&index)?)?;
    Ok(())
}

/// The index at `path`, if there is one, with `descriptor` as the only bearer of `tag`.
fn with_tag(path: &Path, descriptor: Value, tag: &str) -> Result<Value> {
    let mut index = if path.exists() {
        serde_json::from_slice(&fs::read(path)?)?
    } else {
        json!({ "schemaVersion": 2, "manifests": [] })
    };
    let manifests = index["manifests"]
        .as_array_mut()
        .with_context(|| format!("{} has no manifests", path.display()))?;
    manifests.retain(|other| other["annotations"]["org.opencontainers.image.ref.name"] != tag);
    manifests.push(descriptor);
    Ok(index)
}

fn descriptor(image: &Image, tag: &str) -> Value {
    json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": image.digest(),
        "size": image.manifest.len(),
        "annotations": { "org.opencontainers.image.ref.name": tag },
    })
}

/// A layout in a tar.
pub(super) fn oci_archive(image: &Image, path: &Path, tag: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    layout(image, folder.path(), tag)?;
    let mut archive = archive(path)?;
    archive.append_dir_all(".", folder.path())?;
    archive.finish()?;
    Ok(())
}

/// The form of `docker save`: uncompressed layers beside a `manifest.json`.
pub(super) fn docker_archive(image: &Image, path: &Path, name: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut layers = Vec::new();
    for layer in &image.layers {
        let file = format!("{}.tar", layer.diff_id().trim_start_matches("sha256:"));
        fs::write(folder.path().join(&file), layer.tar())?;
        layers.push(file);
    }
    let config = format!(
        "{}.json",
        digest_of(&image.config).trim_start_matches("sha256:")
    );
    fs::write(folder.path().join(&config), &image.config)?;
    let manifest = json!([{ "Config": config, "RepoTags": [name], "Layers": layers }]);
    fs::write(
        folder.path().join("manifest.json"),
        serde_json::to_vec(&manifest)?,
    )?;
    let mut archive = archive(path)?;
    archive.append_dir_all(".", folder.path())?;
    archive.finish()?;
    Ok(())
}

fn archive(path: &Path) -> Result<tar::Builder<fs::File>> {
    let file =
        fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(tar::Builder::new(file))
}
