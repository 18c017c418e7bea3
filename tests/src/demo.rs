//! The demo, played by the program as somebody runs it who has just found the project, and what it leaves behind.

mod killed;
mod transcript;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use refloat_rig::process::Running;
use refloat_rig::run;
use serde_json::Value;
use tempfile::TempDir;

pub use killed::{Kills, Report, run as kill};
pub use transcript::Transcript;

/// How long a server may take until it answers.
const READY_MAX: Duration = Duration::from_mins(1);

/// A demo that was played with `--keep`.
pub struct Demo {
    // The demo's own folder is in it.
    place: TempDir,
    program: PathBuf,
    /// What it printed.
    pub transcript: Transcript,
}

impl Demo {
    /// Plays it to its end.
    pub fn play(
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, String)],
    ) -> Result<Self> {
        let place = tempfile::Builder::new().prefix("demo-").tempdir()?;
        let begun = Instant::now();
        let output = run::checked(
            Command::new(program)
                .args(["demo", "--keep"])
                .args(arguments)
                .envs(environment.iter().map(|(name, value)| (name, value)))
                .env_remove("REFLOAT_FAIL")
                .current_dir(place.path()),
        )?;
        let took = begun.elapsed().as_secs_f64();
        let _closed = writeln!(std::io::stderr(), "the demo took {took:.0} s");
        let text = String::from_utf8(output.stdout).context("the transcript is no text")?;
        Ok(Self {
            place,
            program: program.to_owned(),
            transcript: Transcript::read(text),
        })
    }

    /// What the demo kept.
    pub fn folder(&self) -> PathBuf {
        self.place.path().join("refloat-demo")
    }

    /// The folder that [`Demo::folder`] is in.
    pub fn place(&self) -> &Path {
        self.place.path()
    }

    /// Leaves everything where it is, and says where.
    pub fn keep(self) -> PathBuf {
        self.place.keep()
    }

    /// The host of the team's own registry.
    pub fn home(&self) -> Result<&str> {
        self.transcript.word_after("export REFLOAT_SERVER=http://")
    }

    /// The host of the registry that the base comes from.
    pub fn upstream(&self) -> Result<&str> {
        self.transcript
            .word_after("serve --data upstream --listen ")
    }

    /// The tag that the first build of this repository made.
    pub fn first_run(&self, repository: &str) -> Result<String> {
        let tags = run::stdout(self.refloat()?.args(["tags", repository, "-q"]))?;
        let first = tags.lines().find(|tag| tag.starts_with("run_"));
        let first = first.with_context(|| format!("no tag of a run: {tags}"))?;
        Ok(first.to_owned())
    }

    /// Starts the team's own server again, as the transcript starts it.
    pub fn serve(&self) -> Result<Running> {
        let mut command = self.refloat()?;
        command.args(["serve", "--data", "home", "--listen", self.home()?]);
        let log = self.folder().join("again.log");
        let server = Running::start("refloat", &mut command, &log)?;
        server.wait_until("the server of the demo", READY_MAX, || {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            Ok(said.contains("listening on ").then_some(()))
        })?;
        Ok(server)
    }

    /// The program in the demo's folder, with what the transcript exports.
    pub fn refloat(&self) -> Result<Command> {
        let mut command = Command::new(&self.program);
        let docker = self.folder().join("docker");
        command
            .current_dir(self.folder())
            .env("DOCKER_CONFIG", &docker)
            .env("REGISTRY_AUTH_FILE", docker.join("config.json"))
            .env("REFLOAT_SERVER", format!("http://{}", self.home()?));
        Ok(command)
    }

    /// A verb's JSON.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let text = run::stdout(self.refloat()?.args(arguments).args(["-o", "json"]))?;
        serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
    }

    /// The records of the log as the demo wrote them down.
    pub fn records(&self) -> Result<Vec<Value>> {
        records(&self.folder())
    }
}

/// The records in a folder of the demo.
pub fn records(folder: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(folder.join("events.jsonl"))?;
    let lines = text.lines().map(serde_json::from_str);
    lines
        .collect::<Result<_, _>>()
        .context("the log is no JSON")
}

/// What came of a demo, without the names that are new each time.
pub fn results(records: &[Value]) -> BTreeSet<String> {
    let mut results = BTreeSet::new();
    for record in records {
        let data = &record["data"];
        let kept: &[&str] = match record["type"].as_str().unwrap_or_default() {
            // Both bases bear a fixed time: the same packages are the same digests.
            "base.moved" if data["reference"].to_string().contains("library/debian") => {
                &["reference", "from", "to"]
            }
            "patch.judged" => &["repository", "verdict", "method", "reasons"],
            "patch.published" => &["repository", "method", "packages_count"],
            "patch.skipped" | "patch.held" | "patch.failed" => &["repository", "reason"],
            "change.made" => &["release", "chart"],
            "release.deployed" => &["release", "environment", "revision"],
            "cascade.finished" => &["published", "skipped", "held", "failed"],
            _ => continue,
        };
        let kept: Vec<String> = kept
            .iter()
            .map(|key| format!("{key}={}", data[*key]))
            .collect();
        results.insert(format!("{} {}", record["type"], kept.join(" ")));
    }
    results
}
