//! Registries of others: what Refloat is measured against and replicates from.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::process::Running;
use crate::{Tool, network, run};

const START_DEADLINE: Duration = Duration::from_secs(30);

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// distribution 3.1.
    Distribution,
    /// Debian's docker-registry, distribution 2.8.
    DockerRegistry,
}

/// Who may do what.
#[derive(Debug, Clone)]
pub enum Access {
    /// Everybody everything.
    Open,
    /// One account over Basic.
    Password {
        /// Its name.
        user: String,
        /// Its password.
        password: String,
    },
    /// Bearer tokens of a foreign token service.
    Token {
        /// Where clients fetch them.
        realm: String,
        /// The audience in them.
        service: String,
        /// Who signed them.
        issuer: String,
        /// Certificates of the signer's key, PEM.
        root_certificates: PathBuf,
    },
}

/// A registry on 127.0.0.1 over plain HTTP, its storage in a folder of its own; gone when
/// dropped.
#[derive(Debug)]
pub struct Registry {
    running: Running,
    address: SocketAddr,
    folder: TempDir,
}

impl Registry {
    /// Starts one.
    pub fn start(program: Program, access: &Access) -> Result<Self> {
        Self::start_at(program, access, network::free_address()?)
    }

    /// Starts an empty one at an address, which is part of the names of its images.
    pub fn start_at(program: Program, access: &Access, address: SocketAddr) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("rig-registry-").tempdir()?;
        let config = folder.path().join("config.yml");
        fs::write(&config, configuration(folder.path(), address, access)?)?;
        let binary = match program {
            Program::Distribution => Tool::Distribution,
            Program::DockerRegistry => Tool::DockerRegistry,
        };
        let mut command = Command::new(binary.path()?);
        command
            .arg("serve")
            .arg(&config)
            .env("OTEL_TRACES_EXPORTER", "none");
        let running = Running::start(
            binary.entry().name,
            &mut command,
            &folder.path().join("log"),
        )?;
        running.wait_until("an answer to GET /v2/", START_DEADLINE, || {
            let status = network::http_status(address, "/v2/");
            Ok(status.filter(|status| matches!(status, 200 | 401)))
        })?;
        Ok(Self {
            running,
            address,
            folder,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its storage lies: blobs below `docker/registry/v2/blobs/sha256/AB/ABCD../data`.
    pub fn storage(&self) -> PathBuf {
        self.folder.path().join("storage")
    }

    /// Its process, whose processor time is measured.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        self.running.log_tail()
    }
}

fn configuration(folder: &Path, address: SocketAddr, access: &Access) -> Result<String> {
    let storage = folder.join("storage");
    Ok(format!(
        "version: 0.1\n\
         log: {{ level: warn, accesslog: {{ disabled: true }} }}\n\
         storage:\n  filesystem: {{ rootdirectory: {storage} }}\n  delete: {{ enabled: true }}\n\
         http:\n  addr: {address}\n  secret: {secret:?}\n\
         {auth}",
        storage = storage.display(),
        // Signs the state of uploads; any constant does for one process.
        secret = "a constant of the tests",
        auth = authentication(folder, access)?,
    ))
}

fn authentication(folder: &Path, access: &Access) -> Result<String> {
    match access {
        Access::Open => Ok(String::new()),
        Access::Password { user, password } => {
            let path = folder.join("htpasswd");
            // bcrypt is the one hash that distribution accepts.
            let mut htpasswd = Command::new(Tool::Htpasswd.path()?);
            htpasswd.args(["-n", "-i", "-B", user]);
            let line = run::checked_with_input(&mut htpasswd, password.as_bytes())?;
            fs::write(&path, line.stdout)
                .with_context(|| format!("cannot write {}", path.display()))?;
            Ok(format!(
                "auth:\n  htpasswd: {{ realm: tests, path: {} }}\n",
                path.display()
            ))
        }
        Access::Token {
            realm,
            service,
            issuer,
            root_certificates,
        } => Ok(format!(
            "auth:\n  token:\n    realm: {realm}\n    service: {service}\n    \
             issuer: {issuer}\n    rootcertbundle: {}\n",
            root_certificates.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;
    use crate::require;

    #[test]
    fn both_take_and_return_our_image() -> Result<()> {
        if !require(&[
            Tool::Distribution,
            Tool::DockerRegistry,
            Tool::Skopeo,
            Tool::Htpasswd,
            Tool::Busybox,
        ])? {
            return Ok(());
        }
        let folder = tempfile::tempdir()?;
        let image = Image::busybox()?;
        image.write_layout(folder.path(), "1")?;
        let source = format!("oci:{}:1", folder.path().display());
        let password = Access::Password {
            user: "jo".to_owned(),
            password: "se:cret".to_owned(),
        };
        for (program, access, extra) in [
            (Program::Distribution, &Access::Open, &[][..]),
            (
                Program::DockerRegistry,
                &password,
                &["--dest-creds", "jo:se:cret"][..],
            ),
        ] {
            let registry = Registry::start(program, access)?;
            let target = format!("docker://{}/rig/busybox:1", registry.address());
            let mut push = Command::new(Tool::Skopeo.path()?);
            push.args(["copy", "--dest-tls-verify=false"]).args(extra);
            run::checked(push.args([&source, &target]))?;
            let mut anonymous = Command::new(Tool::Skopeo.path()?);
            anonymous.args([
                "inspect",
                "--tls-verify=false",
                "--no-creds",
                "--format",
                "{{.Digest}}",
                &target,
            ]);
            let seen = run::captured(&mut anonymous)?;
            let open = matches!(access, Access::Open);
            assert_eq!(
                seen.status.success(),
                open,
                "{program:?}: {}",
                run::failure(&anonymous, &seen)
            );
            if open {
                assert_eq!(String::from_utf8(seen.stdout)?.trim(), image.digest());
            }
        }
        Ok(())
    }
}
