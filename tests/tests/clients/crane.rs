//! crane: verbs on single objects of the registry.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use refloat_rig::image::{Image, digest_of};
use refloat_rig::{Tool, require, run};
use refloat_tests::site::{Account, Reach, Site, Wire};

use crate::journey::{Program, Pulled, Source, journey, refused};
use crate::layout;

/// crane with a docker configuration of its own.
struct Crane {
    reach: Reach,
    folder: PathBuf,
    source: PathBuf,
    trusts: bool,
}

impl Crane {
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.reach.command(Tool::Crane.path()?);
        command
            .args(arguments)
            .env("DOCKER_CONFIG", &self.folder)
            .env_remove("SSL_CERT_FILE");
        if let Some(certificate) = self.reach.certificate.as_deref().filter(|_| self.trusts) {
            command.env("SSL_CERT_FILE", certificate);
        }
        Ok(command)
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        run::stdout(&mut self.command(arguments)?)
    }
}

impl Program for Crane {
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
            return Ok(fs::write(self.folder.join("config.json"), "{}")?);
        };
        let mut login = self.command(&[
            "auth",
            "login",
            &self.reach.authority,
            "-u",
            &account.name,
            "--password-stdin",
        ])?;
        run::checked_with_input(&mut login, account.secret.as_bytes())?;
        Ok(())
    }

    fn push(&mut self, reference: &str) -> Result<String> {
        let pushed = self.run(&["push", &self.source.display().to_string(), reference])?;
        let digest = pushed.rsplit_once('@').context("crane names no digest")?.1;
        Ok(digest.to_owned())
    }

    fn pull(&mut self, reference: &str) -> Result<Pulled> {
        let folder = tempfile::tempdir_in(&self.folder)?;
        self.run(&[
            "pull",
            "--format",
            "oci",
            reference,
            &folder.path().display().to_string(),
        ])?;
        layout::pulled(folder.path())
    }

    fn distrust(&mut self) -> Result<()> {
        self.trusts = false;
        Ok(())
    }
}

#[test]
fn crane_over_http() -> Result<()> {
    journey::<Crane>(Wire::Http, &[Tool::Crane])
}

#[test]
fn crane_over_tls() -> Result<()> {
    journey::<Crane>(Wire::Tls, &[Tool::Crane])
}

#[test]
fn crane_lists_tags_changes_mounts_and_deletes() -> Result<()> {
    if !require(&[Tool::Crane, Tool::Busybox])? {
        return Ok(());
    }
    let site = Site::start(Wire::Http)?;
    let alice = site.user("alice", &[("pull,push,update,delete", "team/**")])?;
    let owner = site.user("owner", &[("pull,push", "theirs/**")])?;
    let image = Image::busybox()?;
    let source = Source::write(&image, site.folder())?;
    let mut crane = Crane::new(site.reach(), site.folder(), &source)?;
    let at = |path: &str| site.reach().reference(path);
    crane.sign_in(Some(&owner))?;
    crane.push(&at("theirs/boat:1"))?;
    crane.sign_in(Some(&alice))?;
    crane.push(&at("team/boat:1"))?;

    let boat = at("team/boat");
    let first = at("team/boat:1");
    ensure!(crane.run(&["digest", &first])? == image.digest());
    let manifest = run::checked(&mut crane.command(&["manifest", &first])?)?.stdout;
    ensure!(
        digest_of(&manifest) == image.digest(),
        "the manifest came back changed"
    );
    crane.run(&["tag", &first, "two"])?;
    crane.run(&[
        "mutate",
        &first,
        "--label",
        "colour=blue",
        "--tag",
        &at("team/boat:labelled"),
    ])?;
    let config = crane.run(&["config", &at("team/boat:labelled")])?;
    ensure!(config.contains(r#""colour":"blue""#), "{config}");
    crane.run(&[
        "append",
        "--base",
        &first,
        "--new_layer",
        &tar(site.folder())?,
        "--new_tag",
        &at("team/boat:longer"),
    ])?;
    let tags = crane.run(&["ls", &boat])?;
    ensure!(
        tags.lines().collect::<Vec<_>>() == ["1", "labelled", "longer", "two"],
        "{tags}"
    );

    let copied = run::checked(&mut crane.command(&["copy", &first, &at("team/second:1")])?)?;
    let said = String::from_utf8_lossy(&copied.stderr).into_owned();
    ensure!(said.contains("mounted blob"), "nothing was mounted: {said}");
    ensure!(crane.run(&["digest", &at("team/second:1")])? == image.digest());
    let catalog = crane.run(&["catalog", &site.reach().authority])?;
    ensure!(
        catalog.lines().collect::<Vec<_>>() == ["team/boat", "team/second"],
        "{catalog}"
    );

    let labelled = crane.run(&["digest", &at("team/boat:labelled")])?;
    crane.run(&["delete", &format!("{boat}@{labelled}")])?;
    refused(
        crane.run(&["manifest", &format!("{boat}@{labelled}")]),
        &["manifest_unknown", "404"],
    )?;
    refused(
        crane.run(&["digest", &at("team/boat:labelled")]),
        &["404", "manifest_unknown"],
    )?;
    ensure!(crane.run(&["digest", &first])? == image.digest());
    crane
        .run(&["validate", "--remote", &at("team/boat:longer")])
        .map(drop)
}

/// A tar of one file, to be a layer.
fn tar(folder: &Path) -> Result<String> {
    let path = folder.join("layer.tar");
    let mut layer = tar::Builder::new(fs::File::create(&path)?);
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    layer.append_data(&mut header, "anchor", &b"iron"[..])?;
    layer.finish()?;
    Ok(path.display().to_string())
}
