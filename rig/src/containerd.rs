//! containerd, as a node runs it, in folders of its own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use crate::netns::{Namespace, command_in};
use crate::process::Running;
use crate::{Tool, run};

const START_DEADLINE: Duration = Duration::from_mins(1);
const STOP_GRACE: Duration = Duration::from_secs(20);

/// A daemon; stopped when dropped.
///
/// Its client `ctr` speaks to registries itself: it runs in the same namespace.
#[derive(Debug)]
pub struct Daemon {
    running: Running,
    folder: TempDir,
    netns: Option<Namespace>,
}

impl Daemon {
    /// Starts one, in `netns` if given. Needs root.
    pub fn start(netns: Option<&Namespace>) -> Result<Self> {
        let program = Tool::Containerd.path()?;
        let folder = tempfile::Builder::new()
            .prefix("rig-containerd-")
            .tempdir()?;
        let config = folder.path().join("config.toml");
        fs::write(&config, configuration(folder.path()))?;
        let mut command = command_in(netns, program);
        command.arg("--config").arg(&config);
        let log = folder.path().join("log");
        let running = Running::start("containerd", &mut command, &log)?;
        let daemon = Self {
            running,
            folder,
            netns: netns.cloned(),
        };
        daemon
            .running
            .wait_until("ctr version", START_DEADLINE, || {
                let asked = run::captured(daemon.ctr().arg("version"))?;
                Ok(asked.status.success().then_some(()))
            })?;
        Ok(daemon)
    }

    /// The client, speaking to this daemon.
    pub fn ctr(&self) -> Command {
        let mut command = command_in(self.netns.as_ref(), "ctr");
        command
            .arg("--address")
            .arg(self.folder.path().join("socket"));
        command
    }

    /// Runs `ctr ARGUMENTS`; its standard output.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        run::stdout(self.ctr().args(arguments))
    }

    /// The end of the daemon's log.
    pub fn log_tail(&self) -> String {
        self.running.log_tail()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _stopped = self.running.terminate(STOP_GRACE);
    }
}

/// The CRI plugin is off: it wants a pod network, and no test of images needs it.
fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "version = 2\n\
         root = \"{folder}/root\"\n\
         state = \"{folder}/state\"\n\
         disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
         [grpc]\n\
         address = \"{folder}/socket\"\n\
         [plugins.\"io.containerd.internal.v1.opt\"]\n\
         path = \"{folder}/opt\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;
    use crate::require;

    #[test]
    fn it_imports_our_image_layout() -> Result<()> {
        if !require(&[Tool::Containerd, Tool::Busybox])? {
            return Ok(());
        }
        let daemon = Daemon::start(None)?;
        let folder = tempfile::tempdir()?;
        let archive = folder.path().join("busybox.tar");
        let image = Image::busybox()?;
        image.write_oci_archive(&archive, "1")?;
        let archive = archive.display().to_string();
        daemon.run(&["images", "import", "--base-name", "rig/busybox", &archive])?;
        let listed = daemon.run(&["images", "list"])?;
        assert!(listed.contains(image.digest().as_str()), "{listed}");
        Ok(())
    }
}
