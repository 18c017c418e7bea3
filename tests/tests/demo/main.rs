//! The demo, as somebody runs it who has just found the project: real Debian bases, real builds, the real log.
//!
//! It takes minutes and runs with `--full` and in CI only. Whoever reads this at home has run it as the first command.

mod cluster;
mod shown;
mod stopped;

use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use refloat_rig::server::binary;
use refloat_rig::{Tool, require, run, tools};
use refloat_tests::demo::{Demo, records, results};

const STOP_GRACE: Duration = Duration::from_secs(30);

/// Whether the demo is to be played, with everything that it needs.
fn can_play(needs: &[Tool]) -> Result<bool> {
    if !tools::is_ci() && std::env::var_os("REFLOAT_FULL").is_none() {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("the demo");
        let why = "it takes minutes: set REFLOAT_FULL=1";
        writeln!(std::io::stderr(), "skipped: {test}: {why}")?;
        return Ok(false);
    }
    Ok(require(&[Tool::Mmdebstrap, Tool::Buildah, Tool::Git])? && require(needs)?)
}

#[test]
fn a_base_update_is_carried_to_production_and_typed_by_hand_again() -> Result<()> {
    if !can_play(&[])? {
        return Ok(());
    }
    let demo = Demo::play(&binary()?, &[], &[])?;
    shown::story(&demo)?;
    shown::releases(&demo)?;
    let mut server = demo.serve()?;
    let held = shown::rebased(&demo);
    server.terminate(STOP_GRACE)?;
    held?;

    // The same lines, typed again at the same place.
    let first = demo.place().join("first");
    std::fs::rename(demo.folder(), &first)?;
    let script = demo.place().join("typed.sh");
    std::fs::write(&script, demo.transcript.script())?;
    run::checked(
        Command::new("sh")
            .arg(&script)
            .current_dir(demo.place())
            .env_remove("REFLOAT_SERVER"),
    )?;
    let (was, is) = (results(&records(&first)?), results(&demo.records()?));
    ensure!(was == is, "played: {was:#?}\ntyped: {is:#?}");
    Ok(())
}
