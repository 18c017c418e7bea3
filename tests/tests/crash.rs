//! Sudden ends: at every fail point, at random moments, with and without what was not fsynced.
//!
//! The long runs are `cargo xtask crash`; here is what fits into every change.

use std::io::Write;

use anyhow::{Result, ensure};
use refloat_rig::requirement::require_root;
use refloat_rig::server::binary;
use refloat_rig::{Tool, require};
use refloat_tests::crash::points::Consequence;
use refloat_tests::crash::{self, Floor, Grace, Options, Progress, Report, points};

/// Repeats a run: `REFLOAT_CRASH_SEED=7 cargo test -p refloat-tests --test crash`.
const SEED_VARIABLE: &str = "REFLOAT_CRASH_SEED";

fn say(line: &str) {
    let _closed = writeln!(std::io::stderr(), "{line}");
}

fn seed() -> u64 {
    std::env::var(SEED_VARIABLE)
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1)
}

fn killed(floor: Floor, kills: u32, grace: Grace) -> Result<Report> {
    let options = Options {
        seed: seed(),
        kills,
        workers: 4,
        grace,
        floor,
        program: binary()?,
    };
    let report = crash::run(&options, &mut |progress: &Progress| {
        let (acknowledged, ready) = (progress.counts.acknowledged, progress.ready.as_millis());
        say(&format!(
            "crash, {floor:?}: kill {} of {}, {acknowledged} acknowledged, ready after {ready} ms",
            progress.kills, progress.of
        ));
    })?;
    say(&format!("crash, {floor:?}: {}", report.text()));
    ensure!(report.is_clean(), "{}", report.text());
    ensure!(
        report.kills == kills && report.counts.acknowledged > u64::from(kills),
        "hardly any traffic: {}",
        report.text()
    );
    Ok(report)
}

/// The points of the product, or those that `REFLOAT_CRASH_POINT` names a part of.
fn each_point() -> impl Iterator<Item = &'static str> {
    let only = std::env::var("REFLOAT_CRASH_POINT").unwrap_or_default();
    let points = refloat_fail::POINTS.iter().copied();
    points.filter(move |point| {
        let is_of_clients = point.starts_with("keep.");
        let elsewhere = is_of_clients || points::is_of_the_loop(point);
        point.contains(&only) && !points::AGED.contains(point) && !elsewhere
    })
}

#[test]
fn nothing_acknowledged_is_lost_at_any_fail_point() -> Result<()> {
    let program = binary()?;
    let postgres = require(&[Tool::Postgres])?;
    let mut wrong = Vec::new();
    for point in each_point() {
        let mut outcome = points::at(&program, Floor::Plain, point, Consequence::Kill)?;
        // Some are passed only where several processes share the rows.
        if outcome.died.is_none() && postgres {
            outcome = points::at(&program, Floor::Postgres, point, Consequence::Kill)?;
        }
        let died = outcome.died.unwrap_or("nowhere");
        say(&format!(
            "crash, fail points: {point}: died at {died}, {} facts checked",
            outcome.findings.checked
        ));
        if outcome.died.is_none() {
            wrong.push(format!(
                "{point} was never reached; refused on the way: {:?}",
                outcome.refused
            ));
        }
        if !outcome.findings.is_clean() {
            wrong.push(format!(
                "{point} ({died}): {} ({:?})",
                outcome.findings.text(),
                outcome.kept
            ));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn an_error_at_any_fail_point_is_not_acknowledged_and_passes() -> Result<()> {
    let program = binary()?;
    let mut wrong = Vec::new();
    for point in each_point() {
        let outcome = points::at(&program, Floor::Plain, point, Consequence::Error)?;
        say(&format!(
            "crash, errors: {point}: {} facts checked",
            outcome.findings.checked
        ));
        if !outcome.findings.is_clean() {
            let (found, refused) = (outcome.findings.text(), outcome.refused);
            wrong.push(format!(
                "{point}: {found} (refused: {refused:?}; {:?})",
                outcome.kept
            ));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn nothing_acknowledged_is_lost_in_twenty_kills() -> Result<()> {
    killed(Floor::Plain, 20, Grace::Long).map(drop)
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_is_cut() -> Result<()> {
    if !require_root_and_fuse()? {
        return Ok(());
    }
    killed(Floor::Forgetful, 6, Grace::Long).map(drop)
}

#[test]
fn nothing_acknowledged_is_lost_when_an_fsync_fails() -> Result<()> {
    if !require_root_and_fuse()? {
        return Ok(());
    }
    killed(Floor::FailingFsync, 6, Grace::Long).map(drop)
}

#[test]
fn nothing_acknowledged_is_lost_over_postgresql() -> Result<()> {
    if !require(&[Tool::Postgres])? {
        return Ok(());
    }
    killed(Floor::Postgres, 5, Grace::Long).map(drop)
}

fn require_root_and_fuse() -> Result<bool> {
    Ok(require_root()? && require(&[Tool::Fuse])?)
}
