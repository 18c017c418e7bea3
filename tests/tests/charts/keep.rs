//! Charts kept in our registry: by our program and by the real helm, each reading what the other wrote.

use std::fs;

use anyhow::{Context, Result, ensure};
use refloat_rig::{Tool, require, run};
use refloat_tests::site::{Site, Wire};
use serde_json::Value;

use crate::helm::Bench;

#[test]
fn what_we_package_and_push_helm_shows_and_renders() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    let site = Site::start(Wire::Http)?;
    let alice = site.user("alice", &[("pull,push,update", "charts/**")])?;
    let authority = &site.reach().authority;
    bench.sign_helm_in(authority, &alice)?;
    let refloat = |arguments: &[&str]| -> Result<Value> {
        let mut command = bench.refloat(arguments)?;
        command.args(["-o", "json", "--server", &format!("http://{authority}")]);
        command
            .env("REFLOAT_USER", &alice.name)
            .env("REFLOAT_PASSWORD", &alice.secret);
        Ok(serde_json::from_str(&run::stdout(&mut command)?)?)
    };

    // A file, twice the same bytes, which helm lints, shows and renders.
    refloat(&["package", "dinghy"])?;
    let first = fs::read(bench.path("dinghy-0.1.0.tgz"))?;
    ensure!(refloat(&["package", "dinghy"])?["changed"] == false);
    run::checked(&mut bench.helm(&["lint", "dinghy-0.1.0.tgz"])?)?;
    bench.same(&["show", "all", "dinghy-0.1.0.tgz"])?;
    bench.same(&["template", "rel", "dinghy-0.1.0.tgz"])?;

    // Under a reference whose name is not the folder's, as the version of its tag.
    let reference = format!("{authority}/charts/campaign:1.1.0");
    let pushed = refloat(&["package", "dinghy", &reference])?;
    ensure!(
        pushed["version"] == "1.1.0" && pushed["changed"] == true,
        "{pushed}"
    );
    ensure!(refloat(&["package", "dinghy", &reference])?["changed"] == false);
    let address = format!("oci://{authority}/charts/campaign");
    let remote = [
        "template",
        "rel",
        &address,
        "--version",
        "1.1.0",
        "--plain-http",
    ];
    let theirs = run::stdout(&mut bench.helm(&remote)?)?;
    // Before it helm tells what it pulled.
    let (pulled, theirs) = theirs.split_once("---").context("nothing was rendered")?;
    let digest = pushed["digest"].as_str().context("no digest")?;
    ensure!(pulled.contains(digest), "{pulled}");
    let ours = refloat(&["template", "rel", &reference])?;
    let ours = ours["manifest"].as_str().unwrap_or_default();
    ensure!(
        ours.trim_end() == format!("---{theirs}").trim_end(),
        "{theirs}"
    );

    // Helm's own push and pull, and ours, give the same archive.
    let folder = format!("oci://{authority}/charts");
    run::checked(&mut bench.helm(&["push", "dinghy-0.1.0.tgz", &folder, "--plain-http"])?)?;
    refloat(&[
        "pull",
        &format!("{authority}/charts/dinghy:0.1.0"),
        "-d",
        "ours",
    ])?;
    ensure!(fs::read(bench.path("ours/dinghy-0.1.0.tgz"))? == first);
    refloat(&[
        "push",
        "dinghy-0.1.0.tgz",
        &format!("{authority}/charts/second"),
    ])?;
    let pull = format!("{folder}/second/dinghy");
    run::checked(&mut bench.helm(&[
        "pull",
        &pull,
        "--version",
        "0.1.0",
        "--plain-http",
        "-d",
        ".",
    ])?)?;
    refloat(&[
        "pull",
        &format!("{authority}/charts/dinghy"),
        "--version",
        "0.1.0",
        "--untar",
        "-d",
        "tree",
    ])?;
    ensure!(bench.path("tree/dinghy/templates/service.yaml").is_file());
    Ok(())
}
