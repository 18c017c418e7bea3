//! `cargo xtask fuzz`: hostile bytes against the readers of tars, programs, package databases and Dockerfiles.
//!
//! Cases are mutations of real inputs by a seeded generator: the same seed and case number are the same bytes, so that a
//! finding is a number. No case may panic, take longer than [`CASE_SECONDS_MAX`], or make the process grow beyond
//! [`GROWTH_BYTES_MAX`].

use anyhow::{Context, Result, bail};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

mod mutate;
mod target;

use mutate::Random;
use target::Target;

/// The longest that one case may take.
const CASE_SECONDS_MAX: u64 = 20;
/// The most by which the process may grow, inputs included.
const GROWTH_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// How long, and what.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Minutes of each reader.
    #[arg(long, default_value_t = 1)]
    minutes: u64,
    /// Seconds of each reader, in place of minutes.
    #[arg(long, conflicts_with = "minutes")]
    seconds: Option<u64>,
    /// Only readers whose name contains this word, for example `tar`.
    #[arg(long)]
    only: Option<String>,
    /// Begins another sequence of cases.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs this case alone and writes its bytes to `fuzz-case` in the present folder.
    #[arg(long)]
    case: Option<u64>,
}

/// Runs the readers in turn.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let is_wanted = |target: &&Target| {
        options
            .only
            .as_deref()
            .is_none_or(|word| target.name.contains(word))
    };
    for target in target::all()?.iter().filter(is_wanted) {
        if let Some(case) = options.case {
            let bytes = target.case(options.seed, case);
            std::fs::write("fuzz-case", &bytes).context("cannot write fuzz-case")?;
            (target.read)(&bytes);
            println!(
                "{}: case {case} of seed {} passes",
                target.name, options.seed
            );
            continue;
        }
        let seconds = options.seconds.unwrap_or(60 * options.minutes);
        let tally = fuzz(target, options.seed, Duration::from_secs(seconds))?;
        println!("{}", tally.line(target.name, options.seed));
    }
    Ok(ExitCode::SUCCESS)
}

/// What a run saw.
struct Tally {
    cases: u64,
    accepted: u64,
    longest: Duration,
    grown_bytes: u64,
}

impl Tally {
    fn line(&self, name: &str, seed: u64) -> String {
        format!(
            "{name}: {} cases, {} of them readable, seed {seed}, longest {} ms, grown by {} MiB",
            self.cases,
            self.accepted,
            self.longest.as_millis(),
            self.grown_bytes / (1024 * 1024)
        )
    }
}

/// Runs one reader for a while.
fn fuzz(target: &Target, seed: u64, time: Duration) -> Result<Tally> {
    // The mark of the readers before this one goes (proc(5), clear_refs).
    std::fs::write("/proc/self/clear_refs", "5").context("cannot write to /proc")?;
    let before = resident("VmRSS:")?;
    let until = Instant::now() + time;
    let present = Arc::new(AtomicU64::new(0));
    let (tell, told) = channel();
    let (worker_target, worker_present) = (target.clone(), Arc::clone(&present));
    std::thread::spawn(move || work(&worker_target, seed, until, &worker_present, &tell));
    let mut tally = Tally {
        cases: 0,
        accepted: 0,
        longest: Duration::ZERO,
        grown_bytes: 0,
    };
    let replay = |what: &str| {
        let case = present.load(Ordering::Relaxed);
        format!(
            "{what}: cargo xtask fuzz --only {} --seed {seed} --case {case}",
            target.name
        )
    };
    let mut used = processor_time()?;
    loop {
        match told.recv_timeout(Duration::from_secs(CASE_SECONDS_MAX)) {
            Ok(Said::Case { is_accepted, took }) => {
                tally.cases += 1;
                tally.accepted += u64::from(is_accepted);
                tally.longest = tally.longest.max(took);
                if tally.cases.is_multiple_of(1024) {
                    used = processor_time()?;
                }
            }
            Ok(Said::Panicked) => bail!(replay("it panicked")),
            // On a busy machine it may just not have had its turn.
            Err(RecvTimeoutError::Timeout) => {
                if processor_time()?.saturating_sub(used).as_secs() >= CASE_SECONDS_MAX {
                    bail!(replay("it does not end"));
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    tally.grown_bytes = resident("VmHWM:")?.saturating_sub(before);
    if tally.grown_bytes > GROWTH_BYTES_MAX {
        bail!("{} grew by {} bytes", target.name, tally.grown_bytes);
    }
    Ok(tally)
}

enum Said {
    Case { is_accepted: bool, took: Duration },
    Panicked,
}

fn work(
    target: &Target,
    seed: u64,
    until: Instant,
    present: &AtomicU64,
    tell: &std::sync::mpsc::Sender<Said>,
) {
    for case in 0.. {
        let start = Instant::now();
        if start >= until {
            return;
        }
        present.store(case, Ordering::Relaxed);
        let bytes = target.case(seed, case);
        let said = match catch_unwind(AssertUnwindSafe(|| (target.read)(&bytes))) {
            Ok(is_accepted) => Said::Case {
                is_accepted,
                took: start.elapsed(),
            },
            Err(_) => Said::Panicked,
        };
        let is_over = matches!(said, Said::Panicked);
        if tell.send(said).is_err() || is_over {
            return;
        }
    }
}

impl Target {
    /// The bytes of a case.
    fn case(&self, seed: u64, case: u64) -> Vec<u8> {
        let mut random = Random::new(seed, case);
        let mut bytes = mutate::mutated(&mut random, &self.seeds, self.words);
        (self.mend)(&mut bytes);
        bytes
    }
}

/// What this process has used of the processor (proc(5), `/proc/self/stat`, in hundredths of a second).
fn processor_time() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("cannot read /proc")?;
    let (_, fields) = stat
        .rsplit_once(") ")
        .context("a stat line without a name")?;
    let fields = fields.split(' ').skip(11).take(2);
    let ticks: u64 = fields
        .map(|field| field.parse::<u64>().unwrap_or_default())
        .sum();
    Ok(Duration::from_millis(10 * ticks))
}

/// A figure of `/proc/self/status`, in bytes.
fn resident(field: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("cannot read /proc")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: u64 = kilobytes.context("no such figure in /proc")?.parse()?;
    Ok(kilobytes * 1024)
}
