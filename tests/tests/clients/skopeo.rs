//! skopeo: copies between layouts, archives and the registry.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use refloat_rig::image::Image;
use refloat_rig::{Tool, require, run};
use refloat_tests::site::{Account, Reach, Site, Wire};

use crate::journey::{Program, Pulled, Source, journey, refused};
use crate::layout;

/// skopeo with its credentials in a file of its own.
struct Skopeo {
    reach: Reach,
    folder: PathBuf,
    source: PathBuf,
    trusts: bool,
}

impl Skopeo {
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.reach.command(Tool::Skopeo.path()?);
        command
            .args(arguments)
            .arg("--authfile")
            .arg(self.credentials());
        Ok(command)
    }

    fn credentials(&self) -> PathBuf {
        self.folder.join("auth.json")
    }

    /// What makes it reach the registry, for the side of a copy that `prefix` names (`--src-`, `--dest-` or `--`).
    fn trust(&self, prefix: &str) -> Vec<String> {
        match self.reach.certificates() {
            None => vec![format!("{prefix}tls-verify=false")],
            Some(folder) if self.trusts => vec![format!("{prefix}cert-dir={}", folder.display())],
            Some(_) => Vec::new(),
        }
    }

    fn copy(&self, from: &str, to: &str) -> Result<String> {
        let written = self.folder.join("digest");
        let mut command = self.command(&["copy", "--all", "--preserve-digests", from, to])?;
        command.arg("--digestfile").arg(&written);
        for (side, reference) in [("--src-", from), ("--dest-", to)] {
            if reference.starts_with("docker://") {
                command.args(self.trust(side));
            }
        }
        run::checked(&mut command)?;
        Ok(fs::read_to_string(written)?.trim().to_owned())
    }

    fn ask(&self, arguments: &[&str]) -> Result<String> {
        run::stdout(self.command(arguments)?.args(self.trust("--")))
    }
}

impl Program for Skopeo {
    fn new(reach: &Reach, folder: &Path, source: &Source) -> Result<Self> {
        let (reach, folder) = (reach.clone(), folder.to_owned());
        Ok(Self {
            reach,
            folder,
            source: source.layout.clone(),
            trusts: true,
        })
    }

    fn sign_in(&mut self, account: Option<&Account>) -> Result<()> {
        let Some(account) = account else {
            return Ok(fs::write(self.credentials(), "{}")?);
        };
        let mut login =
            self.command(&["login", "--username", &account.name, "--password-stdin"])?;
        login.args(self.trust("--")).arg(&self.reach.authority);
        run::checked_with_input(&mut login, account.secret.as_bytes())?;
        Ok(())
    }

    fn push(&mut self, reference: &str) -> Result<String> {
        self.copy(
            &format!("oci:{}:1", self.source.display()),
            &format!("docker://{reference}"),
        )
    }

    fn pull(&mut self, reference: &str) -> Result<Pulled> {
        let layout = tempfile::tempdir_in(&self.folder)?;
        self.copy(
            &format!("docker://{reference}"),
            &format!("oci:{}:1", layout.path().display()),
        )?;
        layout::pulled(layout.path())
    }

    fn distrust(&mut self) -> Result<()> {
        self.trusts = false;
        Ok(())
    }
}

#[test]
fn skopeo_over_http() -> Result<()> {
    journey::<Skopeo>(Wire::Http, &[Tool::Skopeo])
}

#[test]
fn skopeo_over_tls() -> Result<()> {
    journey::<Skopeo>(Wire::Tls, &[Tool::Skopeo])
}

/// One layer of random bytes: what is copied here need not run.
fn image(seed: u64) -> Result<Image> {
    Image::random(seed, &[3000, 70_000])
}

#[test]
fn skopeo_copies_every_platform_syncs_inspects_and_deletes() -> Result<()> {
    if !require(&[Tool::Skopeo, Tool::Busybox])? {
        return Ok(());
    }
    let site = Site::start(Wire::Http)?;
    let alice = site.user("alice", &[("pull,push,update,delete", "team/**")])?;
    let source = Source::write(&Image::busybox()?, site.folder())?;
    let mut skopeo = Skopeo::new(site.reach(), site.folder(), &source)?;
    skopeo.sign_in(Some(&alice))?;
    let at = |path: &str| format!("docker://{}", site.reach().reference(path));

    let platforms = site.folder().join("platforms");
    let index = layout::write_index(
        &platforms,
        &[("amd64", &image(1)?), ("arm64", &image(2)?)],
        "all",
    )?;
    skopeo.copy(
        &format!("oci:{}:all", platforms.display()),
        &at("team/fleet:all"),
    )?;
    let back = site.folder().join("back");
    skopeo.copy(
        &at("team/fleet:all"),
        &format!("oci:{}:all", back.display()),
    )?;
    ensure!(layout::top(&back)? == index, "the index came back changed");

    for form in [
        format!("docker-archive:{}", source.archive.display()),
        oci_archive(site.folder())?,
    ] {
        // An archive of docker's has no manifest to preserve: skopeo makes it while it copies.
        let mut copy = skopeo.command(&["copy", &form, &at("team/fleet:single")])?;
        run::checked(copy.args(skopeo.trust("--dest-")))?;
        skopeo.pull(&site.reach().reference("team/fleet:single"))?;
    }

    let from = site.reach().reference("team/fleet");
    let to = site.reach().reference("team/copies");
    let mut sync = skopeo.command(&[
        "sync", "--all", "--src", "docker", "--dest", "docker", &from, &to,
    ])?;
    run::checked(
        sync.args(skopeo.trust("--src-"))
            .args(skopeo.trust("--dest-")),
    )?;
    let digest = skopeo.ask(&[
        "inspect",
        "--format",
        "{{.Digest}}",
        &at("team/copies/fleet:all"),
    ])?;
    ensure!(digest == index, "sync changed {index} into {digest}");
    let tags = skopeo.ask(&["list-tags", &at("team/copies/fleet")])?;
    ensure!(
        tags.contains("\"all\"") && tags.contains("\"single\""),
        "tags after sync: {tags}"
    );

    skopeo.ask(&["delete", &at("team/copies/fleet:all")])?;
    refused(
        skopeo.ask(&["inspect", &at("team/copies/fleet:all")]),
        &["unknown", "not known", "not found"],
    )?;
    skopeo
        .ask(&["inspect", &at("team/copies/fleet:single")])
        .map(drop)
}

fn oci_archive(folder: &Path) -> Result<String> {
    let path = folder.join("archive.tar");
    // Not another image's layers: the pull looks for busybox.
    Image::busybox()?.write_oci_archive(&path, "1")?;
    Ok(format!("oci-archive:{}:1", path.display()))
}
