//! `cargo xtask differential`: random charts, values and `--set` texts against Helm's own engine, as many as are asked for.
//!
//! The cases are those of refloat-chart's test `differential`, which runs a fixed number of them; here it is built for
//! speed and told how many.

use crate::stage::{cargo, streamed};
use anyhow::Result;
use refloat_rig::{Tool, tools};
use std::process::ExitCode;

/// How many, and which.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Charts and values to compare.
    #[arg(long, default_value_t = 100_000)]
    cases: u64,
    /// The number of the first; a case that differed is made again by its number.
    #[arg(long, default_value_t = 0)]
    from: u64,
}

/// Runs them; every difference is printed with what made it.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    tools::ensure(&[Tool::HelmEngine])?;
    let arguments = [
        "test",
        "--release",
        "--package",
        "refloat-chart",
        "--test",
        "differential",
        "--",
        "--nocapture",
    ];
    let passed = streamed(
        cargo()?
            .args(arguments)
            .env("REFLOAT_DIFFERENTIAL_CASES", options.cases.to_string())
            .env("REFLOAT_DIFFERENTIAL_FROM", options.from.to_string()),
    )?;
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
