//! Backups: a copy of the database and links to the bytes, made while the server runs.
//!
//! ```text
//! DATA/backups/.NAME.draft-..   link blobs ─► copy the database ─► link what came meanwhile ─► manifest ─► fsync ─► rename
//! DATA/backups/NAME             whole, or not there
//! ```
//! A blob's file is written once and never changed, so a link is a copy. Blobs are linked before and after the database is
//! copied: bytes go only a grace period after their row, so every row of the copy finds its file. The master key is not in
//! a backup; whoever finds one opens no secret. What a crash leaves behind is a draft, which the next backup removes.

use super::Administration;
use crate::{Caller, FlowError};
use refloat_core::{Failure, Rejection, StorageKey, Timestamp};
use refloat_oci::{Algorithm, Digest, Hasher};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The file of a backup that lists all others with their checksums.
pub const MANIFEST_FILE: &str = "backup.json";
/// What the manifest says it is.
pub(super) const FORMAT: &str = "refloat-backup-1";
/// The database's file, in the data folder and in a backup.
pub(super) const DATABASE_FILE: &str = "refloat.db";
/// The folder of bytes, in the data folder and in a backup.
pub(super) const BLOBS_FOLDER: &str = "blobs";
const READ_BYTES: usize = 1024 * 1024;

/// The name of a backup: up to 64 letters, digits, `.`, `_`, `-`, a letter or digit first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupName(String);

impl FromStr for BackupName {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let starts = text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric());
        if starts && text.len() <= 64 && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(Rejection::NameInvalid("the name of a backup has up to 64 letters, digits, `.`, `_` and `-`, a letter or digit first".to_owned()))
    }
}

/// A backup that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// Where it lies on the server.
    pub path: PathBuf,
    /// How many files it has.
    pub files: u64,
    /// Their bytes together.
    pub bytes: u64,
}

/// The list of a backup's files.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: String,
    pub(super) created_at: Timestamp,
    pub(super) files: Vec<Entry>,
}

/// One file of a backup.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) digest: Digest,
}

impl Administration {
    /// Makes a backup named `name`, or by the time.
    ///
    /// # Errors
    /// [`Rejection::Denied`] for who is no administrator, [`Rejection::Conflict`] if there is one of the name,
    /// [`Rejection::Unsupported`] on PostgreSQL, which has tools of its own.
    pub async fn back_up(
        &self,
        caller: &Caller,
        name: Option<BackupName>,
    ) -> Result<BackedUp, FlowError> {
        self.require_administrator(caller).await?;
        if self.store().database().dialect() == refloat_store::Dialect::Postgres {
            let advice =
                "backup on PostgreSQL; use pg_dump, then copy the folder of blobs".to_owned();
            return Err(Rejection::Unsupported(advice).into());
        }
        let now = self
            .store()
            .read(|tx| Box::pin(async move { Ok(tx.now()) }))
            .await?;
        let name = name.unwrap_or_else(|| BackupName(stamp(now)));
        let (administration, tasks) = (self.clone(), self.inner.registry.tasks().clone());
        tasks
            .durable("backup", async move {
                administration.write_backup(&name, now).await
            })
            .await
    }

    async fn write_backup(&self, name: &BackupName, now: Timestamp) -> Result<BackedUp, FlowError> {
        let folder = self.inner.places.data.join("backups");
        let (done, draft) = (
            folder.join(&name.0),
            folder.join(format!(".{}.draft", name.0)),
        );
        if done.exists() {
            return Err(Rejection::Conflict(format!(
                "there is a backup `{}` already; choose another name",
                name.0
            ))
            .into());
        }
        let bytes = self.inner.places.blobs.join(BLOBS_FOLDER);
        let (from, to) = (bytes.clone(), draft.clone());
        blocking(move || {
            remove_drafts(&folder)?;
            fs::create_dir_all(to.join(BLOBS_FOLDER))?;
            link_all(&from, &to.join(BLOBS_FOLDER))
        })
        .await?;
        refloat_fail::point("backup.linked")
            .map_err(io::Error::from)
            .map_err(|error| failed(&error))?;
        self.store()
            .database()
            .back_up(&draft.join(DATABASE_FILE))
            .await?;
        let written = blocking(move || {
            link_all(&bytes, &draft.join(BLOBS_FOLDER))?;
            let manifest = list(&draft, now)?;
            write_manifest(&draft, &manifest)?;
            refloat_fail::point("backup.listed")?;
            sync_tree(&draft)?;
            fs::rename(&draft, &done)?;
            sync_parent(&done)?;
            refloat_fail::point("backup.renamed")?;
            Ok((done, manifest))
        });
        let (path, manifest) = written.await?;
        let path = fs::canonicalize(&path).unwrap_or(path);
        let bytes = manifest.files.iter().map(|entry| entry.size).sum();
        Ok(BackedUp {
            path,
            files: manifest.files.len() as u64,
            bytes,
        })
    }
}

/// File work on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, FlowError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| failed(&error).into()),
        Err(error) => Err(Failure::Terminal(format!("a backup ended in a bug: {error}")).into()),
    }
}

fn failed(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Failure::Full(format!("backup: {error}"))
        }
        _ => Failure::Terminal(format!("backup: {error}")),
    }
}

/// `20260110T120000Z`
fn stamp(now: Timestamp) -> String {
    now.to_string()
        .chars()
        .take_while(|letter| *letter != '.')
        .filter(|letter| !"-:".contains(*letter))
        .chain(['Z'])
        .collect()
}

fn remove_drafts(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(".draft") {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Links every blob below `from` that is not below `to` yet; copies where the two lie on different file systems.
fn link_all(from: &Path, to: &Path) -> io::Result<()> {
    for folder in fs::read_dir(from)? {
        let folder = folder?;
        if !folder.file_type()?.is_dir() {
            continue;
        }
        let target = to.join(folder.file_name());
        fs::create_dir_all(&target)?;
        for file in fs::read_dir(folder.path())? {
            let file = file?;
            let is_blob = file
                .file_name()
                .to_str()
                .is_some_and(|name| name.parse::<StorageKey>().is_ok());
            let place = target.join(file.file_name());
            if is_blob && !place.exists() {
                link_or_copy(&file.path(), &place)?;
            }
        }
    }
    Ok(())
}

fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        // Collected since the folder was read: its row is gone, or was never in the copy.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(_) => copy(from, to),
    }
}

/// Copies and syncs a file.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()
}

/// Lists and hashes everything in the draft, the database first.
fn list(draft: &Path, created_at: Timestamp) -> io::Result<Manifest> {
    let mut files = vec![entry(draft, DATABASE_FILE.to_owned())?];
    let mut folders: Vec<PathBuf> = fs::read_dir(draft.join(BLOBS_FOLDER))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    folders.sort();
    for folder in folders {
        let mut names: Vec<_> = fs::read_dir(&folder)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<io::Result<_>>()?;
        names.sort();
        let shard = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for name in names {
            files.push(entry(
                draft,
                format!("{BLOBS_FOLDER}/{shard}/{}", name.to_string_lossy()),
            )?);
        }
    }
    Ok(Manifest {
        format: FORMAT.to_owned(),
        created_at,
        files,
    })
}

fn entry(folder: &Path, path: String) -> io::Result<Entry> {
    let (digest, size) = hash(&folder.join(&path))?;
    Ok(Entry { path, size, digest })
}

/// SHA-256 and length of a file.
pub(super) fn hash(path: &Path) -> io::Result<(Digest, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut buffer = vec![0; READ_BYTES];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((hasher.finish(), size));
        }
        hasher.update(&buffer[..read]);
        size += read as u64;
    }
}

fn write_manifest(draft: &Path, manifest: &Manifest) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(draft.join(MANIFEST_FILE))?;
    file.write_all(&serde_json::to_vec_pretty(manifest)?)?;
    file.sync_all()
}

/// Syncs the database and every folder; the files of blobs were synced when they were written.
fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else if entry.file_name() == DATABASE_FILE {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(folder)?.sync_all()
}

/// Syncs the folder that `path` lies in.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    match path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for good in ["a", "before-upgrade", "20260110T120000Z", "v1.2_x"] {
            assert!(good.parse::<BackupName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "../x",
            "a b",
            &"x".repeat(65),
        ] {
            assert!(bad.parse::<BackupName>().is_err(), "{bad}");
        }
        assert_eq!(
            stamp(Timestamp::from_micros(1_700_000_000_123_456)),
            "20231114T221320Z"
        );
    }
}
