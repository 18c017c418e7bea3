//! Bad input on the way of a base update: each ends in an error that names it, nothing is half visible, and what was held
//! goes on once it is mended. Layouts and single verbs are in `rebase/bad.rs`, charts in `charts/bump.rs` and
//! `releases/refused.rs`, builds in `builds/ends.rs`.

use std::fs;
use std::io::Write as _;

use anyhow::{Context, Result, ensure};
use refloat_rig::foreign::Program;
use refloat_rig::image::digest_of;
use refloat_rig::server::{ServerOptions, binary};
use refloat_rig::tmpfs::Mount;
use refloat_rig::{Tool, network, require, run};
use refloat_tests::fleet::{Fleet, ForeignWorld, LINES, Outcome};
use refloat_tests::http::Body;
use refloat_tests::probe::{ask, ask_with};
use refloat_tests::site::{Site, Wire};
use serde_json::{Value, json};

const TOOLS: [Tool; 3] = [Tool::Busybox, Tool::DockerRegistry, Tool::Htpasswd];

fn world() -> Result<ForeignWorld> {
    ForeignWorld::new(&binary()?, Program::DockerRegistry)
}

fn json_of(fleet: &Fleet, arguments: &[&str]) -> Result<Value> {
    let arguments = [arguments, &["-o", "json"]].concat();
    let said = fleet.refloat()?.stdout(&arguments)?;
    serde_json::from_str(&said).with_context(|| format!("{arguments:?} said {said}"))
}

/// The upstream of the world as people see it.
fn upstream(fleet: &Fleet, name: &str) -> Result<Value> {
    let mut client = fleet.home_client()?;
    let listed = client.api("GET", "/api/v1/upstreams", &Value::Null)?;
    let items = listed["items"].as_array().context("no list")?;
    let found = items.iter().find(|upstream| upstream["name"] == name);
    found
        .cloned()
        .with_context(|| format!("{name} is not in {listed}"))
}

/// No image was moved or published, and production runs what it ran.
fn nothing_moved(fleet: &mut Fleet, before: &Outcome) -> Result<()> {
    let now = fleet.outcome()?;
    ensure!(now.patches == [0; LINES.len()], "{now:?}");
    ensure!(now == *before, "{now:?}");
    Ok(())
}

fn completes(fleet: &mut Fleet) -> Result<()> {
    fleet.wait_for_production()?;
    let outcome = fleet.outcome()?;
    ensure!(outcome.patches == [1; LINES.len()], "{outcome:?}");
    ensure!(outcome.deployed == ["1-p1", "1-p1"], "{outcome:?}");
    fleet.verify()
}

#[test]
fn a_truncated_layer_of_a_base_holds_what_stands_on_it() -> Result<()> {
    if !require(&TOOLS)? {
        return Ok(());
    }
    let mut fleet = world()?.settle()?;
    let before = fleet.outcome()?;
    let next = fleet.next_base()?;
    let file = next.file(&next.layer)?;
    let whole = fs::read(&file)?;
    fs::write(&file, &whole[..whole.len() / 2])?;
    next.arrive()?;
    fleet.wait_until("the end of the cascade", |fleet| {
        Ok(!fleet.records("cascade.finished")?.is_empty())
    })?;
    let held = fleet.records("patch.held")?;
    let reason = held.first().context("nothing was held")?["data"]["reason"].to_string();
    ensure!(reason.contains(&next.layer), "{reason}");
    ensure!(
        held.len() == LINES.len(),
        "what stands above waits for it: {held:?}"
    );
    nothing_moved(&mut fleet, &before)?;

    fs::write(&file, &whole)?;
    let listed = json_of(&fleet, &["cascade", "list"])?;
    let items = listed.as_array().or(listed["items"].as_array());
    let id = items
        .and_then(|items| items[0]["id"].as_str())
        .context("no cascade")?;
    fleet.refloat()?.stdout(&["cascade", "retry", id])?;
    completes(&mut fleet)
}

#[test]
fn a_base_without_its_configuration_has_not_been_seen() -> Result<()> {
    if !require(&TOOLS)? {
        return Ok(());
    }
    let mut fleet = world()?.settle()?;
    let before = fleet.outcome()?;
    let next = fleet.next_base()?;
    let file = next.file(&next.config)?;
    let whole = fs::read(&file)?;
    fs::remove_file(&file)?;
    next.arrive()?;
    let name = format!("{}/library/os:1", fleet.image_host());
    fleet.wait_until("a receipt that names the reference", |fleet| {
        let seen = upstream(fleet, "theirs")?;
        Ok(seen["missing"]
            .as_array()
            .is_some_and(|missing| !missing.is_empty()))
    })?;
    let seen = upstream(&fleet, "theirs")?;
    ensure!(seen["missing"][0]["reference"] == name.as_str(), "{seen}");
    ensure!(
        seen["missing"][0]["error"]
            .as_str()
            .is_some_and(|error| error.contains(&next.config)),
        "{seen}"
    );
    let swept = seen["verified_until"].clone();
    fleet.wait_until("another sweep", |fleet| {
        Ok(upstream(fleet, "theirs")?["receipt"] != seen["receipt"])
    })?;
    ensure!(
        upstream(&fleet, "theirs")?["verified_until"] == swept,
        "nothing more is verified"
    );
    ensure!(
        fleet.records("base.moved")?.is_empty(),
        "what was not read did not move"
    );
    nothing_moved(&mut fleet, &before)?;
    fs::write(&file, &whole)?;
    completes(&mut fleet)
}

#[test]
fn an_upstream_that_does_not_answer_stops_no_other() -> Result<()> {
    if !require(&TOOLS)? {
        return Ok(());
    }
    let mut fleet = world()?.settle()?;
    let nobody = network::free_address()?;
    let refloat = fleet.refloat()?;
    let document = format!(
        "apiVersion: refloat/v1\nkind: Upstream\nname: nobody\nregistry: {nobody}\nwatch: [\"library/os:1\"]\nevery: 1s\n"
    );
    fs::write(refloat.home().join("nobody.yaml"), document)?;
    refloat.stdout(&["apply", "-f", "nobody.yaml"])?;
    fleet.wait_until("the receipt of a sweep without an answer", |fleet| {
        Ok(upstream(fleet, "nobody")?["receipt"].is_string())
    })?;
    let seen = upstream(&fleet, "nobody")?;
    ensure!(seen["verified_until"].is_null(), "{seen}");
    ensure!(
        seen["missing"][0]["reference"] == format!("{nobody}/library/os:1").as_str(),
        "{seen}"
    );
    let error = seen["missing"][0]["error"].as_str().unwrap_or_default();
    ensure!(error.contains(&nobody.to_string()), "{seen}");
    fleet.move_base()?;
    completes(&mut fleet)
}

#[test]
fn a_full_disk_during_a_cascade_loses_nothing() -> Result<()> {
    if !require(&[&TOOLS[..], &[Tool::Mount]].concat())? {
        return Ok(());
    }
    let disk = Mount::new(64 << 20)?;
    let options = ServerOptions {
        data: Some(disk.join("home")),
        ..ServerOptions::default()
    };
    let mut fleet = world()?.settle_with(options)?;
    let ballast = disk.join("ballast");
    let mut file = fs::File::create(&ballast)?;
    let block = vec![0; 64 << 10];
    while file.write_all(&block).is_ok() {}
    for size in [4096, 512, 1] {
        while file.write_all(&block[..size]).is_ok() {}
    }
    fleet.move_base()?;
    fleet.wait_until("the server's word about its disk", |fleet| {
        let log = fleet.home().log().to_lowercase();
        Ok(log.contains("disk is full") || log.contains("no space left") || log.contains("full"))
    })?;
    drop(file);
    fs::remove_file(&ballast)?;
    completes(&mut fleet)
}

#[test]
fn a_push_that_is_cut_short_leaves_nothing() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let mut client = site.client(&site.admin()?)?;
    let whole = b"a layer that was longer once".to_vec();
    let digest = digest_of(&whole);
    let upload = client.begin("apps/web")?;
    let joint = if upload.location.contains('?') {
        '&'
    } else {
        '?'
    };
    let target = format!("{}{joint}digest={digest}", upload.location);
    let kind = [("Content-Type", "application/octet-stream")];
    let answer = ask_with(
        &mut client,
        "PUT",
        &target,
        &kind,
        Body::Whole(&whole[..10]),
    )?;
    ensure!(answer.status == 400, "{} {}", answer.status, answer.text());
    ensure!(
        answer.text().contains("DIGEST_INVALID"),
        "{}",
        answer.text()
    );
    let answer = ask(&mut client, "HEAD", &format!("/v2/apps/web/blobs/{digest}"))?;
    ensure!(answer.status == 404, "{}", answer.status);

    let config = b"{}".to_vec();
    client.push_blob("apps/web", &digest_of(&config), &config)?;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(&config), "size": config.len() },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": whole.len() }],
    });
    let kind = [("Content-Type", "application/vnd.oci.image.manifest.v1+json")];
    let body = manifest.to_string();
    let answer = ask_with(
        &mut client,
        "PUT",
        "/v2/apps/web/manifests/1",
        &kind,
        Body::Whole(body.as_bytes()),
    )?;
    ensure!(
        matches!(answer.status, 400 | 404),
        "{} {}",
        answer.status,
        answer.text()
    );
    ensure!(
        answer.text().contains("MANIFEST_BLOB_UNKNOWN"),
        "{}",
        answer.text()
    );
    ensure!(
        answer.text().contains(&digest),
        "the blob is named: {}",
        answer.text()
    );
    let answer = ask(&mut client, "GET", "/v2/apps/web/manifests/1")?;
    ensure!(answer.status == 404, "no tag came of it: {}", answer.status);
    Ok(())
}

#[test]
fn a_dockerfile_that_does_not_parse_is_named_by_its_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("Dockerfile");
    fs::write(&path, "FROM debian:12\nRUN [\"unclosed\nCOPY\n")?;
    let mut command = std::process::Command::new(binary()?);
    let file = path.display().to_string();
    command
        .args(["bases", &file, "-o", "json"])
        .env("NO_COLOR", "1")
        .env("HOME", folder.path());
    let output = run::captured(&mut command)?;
    ensure!(output.status.code() == Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(said.contains("line 3") && said.contains("COPY"), "{said}");
    let told: Value = serde_json::from_str(&said).with_context(|| said.clone())?;
    ensure!(told["error"]["code"].is_string(), "{told}");
    Ok(())
}
