//! The whole way on a layout folder.

use anyhow::{Context, Result};
use refloat_rig::{Tool, require};
use serde_json::{Value, json};

use crate::scene::{Packing, Scene, app, base, moved};

fn layers(scene: &Scene, tag_or_digest: &Value) -> Result<Vec<String>> {
    let manifest = scene.manifest(tag_or_digest)?;
    let list = manifest["layers"].as_array().context("layers")?.clone();
    Ok(list
        .iter()
        .map(|layer| layer["digest"].to_string())
        .collect())
}

#[test]
fn a_copy_only_child_is_proven_and_gets_the_new_base() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let scene = moved()?;
    let (web, new, old) = (
        scene.reference("web"),
        scene.reference("new"),
        scene.reference("old"),
    );
    let dry = scene.json(&["rebase", &web, "--onto", &new, "--dry-run"], 0)?;
    assert_eq!(
        (&dry["verdict"], &dry["result"]),
        (&json!("proven"), &Value::Null),
        "{dry:#}"
    );
    let tagged = scene.reference("web-p1");
    let done = scene.json(&["rebase", &web, "--onto", &new, "--tag", &tagged], 0)?;
    assert_eq!(done["verdict"], "proven", "{done:#}");
    assert_eq!(done["found_by"], "layers");
    assert_eq!(done["changed"], true);
    assert_eq!(
        done["packages"],
        json!([{ "type": "deb", "name": "keel", "old": "1.0", "new": "1.0.1" }])
    );
    let manifest = scene.manifest(&done)?;
    let [below, above] = [&old, &new].map(|reference| scene.json(&["inspect", reference], 0));
    let (below, above) = (below?, above?);
    let own = scene.json(&["inspect", &web], 0)?;
    let platform = |json: &Value| json["platforms"][0].clone();
    let digests: Vec<&Value> = manifest["layers"]
        .as_array()
        .context("layers")?
        .iter()
        .map(|layer| &layer["digest"])
        .collect();
    let (base_layer, app_layer) = (
        &platform(&above)["layers"][0]["digest"],
        &platform(&own)["layers"][1]["digest"],
    );
    assert_eq!(
        digests,
        [base_layer, app_layer],
        "the new base's layers, then the app's, byte for byte"
    );
    let annotations = &manifest["annotations"];
    assert_eq!(
        annotations["org.opencontainers.image.base.digest"],
        platform(&above)["digest"]
    );
    assert_eq!(
        annotations["dev.refloat.rebased-from"],
        platform(&own)["digest"]
    );
    assert_ne!(platform(&below)["digest"], platform(&above)["digest"]);

    let config = scene.read(manifest["config"]["digest"].as_str().context("a digest")?)?;
    assert_eq!(
        config["config"]["Env"],
        json!(["PATH=/bin", "KEEL=1.0.1"]),
        "the base's value arrives"
    );
    assert_eq!(
        config["config"]["Entrypoint"],
        json!(["/app/server", "httpd", "-f"])
    );
    assert_eq!(config["config"]["Labels"]["team"], "web");
    assert_eq!(
        config["created"], "2024-03-01T00:00:00Z",
        "the newest of the inputs"
    );
    assert_eq!(config["history"].as_array().map(Vec::len), Some(2));

    let again = scene.json(&["rebase", &web, "--onto", &new, "--tag", &tagged], 0)?;
    assert_eq!(
        (&again["digest"], &again["changed"]),
        (&done["digest"], &json!(false))
    );
    let detailed = scene.run(&[
        "rebase",
        &tagged,
        "--onto",
        &new,
        "--detailed-exitcode",
        "-o",
        "json",
    ])?;
    let detailed = crate::scene::told(&detailed, &["rebase"], 5)?;
    assert_eq!(
        detailed["verdict"], "unchanged",
        "it stands on the new base already"
    );
    Ok(())
}

#[test]
fn without_a_tag_nothing_moves() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let scene = moved()?;
    let before = std::fs::read_to_string(scene.layout().join("index.json"))?;
    let done = scene.json(
        &[
            "rebase",
            &scene.reference("web"),
            "--onto",
            &scene.reference("new"),
        ],
        0,
    )?;
    let result = done["result"].as_str().context("a result")?;
    let read = scene.json(&["inspect", result], 0)?;
    assert_eq!(read["digest"], done["digest"]);
    let named = |text: &str| -> Result<Vec<Value>> {
        let index: Value = serde_json::from_str(text)?;
        let entries = index["manifests"].as_array().context("entries")?.clone();
        Ok(entries
            .into_iter()
            .filter(|entry| entry["annotations"].is_object())
            .collect())
    };
    let after = std::fs::read_to_string(scene.layout().join("index.json"))?;
    assert_eq!(named(&before)?, named(&after)?, "names stay as they were");
    Ok(())
}

#[test]
fn the_same_inputs_give_the_same_digest() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let mut digests = Vec::new();
    for _ in 0..2 {
        let scene = moved()?;
        let done = scene.json(
            &[
                "rebase",
                &scene.reference("web"),
                "--onto",
                &scene.reference("new"),
            ],
            0,
        )?;
        assert_eq!(layers(&scene, &done)?.len(), 2);
        digests.push((done["digest"].clone(), done["verdict"].clone()));
    }
    assert_eq!(digests[0], digests[1]);
    let scene = moved()?;
    let mut dated = scene.refloat()?;
    dated
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .args(["-o", "json", "rebase"]);
    dated.args([&scene.reference("web"), "--onto", &scene.reference("new")]);
    let output = refloat_rig::run::captured(&mut dated)?;
    let done = crate::scene::told(&output, &["rebase"], 0)?;
    let manifest = scene.manifest(&done)?;
    let config = scene.read(manifest["config"]["digest"].as_str().context("a digest")?)?;
    assert_eq!(config["created"], "2023-11-14T22:13:20Z");
    Ok(())
}

#[test]
fn recompressed_layers_are_the_same_base() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let scene = Scene::new()?;
    let old = base("1.0")?;
    scene.put(&old, "old")?;
    scene.put(&base("1.0.1")?, "new")?;
    for (packing, tag) in [(Packing::Best, "best"), (Packing::Plain, "plain")] {
        let mut web = app(&old)?;
        web.layers[0].packing = packing;
        web.history = false;
        scene.put(&web, tag)?;
        let done = scene.json(
            &[
                "rebase",
                &scene.reference(tag),
                "--onto",
                &scene.reference("new"),
                "--allow",
                "test",
            ],
            0,
        )?;
        assert_eq!(done["found_by"], "layers", "{tag}: {done:#}");
        let inspected = scene.json(&["inspect", &scene.reference(tag)], 0)?;
        assert_eq!(
            inspected["platforms"][0]["base"]["layers"], 1,
            "{inspected:#}"
        );
    }
    Ok(())
}

#[test]
fn archives_are_read() -> Result<()> {
    if !require(&[Tool::Busybox, Tool::Skopeo])? {
        return Ok(());
    }
    let scene = moved()?;
    let archive = scene.folder.path().join("web.tar");
    for form in ["oci-archive", "docker-archive"] {
        let written = format!("{form}:{}:web", archive.display());
        let named = if form == "docker-archive" {
            format!("{form}:{}:team/web:1", archive.display())
        } else {
            written
        };
        let _ = std::fs::remove_file(&archive);
        let mut copy = std::process::Command::new(Tool::Skopeo.path()?);
        refloat_rig::run::checked(copy.args(["copy", "--quiet", &scene.reference("web"), &named]))?;
        let tagged = scene.reference(form);
        let done = scene.json(
            &[
                "rebase",
                &named,
                "--onto",
                &scene.reference("new"),
                "--tag",
                &tagged,
            ],
            0,
        )?;
        assert_eq!(done["verdict"], "proven", "{form}: {done:#}");
        let same = scene.json(&["compare", &tagged, &named], 0)?;
        let changed: Vec<&str> = same["files"]["changed"]
            .as_array()
            .context("a list")?
            .iter()
            .filter_map(|entry| entry["path"].as_str())
            .collect();
        assert_eq!(
            changed,
            ["/usr/share/keel/table", "/var/lib/dpkg/status"],
            "{same:#}"
        );
    }
    Ok(())
}
