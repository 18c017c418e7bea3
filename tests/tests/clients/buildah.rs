//! buildah: builds, pushes what it built, and builds on what it pulled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use refloat_rig::image::Image;
use refloat_rig::{Tool, require, run};
use refloat_tests::site::{Account, Reach, Site, Wire};

use crate::journey::{Program, Pulled, Source, journey};

/// buildah with its storage in a folder of its own.
#[derive(Clone)]
struct Buildah {
    reach: Reach,
    folder: PathBuf,
    trusts: bool,
}

impl Buildah {
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.reach.command(Tool::Buildah.path()?);
        command.args(["--storage-driver", "vfs"]);
        for (flag, name) in [("--root", "root"), ("--runroot", "run")] {
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

    /// The same credentials and an empty storage.
    fn fresh(&self, folder: &Path) -> Result<Self> {
        let fresh = Self {
            folder: folder.to_owned(),
            ..self.clone()
        };
        if self.credentials().exists() {
            fs::copy(self.credentials(), fresh.credentials())?;
        }
        Ok(fresh)
    }

    /// Builds `dockerfile` with `context`, every RUN in a chroot: the one isolation that works everywhere.
    fn build(&self, name: &str, dockerfile: &str, context: &Path) -> Result<String> {
        let path = self.folder.join("Dockerfile");
        fs::write(&path, dockerfile)?;
        let mut build = self.remote(&["build", "--isolation", "chroot", "--tag", name])?;
        run::stdout(build.arg("--file").arg(path).arg(context))
    }

    fn file_in(&self, image: &str, path: &str) -> Result<Vec<u8>> {
        let container = self.run(&["from", "--pull-never", image])?;
        let mounted = self.run(&["mount", &container])?;
        let content = fs::read(Path::new(&mounted).join(path))
            .with_context(|| format!("no {path} in {image}"));
        self.run(&["rm", &container])?;
        content
    }
}

impl Program for Buildah {
    fn new(reach: &Reach, folder: &Path, source: &Source) -> Result<Self> {
        let buildah = Self {
            reach: reach.clone(),
            folder: folder.to_owned(),
            trusts: true,
        };
        let image = buildah.run(&[
            "pull",
            "--quiet",
            &format!("docker-archive:{}", source.archive.display()),
        ])?;
        buildah.run(&["tag", &image, "rig/busybox:1"])?;
        Ok(buildah)
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
        let to = format!("docker://{reference}");
        let mut push = self.remote(&["push", &digestfile])?;
        run::checked(push.args(["rig/busybox:1", &to]))?;
        Ok(fs::read_to_string(written)?.trim().to_owned())
    }

    fn pull(&mut self, reference: &str) -> Result<Pulled> {
        let folder = tempfile::tempdir_in(&self.folder)?;
        let fresh = self.fresh(folder.path())?;
        run::checked(fresh.remote(&["pull", "--quiet"])?.arg(reference))?;
        let digest = fresh.run(&[
            "inspect",
            "--type",
            "image",
            "--format",
            "{{.FromImageDigest}}",
            reference,
        ])?;
        let busybox = fresh.file_in(reference, "bin/busybox")?;
        Ok(Pulled { digest, busybox })
    }

    fn distrust(&mut self) -> Result<()> {
        self.trusts = false;
        Ok(())
    }
}

#[test]
fn buildah_over_http() -> Result<()> {
    journey::<Buildah>(Wire::Http, &[Tool::Buildah])
}

#[test]
fn buildah_over_tls() -> Result<()> {
    journey::<Buildah>(Wire::Tls, &[Tool::Buildah])
}

#[test]
fn buildah_builds_pushes_and_builds_on_what_it_pulls() -> Result<()> {
    if !require(&[Tool::Buildah, Tool::Busybox])? {
        return Ok(());
    }
    let site = Site::start(Wire::Http)?;
    let alice = site.user("alice", &[("pull,push,update", "team/**")])?;
    let source = Source::write(&Image::busybox()?, site.folder())?;
    let mut buildah = Buildah::new(site.reach(), site.folder(), &source)?;
    buildah.sign_in(Some(&alice))?;
    let context = site.folder().join("context");
    fs::create_dir(&context)?;
    fs::copy(Tool::Busybox.path()?, context.join("busybox"))?;
    let base = site.reach().reference("team/base:1");
    let dockerfile =
        "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"touch\", \"/keel\"]\n";
    buildah.build(&base, dockerfile, &context)?;
    run::checked(buildah.remote(&["push"])?.arg(&base))?;

    let elsewhere = site.folder().join("elsewhere");
    fs::create_dir(&elsewhere)?;
    let fresh = buildah.fresh(&elsewhere)?;
    let onto = site.reach().reference("team/app:1");
    let dockerfile = format!(
        "FROM {base}\nRUN [\"/bin/busybox\", \"sh\", \"-c\", \"test -e /keel && echo afloat > /state\"]\n"
    );
    fresh.build(&onto, &dockerfile, &context)?;
    run::checked(fresh.remote(&["push"])?.arg(&onto))?;

    buildah.run(&["rmi", "--all", "--force"])?;
    run::checked(buildah.remote(&["pull"])?.arg(&onto))?;
    let state = buildah.file_in(&onto, "state")?;
    ensure!(state == b"afloat\n", "{state:?}");
    Ok(())
}
