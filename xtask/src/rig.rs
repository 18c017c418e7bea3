//! `cargo xtask rig`: the outside programs that the tests use.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use refloat_rig::cache;
use refloat_rig::tools::{self, Cost, Scope, Source, Tool};

/// What to do with them.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Installs what is missing; a second run does nothing
    Install {
        /// Also what takes minutes to build
        #[arg(long)]
        full: bool,
    },
    /// Says what there is and what is missing
    List,
    /// Removes what was built into the cache; packages stay
    Clean,
}

pub(crate) fn run(verb: &Verb) -> Result<ExitCode> {
    match verb {
        Verb::Install { full } => tools::install(scope(*full))?,
        Verb::List => list(),
        Verb::Clean => {
            cache::remove()?;
            println!("removed {}", cache::folder()?.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The scope that the flag `--full` names.
pub(crate) fn scope(full: bool) -> Scope {
    if full { Scope::Full } else { Scope::Usual }
}

fn list() {
    println!(
        "{:<16}{:<28}{:<11}{:<7}used for",
        "tool", "version", "from", "cost"
    );
    for tool in Tool::ALL {
        let entry = tool.entry();
        let version = tool.version().unwrap_or_else(|| wanted(tool));
        let cost = match entry.cost {
            Cost::Quick => "quick",
            Cost::Slow => "slow",
        };
        let from = match entry.source {
            Source::Debian { .. } => "Debian",
            Source::GoModule { .. } | Source::GoPackage { .. } | Source::GoSource { .. } => {
                "Go module"
            }
            Source::GoToolchain { .. } => "PATH, pip",
            Source::Machine { .. } => "machine",
        };
        println!(
            "{:<16}{version:<28}{from:<11}{cost:<7}{}",
            entry.name, entry.purpose
        );
    }
}

fn wanted(tool: Tool) -> String {
    match tool.entry().source {
        Source::GoModule { version, .. }
        | Source::GoPackage { version, .. }
        | Source::GoSource { version, .. }
        | Source::GoToolchain { version } => {
            format!("missing ({version})")
        }
        Source::Debian { .. } | Source::Machine { .. } => "missing".to_owned(),
    }
}
