//! The project's own verbs: `cargo xtask VERB`.
//!
//! Each verb is a file of its own with one `run`; this one only names them.

#![expect(
    clippy::print_stdout,
    reason = "a command line speaks on standard output"
)]

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod crash;
mod deny;
mod differential;
mod fuzz;
mod rig;
mod schemas;
mod stage;
mod suite;
mod tidy;

/// Builds, checks and shows Refloat.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Installs what is missing and runs every check and every test
    Test(suite::Arguments),
    /// Checks what the compiler does not: direction of uses, purity, sizes, names
    Tidy,
    /// Kills the server again and again under traffic and checks what it acknowledged
    Crash(crash::Options),
    /// Feeds hostile bytes to the readers of tars, programs, package databases and Dockerfiles
    Fuzz(fuzz::Options),
    /// Measures Refloat beside its peers, in one run
    #[command(subcommand)]
    Bench(Bench),
    /// Packs the schemas of Kubernetes anew
    Schemas,
    /// Compares random charts with Helm's own engine
    Differential(differential::Options),
    /// The outside programs that the tests use
    #[command(subcommand)]
    Rig(rig::Verb),
}

#[derive(Subcommand)]
enum Bench {
    /// Manifest GET, pull and push against distribution 3.1 and docker-registry
    Registry(bench::Options),
    /// Time per chart, beside Helm's engine and beside `helm template`
    Render(bench::render::Options),
    /// How long a base update takes until what stands on it is patched and its release begins
    Loop(bench::wave::Options),
    /// How long lint, template, checks and package of a chart take in all environments
    Gate(bench::gate::Options),
    /// How fast layers are indexed, and how long a verdict takes
    Verdict(bench::verdict::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<ExitCode> {
    match verb {
        Verb::Test(arguments) => Ok(suite::run(&arguments)),
        Verb::Tidy => tidy::run(),
        Verb::Crash(options) => crash::run(&options),
        Verb::Bench(Bench::Registry(options)) => {
            bench::registry(&options).map(|()| ExitCode::SUCCESS)
        }
        Verb::Bench(Bench::Render(options)) => {
            bench::render::run(&options).map(|()| ExitCode::SUCCESS)
        }
        Verb::Differential(options) => differential::run(&options),
        Verb::Bench(Bench::Loop(options)) => bench::wave::run(&options).map(|()| ExitCode::SUCCESS),
        Verb::Bench(Bench::Gate(options)) => bench::gate::run(&options).map(|()| ExitCode::SUCCESS),
        Verb::Schemas => schemas::run(),
        Verb::Bench(Bench::Verdict(options)) => {
            bench::verdict::run(&options).map(|()| ExitCode::SUCCESS)
        }
        Verb::Fuzz(options) => fuzz::run(&options),
        Verb::Rig(verb) => rig::run(&verb),
    }
}
