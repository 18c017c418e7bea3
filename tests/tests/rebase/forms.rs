//! Forms that other tools write and read: zstd layers, images of buildpacks.

use anyhow::{Context, Result};
use refloat_rig::{Tool, require, run};
use serde_json::{Value, json};
use std::process::Command;

use crate::scene::{Image, Scene, app, base, moved};

const METADATA: &str = "io.buildpacks.lifecycle.metadata";

fn skopeo(arguments: &[&str]) -> Result<String> {
    run::stdout(Command::new(Tool::Skopeo.path()?).args(arguments))
}

fn digests(manifest: &Value) -> Vec<Value> {
    let layers = manifest["layers"].as_array().into_iter().flatten();
    layers.map(|layer| layer["digest"].clone()).collect()
}

#[test]
fn zstd_layers_stay_as_they_are() -> Result<()> {
    if !require(&[Tool::Busybox, Tool::Skopeo])? {
        return Ok(());
    }
    let scene = moved()?;
    for tag in ["web", "old", "new"] {
        let packed = scene.reference(&format!("{tag}-zstd"));
        skopeo(&[
            "copy",
            "--quiet",
            "--dest-compress-format=zstd",
            &scene.reference(tag),
            &packed,
        ])?;
    }
    // The base lies there in gzip, the image in zstd, and the other way round: DiffIDs tell that they belong together.
    for (image, onto) in [
        ("web-zstd", "new"),
        ("web", "new-zstd"),
        ("web-zstd", "new-zstd"),
    ] {
        let tagged = scene.reference(&format!("{image}-on-{onto}"));
        let (image, onto) = (scene.reference(image), scene.reference(onto));
        let done = scene.json(&["rebase", &image, "--onto", &onto, "--tag", &tagged], 0)?;
        assert_eq!(done["verdict"], "proven", "{done:#}");
        let manifest = scene.manifest(&done)?;
        let raw = |reference: &str| -> Result<Value> {
            Ok(serde_json::from_str(&skopeo(&[
                "inspect", "--raw", reference,
            ])?)?)
        };
        let (own, below) = (raw(&image)?, raw(&onto)?);
        assert_eq!(
            digests(&manifest),
            [&digests(&below)[..], &digests(&own)[1..]].concat(),
            "no layer is compressed again"
        );
        for (layer, from) in manifest["layers"].as_array().context("layers")?.iter().zip(
            below["layers"]
                .as_array()
                .into_iter()
                .flatten()
                .chain(&own["layers"].as_array().context("layers")?[1..]),
        ) {
            assert_eq!(layer["mediaType"], from["mediaType"]);
        }
        // Somebody else's reader unpacks every layer and checks its DiffID.
        let archive = format!(
            "docker-archive:{}/out.tar:x/y:1",
            scene.folder.path().display()
        );
        skopeo(&["copy", "--quiet", &tagged, &archive])?;
        std::fs::remove_file(scene.folder.path().join("out.tar"))?;
    }
    Ok(())
}

/// An image as the lifecycle exports it: it says on which run image it stands.
fn exported(top: &str) -> Result<Image> {
    let mut image = app(&base("1.0")?)?;
    let metadata = json!({ "app": [{ "sha": "sha256:1" }],
        "runImage": { "topLayer": top, "reference": "registry.example.com/run@sha256:0", "image": "registry.example.com/run:1" } });
    image.config["Labels"][METADATA] = json!(metadata.to_string());
    image.config["Labels"]["io.buildpacks.base.id"] = json!("run-1");
    Ok(image)
}

/// The layer's DiffID at the top of a base.
fn top(image: &Image) -> Result<String> {
    let layer = image.layers.last().context("a layer")?;
    Ok(refloat_rig::image::digest_of(&layer.tar))
}

fn with_id(mut image: Image, id: &str) -> Image {
    image.config["Labels"] = json!({ "io.buildpacks.base.id": id });
    image
}

#[test]
fn images_of_buildpacks_say_their_new_run_image() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let scene = Scene::new()?;
    let (old, new) = (
        with_id(base("1.0")?, "run-1"),
        with_id(base("1.0.1")?, "run-2"),
    );
    scene.put(&old, "old")?;
    scene.put(&new, "new")?;
    scene.put(&exported(&top(&old)?)?, "web")?;
    scene.put(&exported(&top(&new)?)?, "liar")?;
    let (web, onto) = (scene.reference("web"), scene.reference("new"));
    let done = scene.json(&["rebase", &web, "--onto", &onto], 0)?;
    let manifest = scene.manifest(&done)?;
    let config = scene.read(manifest["config"]["digest"].as_str().context("a digest")?)?;
    let labels = &config["config"]["Labels"];
    assert_eq!(labels["io.buildpacks.base.id"], "run-2", "{labels:#}");
    assert_eq!(labels["team"], "web");
    let metadata: Value = serde_json::from_str(labels[METADATA].as_str().context("the label")?)?;
    assert_eq!(metadata["runImage"]["topLayer"], top(&new)?, "{metadata:#}");
    let reference = metadata["runImage"]["reference"]
        .as_str()
        .context("a reference")?;
    let base_digest = manifest["annotations"]["org.opencontainers.image.base.digest"].as_str();
    assert!(
        reference.ends_with(base_digest.context("a digest")?),
        "{reference}"
    );
    assert_eq!(
        metadata["runImage"]["image"], "registry.example.com/run:1",
        "what is not the base's stays"
    );
    assert_eq!(metadata["app"], json!([{ "sha": "sha256:1" }]));

    // A label that speaks of another base than the one below it: nobody knows what is right.
    let refused = scene.run(&["rebase", &scene.reference("liar"), "--onto", &onto])?;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("run image"),
        "{said}"
    );
    Ok(())
}
