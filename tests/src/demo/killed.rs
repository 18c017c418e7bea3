//! The base update of the demo on its way over Debian images, with the server killed again and again.
//!
//! ```text
//! play the demo once ─► what came of it
//! type it again up to the update, which comes while the server is down ─► a world that stands still
//! a copy of the world, woken: kill, start, kill .. ─► let it end ─► the same came of it; again until all kills are made
//! ```
//! Unlike the small world of [`crate::fleet`] this one has builds that last: most kills meet a running `apt-get`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use refloat_rig::run::{self, checked};
use refloat_rig::seed::Seed;
use refloat_rig::server::{Server, ServerOptions};
use serde_json::Value;

use super::{Demo, results};

/// How long a wave may take after its last kill.
const WAVE_MAX: Duration = Duration::from_mins(15);
/// The longest life of a server that is killed.
const LIFE_MAX_MS: u64 = 8_000;
/// The most kills that one wave gets: a build that is always killed would never end.
const KILLS_OF_A_WAVE: u32 = 12;
const LOOK: Duration = Duration::from_millis(500);
/// Images that the update reaches and patches.
const PATCHED: [&str; 4] = ["apps/api", "apps/mail", "apps/web", "team/runtime"];
/// Of these, the ones that are rebased.
const REBASED: [&str; 2] = ["api", "web"];

/// What to do.
#[derive(Debug, Clone)]
pub struct Kills {
    /// How many.
    pub kills: u32,
    /// What the moments follow from.
    pub seed: u64,
    /// The program to kill.
    pub program: PathBuf,
}

/// What a run came to; a deviation is an error instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Kills that were made before the update had reached production.
    pub kills: u32,
    /// How often the update went its whole way.
    pub waves: u32,
    /// The whole run.
    pub took: Duration,
}

/// Runs it; `show` is told after each wave.
///
/// # Errors
/// At the first wave that ends otherwise than the one that nobody killed. Its folder is kept and named.
pub fn run(options: &Kills, show: &mut dyn FnMut(&Report)) -> Result<Report> {
    let begun = Instant::now();
    let world = World::prepare(&options.program)?;
    let mut random = Seed::new(options.seed);
    let mut report = Report {
        kills: 0,
        waves: 0,
        took: Duration::ZERO,
    };
    while report.kills < options.kills {
        let budget = (options.kills - report.kills).min(KILLS_OF_A_WAVE);
        match kill_and_compare(&world, &mut random, budget) {
            Ok(kills) => report.kills += kills,
            Err(error) => {
                let (seed, wave, kills) = (options.seed, report.waves + 1, report.kills);
                let kept = world.demo.keep();
                return Err(error.context(format!(
                    "seed {seed}, wave {wave}, after {kills} kills; kept: {}",
                    kept.display()
                )));
            }
        }
        report.waves += 1;
        report.took = begun.elapsed();
        show(&report);
    }
    Ok(report)
}

/// One wave; returns how many kills it got.
fn kill_and_compare(world: &World, random: &mut Seed, budget: u32) -> Result<u32> {
    let mut wave = world.wake()?;
    let mut kills = 0;
    while kills < budget {
        std::thread::sleep(Duration::from_millis(random.below(LIFE_MAX_MS)));
        if world.is_over()? {
            break;
        }
        wave.home.kill()?;
        wave.home.restart()?;
        kills += 1;
    }
    wave.wait(world)?;
    world.compare()?;
    Ok(kills)
}

/// The world before the update, and what the update comes to.
struct World {
    demo: Demo,
    program: PathBuf,
    still: PathBuf,
    expected: Outcome,
}

/// What a wave leaves behind.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// What happened, each once, without names that are new each time.
    results: Vec<String>,
    /// How often each of the things that must happen once has happened.
    counts: BTreeMap<String, usize>,
}

impl Outcome {
    fn of(records: &[Value]) -> Self {
        let mut counts = BTreeMap::new();
        for record in records {
            let data = &record["data"];
            let key = match record["type"].as_str().unwrap_or_default() {
                "patch.published" => data["repository"].to_string(),
                "change.made" => data["chart"].to_string(),
                "release.deployed" => format!("{} {}", data["environment"], data["revision"]),
                _ => continue,
            };
            *counts.entry(key).or_insert(0) += 1;
        }
        Self {
            results: results(records).into_iter().collect(),
            counts,
        }
    }
}

impl World {
    fn prepare(program: &Path) -> Result<Self> {
        let demo = Demo::play(program, &[], &[])?;
        let expected = Outcome::of(&demo.records()?);
        for repository in PATCHED {
            let key = format!("\"{repository}\"");
            ensure!(expected.counts.get(&key) == Some(&1), "{expected:?}");
        }
        fs::remove_dir_all(demo.folder())?;
        let script = demo.place().join("until-moved.sh");
        fs::write(&script, demo.transcript.script_until_moved()?)?;
        checked(
            Command::new("sh")
                .arg(&script)
                .current_dir(demo.place())
                .env_remove("REFLOAT_SERVER"),
        )?;
        // What made the bases is not needed again.
        for made in ["storage", "before.tar", "after.tar"] {
            checked(Command::new("rm").arg("-rf").arg(demo.folder().join(made)))?;
        }
        let still = demo.place().join("still");
        fs::rename(demo.folder(), &still)?;
        Ok(Self {
            demo,
            program: program.to_owned(),
            still,
            expected,
        })
    }

    /// A copy of the world at the place that its documents name, running.
    fn wake(&self) -> Result<Wave> {
        let folder = self.demo.folder();
        checked(Command::new("rm").arg("-rf").arg(&folder))?;
        checked(Command::new("cp").arg("-a").args([&self.still, &folder]))?;
        let serve = |name: &str, authority: &str| {
            let options = ServerOptions {
                data: Some(folder.join(name)),
                listen: Some(authority.to_owned()),
                ..ServerOptions::default()
            };
            Server::start_program(&self.program, options)
        };
        Ok(Wave {
            _upstream: serve("upstream", self.demo.upstream()?)?,
            home: serve("home", self.demo.home()?)?,
        })
    }

    /// Every record so far. A cursor is sealed: the one of the last page is new each time, its emptiness tells the end.
    fn records(&self) -> Result<Vec<Value>> {
        let mut records = Vec::new();
        let mut page = self.demo.json(&["events"])?;
        while let Some(items) = page["items"].as_array().filter(|items| !items.is_empty()) {
            records.extend(items.iter().cloned());
            let Some(next) = page["next"].as_str() else {
                break;
            };
            page = self.demo.json(&["events", "--after", next])?;
        }
        Ok(records)
    }

    /// Whether as many environments run what came of it as after the wave that nobody killed, and its cascade has ended.
    fn is_over(&self) -> Result<bool> {
        let records = self.records()?;
        let count = |kind: &str| records.iter().filter(|one| one["type"] == kind).count();
        let failed = records.iter().find(|one| {
            let kind = one["type"].as_str().unwrap_or_default();
            ["patch.failed", "release.failed", "change.failed"].contains(&kind)
        });
        if let Some(failed) = failed {
            bail!("{failed}");
        }
        let deployed = self.expected.counts.keys();
        let deployed = deployed.filter(|key| key.contains("production") || key.contains("staging"));
        Ok(count("release.deployed") >= deployed.count() && count("cascade.finished") >= 1)
    }

    /// The same lines end on the same inputs, each patch is made once, a rebase of the same inputs is the same digest,
    /// the log is whole and so is every byte.
    fn compare(&self) -> Result<()> {
        let found = Outcome::of(&self.records()?);
        let expected = &self.expected;
        ensure!(
            found == *expected,
            "expected {expected:#?}, found {found:#?}"
        );
        let home = self.demo.home()?;
        let runtime = format!("{home}/team/runtime");
        let old_base = format!("{runtime}:{}", self.demo.first_run("team/runtime")?);
        for name in REBASED {
            let repository = format!("apps/{name}");
            let image = format!("{home}/{repository}:{}", self.demo.first_run(&repository)?);
            let result = format!("oci:{}:again", self.demo.folder().join(name).display());
            let arguments = ["rebase", &image, "--old-base", &old_base, "--onto"];
            let onto = format!("{runtime}:1");
            let made = self
                .demo
                .json(&[&arguments[..], &[&onto, "--tag", &result]].concat())?;
            let line = self
                .demo
                .json(&["inspect", &format!("{home}/{repository}:1")])?;
            ensure!(
                made["digest"].is_string() && made["digest"] == line["digest"],
                "{name}: a rebase of the same inputs is {made:#}, the line is {line:#}"
            );
        }
        for verb in [&["audit", "verify"][..], &["scrub"]] {
            checked(self.demo.refloat()?.args(verb))?;
        }
        Ok(())
    }
}

/// The update on its way.
struct Wave {
    _upstream: Server,
    home: Server,
}

impl Wave {
    fn wait(&self, world: &World) -> Result<()> {
        let deadline = Instant::now() + WAVE_MAX;
        while !world.is_over()? {
            if Instant::now() > deadline {
                let patches = world.demo.json(&["events", "--type", "patch.*"])?;
                let said = run::tail(self.home.log().as_bytes());
                bail!("it did not end; patches:\n{patches:#}\nthe server says:\n{said}");
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}
