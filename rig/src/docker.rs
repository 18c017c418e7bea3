//! Docker's daemon, in folders of its own, without a bridge.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use crate::leftover::Leftover;
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
    _leftover: Leftover,
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
        // Runs after the daemon was killed, since that is registered later.
        let mounted = folder.path().join("data");
        let leftover = Leftover::register(&format!("umount -l {}", mounted.display()));
        let running = Running::start("dockerd", &mut command, &log)?;
        let daemon = Self {
            _leftover: leftover,
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
    use crate::tls::Authority;
    use crate::{netns, require};

    #[test]
    fn in_a_namespace_it_verifies_certificates() -> Result<()> {
        if !require(&[Tool::Docker, Tool::Ip, Tool::Distribution])? {
            return Ok(());
        }
        let folder = tempfile::tempdir()?;
        let namespace = Namespace::new()?;
        let authority = Authority::new(folder.path())?;
        let _registry = registry_over_tls(folder.path(), &namespace, &authority)?;
        for (trusted, expected) in [
            (None, "certificate signed by unknown authority"),
            (Some(authority.certificate()), "manifest unknown"),
        ] {
            let daemon = Daemon::start(&Options {
                netns: Some(&namespace),
                authority: trusted,
            })?;
            let pulled = run::captured(daemon.docker().args(["pull", "10.99.0.1:5000/a/b:1"]))?;
            let said = String::from_utf8_lossy(&pulled.stderr);
            assert!(said.contains(expected), "{said}");
        }
        Ok(())
    }

    fn registry_over_tls(
        folder: &Path,
        namespace: &Namespace,
        authority: &Authority,
    ) -> Result<Running> {
        let leaf = authority.issue_for(netns::ADDRESS)?;
        let config = folder.join("config.yml");
        let text = format!(
            "version: 0.1\nstorage: {{ inmemory: {{}} }}\nhttp:\n  addr: 10.99.0.1:5000\n  \
             tls: {{ certificate: {}, key: {} }}\n",
            leaf.certificate.display(),
            leaf.key.display()
        );
        std::fs::write(&config, text)?;
        let mut serve = namespace.command(Tool::Distribution.path()?);
        serve.arg("serve").arg(&config);
        let registry = Running::start("distribution", &mut serve, &folder.join("log"))?;
        registry.wait_until("its listening socket", START_DEADLINE, || {
            let sockets = namespace.run("cat", &["/proc/self/net/tcp"])?;
            // 10.99.0.1:5000 as the kernel writes it, in state "listen".
            let listens = sockets.contains("0100630A:1388 00000000:0000 0A");
            Ok(listens.then_some(()))
        })?;
        Ok(registry)
    }

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
