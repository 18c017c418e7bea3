//! What must not be rebased is refused with code, path, layer and both values, and nothing is written.

use anyhow::{Context, Result};
use refloat_rig::image::digest_of;
use refloat_rig::{Tool, require};
use serde_json::{Value, json};

use crate::scene::{Files, Image, Layer, Scene, app, base};

/// A child of the old base with one more layer.
fn child(layer: Layer) -> Result<(Scene, Image)> {
    let scene = Scene::new()?;
    let old = base("1.0")?;
    scene.put(&old, "old")?;
    scene.put(&base("1.0.1")?, "new")?;
    let mut image = app(&old)?;
    image.layers.push(layer);
    scene.put(&image, "web")?;
    Ok((scene, image))
}

fn everything(scene: &Scene) -> Result<Vec<String>> {
    let mut names = vec![std::fs::read_to_string(scene.layout().join("index.json"))?];
    for entry in std::fs::read_dir(scene.layout().join("blobs/sha256"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Refuses `web`, and gives the reasons of its only platform.
fn refused(scene: &Scene) -> Result<Vec<Value>> {
    let before = everything(scene)?;
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
        3,
    )?;
    assert_eq!(everything(scene)?, before, "nothing is written");
    assert_eq!(
        (&json["verdict"], &json["result"]),
        (&json!("unsafe"), &Value::Null),
        "{json:#}"
    );
    let allowed = scene.run(&["rebase", &web, "--onto", &new, "--allow", "test"])?;
    assert_eq!(
        allowed.status.code(),
        Some(3),
        "`--allow test` does not allow it"
    );
    let told = String::from_utf8_lossy(&allowed.stdout).into_owned();
    assert!(
        told.contains("unsafe") && told.contains("refused"),
        "{told}"
    );
    Ok(json["platforms"][0]["reasons"]
        .as_array()
        .context("reasons")?
        .clone())
}

fn find<'a>(reasons: &'a [Value], code: &str, path: &str) -> Result<&'a Value> {
    let fits = |reason: &&Value| {
        let written = reason["path"].as_str().unwrap_or_default();
        reason["code"] == code && written.trim_start_matches('/') == path
    };
    reasons
        .iter()
        .find(fits)
        .with_context(|| format!("no {code} at {path} in {reasons:#?}"))
}

#[test]
fn a_file_over_a_changed_one_is_refused() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let layer = Files::by("COPY table /usr/share/keel/table")
        .file("usr/share/keel/table", "our own\n")
        .layer();
    let diff_id = digest_of(&layer.tar);
    let (scene, _) = child(layer)?;
    let reasons = refused(&scene)?;
    let reason = find(&reasons, "H1", "usr/share/keel/table")?;
    assert_eq!(reason["layer"], json!(diff_id), "the layer is named");
    assert!(
        reason["old"].is_string() && reason["new"].is_string(),
        "{reason:#}"
    );
    Ok(())
}

#[test]
fn a_file_over_one_that_stayed_passes() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let layer = Files::by("COPY motd /usr/share/motd")
        .file("usr/share/motd", "our own\n")
        .layer();
    let (scene, _) = child(layer)?;
    let json = scene.json(
        &[
            "rebase",
            &scene.reference("web"),
            "--onto",
            &scene.reference("new"),
        ],
        0,
    )?;
    assert_eq!(json["verdict"], "proven", "{json:#}");
    Ok(())
}

#[test]
fn installed_packages_are_refused() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let status = "Package: keel\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\n\n\
        Package: rudder\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2\n\n";
    let layer = Files::by("RUN /bin/sh -c apt-get install rudder")
        .file("var/lib/dpkg/status", status)
        .layer();
    let (scene, _) = child(layer)?;
    let reasons = refused(&scene)?;
    find(&reasons, "H2", "var/lib/dpkg/status")?;
    Ok(())
}

#[test]
fn a_value_that_both_changed_is_refused() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let scene = Scene::new()?;
    let old = base("1.0")?;
    scene.put(&old, "old")?;
    scene.put(&base("1.0.1")?, "new")?;
    let mut web = app(&old)?;
    web.config["Env"] = json!(["PATH=/bin", "KEEL=mine"]);
    scene.put(&web, "web")?;
    let reasons = refused(&scene)?;
    let reason = reasons
        .iter()
        .find(|reason| reason["code"] == "H21")
        .with_context(|| format!("{reasons:#?}"))?;
    assert!(reason.to_string().contains("KEEL"), "{reason:#}");
    Ok(())
}

#[test]
fn a_base_that_is_not_below_is_refused_and_one_that_is_nowhere_is_asked_for() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let (scene, _) = child(Files::by("COPY x /x").file("x", "x").layer())?;
    let stranger = Image::new(
        vec![Files::by("ADD").file("other", "other").layer()],
        json!({}),
    );
    scene.put(&stranger, "stranger")?;
    let (web, new) = (scene.reference("web"), scene.reference("new"));
    let wrong = scene.json(
        &[
            "rebase",
            &web,
            "--onto",
            &new,
            "--old-base",
            &scene.reference("stranger"),
        ],
        3,
    )?;
    assert!(wrong.to_string().contains("\"G1\""), "{wrong:#}");
    let alone = Scene::new()?;
    alone.put(&base("1.0.1")?, "new")?;
    alone.put(&app(&base("1.0")?)?, "web")?;
    let asked = alone.json(
        &[
            "rebase",
            &alone.reference("web"),
            "--onto",
            &alone.reference("new"),
        ],
        1,
    )?;
    assert_eq!(asked["error"]["code"], "no_base", "{asked:#}");
    assert!(asked.to_string().contains("--old-base"), "{asked:#}");
    Ok(())
}

#[test]
fn explain_shows_all_the_heaviest_first() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let layer = Files::by("RUN make")
        .file("usr/share/keel/table", "our own\n")
        .layer();
    let (scene, _) = child(layer)?;
    let output = scene.run(&[
        "rebase",
        &scene.reference("web"),
        "--onto",
        &scene.reference("new"),
        "--dry-run",
        "--explain",
    ])?;
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8(output.stdout)?;
    let at = |word: &str| {
        told.find(word)
            .with_context(|| format!("no {word} in {told}"))
    };
    assert!(at("H1")? < at("HISTORY")?, "{told}");
    assert!(at("keel")? > 0 && at("1.0.1")? > 0, "{told}");
    Ok(())
}
