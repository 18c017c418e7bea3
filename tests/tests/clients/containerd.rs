//! containerd, as a node pulls. It trusts everything on 127.0.0.0/8: TLS is seen in a network namespace.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use refloat_rig::containerd::Daemon;
use refloat_rig::image::architecture;
use refloat_rig::{Tool, run};
use refloat_tests::site::{Account, Reach, Wire};

use crate::journey::{Program, Pulled, Source, journey};
use crate::layout;

/// A daemon and what its client is told about the registry.
struct Containerd {
    reach: Reach,
    folder: PathBuf,
    daemon: Daemon,
    account: Option<Account>,
    trusts: bool,
}

/// The name that the imported source has in the daemon.
const LOADED: &str = "docker.io/rig/busybox:1";

impl Containerd {
    fn remote(&self, verb: &str) -> Result<std::process::Command> {
        let mut command = self.daemon.ctr();
        command.args(["images", verb]);
        if self.reach.is_plain() {
            command.arg("--plain-http");
        } else if self.trusts {
            command.arg("--hosts-dir").arg(self.hosts()?);
        }
        if let Some(account) = &self.account {
            command
                .arg("--user")
                .arg(format!("{}:{}", account.name, account.secret));
        }
        Ok(command)
    }

    /// The folder in which nodes are told about registries.
    fn hosts(&self) -> Result<PathBuf> {
        let hosts = self.folder.join("hosts");
        let registry = &self.reach.authority;
        let certificate = self
            .reach
            .certificate
            .as_deref()
            .context("no certificate")?
            .display();
        fs::create_dir_all(hosts.join(registry))?;
        let text = format!(
            "server = \"https://{registry}\"\n[host.\"https://{registry}\"]\n  ca = \"{certificate}\"\n"
        );
        fs::write(hosts.join(registry).join("hosts.toml"), text)?;
        Ok(hosts)
    }
}

impl Program for Containerd {
    fn new(reach: &Reach, folder: &Path, source: &Source) -> Result<Self> {
        let daemon = Daemon::start(reach.netns())?;
        daemon.run(&["images", "import", &source.archive.display().to_string()])?;
        Ok(Self {
            reach: reach.clone(),
            folder: folder.to_owned(),
            daemon,
            account: None,
            trusts: true,
        })
    }

    fn sign_in(&mut self, account: Option<&Account>) -> Result<()> {
        self.account = account.cloned();
        Ok(())
    }

    fn push(&mut self, reference: &str) -> Result<String> {
        run::checked(self.remote("push")?.args([reference, LOADED]))?;
        let listed = self
            .daemon
            .run(&["images", "list", &format!("name=={LOADED}")])?;
        let digest = listed
            .split_whitespace()
            .find(|word| word.starts_with("sha256:"));
        Ok(digest
            .with_context(|| format!("no digest in {listed}"))?
            .to_owned())
    }

    fn pull(&mut self, reference: &str) -> Result<Pulled> {
        // A daemon of its own: another's content store would answer for the registry.
        let fresh = Daemon::start(self.reach.netns())?;
        let used = std::mem::replace(&mut self.daemon, fresh);
        let pulled = run::checked(self.remote("pull")?.arg(reference));
        let fresh = std::mem::replace(&mut self.daemon, used);
        pulled?;
        let archive = self.folder.join("export.tar");
        let platform = format!("linux/{}", architecture());
        fresh.run(&[
            "images",
            "export",
            "--platform",
            &platform,
            &archive.display().to_string(),
            reference,
        ])?;
        let folder = tempfile::tempdir_in(&self.folder)?;
        tar::Archive::new(fs::File::open(&archive)?).unpack(folder.path())?;
        layout::pulled(folder.path())
    }

    fn distrust(&mut self) -> Result<()> {
        self.trusts = false;
        Ok(())
    }
}

#[test]
fn containerd_over_http() -> Result<()> {
    journey::<Containerd>(Wire::Http, &[Tool::Containerd])
}

#[test]
fn containerd_over_tls() -> Result<()> {
    journey::<Containerd>(Wire::NamespaceTls, &[Tool::Containerd, Tool::Ip])
}
