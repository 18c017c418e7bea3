//! A base update on its way, killed: at every fail point of the loop, and at random moments.
//!
//! Whatever happens, the same lines end on the same digests, each patch is made once, and one chart version is published.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Result, ensure};
use refloat_rig::seed::Seed;
use refloat_rig::server::binary;
use refloat_rig::{Tool, require};
use refloat_tests::crash::points::is_of_the_loop;
use refloat_tests::fleet::{Fleet, Outcome, Still};

/// Repeats a run.
const SEED_VARIABLE: &str = "REFLOAT_CRASH_SEED";
/// More kills than a change can wait for: `REFLOAT_LOOP_KILLS=200`.
const KILLS_VARIABLE: &str = "REFLOAT_LOOP_KILLS";
/// Kills at random moments.
const KILLS: u64 = 20;
/// The longest life of a server that is killed, about what a wave takes.
const LIFE_MAX_MS: u64 = 4000;
/// Points that this world does not pass, with what passes them: the tests of builds and of the cascade's other ways.
const ELSEWHERE: [&str; 13] = [
    // Images that end without a patch: held and skipped ones.
    "cascade.node_ended",
    // Rebuilds and runs: tests/builds kills at each point of a run.
    "cascade.building",
    "cascade.requested",
    "run.finished",
    "run.prepared",
    "run.requested",
    "run.settled",
    "run.started",
    // Images with tests, which this world has not: tests/builds kills at each point of their way, too.
    "cascade.testing",
    "cascade.tests_requested",
    // A registry of somebody else that holds the images: loop_foreign.
    "cascade.foreign_tagged",
    // Images of several platforms, and rebases that move a tag by themselves: tests/rebase.
    "patch.index_put",
    "patch.tag_put",
];
/// How long a server may live that is to die at a point.
const DEATH_MAX: Duration = Duration::from_mins(1);

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn say(line: &str) {
    let _closed = writeln!(std::io::stderr(), "{line}");
}

/// The wave without a kill.
fn clean(still: &Still) -> Result<Outcome> {
    let mut fleet = still.wake(&[])?;
    fleet.move_base()?;
    fleet.wait_for_production()?;
    let outcome = fleet.outcome()?;
    ensure!(outcome.patches == [1, 1, 1], "{outcome:?}");
    ensure!(outcome.deployed == ["1-p1", "1-p1"], "{outcome:?}");
    ensure!(outcome.charts.len() == 2, "{outcome:?}");
    Ok(outcome)
}

/// Lets the wave end after a kill, and compares.
fn ends_alike(fleet: &mut Fleet, expected: &Outcome) -> Result<()> {
    fleet.restart()?;
    fleet.wait_for_production()?;
    let outcome = fleet.outcome()?;
    ensure!(
        outcome == *expected,
        "expected {expected:?}, found {outcome:?}"
    );
    fleet.verify()
}

#[test]
fn every_fail_point_of_the_loop_can_kill() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let still = Still::prepare(&binary()?)?;
    let expected = clean(&still)?;
    let mut wrong = Vec::new();
    for point in refloat_fail::POINTS
        .iter()
        .filter(|point| is_of_the_loop(point) && !ELSEWHERE.contains(point))
    {
        let armed = format!("{point}=kill");
        let mut fleet = still.wake(&[("REFLOAT_FAIL", &armed)])?;
        fleet.move_base()?;
        if fleet.home().wait_for_exit(DEATH_MAX).is_err() {
            wrong.push(format!("{point} was never reached"));
            continue;
        }
        match ends_alike(&mut fleet, &expected) {
            Ok(()) => say(&format!("loop, fail points: {point}")),
            Err(error) => wrong.push(format!("{point}: {error:#}")),
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn a_wave_survives_kills_at_random_moments() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let seed = number(SEED_VARIABLE, 1);
    let kills = number(KILLS_VARIABLE, KILLS);
    let still = Still::prepare(&binary()?)?;
    let expected = clean(&still)?;
    let mut random = Seed::new(seed);
    let mut made = 0;
    while made < kills {
        let mut fleet = still.wake(&[])?;
        fleet.move_base()?;
        // Several kills of one wave: each next life is random, too.
        for _ in 0..(kills - made).min(4) {
            std::thread::sleep(Duration::from_millis(random.below(LIFE_MAX_MS)));
            fleet.home().kill()?;
            fleet.home().restart()?;
            made += 1;
        }
        fleet.wait_for_production()?;
        let outcome = fleet.outcome()?;
        ensure!(
            outcome == expected,
            "seed {seed}, kill {made}: expected {expected:?}, found {outcome:?}"
        );
        fleet.verify()?;
        say(&format!("loop, kills: {made} of {kills}"));
    }
    Ok(())
}
