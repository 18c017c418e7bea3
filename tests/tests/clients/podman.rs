//! podman: a container engine without a daemon.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use refloat_rig::{Tool, run};
use refloat_tests::site::{Account, Reach, Wire};

use crate::journey::{Program, Pulled, Source, journey};

/// podman with its storage in a folder of its own.
#[derive(Clone)]
struct Podman {
    reach: Reach,
    folder: PathBuf,
    trusts: bool,
}

impl Podman {
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.reach.command(Tool::Podman.path()?);
        // vfs works on every file system, also on one that is an overlay already.
        command.args([
            "--storage-driver",
            "vfs",
            "--cgroup-manager",
            "cgroupfs",
            "--events-backend",
            "file",
        ]);
        for (flag, name) in [
            ("--root", "root"),
            ("--runroot", "run"),
            ("--tmpdir", "tmp"),
        ] {
            command.arg(flag).arg(self.folder.join(name));
        }
        command
            .args(arguments)
            .env("HOME", &self.folder)
            .env_remove("XDG_RUNTIME_DIR");
        Ok(command)
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        run::stdout(&mut self.command(arguments)?)
    }

    /// A verb that speaks to the registry.
    fn remote(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.command(arguments)?;
        command.arg("--authfile").arg(self.credentials());
        match self.reach.certificates() {
            None => {
                command.arg("--tls-verify=false");
            }
            Some(folder) if self.trusts => {
                command.arg("--cert-dir").arg(folder);
            }
            Some(_) => {}
        }
        Ok(command)
    }

    fn credentials(&self) -> PathBuf {
        self.folder.join("auth.json")
    }
}

impl Program for Podman {
    fn new(reach: &Reach, folder: &Path, source: &Source) -> Result<Self> {
        let podman = Self {
            reach: reach.clone(),
            folder: folder.to_owned(),
            trusts: true,
        };
        podman.run(&["load", "--input", &source.archive.display().to_string()])?;
        Ok(podman)
    }

    fn sign_in(&mut self, account: Option<&Account>) -> Result<()> {
        let Some(account) = account else {
            return Ok(fs::write(self.credentials(), "{}")?);
        };
        let mut login = self.remote(&["login", "--username", &account.name, "--password-stdin"])?;
        run::checked_with_input(login.arg(&self.reach.authority), account.secret.as_bytes())?;
        Ok(())
    }

    fn push(&mut self, reference: &str) -> Result<String> {
        let written = self.folder.join("digest");
        let digestfile = format!("--digestfile={}", written.display());
        run::checked(&mut self.remote(&["push", &digestfile, "rig/busybox:1", reference])?)?;
        Ok(fs::read_to_string(written)?.trim().to_owned())
    }

    fn pull(&mut self, reference: &str) -> Result<Pulled> {
        // A second storage, so that no layer is there already.
        let folder = tempfile::tempdir_in(&self.folder)?;
        let credentials = folder.path().join("auth.json");
        if self.credentials().exists() {
            fs::copy(self.credentials(), &credentials)?;
        }
        let fresh = Self {
            folder: folder.path().to_owned(),
            ..self.clone()
        };
        run::checked(fresh.remote(&["pull", "--quiet"])?.arg(reference))?;
        let digest = fresh.run(&["image", "inspect", "--format", "{{.Digest}}", reference])?;
        let mounted = fresh.run(&["image", "mount", reference])?;
        let busybox = fs::read(Path::new(&mounted).join("bin/busybox"))
            .context("no bin/busybox in the image");
        fresh.run(&["image", "unmount", reference])?;
        Ok(Pulled {
            digest,
            busybox: busybox?,
        })
    }

    fn distrust(&mut self) -> Result<()> {
        self.trusts = false;
        Ok(())
    }
}

#[test]
fn podman_over_http() -> Result<()> {
    journey::<Podman>(Wire::Http, &[Tool::Podman])
}

#[test]
fn podman_over_tls() -> Result<()> {
    journey::<Podman>(Wire::Tls, &[Tool::Podman])
}
