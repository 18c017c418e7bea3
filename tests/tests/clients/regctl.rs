//! regctl: copies with referrers, artifacts, single blobs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use refloat_rig::image::{Image, digest_of};
use refloat_rig::{Tool, require, run};
use refloat_tests::site::{Account, Reach, Site, Wire};
use serde_json::Value;

use crate::journey::{Program, Pulled, Source, journey, refused};
use crate::layout;

/// regctl with a configuration of its own.
struct Regctl {
    reach: Reach,
    folder: PathBuf,
    source: PathBuf,
}

impl Regctl {
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.reach.command(Tool::Regctl.path()?);
        command
            .args(arguments)
            .env("REGCTL_CONFIG", self.folder.join("regctl.json"))
            // It reads docker's file as well; there is none.
            .env("DOCKER_CONFIG", self.folder.join("none"))
            .env("HOME", &self.folder);
        Ok(command)
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        run::stdout(&mut self.command(arguments)?)
    }

    fn run_with(&self, arguments: &[&str], input: &[u8]) -> Result<String> {
        let output = run::checked_with_input(&mut self.command(arguments)?, input)?;
        Ok(String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned())
    }
}

impl Program for Regctl {
    fn new(reach: &Reach, folder: &Path, source: &Source) -> Result<Self> {
        let (reach, folder) = (reach.clone(), folder.to_owned());
        let regctl = Self {
            reach,
            folder,
            source: source.layout.clone(),
        };
        let registry = &regctl.reach.authority;
        match &regctl.reach.certificate {
            None => regctl.run(&[
                "registry",
                "set",
                "--skip-check",
                "--tls",
                "disabled",
                registry,
            ])?,
            Some(path) => regctl.run(&[
                "registry",
                "set",
                "--skip-check",
                "--cacert",
                &fs::read_to_string(path)?,
                registry,
            ])?,
        };
        Ok(regctl)
    }

    fn sign_in(&mut self, account: Option<&Account>) -> Result<()> {
        let registry = &self.reach.authority;
        let Some(account) = account else {
            return self.run(&["registry", "logout", registry]).map(drop);
        };
        let login = [
            "registry",
            "login",
            registry,
            "--skip-check",
            "--user",
            &account.name,
            "--pass-stdin",
        ];
        self.run_with(&login, account.secret.as_bytes()).map(drop)
    }

    fn push(&mut self, reference: &str) -> Result<String> {
        self.run(&[
            "image",
            "copy",
            &format!("ocidir://{}:1", self.source.display()),
            reference,
        ])?;
        self.run(&["manifest", "head", reference])
    }

    fn pull(&mut self, reference: &str) -> Result<Pulled> {
        let folder = tempfile::tempdir_in(&self.folder)?;
        self.run(&[
            "image",
            "copy",
            reference,
            &format!("ocidir://{}:1", folder.path().display()),
        ])?;
        layout::pulled(folder.path())
    }

    fn distrust(&mut self) -> Result<()> {
        self.run(&[
            "registry",
            "set",
            "--skip-check",
            "--cacert",
            "",
            &self.reach.authority,
        ])
        .map(drop)
    }
}

#[test]
fn regctl_over_http() -> Result<()> {
    journey::<Regctl>(Wire::Http, &[Tool::Regctl])
}

#[test]
fn regctl_over_tls() -> Result<()> {
    journey::<Regctl>(Wire::Tls, &[Tool::Regctl])
}

#[test]
fn regctl_copies_referrers_and_deletes_tags_alone() -> Result<()> {
    if !require(&[Tool::Regctl, Tool::Busybox])? {
        return Ok(());
    }
    let site = Site::start(Wire::Http)?;
    let alice = site.user("alice", &[("pull,push,update,delete", "team/**")])?;
    let image = Image::busybox()?;
    let source = Source::write(&image, site.folder())?;
    let mut regctl = Regctl::new(site.reach(), site.folder(), &source)?;
    regctl.sign_in(Some(&alice))?;
    let at = |path: &str| site.reach().reference(path);
    regctl.push(&at("team/boat:1"))?;

    for kind in ["application/x.bill", "application/x.seal"] {
        let put = [
            "artifact",
            "put",
            "--subject",
            &at("team/boat:1"),
            "--artifact-type",
            kind,
            "-m",
            "text/plain",
        ];
        regctl.run_with(&put, kind.as_bytes())?;
    }
    let listed = referrers(&regctl, &at("team/boat:1"), &[])?;
    ensure!(listed.len() == 2, "{listed:?}");
    let bills = referrers(
        &regctl,
        &at("team/boat:1"),
        &["--filter-artifact-type", "application/x.bill"],
    )?;
    ensure!(
        bills.len() == 1 && listed.contains(&bills[0]),
        "{bills:?} of {listed:?}"
    );
    let got = regctl.run(&[
        "artifact",
        "get",
        &format!("{}@{}", at("team/boat"), bills[0]),
    ])?;
    ensure!(got == "application/x.bill", "{got}");
    // A registry with the referrers API needs no tag for them.
    ensure!(regctl.run(&["tag", "ls", &at("team/boat")])? == "1");

    regctl.run(&[
        "image",
        "copy",
        "--referrers",
        &at("team/boat:1"),
        &at("team/copy:1"),
    ])?;
    ensure!(
        sorted(referrers(&regctl, &at("team/copy:1"), &[])?) == sorted(listed),
        "a referrer was lost or changed"
    );

    let digest = image.digest();
    regctl.run(&["tag", "delete", &at("team/copy:1")])?;
    refused(
        regctl.run(&["manifest", "head", &at("team/copy:1")]),
        &["not found", "404"],
    )?;
    regctl.run(&["manifest", "head", &format!("{}@{digest}", at("team/copy"))])?;

    let bytes = b"a barrel of tar";
    let blob = regctl.run_with(&["blob", "put", &at("team/boat")], bytes)?;
    ensure!(blob == digest_of(bytes), "{blob}");
    regctl.run(&["blob", "head", &at("team/boat"), &blob])?;
    ensure!(
        regctl
            .run(&["blob", "get", &at("team/boat"), &blob])?
            .as_bytes()
            == bytes
    );
    Ok(())
}

fn sorted(mut digests: Vec<String>) -> Vec<String> {
    digests.sort();
    digests
}

fn referrers(regctl: &Regctl, reference: &str, filter: &[&str]) -> Result<Vec<String>> {
    let list = [
        &["artifact", "list", reference, "--format", "{{json .}}"],
        filter,
    ]
    .concat();
    let listed: Value = serde_json::from_str(&regctl.run(&list)?)?;
    let descriptors = listed["descriptors"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let digest = |descriptor: &Value| descriptor["digest"].as_str().map(str::to_owned);
    descriptors
        .iter()
        .map(|descriptor| digest(descriptor).context("a referrer without a digest"))
        .collect()
}
