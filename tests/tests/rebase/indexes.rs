//! Indexes: every platform or none, one new index, nothing carried over that speaks of the old one.

use anyhow::{Context, Result};
use refloat_rig::{Tool, require};
use serde_json::{Value, json};

use crate::scene::{Files, Image, Scene, app, base, blob};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Writes an index of `images` under a tag.
fn index(scene: &Scene, images: &[Image], tag: &str, others: &[Value]) -> Result<()> {
    let mut entries = Vec::new();
    for image in images {
        let mut entry = image.write(&scene.layout())?;
        entry["platform"] = json!({ "os": "linux", "architecture": image.architecture });
        entries.push(entry);
    }
    entries.extend_from_slice(others);
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
    scene.name(
        &blob(&scene.layout(), index.to_string().as_bytes(), INDEX)?,
        tag,
    )
}

fn on_both(image: &Image) -> [Image; 2] {
    [image.on("amd64"), image.on("arm64")]
}

/// An entry as BuildKit writes its attestations.
fn attestation(scene: &Scene) -> Result<Value> {
    let config = blob(
        &scene.layout(),
        b"{\"architecture\":\"unknown\",\"os\":\"unknown\"}",
        "application/vnd.oci.image.config.v1+json",
    )?;
    let statement = blob(&scene.layout(), b"{}", "application/vnd.in-toto+json")?;
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest =
        json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": [statement] });
    let mut entry = blob(&scene.layout(), manifest.to_string().as_bytes(), kind)?;
    entry["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    entry["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
    Ok(entry)
}

#[test]
fn every_platform_moves_in_one_index() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let scene = Scene::new()?;
    let old = base("1.0")?;
    index(&scene, &on_both(&old), "old", &[])?;
    index(&scene, &on_both(&base("1.0.1")?), "new", &[])?;
    let attested = attestation(&scene)?;
    index(
        &scene,
        &on_both(&app(&old)?),
        "web",
        std::slice::from_ref(&attested),
    )?;
    let (web, new) = (scene.reference("web"), scene.reference("new"));
    let done = scene.json(
        &[
            "rebase",
            &web,
            "--onto",
            &new,
            "--tag",
            &scene.reference("p1"),
        ],
        0,
    )?;
    let verdicts: Vec<&Value> = done["platforms"]
        .as_array()
        .context("platforms")?
        .iter()
        .map(|one| &one["verdict"])
        .collect();
    assert_eq!(verdicts, ["proven", "proven"], "{done:#}");
    assert_eq!(
        done["left_out"],
        json!([attested["digest"]]),
        "attestations speak of the old image"
    );
    let made = scene.manifest(&done)?;
    let entries = made["manifests"].as_array().context("entries")?;
    let platforms: Vec<&Value> = entries
        .iter()
        .map(|entry| &entry["platform"]["architecture"])
        .collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    for entry in entries {
        let manifest = scene.read(entry["digest"].as_str().context("a digest")?)?;
        let config = scene.read(manifest["config"]["digest"].as_str().context("a digest")?)?;
        assert_eq!(config["architecture"], entry["platform"]["architecture"]);
        assert_eq!(config["config"]["Env"][1], "KEEL=1.0.1");
    }
    let again = scene.json(&["rebase", &web, "--onto", &new], 0)?;
    assert_eq!(again["digest"], done["digest"]);
    Ok(())
}

#[test]
fn one_platform_that_cannot_move_holds_all() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let scene = Scene::new()?;
    let old = base("1.0")?;
    index(&scene, &on_both(&old), "old", &[])?;
    index(&scene, &on_both(&base("1.0.1")?), "new", &[])?;
    index(&scene, &[base("1.0.1")?.on("amd64")], "half", &[])?;
    let mut masking = app(&old)?;
    masking.layers.push(
        Files::by("COPY")
            .file("usr/share/keel/table", "ours\n")
            .layer(),
    );
    index(
        &scene,
        &[app(&old)?.on("amd64"), masking.on("arm64")],
        "web",
        &[],
    )?;
    index(&scene, &on_both(&app(&old)?), "api", &[])?;
    let before = std::fs::read_to_string(scene.layout().join("index.json"))?;
    let mixed = scene.json(
        &[
            "rebase",
            &scene.reference("web"),
            "--onto",
            &scene.reference("new"),
            "--tag",
            &scene.reference("p1"),
        ],
        3,
    )?;
    let verdicts: Vec<&Value> = mixed["platforms"]
        .as_array()
        .context("platforms")?
        .iter()
        .map(|one| &one["verdict"])
        .collect();
    assert_eq!(
        (verdicts, &mixed["verdict"]),
        (vec![&json!("proven"), &json!("unsafe")], &json!("unsafe"))
    );
    let lacking = scene.json(
        &[
            "rebase",
            &scene.reference("api"),
            "--onto",
            &scene.reference("half"),
            "--old-base",
            &scene.reference("old"),
        ],
        3,
    )?;
    assert_eq!(
        lacking["platforms"][1]["reasons"][0]["code"], "G2",
        "{lacking:#}"
    );
    assert_eq!(
        std::fs::read_to_string(scene.layout().join("index.json"))?,
        before
    );
    Ok(())
}
