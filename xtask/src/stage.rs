//! One step of a verb: said before it runs, its time told after.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use refloat_rig::run::shown;

/// Runs `work` under the heading `name`. False, with the error printed, if it failed: the
/// stages after it still run, so that one run shows everything that is wrong.
pub(crate) fn stage(name: &str, work: impl FnOnce() -> Result<bool>) -> bool {
    println!("== {name}");
    let started = Instant::now();
    let passed = work().unwrap_or_else(|error| {
        println!("error: {error:#}");
        false
    });
    let outcome = if passed { "done" } else { "FAILED" };
    println!(
        "== {name}: {outcome} in {:.1} s",
        started.elapsed().as_secs_f32()
    );
    passed
}

/// Runs a command whose output goes straight to the terminal; true if it succeeded.
pub(crate) fn streamed(command: &mut Command) -> Result<bool> {
    println!("$ {}", shown(command));
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    Ok(status.success())
}

/// cargo, the one that runs us, in the checkout.
pub(crate) fn cargo() -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(refloat_rig::server::checkout()?);
    Ok(command)
}
