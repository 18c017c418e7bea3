//! `cargo xtask crash`: the long kill loop, with its figures.

use std::fs;
use std::io::{IsTerminal, Write, stderr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use refloat_rig::server;
use refloat_tests::crash::{self, Floor, Grace, Progress, Report};
use refloat_tests::demo;

/// Without a terminal, a line is printed after so many kills.
const LINE_EVERY: u32 = 25;

/// Kills the server again and again under traffic, and checks that nothing acknowledged is lost.
#[derive(clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that somebody types"
)]
pub struct Options {
    /// How many sudden ends
    #[arg(long, value_name = "N", default_value_t = 100)]
    kills: u32,
    /// What the traffic follows from; another one each time if left out
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// How many workers send traffic at once
    #[arg(long, value_name = "N", default_value_t = 4)]
    workers: usize,
    /// With each kill, what was not fsynced is dropped too (a FUSE file system; needs root)
    #[arg(long, conflicts_with = "postgres")]
    power_cut: bool,
    /// Rows in PostgreSQL instead of SQLite
    #[arg(long)]
    postgres: bool,
    /// The server collects what nothing has used for a second
    #[arg(long)]
    collect: bool,
    /// The release build
    #[arg(long)]
    release: bool,
    /// A base update on its way over the demo's Debian images is killed, instead of a registry under traffic
    #[arg(long, conflicts_with_all = ["workers", "power_cut", "postgres", "collect", "report"])]
    demo: bool,
    /// Also writes the table of the figures to FILE
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Runs the loop; fails if anything was found.
pub fn run(options: &Options) -> Result<ExitCode> {
    let seed = options.seed.unwrap_or_else(some_seed);
    let program = if options.release {
        server::release_binary()?
    } else {
        server::binary()?
    };
    say(&format!("seed {seed}"));
    if options.demo {
        return kill_demo(&demo::Kills {
            kills: options.kills,
            seed,
            program,
        });
    }
    let floor = match (options.power_cut, options.postgres) {
        (true, _) => Floor::Forgetful,
        (false, true) => Floor::Postgres,
        (false, false) => Floor::Plain,
    };
    let grace = if options.collect {
        Grace::Short
    } else {
        Grace::Long
    };
    let options_of_run = crash::Options {
        seed,
        kills: options.kills,
        workers: options.workers,
        grace,
        floor,
        program,
    };
    let report = crash::run(&options_of_run, &mut show)?;
    say(&report.text());
    if let Some(path) = &options.report {
        write_table(path, &report)?;
    }
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Kills the demo's update; the first deviation ends it.
fn kill_demo(kills: &demo::Kills) -> Result<ExitCode> {
    say("the demo is played once without a kill; this takes minutes");
    let report = demo::kill(kills, &mut |report| {
        say(&format!(
            "{} of {} kills, {} updates carried to production, {} s",
            report.kills,
            kills.kills,
            report.waves,
            report.took.as_secs()
        ));
    })?;
    say(&format!(
        "{} kills, {} updates, each with the same end; seed {}",
        report.kills, report.waves, kills.seed
    ));
    Ok(ExitCode::SUCCESS)
}

/// Adds a row to the table in `path`, with its head if the file is new.
fn write_table(path: &std::path::Path, report: &Report) -> Result<()> {
    let text = fs::read_to_string(path).unwrap_or_else(|_| Report::head().to_owned());
    fs::write(path, text + &report.row())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// A line that moves on a terminal, and now and then a line elsewhere.
fn show(progress: &Progress) {
    const WIDTH: usize = 30;
    let Progress {
        kills,
        of,
        counts,
        checked,
        ready,
    } = progress;
    let done = WIDTH * usize::try_from(*kills).unwrap_or_default()
        / usize::try_from(*of).unwrap_or(1).max(1);
    let bar: String = (0..WIDTH)
        .map(|cell| if cell < done { '#' } else { '.' })
        .collect();
    let (acknowledged, ready) = (counts.acknowledged, ready.as_millis());
    let text = format!(
        "[{bar}] kill {kills} of {of}, {acknowledged} acknowledged, {checked} facts checked, ready after {ready} ms"
    );
    if stderr().is_terminal() {
        let end = if kills == of { "\n" } else { "" };
        let _closed = write!(stderr(), "\r{text}\x1b[K{end}");
    } else if kills.is_multiple_of(LINE_EVERY) || kills == of {
        say(&text);
    }
}

fn say(line: &str) {
    let _closed = writeln!(stderr(), "{line}");
}

fn some_seed() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.as_secs() % 1_000_000
}
