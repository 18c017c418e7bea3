//! Death at one fail point: reached by the tour, survived by what was acknowledged.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::checker::{Findings, Grace};
use super::ground::{Floor, Ground};
use super::kill::check_once;
use super::subject::{Start, Subject};
use super::tour::{End, Tour};
use crate::ledger::Ledger;

/// What a run at one point came to.
#[derive(Debug, Clone)]
pub struct AtPoint {
    /// Where the server died, or nothing if it never passed the point.
    pub died: Option<&'static str>,
    /// What the checks found.
    pub findings: Findings,
    /// Steps of the tour that were refused though the server lived.
    pub refused: Vec<String>,
    /// Where the data folder and the ledger were kept, if anything is wrong.
    pub kept: Option<std::path::PathBuf>,
}

/// Kills the server at `point` on fresh ground, starts it again and checks. A point that is passed while the first start still
/// prepares the folder is armed a second time, on the folder that this start left.
pub fn at(program: &Path, point: &str) -> Result<AtPoint> {
    let ground = Ground::prepare(Floor::Plain)?;
    let mut subject = Subject::new(program, ground.place());
    let ledger = Arc::new(Ledger::create(&ground.ledger())?);
    let mut outcome = AtPoint {
        died: None,
        findings: Findings::default(),
        refused: Vec::new(),
        kept: None,
    };
    let run = die(&mut subject, &ledger, &ground, point, &mut outcome);
    let said = subject.log();
    drop(subject);
    if run.is_err() || outcome.died.is_none() || !outcome.findings.is_clean() {
        outcome.kept = Some(ground.keep());
    }
    let kept = super::kill::shown(outcome.kept.as_deref());
    run.with_context(|| format!("at {point}; kept {kept}; the server said:\n{said}"))?;
    Ok(outcome)
}

fn die(
    subject: &mut Subject,
    ledger: &Arc<Ledger>,
    ground: &Ground,
    point: &str,
    outcome: &mut AtPoint,
) -> Result<()> {
    for turn in 0..2 {
        let died = passes(subject, ledger, point, turn, outcome)?;
        outcome.died = outcome.died.or(died);
        subject.kill()?;
        let reckoned = ground.reckon()?;
        outcome.findings.wrong.extend(reckoned.wrong);
        subject
            .start()
            .context("it does not start after its death")?;
        outcome
            .findings
            .add(check_once(subject, ledger, Grace::Long)?);
        if died != Some("start") {
            return Ok(());
        }
        subject.kill()?;
    }
    Ok(())
}

/// Starts the server armed, takes the tour, stops it; the step at which it died.
fn passes(
    subject: &mut Subject,
    ledger: &Arc<Ledger>,
    point: &str,
    turn: u64,
    outcome: &mut AtPoint,
) -> Result<Option<&'static str>> {
    if subject.start_armed(&format!("{point}=kill@1"))? == Start::Died {
        return Ok(Some("start"));
    }
    match Tour::new(subject, ledger, turn + 1)?.take(subject)? {
        End::Died(step) => Ok(Some(step)),
        End::Whole(refused) => {
            outcome.refused.extend(refused);
            // What is passed at the orderly end only ends it in disorder.
            Ok(subject.stop().is_err().then_some("stop"))
        }
    }
}
