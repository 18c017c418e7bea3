//! The demo, as somebody runs it who has just found the project: real Debian bases, real builds, the real log.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use refloat_rig::server::binary;
use refloat_rig::{Tool, require, run, tools};

/// What the story must tell, each line by words that stand in it in this order.
const TOLD: [&[&str]; 8] = [
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
    &["patch.published apps/mail", "rebuild"],
    &["patch.skipped apps/static", "BUILD"],
];

#[test]
fn the_demo_carries_a_base_update_to_production() -> Result<()> {
    if !tools::is_ci() {
        // Whoever reads this has run it as the first command; the second leaves it to CI.
        return Ok(());
    }
    if !require(&[Tool::Mmdebstrap, Tool::Buildah, Tool::Git])? {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let output = run::checked(
        Command::new(binary()?)
            .args(["demo", "--keep"])
            .env("NO_COLOR", "1")
            .env_remove("REFLOAT_FAIL")
            .current_dir(folder.path()),
    )?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for words in TOLD {
        let line = text.lines().find(|line| has_in_order(line, words));
        ensure!(line.is_some(), "no line tells {words:?}:\n{text}");
    }
    let kept = folder.path().join("refloat-demo");
    for environment in ["staging", "production"] {
        let made = run::checked(
            Command::new("grep")
                .args(["-rh", "image:"])
                .arg(kept.join("out").join(environment)),
        )?;
        let made = String::from_utf8_lossy(&made.stdout).into_owned();
        ensure!(made.contains("apps/web:1-p1"), "{environment}: {made}");
    }
    // The answer to why ends at the sweep that saw the base move.
    let why = text
        .split("$ refloat why release/shop")
        .nth(1)
        .context("nobody asked why")?;
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
