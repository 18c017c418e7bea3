//! One fail point: the tour reaches it, and what was acknowledged survives the death or the error there.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use refloat_rig::run;

use super::checker::{Findings, Grace};
use super::ground::{Floor, Ground};
use super::kill::{check_once, shown};
use super::subject::{Place, Start, Subject};
use super::tour::{End, Tour};
use crate::ledger::Ledger;

/// What happens at the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// The process is killed.
    Kill,
    /// The call there fails, once, as if the disk or the database had.
    Error,
}

/// What a run at one point came to.
#[derive(Debug, Clone, Default)]
pub struct AtPoint {
    /// The step of the tour at which the server died.
    pub died: Option<&'static str>,
    /// What the checks found.
    pub findings: Findings,
    /// Steps of the tour that were refused though the server lived.
    pub refused: Vec<String>,
    /// Where the data folder and the ledger were kept, if anything is wrong.
    pub kept: Option<PathBuf>,
}

/// What has to go wrong first for a point to be passed.
const PROVOKED: [(&str, &str); 1] = [("job.failed", "gc.rows_deleted=error@1")];

/// Points that only a log of days or years passes. The tests of the store pass them with a clock of their own.
pub const AGED: [&str; 3] = ["segment.closed", "retention.expired", "retention.dropped"];

/// Areas that a base update passes and the tour of the registry does not: `tests/loop_kills.rs` kills there.
const OF_THE_LOOP: [&str; 11] = [
    "build", "cascade", "chart", "edge", "index", "patch", "plan", "release", "run", "sweep",
    "watch",
];

/// Whether a point lies on the way of a base update.
pub fn is_of_the_loop(point: &str) -> bool {
    let area = point.split('.').next().unwrap_or_default();
    OF_THE_LOOP.contains(&area)
}

/// Runs it on fresh ground.
pub fn at(program: &Path, floor: Floor, point: &str, consequence: Consequence) -> Result<AtPoint> {
    let ground = Ground::prepare(floor)?;
    let mut scene = Scene {
        subject: Subject::new(program, ground.place()),
        ledger: Arc::new(Ledger::create(&ground.ledger())?),
        ground,
        outcome: AtPoint::default(),
    };
    let run = match consequence {
        Consequence::Kill => scene.kill(point),
        Consequence::Error => scene.error(point),
    };
    let said = scene.subject.log();
    let Scene {
        subject,
        ground,
        mut outcome,
        ..
    } = scene;
    drop(subject);
    let unreached = consequence == Consequence::Kill && outcome.died.is_none();
    if run.is_err() || unreached || !outcome.findings.is_clean() {
        outcome.kept = Some(ground.keep());
    }
    let kept = shown(outcome.kept.as_deref());
    run.with_context(|| format!("at {point}; kept {kept}; the server said:\n{said}"))?;
    Ok(outcome)
}

struct Scene {
    ground: Ground,
    subject: Subject,
    ledger: Arc<Ledger>,
    outcome: AtPoint,
}

impl Scene {
    /// A point that is passed while the first start still prepares the folder is armed a second time, on the folder that this
    /// start left.
    fn kill(&mut self, point: &str) -> Result<()> {
        for turn in 1..=2 {
            let provoked = PROVOKED.iter().filter(|(name, _)| *name == point);
            let armed: String = provoked.map(|(_, cause)| format!("{cause},")).collect();
            let died = match point.strip_prefix("restore.") {
                Some(_) => self.restore(point)?,
                None => self.passes(&format!("{armed}{point}=kill@1"), turn)?,
            };
            self.outcome.died = self.outcome.died.or(died);
            self.subject.kill()?;
            self.survives()?;
            if died != Some("start") {
                return Ok(());
            }
            self.subject.kill()?;
        }
        Ok(())
    }

    /// A restore dies, the folder it began is refused or finished, and a whole restore has everything.
    fn restore(&mut self, point: &str) -> Result<Option<&'static str>> {
        self.subject.start()?;
        Tour::new(&self.subject, &self.ledger, 1)?.take(&self.subject)?;
        // A backup leaves out the bytes of uploads in progress: the checker finishes them first.
        self.outcome
            .findings
            .add(check_once(&self.subject, &self.ledger, Grace::Long)?);
        let refloat = self.subject.refloat()?;
        let backup = refloat.stdout(&["backup", "last", "--quiet"])?;
        let restored = self.subject.place().data.with_file_name("restored");
        let folder = restored.display().to_string();
        let verb = ["restore", &backup, "--data", &folder];
        let died = run::captured(
            refloat
                .command(&verb)
                .env("REFLOAT_FAIL", format!("{point}=kill@1")),
        )?;
        if died.status.success() {
            return Ok(None);
        }
        std::fs::remove_dir_all(&restored).ok();
        refloat.stdout(&verb)?;
        std::fs::copy(
            self.subject.place().data.join("master-key"),
            restored.join("master-key"),
        )?;
        std::fs::copy(
            self.subject.place().data.join("admin-password"),
            restored.join("admin-password"),
        )?;
        let mut other = Subject::new(
            self.subject.program(),
            Place {
                data: restored,
                ..Place::default()
            },
        );
        other.start().context("what was restored does not start")?;
        self.outcome
            .findings
            .add(check_once(&other, &self.ledger, Grace::Long)?);
        Ok(died.status.signal().map(|_| "restore"))
    }

    /// After the error everything goes again, with the same process where it lived on.
    fn error(&mut self, point: &str) -> Result<()> {
        self.passes(&format!("{point}=error@1"), 1)?;
        if !self.subject.is_running() {
            self.survives()?;
        }
        if let End::Whole(refused) =
            Tour::new(&self.subject, &self.ledger, 2)?.take(&self.subject)?
        {
            let again = refused
                .into_iter()
                .map(|step| format!("after the error, {step}"));
            self.outcome.findings.wrong.extend(again);
        }
        self.subject.kill()?;
        self.survives()
    }

    /// Reckons the keys, starts the server and checks.
    fn survives(&mut self) -> Result<()> {
        let reckoned = self.ground.reckon()?;
        self.outcome.findings.wrong.extend(reckoned.wrong);
        self.subject.start().context("it does not start again")?;
        self.outcome.findings.wrong.extend(self.ground.gaps()?);
        let findings = check_once(&self.subject, &self.ledger, Grace::Long)?;
        self.outcome.findings.add(findings);
        Ok(())
    }

    /// Starts the server armed and takes the tour; the step at which it died.
    fn passes(&mut self, fail: &str, salt: u64) -> Result<Option<&'static str>> {
        if self.subject.start_armed(fail)? == Start::Died {
            return Ok(Some("start"));
        }
        match Tour::new(&self.subject, &self.ledger, salt)?.take(&self.subject)? {
            End::Died(step) => Ok(Some(step)),
            End::Whole(refused) => {
                self.outcome.refused.extend(refused);
                if fail.contains("=error") {
                    return Ok(None);
                }
                // What is passed at the orderly end only ends it in disorder.
                Ok(self.subject.stop().is_err().then_some("stop"))
            }
        }
    }
}
