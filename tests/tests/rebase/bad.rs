//! Bad input ends in an error that names it, with the right code, and nothing is half written.

use anyhow::{Context, Result};
use refloat_rig::{Tool, network, require};
use serde_json::{Value, json};
use std::fs;

use crate::scene::{Scene, blob, blob_path, moved};

/// The digest of the app's own layer of `web`.
fn app_layer(scene: &Scene) -> Result<String> {
    let inspected = scene.json(&["inspect", &scene.reference("web")], 0)?;
    let layer = &inspected["platforms"][0]["layers"][1]["digest"];
    // What was just indexed must not answer for the blob that is damaged next.
    fs::remove_dir_all(scene.folder.path().join("home"))?;
    Ok(layer.as_str().context("a digest")?.to_owned())
}

fn failed(scene: &Scene, code: &str) -> Result<Value> {
    let before = fs::read_to_string(scene.layout().join("index.json"))?;
    let (web, new) = (scene.reference("web"), scene.reference("new"));
    let json = scene.json(
        &[
            "rebase",
            &web,
            "--onto",
            &new,
            "--tag",
            &scene.reference("p1"),
        ],
        1,
    )?;
    assert_eq!(json["error"]["code"], code, "{json:#}");
    assert_eq!(
        fs::read_to_string(scene.layout().join("index.json"))?,
        before,
        "no name moved"
    );
    Ok(json)
}

#[test]
fn a_truncated_layer() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let scene = moved()?;
    let layer = app_layer(&scene)?;
    let path = blob_path(&scene.layout(), &layer);
    let whole = fs::read(&path)?;
    fs::write(&path, &whole[..whole.len() / 2])?;
    let json = failed(&scene, "damaged")?;
    assert!(json.to_string().contains(&layer), "{json:#}");
    // As long as it should be, and wrong all the same.
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&path, flipped)?;
    let json = failed(&scene, "damaged")?;
    assert!(json.to_string().contains(&layer), "{json:#}");
    Ok(())
}

#[test]
fn a_missing_blob() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let scene = moved()?;
    let layer = app_layer(&scene)?;
    fs::remove_file(blob_path(&scene.layout(), &layer))?;
    let json = failed(&scene, "blob_missing")?;
    assert!(json.to_string().contains(&layer), "{json:#}");
    Ok(())
}

#[test]
fn a_configuration_that_lies_about_its_layers() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let scene = moved()?;
    let inspected = scene.json(&["inspect", &scene.reference("web")], 0)?;
    let platform = &inspected["platforms"][0];
    let mut manifest = scene.read(platform["digest"].as_str().context("a digest")?)?;
    let mut config = scene.read(manifest["config"]["digest"].as_str().context("a digest")?)?;
    config["rootfs"]["diff_ids"][1] = config["rootfs"]["diff_ids"][0].clone();
    manifest["config"] = blob(
        &scene.layout(),
        config.to_string().as_bytes(),
        "application/vnd.oci.image.config.v1+json",
    )?;
    let kind = "application/vnd.oci.image.manifest.v1+json";
    scene.name(
        &blob(&scene.layout(), manifest.to_string().as_bytes(), kind)?,
        "liar",
    )?;
    let json = scene.json(
        &[
            "rebase",
            &scene.reference("liar"),
            "--onto",
            &scene.reference("new"),
        ],
        1,
    )?;
    assert_eq!(json["error"]["code"], "damaged", "{json:#}");
    assert!(json.to_string().contains("DiffID"), "{json:#}");
    Ok(())
}

#[test]
fn what_is_no_image_or_not_there() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let scene = moved()?;
    let config = blob(
        &scene.layout(),
        b"{}",
        "application/vnd.cncf.helm.config.v1+json",
    )?;
    let chart = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": [] });
    let kind = "application/vnd.oci.image.manifest.v1+json";
    scene.name(
        &blob(&scene.layout(), chart.to_string().as_bytes(), kind)?,
        "chart",
    )?;
    let new = scene.reference("new");
    let json = scene.json(&["rebase", &scene.reference("chart"), "--onto", &new], 1)?;
    assert_eq!(json["error"]["code"], "not_an_image", "{json:#}");
    let json = scene.json(&["rebase", &scene.reference("nothing"), "--onto", &new], 4)?;
    assert_eq!(json["error"]["code"], "not_found", "{json:#}");
    let nobody = network::free_address()?;
    let json = scene.json(&["inspect", &format!("{nobody}/apps/web:1")], 1)?;
    assert_eq!(json["error"]["code"], "unreachable", "{json:#}");
    assert!(json.to_string().contains(&nobody.to_string()), "{json:#}");
    let json = scene.json(&["rebase", "web", "--onto", &new], 2)?;
    assert!(
        json.to_string().contains("docker.io/library/web"),
        "a full name is suggested: {json:#}"
    );
    Ok(())
}
