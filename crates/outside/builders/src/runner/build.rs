//! The second step: `buildah build`, from bases pinned by digest, in a store of the run's own.
//!
//! The Dockerfile stays as it is: `--build-context NAME=docker-image://..@DIGEST` puts the pinned image in place of each name.
//! Nothing is cached between runs (`--no-cache`, an own store), so that no build sees what another one left; each instruction
//! that changes files is a layer of its own. The network
//! of `RUN` is the host's: the isolation `chroot` has no other.

use super::checkout::SourceTree;
use super::{Ended, Runner, digest_in};
use crate::checkout::clean;
use crate::folder::StoredBuild;
use crate::process;
use refloat_oci::{Digest, RegistryHost};
use std::fmt;
use std::fs;
use std::process::Command;
use std::time::Duration;

/// Isolations, the stronger one first.
const ISOLATIONS: [&str; 2] = ["oci", "chroot"];
/// How long a look at the builder may take.
const LOOK_MAX: Duration = Duration::from_mins(1);

/// The builder as it was found.
pub(super) struct Found {
    version: String,
    pub(super) isolation: &'static str,
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "buildah {}, isolation {}",
            self.version, self.isolation
        )
    }
}

impl Runner {
    /// A command of buildah on the run's own store.
    pub(super) fn buildah(&self) -> Command {
        let mut command = Command::new("buildah");
        clean(&mut command);
        for name in ["STORAGE_DRIVER", "STORAGE_OPTS", "BUILDAH_RUNTIME"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("HOME", self.work("home"))
            .env("XDG_RUNTIME_DIR", self.work("run"))
            .env("TMPDIR", self.work("tmp"))
            .env("REGISTRY_AUTH_FILE", self.folder.at("auth.json"))
            .env("CONTAINERS_REGISTRIES_CONF", self.work("registries.conf"))
            .arg("--root")
            .arg(self.work("storage"))
            .arg("--runroot")
            .arg(self.work("run"))
            .arg("--registries-conf-dir")
            .arg(self.work("none"));
        command
    }

    /// Finds the version and the strongest isolation that works here.
    pub(super) fn builder(&mut self, hosts: &[RegistryHost]) -> Result<Found, Ended> {
        fs::create_dir_all(self.work("run"))?;
        fs::create_dir_all(self.work("none"))?;
        self.write_registries(hosts)?;
        let mut command = Command::new("buildah");
        command.arg("--version");
        let output = process::output(command, Vec::new(), LOOK_MAX, 4096).map_err(|error| {
            Ended::Failed(format!(
                "buildah: {error}; install it on the machine of the runner"
            ))
        })?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text
            .split_whitespace()
            .nth(2)
            .unwrap_or("of unknown version")
            .to_owned();
        let isolation = self.isolation();
        let found = Found { version, isolation };
        self.say(&format!("{found}"));
        Ok(found)
    }

    /// Tries to run a program that does not exist in an empty container: where the isolation works, that is all that is wrong.
    fn isolation(&mut self) -> &'static str {
        let mut from = self.buildah();
        from.args(["from", "--name", "probe", "scratch"]);
        let mut run = self.buildah();
        run.args([
            "run",
            "--isolation",
            ISOLATIONS[0],
            "probe",
            "/refloat-probe",
        ]);
        let mut remove = self.buildah();
        remove.args(["rm", "probe"]);
        let output = |command| process::output(command, Vec::new(), LOOK_MAX, 64 * 1024);
        let begun = output(from).is_ok_and(|output| output.status.success());
        let ran = begun.then(|| output(run).ok()).flatten();
        let _ = output(remove);
        let works =
            ran.is_some_and(|output| output.stderr.contains("/refloat-probe: no such file"));
        if works { ISOLATIONS[0] } else { ISOLATIONS[1] }
    }

    /// Which registries speak plain HTTP, and what each is shown.
    fn write_registries(&self, hosts: &[RegistryHost]) -> Result<(), Ended> {
        let mut hosts = hosts.to_vec();
        hosts.sort();
        hosts.dedup();
        let mut text =
            "unqualified-search-registries = [\"docker.io\"]\nshort-name-mode = \"disabled\"\n"
                .to_owned();
        for host in hosts.iter().filter(|host| host.is_loopback()) {
            text.extend([
                "[[registry]]
location = \"",
                host.as_str(),
                "\"
insecure = true
",
            ]);
        }
        fs::write(self.work("registries.conf"), text)?;
        let entry = |login: &crate::folder::StoredLogin| {
            use base64::Engine as _;
            let pair = format!("{}:{}", login.username, login.password.expose());
            let auth = base64::engine::general_purpose::STANDARD.encode(pair);
            // The tools write Docker Hub by the address of its first API.
            let name = match login.registry.as_str() {
                "docker.io" => "https://index.docker.io/v1/".to_owned(),
                other => other.to_owned(),
            };
            (name, serde_json::json!({ "auth": auth }))
        };
        let auths: serde_json::Map<_, _> = self.logins.iter().map(entry).collect();
        let json = serde_json::json!({ "auths": auths });
        crate::folder::write(&self.folder.at("auth.json"), json.to_string().as_bytes())?;
        Ok(())
    }

    pub(super) fn build(
        &mut self,
        build: &StoredBuild,
        source: &SourceTree,
        found: &Found,
    ) -> Result<(), Ended> {
        let text = fs::read_to_string(&source.dockerfile)
            .map_err(|error| Ended::Failed(format!("the Dockerfile: {error}")))?;
        let special = refloat_dockerfile::docker_only(&text)
            .map_err(|error| Ended::Failed(format!("the Dockerfile, {error}")))?;
        if let Some((keyword, line)) = &special {
            self.say(&format!(
                "{keyword} in line {line} has no place in OCI's image format: docker's is written"
            ));
        }
        self.docker_format = special.is_some();
        let mut command = self.buildah();
        command
            .args([
                "build",
                "--layers",
                "--no-cache",
                "--retry",
                "20",
                "--retry-delay",
                "1s",
                "--network",
                "host",
                "--isolation",
                found.isolation,
            ])
            .args([
                "--format",
                if self.docker_format { "docker" } else { "oci" },
            ])
            .args(["--platform", &build.platform])
            .arg("--iidfile")
            .arg(self.work("image"))
            .arg("--file")
            .arg(&source.dockerfile);
        if let Some(target) = &build.target {
            command.args(["--target", target]);
        }
        for (name, value) in &build.arguments {
            command.arg("--build-arg").arg(format!("{name}={value}"));
        }
        for (name, base) in &build.bases {
            command
                .arg("--build-context")
                .arg(format!("{name}=docker-image://{base}"));
        }
        for (name, value) in &build.annotations {
            command.arg("--annotation").arg(format!("{name}={value}"));
        }
        for (number, id) in build.secrets.iter().enumerate() {
            let path = self.folder.at("secrets").join(number.to_string());
            command
                .arg("--secret")
                .arg(format!("id={id},src={}", path.display()));
        }
        command.arg(&source.context);
        match self.must(command) {
            Err(Ended::Failed(text)) if is_passing(&text) => Err(Ended::Later(text)),
            done => done,
        }
    }

    /// Writes the image to disk, which fixes its bytes and with them its digest: as a layout, or in docker's format as it is.
    pub(super) fn export(&mut self) -> Result<Digest, Ended> {
        let image = fs::read_to_string(self.work("image"))?;
        let mut command = self.buildah();
        command
            .args(["push", "--quiet", "--digestfile"])
            .arg(self.work("digest"))
            .arg(image.trim());
        let place = if self.docker_format { "dir" } else { "oci" };
        command.arg(format!("{place}:{}", self.work("candidate").display()));
        self.must(command)?;
        digest_in(&self.work("digest"))
    }
}

/// Whether what the builder said last is of a registry that went away while a base was read. It tries such a read again by
/// itself only until the first bytes have come. What an instruction printed is not meant: of that, the builder repeats the
/// exit status alone.
fn is_passing(said: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "unexpected EOF",
        ": EOF",
        "connection refused",
        "connection reset by peer",
        "i/o timeout",
        "TLS handshake timeout",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "504 Gateway Timeout",
    ];
    SIGNS.iter().any(|sign| said.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::is_passing;

    #[test]
    fn a_registry_that_went_away_is_told_from_a_build_that_fails() {
        for said in [
            "creating build container: writing blob: storing blob to file \"/tmp/storage3107347804/2\": happened during read: unexpected EOF",
            "creating build container: initializing source docker://127.0.0.1:5000/team/runtime@sha256:00: pinging container registry 127.0.0.1:5000: Get \"http://127.0.0.1:5000/v2/\": dial tcp 127.0.0.1:5000: connect: connection refused",
        ] {
            assert!(is_passing(said), "{said}");
        }
        for said in [
            "building at STEP \"RUN apt-get install -y curl\": while running runtime: exit status 100",
            "creating build container: initializing source docker://r.example/a:1: reading manifest 1 in r.example/a: manifest unknown",
            "building at STEP \"COPY missing /\": checking on sources under \"/src\": copier: stat: \"/missing\": no such file or directory",
        ] {
            assert!(!is_passing(said), "{said}");
        }
    }
}
