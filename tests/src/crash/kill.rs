//! The loop itself: rounds of traffic, each with a sudden end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use refloat_rig::seed::Seed;
use refloat_rig::wait;

use super::checker::{self, Findings, Grace};
use super::ground::{Floor, Ground};
use super::report::Report;
use super::subject::Subject;
use super::worker::{Admin, Worker};
use crate::ledger::{Counts, Ledger};

/// The sudden end comes after at most so many further operations of a round.
const OPERATIONS_MAX: u64 = 90;

/// And so many microseconds later, so that it meets every step of a request.
const JITTER_MAX_MICROSECONDS: u64 = 4000;

/// A round that gets nowhere for so long is a failure.
const ROUND_DEADLINE: Duration = Duration::from_mins(1);

/// What a run is to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// Everything random follows from it.
    pub seed: u64,
    /// How many sudden ends.
    pub kills: u32,
    /// How many workers send traffic at once.
    pub workers: usize,
    /// Whether the server collects what nothing uses meanwhile.
    pub grace: Grace,
    /// What the server stands on.
    pub floor: Floor,
    /// The program.
    pub program: PathBuf,
}

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Sudden ends so far.
    pub kills: u32,
    /// Of so many.
    pub of: u32,
    /// What became of the operations so far.
    pub counts: Counts,
    /// Facts compared so far.
    pub checked: u64,
    /// The last start.
    pub ready: Duration,
}

/// Runs it. The first finding ends it; ground and ledger are kept then, and the report names them.
///
/// # Errors
/// Only what kept the run from running: a server that does not start, a ledger that cannot be written.
pub fn run(options: &Options, progress: &mut dyn FnMut(&Progress)) -> Result<Report> {
    let mut run = Run::prepare(options)?;
    let outcome = run.rounds(options, progress);
    run.finish(options, outcome)
}

struct Run {
    ground: Ground,
    subject: Subject,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    workers: Vec<Worker>,
    seed: Seed,
    report: Report,
    started: Instant,
}

impl Run {
    fn prepare(options: &Options) -> Result<Self> {
        let started = Instant::now();
        let ground = Ground::prepare(options.floor)?;
        let mut subject = Subject::new(&options.program, ground.place()).with_grace(options.grace);
        let ledger = Arc::new(Ledger::create(&ground.ledger())?);
        let stop = Arc::new(AtomicBool::new(false));
        let worker = |number| Worker::new(number, options.seed, options.grace, &ledger, &stop);
        let workers = (0..options.workers).map(worker).collect();
        let first = subject.start();
        let report = Report {
            seed: options.seed,
            floor: options.floor,
            grace: options.grace,
            ..Report::default()
        };
        let run = Self {
            ground,
            subject,
            ledger,
            stop,
            workers,
            seed: Seed::new(options.seed),
            report,
            started,
        };
        match first {
            Ok(_) => Ok(run),
            Err(error) => Err(run.keep(error)),
        }
    }

    fn rounds(&mut self, options: &Options, progress: &mut dyn FnMut(&Progress)) -> Result<()> {
        for kill in 1..=options.kills {
            self.round(options)
                .with_context(|| format!("round {kill}"))?;
            progress(&Progress {
                kills: kill,
                of: options.kills,
                counts: self.ledger.counts(),
                checked: self.report.findings.checked,
                ready: self.report.ready.last().copied().unwrap_or_default(),
            });
            if !self.report.findings.is_clean() {
                break;
            }
        }
        Ok(())
    }

    fn round(&mut self, options: &Options) -> Result<()> {
        let violations = self.traffic()?;
        self.report.kills += 1;
        self.report.findings.wrong.extend(violations);
        self.ground.after_kill(&mut self.seed)?;
        let reckoned = self.ground.reckon()?;
        self.report.findings.checked += reckoned.files as u64;
        self.report.findings.wrong.extend(reckoned.wrong);
        let ready = self.subject.start()?;
        self.report.ready.push(ready);
        self.report.findings.wrong.extend(self.ground.gaps()?);
        let mut findings = checker::check(
            &self.subject,
            &mut self.ledger.history(),
            options.grace,
            &mut self.seed,
        )?;
        if options.floor == Floor::FailingFsync {
            findings.give_up_one_upload();
        }
        self.report.findings.add(findings);
        Ok(())
    }

    /// Lets everybody work until the moment has come, kills the server in the middle of it, and calls everybody back.
    fn traffic(&mut self) -> Result<Vec<String>> {
        self.stop.store(false, Ordering::SeqCst);
        self.ground.before_traffic(&mut self.seed);
        let admin = self.subject.admin()?;
        let mut operator = Admin::new(self.subject.refloat()?, &self.ledger, self.seed.next_u64());
        let moment = self.ledger.counts().acknowledged + 1 + self.seed.below(OPERATIONS_MAX);
        let jitter = Duration::from_micros(self.seed.below(JITTER_MAX_MICROSECONDS));
        let (stop, ledger, subject) = (&self.stop, &self.ledger, &mut self.subject);
        let workers = &mut self.workers;
        thread::scope(|scope| {
            let working: Vec<_> = workers
                .iter_mut()
                .map(|worker| scope.spawn(|| worker.work(admin.another())))
                .collect();
            let operating = scope.spawn(|| operator.work(stop));
            let reached = wait::until("enough operations of a round", ROUND_DEADLINE, || {
                // A server that meets a disk which cannot be trusted any more may end by itself.
                let over = ledger.counts().acknowledged >= moment || !subject.is_running();
                Ok(over.then_some(()))
            });
            // The only sleep: nothing can be waited for where the moment is to be any.
            thread::sleep(jitter);
            let killed = reached.and_then(|()| subject.kill());
            stop.store(true, Ordering::SeqCst);
            let mut violations = Vec::new();
            for worker in working {
                violations.extend(worker.join().map_err(|_| anyhow!("a worker panicked"))??);
            }
            operating
                .join()
                .map_err(|_| anyhow!("the administrator panicked"))??;
            killed.map(|()| violations)
        })
    }

    fn finish(mut self, _options: &Options, outcome: Result<()>) -> Result<Report> {
        self.report.counts = self.ledger.counts();
        self.report.took = self.started.elapsed();
        if let Err(error) = outcome {
            return Err(self.keep(error));
        }
        if !self.report.findings.is_clean() {
            self.report.log = self.subject.log();
            self.subject.kill()?;
            self.report.kept = Some(self.ground.keep());
        }
        Ok(self.report)
    }

    /// An error says where the evidence lies and what repeats it.
    fn keep(self, error: anyhow::Error) -> anyhow::Error {
        let (seed, said) = (self.report.seed, self.subject.log());
        drop(self.subject);
        let kept = self.ground.keep();
        error.context(format!(
            "seed {seed}; kept {}; the server said:\n{said}",
            kept.display()
        ))
    }
}

/// Runs the checker once against a server that is up, for tests that bring their own faults.
pub fn check_once(subject: &Subject, ledger: &Ledger, grace: Grace) -> Result<Findings> {
    checker::check(subject, &mut ledger.history(), grace, &mut Seed::new(1))
}

/// The path as a message shows it.
pub fn shown(path: Option<&Path>) -> String {
    path.map_or_else(|| "nothing".to_owned(), |path| path.display().to_string())
}
