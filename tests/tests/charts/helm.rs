//! The real helm, with its state in a folder of its own, and our program beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use refloat_rig::{Tool, run, server};
use refloat_tests::site::Account;

/// A folder in which both programs run.
pub struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// A folder with the chart that `helm create` makes, called `dinghy`.
    pub fn new() -> Result<Self> {
        let bench = Self {
            folder: tempfile::tempdir()?,
        };
        run::checked(&mut bench.helm(&["create", "dinghy"])?)?;
        Ok(bench)
    }

    /// The folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// helm, not started yet.
    pub fn helm(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(Tool::Helm.path()?);
        self.settle(&mut command, arguments);
        Ok(command)
    }

    /// Signs helm in at a registry of ours without TLS.
    pub fn sign_helm_in(&self, authority: &str, account: &Account) -> Result<()> {
        let login = [
            "registry",
            "login",
            authority,
            "--plain-http",
            "-u",
            &account.name,
            "--password-stdin",
        ];
        run::checked_with_input(&mut self.helm(&login)?, account.secret.as_bytes())?;
        Ok(())
    }

    /// refloat, not started yet.
    pub fn refloat(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(server::binary()?);
        self.settle(&mut command, arguments);
        Ok(command)
    }

    fn settle(&self, command: &mut Command, arguments: &[&str]) {
        let folder = self.folder.path();
        for name in [
            "HELM_CACHE_HOME",
            "HELM_CONFIG_HOME",
            "HELM_DATA_HOME",
            "DOCKER_CONFIG",
        ] {
            command.env(name, folder.join(".state").join(name));
        }
        for name in [
            "REFLOAT_SERVER",
            "REFLOAT_USER",
            "REFLOAT_PASSWORD",
            "REFLOAT_FAIL",
            "REFLOAT_STORE",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
            "HELM_REPOSITORY_CONFIG",
            "HELM_REGISTRY_CONFIG",
            "GNUPGHOME",
            "KUBECONFIG",
        ] {
            command.env_remove(name);
        }
        command
            .env("HOME", folder)
            .current_dir(folder)
            .args(arguments);
    }

    /// Both print the same, byte for byte, or both refuse.
    pub fn same(&self, arguments: &[&str]) -> Result<()> {
        let theirs = run::captured(&mut self.helm(arguments)?)?;
        let ours = run::captured(&mut self.refloat(arguments)?)?;
        let shown = arguments.join(" ");
        ensure!(
            theirs.status.success() == ours.status.success(),
            "{shown}: helm: {}\nrefloat: {}",
            run::tail(&theirs.stderr),
            run::tail(&ours.stderr)
        );
        if theirs.status.success() {
            let (theirs, ours) = (text(&theirs.stdout), text(&ours.stdout));
            ensure!(theirs == ours, "{shown}: {}", difference(&theirs, &ours));
        }
        Ok(())
    }

    /// Both print the same, byte for byte, and both succeed or both fail.
    pub fn alike(&self, arguments: &[&str]) -> Result<()> {
        let theirs = run::captured(&mut self.helm(arguments)?)?;
        let ours = run::captured(&mut self.refloat(arguments)?)?;
        let shown = arguments.join(" ");
        let (said, told) = (text(&theirs.stdout), text(&ours.stdout));
        ensure!(
            said == told,
            "{shown}: {}\n{said}\n--- refloat:\n{told}{}",
            difference(&said, &told),
            text(&ours.stderr)
        );
        ensure!(
            theirs.status.success() == ours.status.success(),
            "{shown}: {}",
            text(&ours.stderr)
        );
        Ok(())
    }

    /// Writes a file below the folder.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        Ok(std::fs::write(path, text)?)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn difference(theirs: &str, ours: &str) -> String {
    let mut lines = theirs.lines().zip(ours.lines()).enumerate();
    match lines.find(|(_, (theirs, ours))| theirs != ours) {
        Some((at, (theirs, ours))) => {
            format!("line {}:\n  helm:    {theirs}\n  refloat: {ours}", at + 1)
        }
        None => format!("helm prints {} bytes, refloat {}", theirs.len(), ours.len()),
    }
}
