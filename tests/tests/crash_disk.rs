//! A full disk: the server says so, acknowledges nothing it cannot keep, and goes on by itself when there is space.
//!
//! Everything lies on a tmpfs of 64 MiB, SQLite's own files too.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use refloat_rig::server::binary;
use refloat_rig::tmpfs::Mount;
use refloat_rig::{Tool, require, wait};
use refloat_tests::client::{Client, Fault, Upload};
use refloat_tests::content::{Blob, Content, Manifest};
use refloat_tests::crash::kill::check_once;
use refloat_tests::crash::{Grace, Place, Subject, checker};
use refloat_tests::ledger::{Ledger, Operation};

const DISK_BYTES: u64 = 64 << 20;

/// Left free for the first part, in which blobs meet the end of the disk.
const FREE_BYTES: u64 = 12 << 20;

/// More than fits, whatever is kept of each: a disk that never fills is a failure.
const PUSHES_MAX: u64 = 20_000;

/// How soon the server must take writes again.
const RECOVERY_DEADLINE: Duration = Duration::from_secs(30);

const REPOSITORY: &str = "apps/web";

struct Scene {
    subject: Subject,
    client: Client,
    ledger: Arc<Ledger>,
    config: Blob,
    image: Manifest,
}

#[test]
fn a_full_disk_is_said_and_survived() -> Result<()> {
    if !require(&[Tool::Mount])? {
        return Ok(());
    }
    let disk = Mount::new(DISK_BYTES)?;
    let elsewhere = tempfile::tempdir()?;
    let ledger = Arc::new(Ledger::create(&elsewhere.path().join("ledger"))?);
    let place = Place {
        data: disk.join("data"),
        ..Place::default()
    };
    let mut scene = Scene::prepare(place, ledger)?;
    let open = scene.begin_upload()?;

    fill(&disk.join("ballast"), FREE_BYTES)?;
    let full = scene.push_until_refused("blobs", Scene::push_blob)?;
    fill(&disk.join("rest"), 0)?;
    let rows = scene.push_until_refused("manifests", Scene::push_manifest)?;
    scene.append_is_refused(&open)?;
    let pulled = scene
        .client
        .pull(REPOSITORY, "first")
        .context("reads go on")?;
    ensure!(pulled.as_deref() == Some(scene.image.digest()));

    fs::remove_file(disk.join("ballast"))?;
    fs::remove_file(disk.join("rest"))?;
    scene.recovers()?;
    let line = format!(
        "crash, full disk: {full} blobs and {rows} manifests were taken before it was full\n"
    );
    let _closed = std::io::stderr().write_all(line.as_bytes());
    scene.holds("with space again")?;
    scene.subject.kill()?;
    let reckoned = checker::reckon(&scene.subject.place().data, None)?;
    ensure!(reckoned.wrong.is_empty(), "{}", reckoned.wrong.join("\n"));
    scene.subject.start()?;
    scene.holds("after a kill")
}

impl Scene {
    fn prepare(place: Place, ledger: Arc<Ledger>) -> Result<Self> {
        let mut subject = Subject::new(&binary()?, place);
        subject.start()?;
        let client = subject.admin()?;
        let config = Blob::of("{}");
        let image = Manifest::image(&config, &[], "first");
        let mut scene = Self {
            subject,
            client,
            ledger,
            config,
            image,
        };
        let config = scene.config.clone();
        scene.blob(&config)??;
        let image = scene.image.clone();
        scene.manifest(&image, "first")??;
        Ok(scene)
    }

    fn blob(&mut self, blob: &Blob) -> Result<Result<(), Fault>> {
        let operation = Operation::PushBlob {
            repository: REPOSITORY.to_owned(),
            digest: blob.digest.clone(),
        };
        self.ledger.record(operation, || {
            self.client.push_blob(REPOSITORY, &blob.digest, &blob.bytes)
        })
    }

    fn manifest(&mut self, manifest: &Manifest, tag: &str) -> Result<Result<(), Fault>> {
        let operation = Operation::PutManifest {
            repository: REPOSITORY.to_owned(),
            digest: manifest.digest().to_owned(),
            tag: Some(tag.to_owned()),
        };
        self.ledger.record(operation, || {
            self.client.put_manifest(REPOSITORY, tag, manifest)
        })
    }

    fn push_blob(&mut self, number: u64) -> Result<Result<(), Fault>> {
        self.blob(&Content::new(1000 + number, 1_300_000).blob())
    }

    fn push_manifest(&mut self, number: u64) -> Result<Result<(), Fault>> {
        let padding = "x".repeat(2000);
        let manifest = Manifest::image(&self.config, &[], &format!("{padding}{number}"));
        self.manifest(&manifest, &format!("t{}", number % 5))
    }

    /// Pushes until the server says that the disk is full; any other answer is a failure.
    fn push_until_refused(
        &mut self,
        what: &str,
        push: fn(&mut Self, u64) -> Result<Result<(), Fault>>,
    ) -> Result<u64> {
        for number in 0..PUSHES_MAX {
            match push(self, number)? {
                Ok(()) => {}
                Err(fault) if is_full(&fault) => return Ok(number),
                Err(fault) => bail!(
                    "{what} on a full disk: {fault}; the server said:\n{}",
                    self.subject.log()
                ),
            }
        }
        bail!("{PUSHES_MAX} {what} fit on a full disk")
    }

    /// An upload with an acknowledged range; the checker finishes it in the end.
    fn begin_upload(&mut self) -> Result<Upload> {
        let content = Content::new(7, 900_000);
        let upload = self.client.begin(REPOSITORY)?;
        let (repository, location) = (REPOSITORY.to_owned(), upload.location.clone());
        let begun = Operation::BeginUpload {
            repository: repository.clone(),
            location: location.clone(),
            content,
        };
        self.ledger.record(begun, || Ok(()))??;
        let appended = Operation::AppendUpload {
            repository,
            location,
            end: 300_000,
        };
        let bytes = content.blob().bytes;
        Ok(self
            .ledger
            .record(appended, || self.client.append(&upload, &bytes[..300_000]))??)
    }

    fn append_is_refused(&mut self, open: &Upload) -> Result<()> {
        let bytes = Content::new(7, 900_000).blob().bytes;
        let fault = self.client.append(open, &bytes[300_000..]).err();
        ensure!(
            fault.as_ref().is_some_and(is_full),
            "a range on a full disk: {fault:?}"
        );
        Ok(())
    }

    /// The same process takes writes again.
    fn recovers(&mut self) -> Result<()> {
        wait::until(
            "a push after there was space again",
            RECOVERY_DEADLINE,
            || {
                let image = self.image.clone();
                match self.manifest(&image, "again")? {
                    Ok(()) => Ok(Some(())),
                    Err(fault) if is_full(&fault) => Ok(None),
                    Err(fault) => bail!("with space again: {fault}"),
                }
            },
        )?;
        ensure!(self.subject.is_running());
        let large = Content::new(5000, 2_000_000).blob();
        Ok(self.blob(&large)??)
    }

    fn holds(&self, when: &str) -> Result<()> {
        let findings = check_once(&self.subject, &self.ledger, Grace::Long)?;
        ensure!(findings.is_clean(), "{when}: {}", findings.text());
        Ok(())
    }
}

fn is_full(fault: &Fault) -> bool {
    matches!(fault.status(), Some(503 | 507))
}

/// Fills the disk until `free_bytes` are left.
fn fill(path: &Path, free_bytes: u64) -> Result<()> {
    let mut file = File::create_new(path)?;
    for block in [64 * 1024, 4096] {
        let zeros = vec![0; block];
        loop {
            match file.write_all(&zeros) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error).context("cannot fill the disk"),
            }
        }
    }
    let length = file.metadata()?.len();
    Ok(file.set_len(length.saturating_sub(free_bytes))?)
}
