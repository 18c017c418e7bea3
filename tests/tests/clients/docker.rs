//! docker with its daemon. It trusts everything on 127.0.0.0/8: TLS is seen in a network namespace.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use refloat_rig::docker::{Daemon, Options};
use refloat_rig::{Tool, run};
use refloat_tests::site::{Account, Reach, Wire};

use crate::journey::{Program, Pulled, Source, journey};

/// One daemon; what is pulled is removed before.
struct Docker {
    reach: Reach,
    folder: PathBuf,
    archive: PathBuf,
    daemon: Daemon,
}

impl Docker {
    fn daemon(reach: &Reach, authority: Option<&Path>) -> Result<Daemon> {
        Daemon::start(&Options {
            netns: reach.netns(),
            authority,
        })
    }
}

impl Program for Docker {
    fn new(reach: &Reach, folder: &Path, source: &Source) -> Result<Self> {
        let daemon = Self::daemon(reach, reach.certificate.as_deref())?;
        let (reach, folder) = (reach.clone(), folder.to_owned());
        Ok(Self {
            reach,
            folder,
            archive: source.archive.clone(),
            daemon,
        })
    }

    fn sign_in(&mut self, account: Option<&Account>) -> Result<()> {
        match account {
            Some(account) => {
                self.daemon
                    .login(&self.reach.authority, &account.name, &account.secret)
            }
            None => self
                .daemon
                .run(&["logout", &self.reach.authority])
                .map(drop),
        }
    }

    fn push(&mut self, reference: &str) -> Result<String> {
        self.daemon
            .run(&["load", "--input", &self.archive.display().to_string()])?;
        self.daemon.run(&["tag", "rig/busybox:1", reference])?;
        let said = self.daemon.run(&["push", reference])?;
        // `1: digest: sha256:.. size: 528`
        let digest = said
            .split_once("digest: ")
            .and_then(|(_, rest)| rest.split(' ').next());
        Ok(digest
            .with_context(|| format!("docker names no digest: {said}"))?
            .to_owned())
    }

    fn pull(&mut self, reference: &str) -> Result<Pulled> {
        let images = self.daemon.run(&["images", "--quiet", "--no-trunc"])?;
        for image in images.lines() {
            self.daemon.run(&["rmi", "--force", image])?;
        }
        self.daemon.run(&["pull", "--quiet", reference])?;
        let known = self.daemon.run(&[
            "image",
            "inspect",
            "--format",
            "{{index .RepoDigests 0}}",
            reference,
        ])?;
        let digest = known
            .split_once('@')
            .context("the image has no digest")?
            .1
            .to_owned();
        let said = self.daemon.run(&[
            "run",
            "--rm",
            "--network",
            "none",
            reference,
            "/bin/busybox",
            "echo",
            "ahoy",
        ])?;
        anyhow::ensure!(said == "ahoy", "the image does not run: {said}");
        let container = self.daemon.run(&["create", reference])?;
        let copied = self.folder.join("busybox");
        let from = format!("{container}:/bin/busybox");
        run::checked(self.daemon.docker().args(["cp", &from]).arg(&copied))?;
        self.daemon.run(&["rm", &container])?;
        Ok(Pulled {
            digest,
            busybox: std::fs::read(copied)?,
        })
    }

    fn distrust(&mut self) -> Result<()> {
        self.daemon = Self::daemon(&self.reach, None)?;
        Ok(())
    }
}

#[test]
fn docker_over_http() -> Result<()> {
    journey::<Docker>(Wire::Http, &[Tool::Docker])
}

#[test]
fn docker_over_tls() -> Result<()> {
    journey::<Docker>(Wire::NamespaceTls, &[Tool::Docker, Tool::Ip])
}
