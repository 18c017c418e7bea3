//! The same base update where a registry of somebody else holds every image: its tags are asked, its images patched and pushed
//! back to it, and a chart that names them is released. Debian's docker-registry has no referrers, and tells nobody anything.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use refloat_rig::foreign::Program;
use refloat_rig::seed::Seed;
use refloat_rig::server::binary;
use refloat_rig::{Tool, require};
use refloat_tests::fleet::{Fleet, ForeignWorld, LINES, Outcome};
use serde_json::Value;

const TOOLS: [Tool; 3] = [Tool::Busybox, Tool::DockerRegistry, Tool::Htpasswd];
/// Repeats a run.
const SEED_VARIABLE: &str = "REFLOAT_CRASH_SEED";
/// More kills than a change can wait for.
const KILLS_VARIABLE: &str = "REFLOAT_FOREIGN_KILLS";
/// Kills at random moments.
const KILLS: u64 = 6;
/// The longest life of a server that is killed, about what a wave takes.
const LIFE_MAX_MS: u64 = 4000;
/// How long a server may live that is to die at a point.
const DEATH_MAX: Duration = Duration::from_mins(1);
/// Points around the moves of tags that share no transaction with rows.
const POINTS: [&str; 5] = [
    "cascade.rebased",
    "cascade.foreign_tagged",
    "cascade.publishing",
    "cascade.published",
    "sweep.finished",
];

fn say(line: &str) {
    let _closed = writeln!(std::io::stderr(), "{line}");
}

/// The wave without a kill.
fn clean(world: &ForeignWorld) -> Result<Outcome> {
    let mut fleet = world.settle()?;
    fleet.move_base()?;
    fleet.wait_for_production()?;
    let outcome = fleet.outcome()?;
    ensure!(outcome.patches == [1, 1, 1], "{outcome:?}");
    ensure!(outcome.deployed == ["1-p1", "1-p1"], "{outcome:?}");
    // The first release pinned the tags, since nobody knows what else they named there.
    ensure!(outcome.charts.len() == 3, "{outcome:?}");
    ensure!(cascades(&fleet)? == 1, "one base moved once");
    fleet.verify()?;
    reads_well(&fleet)?;
    Ok(outcome)
}

fn cascades(fleet: &Fleet) -> Result<usize> {
    let listed = json(fleet, &["cascade", "list"])?;
    let items = listed.as_array().or(listed["items"].as_array());
    Ok(items.context("no list of cascades")?.len())
}

fn json(fleet: &Fleet, arguments: &[&str]) -> Result<Value> {
    let said = fleet
        .refloat()?
        .stdout(&[arguments, &["-o", "json"]].concat())?;
    serde_json::from_str(&said).with_context(|| format!("{arguments:?} said {said}"))
}

/// What people read about images that are not here.
fn reads_well(fleet: &Fleet) -> Result<()> {
    let host = fleet.image_host();
    let images = json(fleet, &["images"])?;
    let images = images.as_array().context("no list of images")?;
    for line in LINES {
        let name = format!("{host}/{line}#tag:1");
        let image = images.iter().find(|image| image["line"] == name.as_str());
        let image = image.with_context(|| format!("{name} is not in {images:?}"))?;
        ensure!(
            image["reference"] == format!("{host}/{line}:1").as_str(),
            "{image}"
        );
        ensure!(
            image["base"].is_object() && image["outdated"] == false,
            "{image}"
        );
    }
    // The tags that patches were given are no lines of their own, though a pattern watches them.
    ensure!(
        !images.iter().any(|image| image["line"]
            .as_str()
            .is_some_and(|line| line.ends_with("-p1"))),
        "{images:?}"
    );
    let graph = json(fleet, &["graph", &format!("{host}/library/os:1")])?;
    ensure!(
        graph["nodes"]
            .as_array()
            .is_some_and(|nodes| nodes.len() == 4),
        "{graph}"
    );
    let plan = json(fleet, &["plan", "--base", &format!("{host}/library/os:1")])?;
    ensure!(
        plan["nodes"].as_array().is_some_and(Vec::is_empty),
        "{plan}"
    );
    let why = json(fleet, &["why", &format!("{host}/apps/a:1")])?;
    let types: Vec<_> = why
        .as_array()
        .context("no causes")?
        .iter()
        .filter_map(|record| record["type"].as_str())
        .collect();
    ensure!(types.first() == Some(&"patch.published"), "{types:?}");
    for wanted in [
        "cascade.started",
        "plan.made",
        "base.moved",
        "sweep.finished",
    ] {
        ensure!(types.contains(&wanted), "{wanted} is not in {types:?}");
    }
    ensure!(!types.contains(&"unknown"), "{types:?}");
    let release = json(fleet, &["why", "release/shop"])?;
    let release = release.as_array().context("no causes")?;
    ensure!(
        release.iter().any(|record| record["type"] == "base.moved"),
        "{release:?}"
    );
    Ok(())
}

#[test]
fn a_base_update_travels_through_a_foreign_registry() -> Result<()> {
    if !require(&TOOLS)? {
        return Ok(());
    }
    clean(&ForeignWorld::new(&binary()?, Program::DockerRegistry)?).map(drop)
}

#[test]
fn killed_between_tags_and_rows_it_ends_alike() -> Result<()> {
    if !require(&TOOLS)? {
        return Ok(());
    }
    let world = ForeignWorld::new(&binary()?, Program::DockerRegistry)?;
    let expected = clean(&world)?;
    let mut wrong = Vec::new();
    for point in POINTS {
        for count in [1, 2] {
            let mut fleet = world.settle()?;
            fleet.rearm(&[("REFLOAT_FAIL", &format!("{point}=kill@{count}"))])?;
            fleet.move_base()?;
            if fleet.home().wait_for_exit(DEATH_MAX).is_err() {
                wrong.push(format!("{point}@{count} was never reached"));
                continue;
            }
            fleet.restart()?;
            let ended = ends_alike(&mut fleet, &expected);
            match ended {
                Ok(()) => say(&format!("foreign, fail points: {point}@{count}")),
                Err(error) => wrong.push(format!("{point}@{count}: {error:#}")),
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn killed_at_random_moments_it_ends_alike() -> Result<()> {
    if !require(&TOOLS)? {
        return Ok(());
    }
    let number = |variable: &str, default| {
        let text = std::env::var(variable).ok();
        text.and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (seed, kills) = (number(SEED_VARIABLE, 1), number(KILLS_VARIABLE, KILLS));
    let world = ForeignWorld::new(&binary()?, Program::DockerRegistry)?;
    let expected = clean(&world)?;
    let mut random = Seed::new(seed);
    let mut made = 0;
    while made < kills {
        let mut fleet = world.settle()?;
        fleet.move_base()?;
        for _ in 0..(kills - made).min(3) {
            std::thread::sleep(Duration::from_millis(random.below(LIFE_MAX_MS)));
            fleet.home().kill()?;
            fleet.home().restart()?;
            made += 1;
        }
        ends_alike(&mut fleet, &expected).with_context(|| format!("seed {seed}, kill {made}"))?;
        say(&format!("foreign, kills: {made} of {kills}"));
    }
    Ok(())
}

/// Lets the wave end after a kill, and compares.
fn ends_alike(fleet: &mut Fleet, expected: &Outcome) -> Result<()> {
    fleet.wait_for_production()?;
    let outcome = fleet.outcome()?;
    ensure!(
        outcome == *expected,
        "expected {expected:?}, found {outcome:?}"
    );
    ensure!(
        cascades(fleet)? == 1,
        "the same move started more than one cascade"
    );
    fleet.verify()
}

#[test]
fn what_waits_is_told_with_what_it_waits_for() -> Result<()> {
    if !require(&TOOLS)? {
        return Ok(());
    }
    let world = ForeignWorld::new(&binary()?, Program::DockerRegistry)?;
    let mut fleet = world.settle()?;
    fleet.rearm(&[("REFLOAT_FAIL", "cascade.rebased=kill")])?;
    fleet.move_base()?;
    fleet.home().wait_for_exit(DEATH_MAX)?;
    // The first try of the next life fails, and what is tried again later can be paused before.
    fleet.home().set_environment(vec![(
        "REFLOAT_FAIL".to_owned(),
        "cascade.rebased=error".to_owned(),
    )]);
    fleet.home().restart()?;
    let started = fleet.records("cascade.started")?;
    let id = started[0]["data"]["cascade"]
        .as_str()
        .context("no cascade")?
        .to_owned();
    fleet.refloat()?.stdout(&["cascade", "pause", &id])?;
    let moved = fleet.records("base.moved")?;
    let digest = moved[0]["data"]["to"]
        .as_str()
        .context("no digest")?
        .to_owned();

    let reached = json(&fleet, &["why", "--from", &digest])?;
    let reached = reached.as_array().context("no list")?;
    let waiting: Vec<_> = reached
        .iter()
        .filter(|item| item["type"] == "patch.waiting")
        .collect();
    ensure!(waiting.len() == LINES.len(), "{reached:?}");
    for item in &waiting {
        let detail = item["detail"].as_str().unwrap_or_default();
        ensure!(detail.contains("paused") && detail.contains(&id), "{item}");
        ensure!(
            item["causes"]
                .as_array()
                .is_some_and(|causes| causes.len() == 1),
            "{item}"
        );
    }
    let told = fleet.refloat()?.stdout(&["why", "--from", &digest])?;
    ensure!(
        told.contains("base.moved") && told.contains("waits for a person"),
        "{told}"
    );

    fleet.refloat()?.stdout(&["cascade", "resume", &id])?;
    fleet.wait_for_production()?;
    let reached = json(&fleet, &["why", "--from", &digest])?;
    let is_waiting = |item: &Value| {
        item["type"]
            .as_str()
            .is_some_and(|name| name.ends_with(".waiting"))
    };
    ensure!(
        !reached
            .as_array()
            .context("no list")?
            .iter()
            .any(is_waiting),
        "{reached}"
    );
    Ok(())
}
