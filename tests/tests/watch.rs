//! `refloat watch` without a server: a line of JSON for each change, with the receipt of the look that found it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use refloat_rig::foreign::{Access, Program, Registry};
use refloat_rig::image::{Image, digest_of};
use refloat_rig::server::binary;
use refloat_rig::{Tool, network, require, run};
use refloat_tests::client::Client;
use serde_json::Value;
use tempfile::TempDir;

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

struct Scene {
    registry: Registry,
    folder: TempDir,
}

impl Scene {
    fn new() -> Result<Self> {
        let registry = Registry::start(Program::DockerRegistry, &Access::Open)?;
        let scene = Self {
            registry,
            folder: tempfile::tempdir()?,
        };
        scene.push(1)?;
        Ok(scene)
    }

    /// Lets the tag name another image.
    fn push(&self, seed: u64) -> Result<String> {
        let image = Image::random(seed, &[1000])?;
        let mut client = Client::new(self.registry.address());
        for layer in image.layers() {
            client.push_blob("team/base", layer.digest(), layer.bytes())?;
        }
        client.push_blob("team/base", &digest_of(image.config()), image.config())?;
        client.put_bytes("team/base", "1", OCI_MANIFEST, image.manifest())?;
        Ok(image.digest())
    }

    fn reference(&self) -> String {
        format!("{}/team/base:1", self.registry.address())
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(binary()?);
        command
            .arg("watch")
            .args(arguments)
            .env("HOME", self.folder.path())
            .env("NO_COLOR", "1")
            .env_remove("REFLOAT_SERVER")
            .current_dir(self.folder.path());
        Ok(command)
    }

    fn once(&self, more: &[&str]) -> Result<Output> {
        let reference = self.reference();
        run::captured(&mut self.command(&[&[reference.as_str(), "--once"], more].concat())?)
    }
}

fn lines(output: &Output) -> Result<Vec<Value>> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
        .collect()
}

#[test]
fn the_first_look_is_a_baseline_and_each_change_is_told_once() -> Result<()> {
    if !require(&[Tool::DockerRegistry])? {
        return Ok(());
    }
    let scene = Scene::new()?;
    let first = scene.once(&[])?;
    ensure!(
        first.status.success() && first.stdout.is_empty(),
        "{first:?}"
    );
    ensure!(
        scene.folder.path().join("refloat-watch.json").is_file(),
        "no state was kept"
    );

    let digest = scene.push(2)?;
    let told = lines(&scene.once(&[])?)?;
    ensure!(told.len() == 1, "{told:?}");
    ensure!(
        told[0]["type"] == "base.moved" && told[0]["to"] == digest.as_str(),
        "{told:?}"
    );
    ensure!(
        told[0]["reference"] == scene.reference().as_str(),
        "{told:?}"
    );
    let receipt = &told[0]["receipt"];
    ensure!(
        receipt["expected"] == 1 && receipt["answered"] == 1,
        "{receipt}"
    );
    ensure!(
        receipt["verified_until"] == receipt["started_at"],
        "{receipt}"
    );
    ensure!(lines(&scene.once(&[])?)?.is_empty(), "told twice");
    Ok(())
}

#[test]
fn a_command_gets_the_line_and_its_failure_stops_nothing() -> Result<()> {
    if !require(&[Tool::DockerRegistry])? {
        return Ok(());
    }
    let scene = Scene::new()?;
    let state = scene
        .folder
        .path()
        .join("elsewhere.json")
        .display()
        .to_string();
    let more = ["--state", &state, "--exec", "cat > told.json; exit 3"];
    scene.once(&more)?;
    ensure!(
        !scene.folder.path().join("told.json").exists(),
        "a baseline is no change"
    );
    scene.push(2)?;
    let output = scene.once(&more)?;
    ensure!(output.status.success(), "{output:?}");
    ensure!(
        String::from_utf8_lossy(&output.stderr).contains('3'),
        "the command's end is said: {output:?}"
    );
    let told = fs::read_to_string(scene.folder.path().join("told.json"))?;
    ensure!(told.as_bytes() == output.stdout, "{told}");
    Ok(())
}

#[test]
fn what_does_not_answer_is_said_and_not_verified() -> Result<()> {
    if !require(&[Tool::DockerRegistry])? {
        return Ok(());
    }
    let scene = Scene::new()?;
    scene.once(&[])?;
    let digest = scene.push(2)?;
    let nobody = format!("{}/team/base:1", network::free_address()?);
    let both = [scene.reference(), nobody.clone(), "--once".to_owned()];
    let both: Vec<&str> = both.iter().map(String::as_str).collect();
    let output = run::captured(&mut scene.command(&both)?)?;
    ensure!(output.status.code() == Some(1), "{output:?}");
    ensure!(
        String::from_utf8_lossy(&output.stderr).contains(&nobody),
        "{output:?}"
    );
    let told = lines(&output)?;
    let told = told.first().context("what answered is told all the same")?;
    ensure!(told["to"] == digest.as_str(), "{told}");
    ensure!(
        told["receipt"]["missing"][0]
            .as_str()
            .is_some_and(|text| text.contains(&nobody)),
        "{told}"
    );
    ensure!(
        told["receipt"]["verified_until"] != told["receipt"]["started_at"],
        "{told}"
    );
    Ok(())
}

#[test]
fn bad_words_and_files_are_refused() -> Result<()> {
    if !require(&[Tool::DockerRegistry])? {
        return Ok(());
    }
    let scene = Scene::new()?;
    fs::write(scene.folder.path().join("broken.json"), "{")?;
    let output = scene.once(&["--state", "broken.json"])?;
    ensure!(output.status.code() == Some(1), "{output:?}");
    ensure!(
        String::from_utf8_lossy(&output.stderr).contains("broken.json"),
        "{output:?}"
    );
    let output = scene.once(&["--every", "soon"])?;
    ensure!(matches!(output.status.code(), Some(1 | 2)), "{output:?}");
    ensure!(
        String::from_utf8_lossy(&output.stderr).contains("soon"),
        "{output:?}"
    );
    let output = run::captured(&mut scene.command(&["short", "--once"])?)?;
    ensure!(!output.status.success(), "{output:?}");
    ensure!(
        String::from_utf8_lossy(&output.stderr).contains("docker.io/library/short"),
        "{output:?}"
    );
    Ok(())
}

/// Ended when dropped.
struct Follower(Child);

impl Drop for Follower {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _gone = self.0.wait();
    }
}

#[test]
fn it_goes_on_looking() -> Result<()> {
    if !require(&[Tool::DockerRegistry])? {
        return Ok(());
    }
    let scene = Scene::new()?;
    let reference = scene.reference();
    let mut command = scene.command(&[&reference, "--every", "1s"])?;
    let mut follower = Follower(command.stdout(Stdio::piped()).spawn()?);
    wait_for_file(&scene.folder.path().join("refloat-watch.json"))?;
    let mut said = BufReader::new(follower.0.stdout.take().context("a pipe")?).lines();
    for seed in [2, 3] {
        let digest = scene.push(seed)?;
        let told: Value = serde_json::from_str(&said.next().context("it ended")??)?;
        ensure!(told["to"] == digest.as_str(), "{told}");
    }
    Ok(())
}

fn wait_for_file(path: &Path) -> Result<()> {
    refloat_rig::wait::until("the baseline", std::time::Duration::from_secs(30), || {
        Ok(path.is_file().then_some(()))
    })
}
