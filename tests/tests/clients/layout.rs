//! Image layouts on disk: read back with every byte checked, and made for several platforms.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use refloat_rig::image::{Image, digest_of};
use refloat_tests::content::{INDEX, MANIFEST, Needs};
use serde_json::{Value, json};

use crate::journey::Pulled;

/// The image under the only entry of the layout's index, after a check of every blob below it.
pub fn pulled(layout: &Path) -> Result<Pulled> {
    let digest = top(layout)?;
    let busybox = busybox(layout, &digest)?;
    Ok(Pulled { digest, busybox })
}

/// The digest of the only entry of the layout's index. Everything below it is there and has its digest.
pub fn top(layout: &Path) -> Result<String> {
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
    let entries = index["manifests"]
        .as_array()
        .context("the layout has no index")?;
    ensure!(
        entries.len() == 1,
        "the layout has {} entries",
        entries.len()
    );
    let digest = entries[0]["digest"]
        .as_str()
        .context("an entry without a digest")?
        .to_owned();
    check(layout, &digest)?;
    Ok(digest)
}

fn check(layout: &Path, manifest: &str) -> Result<()> {
    let needs = Needs::of(&blob(layout, manifest)?);
    for digest in &needs.blobs {
        blob(layout, digest)?;
    }
    needs
        .children
        .iter()
        .try_for_each(|child| check(layout, child))
}

/// The bytes of a blob, which have its digest.
pub fn blob(layout: &Path, digest: &str) -> Result<Vec<u8>> {
    let path = layout.join("blobs").join(digest.replace(':', "/"));
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        digest_of(&bytes) == digest,
        "{} has other bytes",
        path.display()
    );
    Ok(bytes)
}

fn busybox(layout: &Path, manifest: &str) -> Result<Vec<u8>> {
    let manifest: Value = serde_json::from_slice(&blob(layout, manifest)?)?;
    for layer in manifest["layers"]
        .as_array()
        .context("a manifest without layers")?
    {
        let bytes = blob(
            layout,
            layer["digest"]
                .as_str()
                .context("a layer without a digest")?,
        )?;
        let compressed = bytes.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn Read> = if compressed {
            Box::new(GzDecoder::new(&bytes[..]))
        } else {
            Box::new(&bytes[..])
        };
        for entry in tar::Archive::new(reader).entries()? {
            let mut entry = entry?;
            if entry.path()?.ends_with("bin/busybox") {
                let mut content = Vec::new();
                entry.read_to_end(&mut content)?;
                return Ok(content);
            }
        }
    }
    bail!("no layer has bin/busybox")
}

/// Writes a layout whose only entry, under `tag`, is an index of `images`, each for a platform of its own; the
/// digest of the index.
pub fn write_index(layout: &Path, images: &[(&str, &Image)], tag: &str) -> Result<String> {
    let mut children = Vec::new();
    for (architecture, image) in images {
        image.write_layout(layout, architecture)?;
        children.push(json!({
            "mediaType": MANIFEST,
            "digest": image.digest(),
            "size": image.manifest().len(),
            "platform": { "os": "linux", "architecture": architecture },
        }));
    }
    let index = serde_json::to_vec(
        &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": children }),
    )?;
    let digest = digest_of(&index);
    fs::write(layout.join("blobs").join(digest.replace(':', "/")), &index)?;
    let entry = json!({
        "mediaType": INDEX,
        "digest": digest,
        "size": index.len(),
        "annotations": { "org.opencontainers.image.ref.name": tag },
    });
    fs::write(
        layout.join("index.json"),
        serde_json::to_vec(&json!({ "schemaVersion": 2, "manifests": [entry] }))?,
    )?;
    Ok(digest)
}
