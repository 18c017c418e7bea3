//! `bases` and `build` without a server.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use refloat_rig::foreign::{Access, Program, Registry};
use refloat_rig::{Tool, require, run, server};
use serde_json::Value;

fn refloat(home: &std::path::Path) -> Result<Command> {
    let mut command = Command::new(server::binary()?);
    command
        .current_dir(home)
        .env("HOME", home)
        .env_remove("REFLOAT_SERVER")
        .env_remove("DOCKER_CONFIG");
    Ok(command)
}

#[test]
fn bases_are_told_as_json_and_errors_with_their_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let text = "# syntax=docker/dockerfile:1\nARG V=12\nFROM golang:1 AS build\nFROM debian:${V}\nCOPY --from=build /x /x\n";
    std::fs::write(folder.path().join("Dockerfile"), text)?;
    let said = run::stdout(refloat(folder.path())?.args([
        "bases",
        "--build-arg",
        "V=11",
        "--platform",
        "linux/arm64",
        "-o",
        "json",
    ]))?;
    let json: Value = serde_json::from_str(&said)?;
    let found: Vec<_> = json["edges"]
        .as_array()
        .context("no edges")?
        .iter()
        .map(|edge| {
            format!(
                "{} {} {} {}",
                edge["line"], edge["kind"], edge["reference"], edge["platform"]
            )
            .replace('"', "")
        })
        .collect();
    ensure!(found.len() == 3, "{found:?}");
    ensure!(
        found[1] == "3 BUILD docker.io/library/golang:1 linux/arm64",
        "{found:?}"
    );
    ensure!(
        found[2] == "4 RUNTIME docker.io/library/debian:11 linux/arm64",
        "{found:?}"
    );
    ensure!(json["edges"][2]["args"]["V"] == "11", "{json}");
    std::fs::write(folder.path().join("Bad"), "FROM a\nRUN <<E\n")?;
    let output = run::captured(refloat(folder.path())?.args(["bases", "Bad"]))?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        output.status.code() == Some(1)
            && error.contains("Bad, line 2: the heredoc `E` is not ended"),
        "{error}"
    );
    Ok(())
}

#[test]
fn an_image_is_built_and_pushed_to_a_foreign_registry() -> Result<()> {
    if !require(&[Tool::Buildah, Tool::Busybox, Tool::DockerRegistry])? {
        return Ok(());
    }
    let registry = Registry::start(Program::DockerRegistry, &Access::Open)?;
    let folder = tempfile::tempdir()?;
    std::fs::copy(Tool::Busybox.path()?, folder.path().join("busybox"))?;
    std::fs::write(
        folder.path().join("Dockerfile"),
        "FROM scratch\nCOPY busybox /bin/busybox\n",
    )?;
    let first = format!("{}/base:1", registry.address());
    let built =
        run::stdout(refloat(folder.path())?.args(["build", ".", "-t", &first, "-o", "json"]))?;
    let base: Value = serde_json::from_str(&built)?;
    std::fs::write(
        folder.path().join("Child"),
        format!("FROM {first}\nRUN [\"/bin/busybox\", \"true\"]\n"),
    )?;
    let second = format!("{}/child:1", registry.address());
    let built = run::stdout(
        refloat(folder.path())?.args(["build", ".", "-f", "Child", "-t", &second, "-o", "json"]),
    )?;
    let child: Value = serde_json::from_str(&built)?;
    ensure!(child["edges"][0]["digest"] == base["digest"], "{child}");
    let output = run::captured(refloat(folder.path())?.args([
        "build",
        ".",
        "-t",
        &second,
        "--builder",
        "kaniko",
    ]))?;
    ensure!(
        output.status.code() == Some(1),
        "another builder is refused"
    );
    Ok(())
}
