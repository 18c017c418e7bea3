//! The demo, as somebody runs it who has just found the project: real Debian bases, real builds, the real log.
//!
//! It takes minutes and runs with `--full` and in CI only. Whoever reads this at home has run it as the first command.

mod cluster;
mod shown;
mod stopped;
mod transcript;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use refloat_rig::process::Running;
use refloat_rig::server::binary;
use refloat_rig::{Tool, require, run, tools};
use serde_json::Value;
use tempfile::TempDir;
use transcript::Transcript;

/// How long a server may take until it answers.
const READY_MAX: Duration = Duration::from_mins(1);
const STOP_GRACE: Duration = Duration::from_secs(30);

/// A demo that was played with `--keep`.
pub(crate) struct Demo {
    // Kept in a folder of the test; the demo's own is in it.
    place: TempDir,
    /// What it printed.
    pub(crate) transcript: Transcript,
}

impl Demo {
    /// Plays it to its end.
    pub(crate) fn play(arguments: &[&str], environment: &[(&str, String)]) -> Result<Self> {
        let place = tempfile::Builder::new().prefix("demo-").tempdir()?;
        let begun = Instant::now();
        let output = run::checked(
            Command::new(binary()?)
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
            transcript: Transcript::read(text),
        })
    }

    /// What the demo kept.
    pub(crate) fn folder(&self) -> PathBuf {
        self.place.path().join("refloat-demo")
    }

    /// The host of the team's own registry.
    pub(crate) fn home(&self) -> Result<&str> {
        let mut exported = self.transcript.text.split("export REFLOAT_SERVER=http://");
        let host = exported.nth(1).and_then(|rest| rest.lines().next());
        host.context("the transcript names no server")
    }

    /// Starts the team's own server again, as the transcript starts it.
    pub(crate) fn serve(&self) -> Result<Running> {
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
    pub(crate) fn refloat(&self) -> Result<Command> {
        let mut command = Command::new(binary()?);
        let docker = self.folder().join("docker");
        command
            .current_dir(self.folder())
            .env("DOCKER_CONFIG", &docker)
            .env("REGISTRY_AUTH_FILE", docker.join("config.json"))
            .env("REFLOAT_SERVER", format!("http://{}", self.home()?));
        Ok(command)
    }

    /// A verb's JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Result<Value> {
        let text = run::stdout(self.refloat()?.args(arguments).args(["-o", "json"]))?;
        serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
    }

    /// The records of the log as the demo wrote them down.
    pub(crate) fn records(&self) -> Result<Vec<Value>> {
        records(&self.folder())
    }
}

/// The records in a folder of the demo.
fn records(folder: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(folder.join("events.jsonl"))?;
    let lines = text.lines().map(serde_json::from_str);
    lines
        .collect::<Result<_, _>>()
        .context("the log is no JSON")
}

/// Whether the demo is to be played, with everything that it needs.
fn can_play(needs: &[Tool]) -> Result<bool> {
    if !tools::is_ci() && std::env::var_os("REFLOAT_FULL").is_none() {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("the demo");
        let why = "it takes minutes: set REFLOAT_FULL=1";
        writeln!(std::io::stderr(), "skipped: {test}: {why}")?;
        return Ok(false);
    }
    Ok(require(&[Tool::Mmdebstrap, Tool::Buildah, Tool::Git])? && require(needs)?)
}

#[test]
fn a_base_update_is_carried_to_production_and_typed_by_hand_again() -> Result<()> {
    if !can_play(&[])? {
        return Ok(());
    }
    let demo = Demo::play(&[], &[])?;
    shown::story(&demo)?;
    shown::releases(&demo)?;
    let mut server = demo.serve()?;
    let held = shown::rebased(&demo);
    server.terminate(STOP_GRACE)?;
    held?;

    // The same lines, typed again at the same place.
    let first = demo.place.path().join("first");
    std::fs::rename(demo.folder(), &first)?;
    let script = demo.place.path().join("typed.sh");
    std::fs::write(&script, demo.transcript.script())?;
    run::checked(
        Command::new("sh")
            .arg(&script)
            .current_dir(demo.place.path())
            .env_remove("REFLOAT_SERVER"),
    )?;
    let (was, is) = (
        shown::results(&records(&first)?),
        shown::results(&demo.records()?),
    );
    ensure!(was == is, "played: {was:#?}\ntyped: {is:#?}");
    Ok(())
}
