//! `cargo xtask test`: every check and every test, on a machine that may have nothing yet.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ExitCode, Stdio};
use std::thread;

use anyhow::{Context, Result};
use refloat_rig::{server, tools};

use crate::stage::{cargo, stage, streamed};
use crate::{deny, rig, tidy};

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Also what takes minutes: to build its programs, or to run (always so with CI=true)
    #[arg(long)]
    full: bool,
}

/// What the tests came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let checks = [
        stage("outside programs", || {
            tools::install(rig::scope(arguments.full)).map(|()| true)
        }),
        stage("format", || {
            streamed(cargo()?.args(["fmt", "--all", "--check"]))
        }),
        stage("lints", || {
            let all = ["clippy", "--workspace", "--all-targets", "--quiet", "--"];
            streamed(cargo()?.args(all).args(["-D", "warnings"]))
        }),
        stage("tidy", tidy::report),
        stage("licences and sources", || deny::check(arguments.full)),
    ];
    let mut tally = Tally::default();
    let tested = stage("tests", || {
        tally = test(arguments)?;
        Ok(tally.failed == 0)
    });
    if !tested && tally.failed == 0 {
        tally.failed = 1;
    }
    // Every check that failed counts as one failed test: the last line must not look better
    // than the run was.
    tally.failed += checks.iter().filter(|passed| !**passed).count() as u64;
    println!("{}", tally.line());
    if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Builds the program once, then runs all tests against it, their output passed on.
fn test(arguments: &Arguments) -> Result<Tally> {
    let program = server::binary().context("the program does not build")?;
    let mut command = cargo()?;
    command
        .args(["test", "--workspace", "--no-fail-fast"])
        .env("REFLOAT_BIN", program)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if arguments.full {
        // Tests that take minutes leave themselves out without it, and say so.
        command.env("REFLOAT_FULL", "1");
    }
    let mut child = command.spawn().context("cannot run cargo test")?;
    let mut tally = follow(&mut child)?;
    let status = child.wait()?;
    if !status.success() && tally.failed == 0 {
        // It did not come to a count: something does not compile, or died.
        tally.failed = 1;
    }
    Ok(tally)
}

fn follow(child: &mut Child) -> Result<Tally> {
    let stdout = child.stdout.take().context("cargo has no output")?;
    let stderr = child.stderr.take().context("cargo has no output")?;
    let errors = thread::spawn(move || count(stderr, std::io::stderr()));
    let mut tally = count(stdout, std::io::stdout());
    if let Ok(more) = errors.join() {
        tally.add(more);
    }
    // The harness counts a test that skipped itself as passed; we do not.
    tally.passed = tally.passed.saturating_sub(tally.skipped);
    Ok(tally)
}

/// Passes lines on and adds up what they say.
fn count(from: impl Read, mut to: impl Write) -> Tally {
    let mut tally = Tally::default();
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        let _closed = to.write_all(&line);
        tally.add(Tally::of(&String::from_utf8_lossy(&line)));
        line.clear();
    }
    tally
}

impl Tally {
    /// What one line of cargo's output adds.
    fn of(line: &str) -> Self {
        // Lines of several tests at once may meet: it is looked for anywhere in the line.
        let skipped = line.matches("skipped: ").count() as u64;
        let Some((_, counts)) = line.split_once("test result: ") else {
            return Self {
                skipped,
                ..Self::default()
            };
        };
        let number = |word: &str| {
            let before = counts
                .split(word)
                .next()
                .filter(|before| *before != counts)?;
            before.trim_end().rsplit(' ').next()?.parse::<u64>().ok()
        };
        Self {
            passed: number(" passed").unwrap_or(0),
            failed: number(" failed").unwrap_or(0),
            skipped: skipped + number(" ignored").unwrap_or(0),
        }
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    fn line(self) -> String {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        format!("{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_and_skips_add_up() {
        let output = "\
running 3 tests
skipped: docker_pushes: docker needs root
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 2s
";
        let mut echo = Vec::new();
        let tally = count(output.as_bytes(), &mut echo);
        assert_eq!(
            tally,
            Tally {
                passed: 15,
                failed: 2,
                skipped: 2
            }
        );
        assert_eq!(echo, output.as_bytes());
        assert_eq!(tally.line(), "15 passed, 2 failed, 2 skipped");
    }
}
