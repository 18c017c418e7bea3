//! `cargo xtask bench registry`: Refloat beside its peers, in one run, rounds interleaved, medians told.
//!
//! The load generator shares the machine with the servers, so processor seconds per request or GiB count
//! beside the rate. Accounts are on everywhere: each server checks a bearer token on each request. Nothing here can fail
//! a build: a figure is told, not judged.

mod beside;
mod contender;
mod dependents;
pub mod gate;
mod load;
pub mod render;
mod table;
pub mod verdict;
pub mod wave;

use anyhow::{Context, Result};
use contender::Contender;
use load::{Figures, Measure};
use std::path::PathBuf;

/// What to measure, and for how long.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Rounds; each server is measured once in each of them.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each load of GET requests.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections of the loads of GET requests.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Measure only what contains this word, for example `manifest`.
    #[arg(long)]
    only: Option<String>,
    /// Leave the peers out: for profiling.
    #[arg(long)]
    alone: bool,
    /// Also write the tables, as markdown, to this file.
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Runs the comparison and prints its tables.
pub fn registry(options: &Options) -> Result<()> {
    refloat_rig::tools::ensure(&[
        refloat_rig::Tool::Distribution,
        refloat_rig::Tool::DockerRegistry,
        refloat_rig::Tool::Wrk,
    ])?;
    let contenders = contender::start_all(options.alone)?;
    let measures: Vec<_> = Measure::ALL
        .into_iter()
        .filter(|measure| {
            options
                .only
                .as_deref()
                .is_none_or(|word| measure.name().contains(word))
        })
        .collect();
    let mut figures: Vec<Vec<Vec<Figures>>> =
        vec![vec![Vec::new(); contenders.len()]; measures.len()];
    for round in 1..=options.rounds {
        for (row, measure) in figures.iter_mut().zip(&measures) {
            for (column, contender) in row.iter_mut().zip(&contenders) {
                println!(
                    "round {round} of {}: {}, {}",
                    options.rounds,
                    measure.name(),
                    contender.name()
                );
                let seen = load::run(*measure, contender, options.seconds, options.connections)
                    .with_context(|| format!("{} against {}", measure.name(), contender.name()))?;
                column.push(seen);
            }
        }
    }
    let names: Vec<_> = contenders.iter().map(Contender::name).collect();
    let text = table::render(&measures, &names, &figures, load::hashing_seconds_per_gib());
    println!("{text}");
    if let Some(path) = &options.report {
        std::fs::write(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
