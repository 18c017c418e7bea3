//! Licences, bans and sources of what we depend on, by cargo-deny.

use std::process::Command;

use anyhow::Result;
use refloat_rig::{cache, run, tools};

use crate::stage::{cargo, streamed};

/// Pinned: a newer one may find new faults, which is news for a commit of its own.
const VERSION: &str = "0.20.2";

/// Runs `cargo deny check` where cargo-deny is there or may be built: it takes minutes, so
/// that a person is asked to ask for it.
///
/// Advisories are not checked: their database is a git repository, and the tests reach
/// package registries only.
pub(crate) fn check(full: bool) -> Result<bool> {
    let Some(program) = program(full)? else {
        println!("cargo-deny is not installed: left out; to run it: cargo xtask test --full");
        return Ok(true);
    };
    println!("licenses, bans and sources; advisories need a database that is not reachable here");
    let mut command = Command::new(program);
    command
        .args(["check", "licenses", "bans", "sources"])
        .current_dir(refloat_rig::server::checkout()?);
    streamed(&mut command)
}

fn program(full: bool) -> Result<Option<std::path::PathBuf>> {
    let cached = cache::made("")?.join("bin/cargo-deny");
    if cached.exists() {
        return Ok(Some(cached));
    }
    if run::captured(Command::new("cargo-deny").arg("--version")).is_ok() {
        return Ok(Some("cargo-deny".into()));
    }
    if !full && !tools::is_ci() {
        return Ok(None);
    }
    let mut install = cargo()?;
    install
        .args([
            "install",
            "cargo-deny",
            "--locked",
            "--quiet",
            "--version",
            VERSION,
            "--root",
        ])
        .arg(cache::made("")?);
    Ok(streamed(&mut install)?.then_some(cached))
}
