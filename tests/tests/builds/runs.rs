//! A task from its document to its tags, and what is told of it.

use anyhow::{Context, Result, ensure};

use crate::workshop::{Workshop, can_build, git};

#[test]
fn a_run_ends_with_tags_a_log_and_records() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let workshop = Workshop::open()?;
    let base = workshop.base_reference();
    let dockerfile = format!(
        "ARG BASE={base}\nFROM ${{BASE}} AS build\nRUN [\"busybox\", \"sh\", \"-c\", \"busybox cp /says /out; echo seen in the log\"]\n\
         FROM ${{BASE}}\nCOPY --from=build /out /out\n"
    );
    let source = workshop.source("web", &[("Dockerfile", &dockerfile)])?;
    let more = "tags: { stable: [\"1\"] }\ntests: [{ run: [busybox, grep, first, /out] }]";
    workshop.task("web", &source, more)?;
    let said = workshop.ended(0, &["run", "web", "--follow"])?;
    ensure!(said.contains("seen in the log"), "{said}");
    let runs = workshop.json(&["runs", "--task", "web"])?;
    let run = runs[0].clone();
    let id = run["id"].as_str().context("no id")?;
    ensure!(run["state"] == "succeeded", "{run}");
    ensure!(
        run["commit"] == git(&source, &["rev-parse", "HEAD"])?.as_str(),
        "{run}"
    );
    let digest = run["digest"].as_str().context("no digest")?.to_owned();
    ensure!(
        workshop.tag("apps/web", "1")?.as_ref() == Some(&digest),
        "the stable tag"
    );
    ensure!(
        workshop.tag("apps/web", id)?.as_ref() == Some(&digest),
        "the unique tag"
    );
    let builder = run["builder"].as_str().unwrap_or_default();
    ensure!(
        builder.contains("buildah") && builder.contains("isolation"),
        "{run}"
    );
    let log = workshop.ok(&["logs", id])?;
    ensure!(
        log.contains("seen in the log") && log.contains("refloat: test: busybox grep"),
        "{log}"
    );

    // The base that moves afterwards is not what this image was built from.
    let pinned = run["bases"][0]["digest"].as_str().context("no base")?;
    ensure!(
        workshop.tag("team/base", "1")?.as_deref() == Some(pinned),
        "{run}"
    );

    let events = workshop.json(&["events", "--type", "run.*"])?;
    let types: Vec<_> = events["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| event["type"].as_str().unwrap_or_default().to_owned())
        .collect();
    ensure!(
        types == ["run.requested", "run.started", "run.finished"],
        "{types:?}"
    );
    Ok(())
}

#[test]
fn secrets_and_arguments_reach_the_build_and_nobody_else() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let workshop = Workshop::open()?;
    let dockerfile = format!(
        "FROM {}\nARG FLAVOUR=plain\nRUN --mount=type=secret,id=token busybox sh -c \"busybox grep -q ^ses.me$ /run/secrets/token && echo $FLAVOUR > /flavour\"\n",
        workshop.base_reference()
    );
    // The base has no /bin/sh: the command is given to busybox by name.
    let dockerfile = dockerfile.replace(
        "RUN --mount",
        "SHELL [\"/bin/busybox\", \"sh\", \"-c\"]\nRUN --mount",
    );
    let source = workshop.source("sealed", &[("docker/Dockerfile", &dockerfile)])?;
    let document = workshop.site.folder().join("token.yaml");
    std::fs::write(
        &document,
        "apiVersion: refloat/v1\nkind: Credential\nname: token\ntoken: { env: SESAME }\n",
    )?;
    let mut apply = workshop.refloat(&["apply", "-f", &document.to_string_lossy()])?;
    refloat_rig::run::checked(apply.env("SESAME", "sesame"))?;
    let text = format!(
        "apiVersion: refloat/v1\nkind: Task\nname: sealed\nimage: apps/sealed\n\
         source: {{ git: \"{}\", branch: main, context: docker }}\nbuild_args: {{ FLAVOUR: slim }}\n\
         secrets: {{ token: {{ credential: token }} }}\ntests: [{{ run: [busybox, grep, slim, /flavour] }}]\n",
        source.display()
    );
    std::fs::write(&document, text)?;
    workshop.ok(&["apply", "-f", &document.to_string_lossy()])?;
    let said = workshop.ended(0, &["run", "sealed", "--follow"])?;
    ensure!(!said.contains("sesame"), "the secret is in the log: {said}");
    let robots = workshop.ok(&["robot", "list"])?;
    ensure!(robots.contains("builder-default"), "{robots}");
    Ok(())
}
