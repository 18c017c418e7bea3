//! `cargo xtask bench loop`: from the push of a base to the first dependent published, and to its rollout started.
//!
//! Both are read from the server's own log, whose instants come from one clock: the tag that the push moved, the first
//! patch it led to, and the first release. The images are copies of files, so that every patch is a rebase.

use anyhow::{Context, Result, bail};
use refloat_tests::fleet::Still;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How often the base is pushed.
    #[arg(long, default_value_t = 20)]
    rounds: u32,
    /// Also write the table, as markdown, to this file.
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Runs it on the release build, or on `$REFLOAT_BIN`, and prints its table.
pub fn run(options: &Options) -> Result<()> {
    let program = refloat_rig::server::release_binary()?;
    let still = Still::prepare(&program)?;
    let mut fleet = still.wake(&[])?;
    let mut seen: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for round in 1..=options.rounds {
        let wave = fleet.push_runtime(round)?;
        println!(
            "round {round} of {}: published after {} ms, rollout started after {} ms",
            options.rounds,
            wave.published.as_millis(),
            wave.started.as_millis()
        );
        seen.entry(PUBLISHED).or_default().push(wave.published);
        seen.entry(STARTED).or_default().push(wave.started);
    }
    let text = table(&mut seen)?;
    println!("\n{text}");
    if let Some(path) = &options.report {
        std::fs::write(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

const PUBLISHED: &str = "first dependent published";
const STARTED: &str = "its rollout started";

fn table(seen: &mut BTreeMap<&str, Vec<Duration>>) -> Result<String> {
    let mut text =
        String::from("| after the push of a base | median | p95 | longest |\n|---|---|---|---|\n");
    for (what, durations) in seen {
        durations.sort();
        let at =
            |percent: usize| durations.get((durations.len() * percent).div_ceil(100).max(1) - 1);
        let (Some(median), Some(p95), Some(longest)) = (at(50), at(95), durations.last()) else {
            bail!("no round was measured; ask for at least one");
        };
        let line = [median, p95, longest].map(|took| format!("{} ms", took.as_millis()));
        writeln!(text, "| {what} | {} |", line.join(" | "))?;
    }
    Ok(text)
}
