//! helm: charts in the registry.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use refloat_rig::image::chart;
use refloat_rig::{Tool, require, run};
use refloat_tests::site::{Account, Reach, Site, Wire};

use crate::journey::{keeps_secrets, refused};

/// helm with its state in a folder of its own.
struct Helm {
    reach: Reach,
    folder: PathBuf,
    trusts: bool,
}

impl Helm {
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.reach.command(Tool::Helm.path()?);
        for (name, below) in [
            ("HELM_CACHE_HOME", "cache"),
            ("HELM_CONFIG_HOME", "config"),
            ("HELM_DATA_HOME", "data"),
        ] {
            command.env(name, self.folder.join(below));
        }
        // Otherwise it falls back on the person's docker configuration.
        command
            .env("DOCKER_CONFIG", self.folder.join("docker"))
            .env("HOME", &self.folder);
        command.args(arguments).current_dir(&self.folder);
        Ok(command)
    }

    /// A verb that speaks to the registry.
    fn remote(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.command(arguments)?;
        match &self.reach.certificate {
            None => {
                command.arg("--plain-http");
            }
            Some(certificate) if self.trusts => {
                command.arg("--ca-file").arg(certificate);
            }
            Some(_) => {}
        }
        Ok(command)
    }

    fn sign_in(&self, account: &Account) -> Result<()> {
        let login = [
            "registry",
            "login",
            &self.reach.authority,
            "--username",
            &account.name,
            "--password-stdin",
        ];
        run::checked_with_input(&mut self.remote(&login)?, account.secret.as_bytes())?;
        Ok(())
    }

    /// The chart's address in the folder `charts` of the registry.
    fn address(&self, name: &str) -> String {
        format!("oci://{}", self.reach.reference(name))
    }

    fn push(&self, archive: &Path, to: &str) -> Result<String> {
        let archive = archive.display().to_string();
        let output = run::checked(&mut self.remote(&["push", &archive, &self.address(to)])?)?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let digest = said.lines().find_map(|line| line.strip_prefix("Digest: "));
        Ok(digest
            .with_context(|| format!("helm names no digest: {said}"))?
            .to_owned())
    }

    /// The bytes of the chart's archive.
    fn pull(&self, name: &str, version: &str) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir_in(&self.folder)?;
        let mut pull = self.remote(&["pull", &self.address(name), "--version", version])?;
        run::checked(pull.arg("--destination").arg(folder.path()))?;
        let mut files = fs::read_dir(folder.path())?;
        let file = files.next().context("helm pulled nothing")??;
        Ok(fs::read(file.path())?)
    }
}

fn journey(wire: Wire) -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let site = Site::start(wire)?;
    let alice = site.user("alice", &[("pull,push,update", "charts/**")])?;
    let reader = site.robot("reader", &[("pull", "charts/**")])?;
    let folder = site.folder().join("helm");
    fs::create_dir(&folder)?;
    let mut helm = Helm {
        reach: site.reach().clone(),
        folder,
        trusts: true,
    };
    helm.sign_in(&alice)?;

    let dinghy = chart(site.folder(), "dinghy", "1.4.2")?;
    helm.push(&dinghy.archive, "charts")?;
    let pushed = fs::read(&dinghy.archive)?;
    ensure!(
        helm.pull("charts/dinghy", "1.4.2")? == pushed,
        "the chart came back changed"
    );
    // Tags know no plus sign: helm writes an underscore and has to find it again.
    let built = chart(&site.folder().join("helm"), "dinghy", "1.4.3+build.7")?;
    helm.push(&built.archive, "charts")?;
    ensure!(helm.pull("charts/dinghy", "1.4.3+build.7")? == fs::read(&built.archive)?);
    ensure!(
        helm.pull("charts/dinghy", "~1.4.0")? == fs::read(&built.archive)?,
        "the newest patch is 1.4.3"
    );

    helm.sign_in(&reader)?;
    ensure!(
        helm.pull("charts/dinghy", "1.4.2")? == pushed,
        "the robot got another chart"
    );
    let shown = run::stdout(&mut helm.remote(&[
        "show",
        "chart",
        &helm.address("charts/dinghy"),
        "--version",
        "1.4.2",
    ])?)?;
    ensure!(
        shown.contains("name: dinghy") && shown.contains("version: 1.4.2"),
        "{shown}"
    );
    let template = [
        "template",
        "ship",
        &helm.address("charts/dinghy"),
        "--version",
        "1.4.2",
    ];
    let remote = manifests(&run::stdout(&mut helm.remote(&template)?)?);
    let local = manifests(&run::stdout(
        helm.command(&["template", "ship"])?.arg(&dinghy.archive),
    )?);
    ensure!(
        !local.is_empty() && remote == local,
        "rendered otherwise from the registry"
    );
    refused(
        helm.push(&built.archive, "charts/other"),
        &["denied", "forbidden"],
    )
    .context("a push by the robot")?;

    run::checked(&mut helm.command(&["registry", "logout", &helm.reach.authority])?)?;
    refused(
        helm.pull("charts/dinghy", "1.4.2"),
        &["unauthorized", "401", "authentication"],
    )?;
    let wrong = Account {
        name: alice.name.clone(),
        secret: "wrong".to_owned(),
    };
    refused(
        helm.sign_in(&wrong),
        &["unauthorized", "401", "authentication"],
    )?;
    if !site.reach().is_plain() {
        helm.trusts = false;
        refused(helm.sign_in(&alice), &["certificate"])?;
    }
    keeps_secrets(&site, &[&alice, &reader])
}

/// What was rendered, without what helm says about the download.
fn manifests(said: &str) -> String {
    said.find("---\n")
        .map_or("", |start| &said[start..])
        .to_owned()
}

#[test]
fn helm_over_http() -> Result<()> {
    journey(Wire::Http)
}

#[test]
fn helm_over_tls() -> Result<()> {
    journey(Wire::Tls)
}
