//! Packages of the machine's own Debian suite.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::leftover::Leftover;
use crate::run;

/// Asked by packages before they start a service of theirs.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs `packages` in one go.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!(
            "this is no Debian: install what belongs to these packages by hand: {}",
            packages.join(" ")
        );
    }
    if !super::is_root() {
        bail!(
            "only root can install packages: sudo apt-get install --no-install-recommends {}",
            packages.join(" ")
        );
    }
    let _no_services = NoServices::begin()?;
    run::checked(apt_get().args(["update", "-q"]))?;
    run::checked(
        apt_get()
            .args(["install", "-q", "-y", "--no-install-recommends"])
            .args(packages),
    )?;
    Ok(())
}

/// The installed version of `package`.
pub(super) fn version(package: &str) -> Option<String> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Version}", package]);
    run::stdout(&mut query)
        .ok()
        .filter(|version| !version.is_empty())
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// While it lives, packages do not start services. A policy that is there already belongs
/// to somebody else: it stays as it is.
struct NoServices(Option<Leftover>);

impl NoServices {
    fn begin() -> Result<Self> {
        if Path::new(POLICY).exists() {
            return Ok(Self(None));
        }
        let leftover = Leftover::register(&format!("rm -f {POLICY}"));
        fs::write(POLICY, "#!/bin/sh\nexit 101\n")
            .and_then(|()| fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755)))
            .with_context(|| format!("cannot write {POLICY}"))?;
        Ok(Self(Some(leftover)))
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.0.is_some() {
            let _gone = fs::remove_file(POLICY);
        }
    }
}
