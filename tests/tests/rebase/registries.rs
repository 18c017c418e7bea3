//! On registries: ours with accounts, Debian's docker-registry without referrers, distribution, and between them.

use anyhow::{Context, Result, ensure};
use refloat_rig::foreign::{Access, Program, Registry};
use refloat_rig::{Tool, require, run};
use refloat_tests::client::Client;
use refloat_tests::probe::ask;
use refloat_tests::site::{Site, Wire};
use serde_json::{Value, json};
use std::process::Command;

use crate::scene::{Scene, moved, told};

fn skopeo(arguments: &[&str]) -> Result<String> {
    run::stdout(Command::new(Tool::Skopeo.path()?).args(arguments))
}

/// Copies `old`, `new` and `web` of the scene to a registry as `team/base` and `apps/web`.
fn upload(scene: &Scene, authority: &str, credentials: Option<&str>, format: &str) -> Result<()> {
    for (tag, name) in [
        ("old", "team/base:old"),
        ("new", "team/base:12"),
        ("web", "apps/web:1.2"),
    ] {
        let (from, to) = (scene.reference(tag), format!("docker://{authority}/{name}"));
        let mut arguments = vec![
            "copy",
            "--quiet",
            "--dest-tls-verify=false",
            "--format",
            format,
        ];
        arguments.extend(
            credentials
                .iter()
                .flat_map(|credentials| ["--dest-creds", credentials]),
        );
        arguments.extend([from.as_str(), to.as_str()]);
        skopeo(&arguments)?;
    }
    Ok(())
}

/// What skopeo reads of an image: its raw manifest and its configuration.
fn read(reference: &str, credentials: Option<&str>) -> Result<(Value, Value)> {
    let reference = format!("docker://{reference}");
    let mut common = vec!["inspect", "--tls-verify=false"];
    common.extend(
        credentials
            .iter()
            .flat_map(|credentials| ["--creds", credentials]),
    );
    let with = |flag: &[&str]| skopeo(&[&common[..], flag, &[&reference]].concat());
    let manifest = serde_json::from_str(&with(&["--raw"])?)?;
    let config = serde_json::from_str(&with(&["--config"])?)?;
    Ok((manifest, config))
}

#[test]
fn on_our_registry_with_an_account() -> Result<()> {
    if !require(&[Tool::Busybox, Tool::Skopeo])? {
        return Ok(());
    }
    let scene = moved()?;
    let site = Site::start(Wire::Http)?;
    let alice = site.user(
        "alice",
        &[
            ("pull,push,update", "apps/**"),
            ("pull,push,update", "team/**"),
        ],
    )?;
    let credentials = format!("{}:{}", alice.name, alice.secret);
    let authority = site.reach().authority.clone();
    upload(&scene, &authority, Some(&credentials), "oci")?;
    let arguments = [
        "rebase",
        "apps/web:1.2",
        "--onto",
        "team/base:12",
        "--tag",
        "1.2-p1",
        "-o",
        "json",
    ];
    let output = run::captured(site.refloat(&alice)?.args(arguments))?;
    let done = told(&output, &arguments, 0)?;
    assert_eq!(
        (&done["verdict"], &done["found_by"]),
        (&json!("proven"), &json!("layers")),
        "{done:#}"
    );
    let digest = done["digest"].as_str().context("a digest")?;
    assert_eq!(
        done["result"],
        json!(format!("{authority}/apps/web@{digest}"))
    );
    let (manifest, config) = read(&format!("{authority}/apps/web:1.2-p1"), Some(&credentials))?;
    assert_eq!(config["config"]["Env"][1], "KEEL=1.0.1");
    assert_eq!(
        manifest["annotations"]["org.opencontainers.image.base.name"],
        json!(format!("{authority}/team/base:12"))
    );

    let mut client = site.client(&alice)?;
    let referrers = ask(
        &mut client,
        "GET",
        &format!("/v2/apps/web/referrers/{digest}"),
    )?;
    let referrers: Value = serde_json::from_slice(&referrers.body)?;
    assert_eq!(
        referrers["manifests"][0]["artifactType"], "application/vnd.in-toto+json",
        "{referrers:#}"
    );
    let provenance = referrers["manifests"][0]["digest"]
        .as_str()
        .context("a digest")?;
    let sealed = ask(
        &mut client,
        "GET",
        &format!("/v2/apps/web/manifests/{provenance}"),
    )?;
    let sealed: Value = serde_json::from_slice(&sealed.body)?;
    let statement = sealed["layers"][0]["digest"].as_str().context("a digest")?;
    let statement = ask(
        &mut client,
        "GET",
        &format!("/v2/apps/web/blobs/{statement}"),
    )?;
    let statement: Value = serde_json::from_slice(&statement.body)?;
    let materials = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
        .as_array()
        .context("materials")?;
    let names: Vec<&Value> = materials.iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["image", "old-base", "new-base"]);
    assert_eq!(
        format!(
            "sha256:{}",
            statement["subject"][0]["digest"]["sha256"]
                .as_str()
                .unwrap_or_default()
        ),
        digest
    );

    // The annotation says now what the image stands on; `old` need not be found by its layers any more.
    let inspect = ["inspect", "apps/web:1.2-p1", "-o", "json"];
    let inspected = told(
        &run::captured(site.refloat(&alice)?.args(inspect))?,
        &inspect,
        0,
    )?;
    assert_eq!(
        inspected["platforms"][0]["base"]["found_by"], "annotation",
        "{inspected:#}"
    );

    let reader = site.user("reader", &[("pull", "**")])?;
    let arguments = [
        "rebase",
        "apps/web:1.2",
        "--onto",
        "team/base:12",
        "--tag",
        "stolen",
        "-o",
        "json",
    ];
    let refused = told(
        &run::captured(site.refloat(&reader)?.args(arguments))?,
        &arguments,
        4,
    )?;
    assert_eq!(refused["error"]["code"], "not_found", "{refused:#}");
    let tags = site.administer_json(&["tags", "apps/web"])?.to_string();
    ensure!(!tags.contains("stolen"), "{tags}");
    Ok(())
}

/// Rebases on a foreign registry in the given form; gives the digest back.
fn foreign(program: Program, format: &str) -> Result<()> {
    let scene = moved()?;
    let registry = Registry::start(program, &Access::Open)?;
    let authority = registry.address().to_string();
    upload(&scene, &authority, None, format)?;
    let (web, base) = (
        format!("{authority}/apps/web:1.2"),
        format!("{authority}/team/base:12"),
    );
    let tagged = format!("{authority}/apps/web:1.2-p1");
    let done = scene.json(&["rebase", &web, "--onto", &base, "--tag", &tagged], 0)?;
    assert_eq!(done["verdict"], "proven", "{program:?} {format}: {done:#}");
    let (before, _) = read(&web, None)?;
    let (manifest, config) = read(&tagged, None)?;
    assert_eq!(manifest["mediaType"], before["mediaType"], "the form stays");
    assert_eq!(config["config"]["Env"][1], "KEEL=1.0.1");
    let of_index = done["digest"].as_str().context("a digest")?;
    let mut client = Client::new(registry.address());
    let tags = ask(&mut client, "GET", "/v2/apps/web/tags/list")?
        .text()
        .clone();
    let fallback = of_index.replace(':', "-");
    ensure!(
        tags.contains(&fallback),
        "the provenance is listed under its tag: {tags}"
    );
    let again = scene.json(&["rebase", &web, "--onto", &base, "--tag", &tagged], 0)?;
    assert_eq!(
        (&again["digest"], &again["changed"]),
        (&done["digest"], &json!(false))
    );
    let next = scene.json(&["rebase", &tagged, "--onto", &base], 0)?;
    assert_eq!(
        (&next["verdict"], &next["found_by"]),
        (&json!("unchanged"), &json!("annotation")),
        "{next:#}"
    );
    Ok(())
}

#[test]
fn on_docker_registry_in_both_forms() -> Result<()> {
    if !require(&[Tool::Busybox, Tool::Skopeo, Tool::DockerRegistry])? {
        return Ok(());
    }
    foreign(Program::DockerRegistry, "oci")?;
    foreign(Program::DockerRegistry, "v2s2")
}

#[test]
fn on_distribution() -> Result<()> {
    if !require(&[Tool::Busybox, Tool::Skopeo, Tool::Distribution])? {
        return Ok(());
    }
    foreign(Program::Distribution, "oci")
}

#[test]
fn from_one_registry_to_another_and_to_a_layout() -> Result<()> {
    if !require(&[Tool::Busybox, Tool::Skopeo, Tool::DockerRegistry])? {
        return Ok(());
    }
    let scene = moved()?;
    let upstream = Registry::start(Program::DockerRegistry, &Access::Open)?;
    let ours = Registry::start(Program::DockerRegistry, &Access::Open)?;
    upload(&scene, &upstream.address().to_string(), None, "oci")?;
    upload(&scene, &ours.address().to_string(), None, "oci")?;
    let base = format!("{}/team/base:12", upstream.address());
    let web = format!("{}/apps/web:1.2", ours.address());
    let tagged = format!("{}/patched/web:1.2-p1", ours.address());
    let done = scene.json(&["rebase", &web, "--onto", &base, "--tag", &tagged], 0)?;
    assert_eq!(done["verdict"], "proven", "{done:#}");
    let to_files = scene.reference("from-afar");
    let filed = scene.json(&["rebase", &web, "--onto", &base, "--tag", &to_files], 0)?;
    assert_eq!(
        filed["digest"], done["digest"],
        "the same result wherever it goes"
    );
    let same = scene.json(&["compare", &tagged, &to_files], 0)?;
    assert_eq!(same["same_files"], true);
    Ok(())
}

#[test]
fn over_tls_with_the_authority_of_the_system() -> Result<()> {
    if !require(&[Tool::Busybox, Tool::Skopeo])? {
        return Ok(());
    }
    let scene = moved()?;
    let site = Site::start(Wire::Tls)?;
    let alice = site.user("alice", &[("pull,push,update", "**")])?;
    let credentials = format!("{}:{}", alice.name, alice.secret);
    upload(&scene, &site.reach().authority, Some(&credentials), "oci")?;
    let arguments = [
        "rebase",
        "apps/web:1.2",
        "--onto",
        "team/base:12",
        "-o",
        "json",
    ];
    let done = told(
        &run::captured(site.refloat(&alice)?.args(arguments))?,
        &arguments,
        0,
    )?;
    assert_eq!(done["verdict"], "proven", "{done:#}");
    let mut distrusting = site.refloat(&alice)?;
    distrusting.env_remove("SSL_CERT_FILE").args(arguments);
    let refused = told(&run::captured(&mut distrusting)?, &arguments, 1)?;
    assert!(refused.to_string().contains("certificate"), "{refused:#}");
    Ok(())
}
