//! What a test needs: it is there, or the test says why it does not run.

use std::io::Write;

use anyhow::{Context, Result, bail};

use crate::tools::{self, Tool};

/// True if the test can use all of `needs`.
///
/// Otherwise it prints one line `skipped: TEST: why` and answers false; the test returns.
/// With `CI=true` what is missing is an error: there nothing is skipped.
///
/// ```no_run
/// use refloat_rig::{Tool, require};
/// fn skopeo_pushes() -> anyhow::Result<()> {
///     if !require(&[Tool::Skopeo, Tool::Busybox])? {
///         return Ok(());
///     }
///     Ok(())
/// }
/// ```
pub fn require(needs: &[Tool]) -> Result<bool> {
    for tool in needs {
        let usable = tools::check_user(*tool).and_then(|()| tool.path());
        if let Err(why) = usable {
            return skip(&why.to_string());
        }
    }
    Ok(true)
}

/// As [`require`], for tests that need root and no tool.
pub fn require_root() -> Result<bool> {
    if tools::is_root() {
        return Ok(true);
    }
    skip("it needs root")
}

/// Says that a test is left out, past the test harness, which keeps the output of tests
/// that pass to itself.
fn skip(why: &str) -> Result<bool> {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    if tools::is_ci() {
        bail!("{why} (with CI=true nothing is skipped)");
    }
    writeln!(std::io::stderr(), "skipped: {test}: {why}").context("cannot say so")?;
    Ok(false)
}
