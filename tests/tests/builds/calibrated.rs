//! Verdicts held against rebuilds: images whose verdict is right, for a test, and caught by one.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::workshop::{Workshop, can_build};

/// A folder with a Dockerfile over the base; its path.
fn folder(workshop: &Workshop, name: &str, lines: &str) -> Result<String> {
    let folder = workshop.site.folder().join(name);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("app"), "an app")?;
    let text = format!("FROM {}\n{lines}\n", workshop.base_reference());
    fs::write(folder.join("Dockerfile"), text)?;
    Ok(folder.to_string_lossy().into_owned())
}

fn outcome<'j>(json: &'j Value, name: &str) -> Result<&'j Value> {
    let samples = json["samples"].as_array().context("no samples")?;
    let found = samples.iter().find(|sample| {
        let whole = sample["name"].as_str().unwrap_or_default();
        whole.ends_with(name)
    });
    found.with_context(|| format!("no {name}: {json:#}"))
}

#[test]
fn verdicts_are_held_against_rebuilds() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let workshop = Workshop::open()?;
    let name = workshop.base_reference();
    let (repository, _) = name.rsplit_once(':').context("a tag")?;
    let before = workshop.base("first")?;
    workshop.base("second")?;

    let copies = folder(&workshop, "copies", "COPY app /app")?;
    let reads = folder(
        &workshop,
        "reads",
        "RUN [\"/bin/busybox\", \"cp\", \"/says\", \"/said\"]",
    )?;
    let other = workshop.site.folder().join("other");
    fs::create_dir_all(&other)?;
    fs::write(other.join("Dockerfile"), "FROM scratch\nCOPY x /x\n")?;
    let source = workshop.source(
        "web",
        &[
            ("Dockerfile", &format!("FROM {name}\nCOPY app /app\n")),
            ("app", "x"),
        ],
    )?;
    workshop.task(
        "web",
        &source,
        "tests: [{ run: [/bin/busybox, test, -e, /app] }]",
    )?;

    let old = format!("{repository}@{before}");
    let to = workshop.site.reach().reference("calibrate");
    let other = other.to_string_lossy().into_owned();
    let words = |tests: &'static str, folders: &[&str]| -> Vec<String> {
        let mut words: Vec<String> = [
            "calibrate",
            "--old-base",
            &old,
            "--onto",
            &name,
            "--to",
            &to,
            "--test",
            tests,
        ]
        .iter()
        .map(ToString::to_string)
        .collect();
        words.extend(folders.iter().map(ToString::to_string));
        words
    };
    let call = |words: &[String], more: &[&str]| -> Result<Value> {
        let words: Vec<&str> = words
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        workshop.json(&words)
    };
    let json = call(
        &words("/bin/busybox cmp /says /says", &[&copies, &reads, &other]),
        &["--task", "web"],
    )?;
    ensure!(json["counts"]["false-safe"] == 0, "{json:#}");
    let copied = outcome(&json, "copies")?;
    ensure!(
        copied["outcome"] == "right" && copied["verdict"] == "proven",
        "{json:#}"
    );
    ensure!(copied["tests"]["rebased"] == true, "{json:#}");
    let read = outcome(&json, "reads")?;
    ensure!(
        read["outcome"] == "differs" && read["verdict"] == "test",
        "{json:#}"
    );
    ensure!(read["differences"][0] == "changed /said", "{json:#}");
    ensure!(
        outcome(&json, "task web")?["outcome"] == "right",
        "{json:#}"
    );
    let left = json["left_out"][0]["reason"].as_str().unwrap_or_default();
    ensure!(left.contains("stands on no image"), "{json:#}");

    // A test that sees what was copied from the old base.
    let json = call(&words("/bin/busybox cmp /says /said", &[&reads]), &[])?;
    ensure!(outcome(&json, "reads")?["outcome"] == "caught", "{json:#}");
    let said = workshop.ended(
        2,
        &[
            "calibrate",
            "--old-base",
            &old,
            "--onto",
            &name,
            "--to",
            &to,
        ],
    )?;
    ensure!(said.contains("nothing to build"), "{said}");
    Ok(())
}
