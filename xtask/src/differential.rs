//! `cargo xtask differential`: random charts, values and `--set` texts against Helm's own engine, or random Dockerfiles
//! against BuildKit's own front end, as many as are asked for.
//!
//! The cases are those of the test `differential` of refloat-chart and of refloat-dockerfile, which run a fixed number of
//! them; here it is built for speed and told how many.

use crate::stage::{cargo, streamed};
use anyhow::Result;
use refloat_rig::{Tool, tools};
use std::process::ExitCode;

/// How many, and which.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// What is compared.
    #[arg(long, value_enum, default_value_t = Of::Charts)]
    of: Of,
    /// How many cases.
    #[arg(long, default_value_t = 100_000)]
    cases: u64,
    /// The number of the first; a case that differed is made again by its number.
    #[arg(long, default_value_t = 0)]
    from: u64,
}

/// What the cases are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Of {
    /// Charts and values.
    Charts,
    /// Dockerfiles and invocations.
    Dockerfiles,
}

/// Runs them; every difference is printed with what made it.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let (tool, package) = match options.of {
        Of::Charts => (Tool::HelmEngine, "refloat-chart"),
        Of::Dockerfiles => (Tool::DockerfileEngine, "refloat-dockerfile"),
    };
    tools::ensure(&[tool])?;
    let arguments = [
        "test",
        "--release",
        "--package",
        package,
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
