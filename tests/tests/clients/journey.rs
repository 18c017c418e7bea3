//! What every client of images has to live through.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use refloat_rig::image::Image;
use refloat_rig::{Tool, require};
use refloat_tests::site::{Account, Reach, Site, Wire};

/// Where the image of the journey goes.
const REPOSITORY: &str = "team/boat";

/// What a program pulled, as it sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The digest of the manifest.
    pub digest: String,
    /// The bytes of `/bin/busybox` inside the image.
    pub busybox: Vec<u8>,
}

/// A program that pushes and pulls, with all its state in a folder of its own.
pub trait Program: Sized {
    /// Prepares it for a registry. `folder` is its own; `source` is an image layout whose tag `1` is to be pushed.
    fn new(reach: &Reach, folder: &Path, source: &Source) -> Result<Self>;
    /// Works as `account` from now on, or as nobody.
    fn sign_in(&mut self, account: Option<&Account>) -> Result<()>;
    /// Pushes the source; the digest that the program says it pushed.
    fn push(&mut self, reference: &str) -> Result<String>;
    /// Pulls from the registry, never from what it has kept.
    fn pull(&mut self, reference: &str) -> Result<Pulled>;
    /// Forgets the authority that signed the server's certificate.
    fn distrust(&mut self) -> Result<()>;
}

/// The image of the journey in the forms that programs read.
pub struct Source {
    /// An image layout; the tag is `1`.
    pub layout: PathBuf,
    /// What `docker load` reads; the name is `rig/busybox:1`.
    pub archive: PathBuf,
}

impl Source {
    /// Writes the forms of `image` below `folder`.
    pub fn write(image: &Image, folder: &Path) -> Result<Self> {
        let source = Self {
            layout: folder.join("layout"),
            archive: folder.join("docker.tar"),
        };
        image.write_layout(&source.layout, "1")?;
        image.write_docker_archive(&source.archive, "rig/busybox:1")?;
        Ok(source)
    }
}

/// Pushes and pulls as a user; pulls as a robot that may not push; and is refused without credentials, with wrong
/// ones, and by a server whose authority is not known.
pub fn journey<P: Program>(wire: Wire, needs: &[Tool]) -> Result<()> {
    if !require(&[needs, &[Tool::Busybox]].concat())? {
        return Ok(());
    }
    let site = Site::start(wire)?;
    let image = Image::busybox()?;
    let folder = site.folder().join("program");
    fs::create_dir(&folder)?;
    let source = Source::write(&image, site.folder())?;
    let busybox = fs::read(Tool::Busybox.path()?)?;
    let alice = site.user("alice", &[("pull,push,update,delete", "team/**")])?;
    let reader = site.robot("reader", &[("pull", "team/**")])?;
    let tagged = site.reach().reference(&format!("{REPOSITORY}:1"));

    let mut program = P::new(site.reach(), &folder, &source)?;
    program.sign_in(Some(&alice))?;
    let digest = program.push(&tagged)?;
    let expected = Pulled {
        digest: digest.clone(),
        busybox,
    };
    let same = |pulled: Pulled| {
        ensure!(
            pulled.digest == expected.digest,
            "pulled {}, pushed {digest}",
            pulled.digest
        );
        ensure!(
            pulled.busybox == expected.busybox,
            "the program in the image is not what was pushed"
        );
        Ok(())
    };
    same(program.pull(&tagged)?)?;
    let by_digest = site.reach().reference(&format!("{REPOSITORY}@{digest}"));
    same(program.pull(&by_digest)?)?;

    program.sign_in(Some(&reader))?;
    same(program.pull(&tagged)?).context("as the robot")?;
    let second = site.reach().reference(&format!("{REPOSITORY}:2"));
    refused(program.push(&second), &["denied", "forbidden"]).context("a push by the robot")?;
    let absent = site.reach().reference("other/boat:1");
    refused(
        program.pull(&absent),
        &["not found", "404", "unknown", "not known"],
    )
    .context("a pull of a foreign name")?;
    let tags = site.administer_json(&["tags", REPOSITORY])?.to_string();
    ensure!(
        tags.contains("\"1\"") && !tags.contains("\"2\""),
        "tags after the refused push: {tags}"
    );

    let wrong = Account {
        name: alice.name.clone(),
        secret: "wrong".to_owned(),
    };
    let outcome = program
        .sign_in(Some(&wrong))
        .and_then(|()| program.pull(&tagged));
    refused(
        outcome,
        &["unauthorized", "401", "authentication", "invalid username"],
    )
    .context("a wrong password")?;
    program.sign_in(None)?;
    refused(
        program.pull(&tagged),
        &[
            "unauthorized",
            "401",
            "authentication",
            "denied",
            "no basic auth",
        ],
    )
    .context("a pull by nobody")?;
    if !site.reach().is_plain() {
        // Some programs see that nobody signed in before they see the certificate.
        program.distrust()?;
        refused(
            program
                .sign_in(Some(&alice))
                .and_then(|()| program.pull(&tagged)),
            &["certificate"],
        )
        .context("an unknown authority")?;
    }
    keeps_secrets(&site, &[&alice, &reader])
}

/// An outcome that has to be an error, which says one of `words`.
pub fn refused<T>(outcome: Result<T>, words: &[&str]) -> Result<()> {
    let Err(error) = outcome else {
        bail!("it was not refused");
    };
    let said = format!("{error:#}").to_lowercase();
    ensure!(
        words.iter().any(|word| said.contains(word)),
        "the refusal says none of {words:?}: {said}"
    );
    Ok(())
}

/// No secret of these accounts stands in the server's log.
pub fn keeps_secrets(site: &Site, accounts: &[&Account]) -> Result<()> {
    let log = site.server().log();
    for account in accounts {
        ensure!(
            !log.contains(&account.secret),
            "the secret of {} stands in the log",
            account.name
        );
    }
    Ok(())
}
