//! What a demo must show.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use refloat_rig::run;

use refloat_tests::demo::Demo;

/// What the story must tell, each line by words that stand in it in this order.
const TOLD: [&[&str]; 9] = [
    &[
        "base.moved",
        "library/debian:12",
        "<- sweep.finished debian",
    ],
    &["patch.judged team/runtime", "unsafe", "H2", "-> rebuild"],
    &["patch.published team/runtime", "rebuild"],
    &[
        "patch.judged apps/web",
        "proven",
        "-> rebase",
        "<- patch.published team/runtime",
    ],
    &["patch.published apps/web", "rebase", "tag 1-p1"],
    &["patch.published apps/api", "rebase", "tag 1-p1"],
    &["patch.judged apps/mail", "unsafe", "-> rebuild"],
    &["patch.published apps/mail", "rebuild"],
    &["patch.skipped apps/static", "BUILD"],
];

/// The runtime and what installs are rebuilt, what only copies is rebased, what only takes from a builder stays.
pub(crate) fn story(demo: &Demo) -> Result<()> {
    let text = &demo.transcript.text;
    for words in TOLD {
        let line = text.lines().find(|line| has_in_order(line, words));
        ensure!(line.is_some(), "no line tells {words:?}:\n{text}");
    }
    let edge = demo.transcript.answer("refloat graph").unwrap_or_default();
    let words = ["apps/static:1", "BUILD", "library/debian:12"];
    ensure!(
        edge.lines().any(|line| has_in_order(line, &words)),
        "{edge}"
    );
    // The answer to why ends at the sweep that saw the base move.
    let why = demo.transcript.answer("refloat why release/shop");
    let why = why.context("nobody asked why")?;
    for word in [
        "release.deployed",
        "patch.published",
        "base.moved",
        "sweep.finished",
    ] {
        ensure!(why.contains(word), "why does not tell of {word}:\n{why}");
    }
    ensure!(!why.contains("unknown ("), "a cause is unknown:\n{why}");
    Ok(())
}

/// Both environments name the patched images.
pub(crate) fn releases(demo: &Demo) -> Result<()> {
    for environment in ["staging", "production"] {
        let folder = demo.folder().join("out").join(environment);
        let made = run::stdout(Command::new("grep").args(["-rh", "image:"]).arg(folder))?;
        for image in ["apps/web:1-p1", "apps/api:1-p1", "apps/mail:run_"] {
            ensure!(made.contains(image), "{environment}: {made}");
        }
    }
    Ok(())
}

/// A rebased image has the same files as a build of its source on the new base, other packages than before, and it runs.
pub(crate) fn rebased(demo: &Demo) -> Result<()> {
    let home = demo.home()?;
    for name in ["web", "api"] {
        let rebased = format!("{home}/apps/{name}:1-p1");
        let compared = demo.json(&["compare", &rebased, &format!("{home}/check/{name}:1")])?;
        ensure!(compared["same_files"] == true, "{name}: {compared:#}");
        let first = demo.first_run(&format!("apps/{name}"))?;
        let before = format!("{home}/apps/{name}:{first}");
        let moved = demo.json(&["compare", &before, &rebased])?;
        let package = moved["packages"].as_array().and_then(|all| {
            let moved = all
                .iter()
                .find(|one| one["old"].is_string() && one["new"].is_string());
            moved.cloned()
        });
        let package = package.with_context(|| format!("no package moved: {moved:#}"))?;
        let said = in_container(demo, &rebased, package["name"].as_str().unwrap_or_default())?;
        ensure!(
            said.contains(&format!("the {name} of the shop")),
            "{name}: {said}"
        );
        ensure!(
            said.contains(package["new"].as_str().unwrap_or("?")),
            "{name}: {said}, not {package}"
        );
    }
    Ok(())
}

/// What a container of the image says of its file and of a package.
fn in_container(demo: &Demo, image: &str, package: &str) -> Result<String> {
    let script = format!(
        "set -e; b=\"buildah --root $PWD/storage --runroot $PWD/storage/run\"; \
         c=$($b from --quiet --tls-verify=false {image}); \
         $b run --isolation chroot $c -- sh -c 'cat /app/message; dpkg-query -W {package}'; $b rm $c > out.log"
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &script])
        .current_dir(demo.folder())
        .env(
            "REGISTRY_AUTH_FILE",
            demo.folder().join("docker/config.json"),
        );
    run::stdout(&mut command)
}

fn has_in_order(line: &str, words: &[&str]) -> bool {
    let mut rest = line;
    words.iter().all(|word| match rest.split_once(word) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}
