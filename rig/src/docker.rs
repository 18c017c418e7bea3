//! Docker's daemon, in folders of its own, without a bridge.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use crate::netns::{Namespace, command_in};
use crate::process::Running;
use crate::{Tool, run};

const START_DEADLINE: Duration = Duration::from_mins(1);
const STOP_GRACE: Duration = Duration::from_secs(30);

/// Debian's daemon. Its client must be of the same version: newer ones refuse to speak to it.
const DAEMON: &str = "/usr/sbin/dockerd";

/// How the daemon sees the network and whom it trusts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Runs in this namespace, where certificates are verified.
    pub netns: Option<&'a Namespace>,
    /// The one authority it trusts there.
    pub authority: Option<&'a Path>,
}

/// A daemon and its client; stopped when dropped.
#[derive(Debug)]
pub struct Daemon {
    running: Running,
    folder: TempDir,
    client: PathBuf,
}

impl Daemon {
    /// Starts one. Needs root.
    pub fn start(options: &Options<'_>) -> Result<Self> {
        let client = Tool::Docker.path()?;
        let folder = tempfile::Builder::new().prefix("rig-docker-").tempdir()?;
        let mut command = command_in(options.netns, DAEMON);
        command
            .arg("--data-root")
            .arg(folder.path().join("data"))
            .arg("--exec-root")
            .arg(folder.path().join("exec"))
            .arg("-H")
            .arg(host(folder.path()))
            .arg("-p")
            .arg(folder.path().join("pid"))
            .args(["--bridge", "none", "--iptables=false", "--ip6tables=false"])
            .args(["--insecure-registry", "127.0.0.0/8"]);
        if let Some(authority) = options.authority {
            command.env("SSL_CERT_FILE", authority);
        }
        let log = folder.path().join("log");
        let running = Running::start("dockerd", &mut command, &log)?;
        let daemon = Self {
            running,
            folder,
            client,
        };
        daemon
            .running
            .wait_until("docker version", START_DEADLINE, || {
                let asked = run::captured(daemon.docker().args(["version"]))?;
                Ok(asked.status.success().then_some(()))
            })?;
        Ok(daemon)
    }

    /// The client, speaking to this daemon, with a configuration folder of its own.
    pub fn docker(&self) -> Command {
        let mut command = Command::new(&self.client);
        command
            .arg("--config")
            .arg(self.folder.path().join("config"))
            .arg("-H")
            .arg(host(self.folder.path()))
            // The classic builder: Debian has no plugin for the other one.
            .env("DOCKER_BUILDKIT", "0")
            .env_remove("DOCKER_HOST")
            .env_remove("DOCKER_CONFIG")
            .env_remove("DOCKER_CONTEXT");
        command
    }

    /// Runs `docker ARGUMENTS`; its standard output.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        run::stdout(self.docker().args(arguments))
    }

    /// `docker login`, with the password on standard input.
    pub fn login(&self, registry: &str, user: &str, password: &str) -> Result<()> {
        let mut login = self.docker();
        login.args(["login", "--username", user, "--password-stdin", registry]);
        run::checked_with_input(&mut login, password.as_bytes())?;
        Ok(())
    }

    /// The end of the daemon's log.
    pub fn log_tail(&self) -> String {
        self.running.log_tail()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Orderly, so that it unmounts what it mounted below its folder.
        let _stopped = self.running.terminate(STOP_GRACE);
        unmount_below(self.folder.path());
    }
}

fn host(folder: &Path) -> String {
    format!("unix://{}/socket", folder.display())
}

/// What a daemon that had to be killed left mounted.
fn unmount_below(folder: &Path) {
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mounts") else {
        return;
    };
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    let ours = points.filter(|point| Path::new(point).starts_with(folder));
    for point in ours {
        let _gone = rustix::mount::unmount(point, rustix::mount::UnmountFlags::DETACH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;
    use crate::require;

    #[test]
    fn it_loads_and_runs_our_image() -> Result<()> {
        if !require(&[Tool::Docker, Tool::Busybox])? {
            return Ok(());
        }
        let daemon = Daemon::start(&Options::default())?;
        let folder = tempfile::tempdir()?;
        let archive = folder.path().join("busybox.tar");
        Image::busybox()?.write_docker_archive(&archive, "rig/busybox:1")?;
        let archive = archive.display().to_string();
        daemon.run(&["load", "--input", &archive])?;
        let said = daemon.run(&[
            "run",
            "--rm",
            "--network",
            "host",
            "rig/busybox:1",
            "echo",
            "ahoy",
        ])?;
        assert_eq!(said, "ahoy");
        Ok(())
    }
}
