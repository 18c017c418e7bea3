//! Restoring a backup into an empty data folder, without a server.
//!
//! Everything is compared with its checksum before anything is taken. The new folder is filled beside its place and renamed
//! at the end, so that a restore which dies leaves the place as it was.

use super::backup::{
    BLOBS_FOLDER, DATABASE_FILE, Entry, FORMAT, MANIFEST_FILE, Manifest, copy, hash, sync_parent,
};
use crate::FlowError;
use refloat_core::event::AuditEvent;
use refloat_core::{Event, NewRecord, StorageKey, Stream};
use refloat_store::{Store, log, projects, uploads};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// What may be in the data folder already: the key is put there by hand.
const KEY_FILE: &str = "master-key";

/// A restored backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// How many files.
    pub files: u64,
    /// Their bytes together.
    pub bytes: u64,
}

/// Why nothing was restored. The data folder is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The data folder has something in it.
    #[error("data folder {} is not empty; restore into another one, or move what is there away", .0.display())]
    NotEmpty(PathBuf),
    /// The folder is no backup.
    #[error("{} is no backup: {reason}; name the folder that has a {MANIFEST_FILE}", .folder.display())]
    NoBackup {
        /// The folder.
        folder: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// A file of the backup is not what it was.
    #[error(
        "file `{path}` of the backup {reason}; nothing was restored: use another copy of the backup"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file system.
    #[error("{place}: {source}", place = .place.display())]
    Files {
        /// Where.
        place: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Restores `backup` into `data`.
///
/// # Errors
/// [`RestoreError`]; the data folder is as it was.
pub fn restore(backup: &Path, data: &Path) -> Result<Restored, RestoreError> {
    require_empty(data)?;
    let manifest = read_manifest(backup)?;
    for entry in &manifest.files {
        check(backup, entry)?;
    }
    let name = data
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let draft = data.with_file_name(format!(".{name}.restoring"));
    let at = |place: &Path| {
        let place = place.to_owned();
        move |source| RestoreError::Files { place, source }
    };
    fill(backup, &manifest, &draft).map_err(at(&draft))?;
    take_place(&draft, data).map_err(at(data))?;
    Ok(Restored {
        files: manifest.files.len() as u64,
        bytes: manifest.files.iter().map(|entry| entry.size).sum(),
    })
}

/// Says in the log that it was restored, as the first thing that happens after the backup, and forgets the uploads that
/// were in progress: their bytes are not in a backup, so a client that goes on with one is told to start a new one.
///
/// # Errors
/// [`FlowError`] of the store.
pub async fn note_restored(store: &Store) -> Result<(), FlowError> {
    let noted = store.write(|tx| {
        Box::pin(async move {
            uploads::forget_all(tx).await?;
            let up_to_sequence = log::newest(tx).await?;
            let record = NewRecord {
                project: projects::default_project(),
                stream: Stream::new("audit", "restore"),
                expected_version: None,
                actor: "system".to_owned(),
                causes: Vec::new(),
                cascade: None,
                event: Event::Audit(AuditEvent::Restored { up_to_sequence }),
                personal: None,
            };
            log::append(tx, record).await.map(drop)
        })
    });
    Ok(noted.await?)
}

fn require_empty(data: &Path) -> Result<(), RestoreError> {
    let files = |source| RestoreError::Files {
        place: data.to_owned(),
        source,
    };
    let entries = match fs::read_dir(data) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(files(error)),
    };
    for entry in entries {
        if entry.map_err(files)?.file_name() != KEY_FILE {
            return Err(RestoreError::NotEmpty(data.to_owned()));
        }
    }
    Ok(())
}

fn read_manifest(backup: &Path) -> Result<Manifest, RestoreError> {
    let no_backup = |reason: String| RestoreError::NoBackup {
        folder: backup.to_owned(),
        reason,
    };
    let bytes = fs::read(backup.join(MANIFEST_FILE))
        .map_err(|error| no_backup(format!("{MANIFEST_FILE}: {error}")))?;
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|error| no_backup(format!("{MANIFEST_FILE}: {error}")))?;
    if manifest.format != FORMAT {
        return Err(no_backup(format!(
            "it has the format `{}`, this version knows {FORMAT}",
            manifest.format
        )));
    }
    if !manifest
        .files
        .iter()
        .any(|entry| entry.path == DATABASE_FILE)
    {
        return Err(no_backup(format!("{DATABASE_FILE} is not listed")));
    }
    Ok(manifest)
}

/// A path of a backup: the database, or one blob. Anything else could lead out of the folder.
fn is_expected(path: &str) -> bool {
    let parts: Vec<_> = path.split('/').collect();
    match parts.as_slice() {
        [database] => *database == DATABASE_FILE,
        [folder, shard, key] => {
            let plain = (1..=8).contains(&shard.len())
                && shard.bytes().all(|byte| byte.is_ascii_alphanumeric());
            *folder == BLOBS_FOLDER && plain && key.parse::<StorageKey>().is_ok()
        }
        _ => false,
    }
}

fn check(backup: &Path, entry: &Entry) -> Result<(), RestoreError> {
    let damaged = |reason: String| RestoreError::Damaged {
        path: entry.path.clone(),
        reason,
    };
    if !is_expected(&entry.path) {
        return Err(damaged("has no place in a data folder".to_owned()));
    }
    let (digest, size) = hash(&backup.join(&entry.path))
        .map_err(|error| damaged(format!("cannot be read: {error}")))?;
    if size != entry.size {
        return Err(damaged(format!(
            "has {size} bytes instead of {}",
            entry.size
        )));
    }
    if digest != entry.digest {
        return Err(damaged(format!(
            "has the digest {digest} instead of {}",
            entry.digest
        )));
    }
    Ok(())
}

fn fill(backup: &Path, manifest: &Manifest, draft: &Path) -> io::Result<()> {
    match fs::remove_dir_all(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::create_dir_all(draft)?,
    }
    let mut folders = std::collections::BTreeSet::new();
    for entry in &manifest.files {
        let place = draft.join(&entry.path);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
            folders.insert(folder.to_owned());
        }
        copy(&backup.join(&entry.path), &place)?;
    }
    refloat_fail::point("restore.copied")?;
    folders.insert(draft.to_owned());
    folders.extend(
        [draft.join(BLOBS_FOLDER)]
            .into_iter()
            .filter(|folder| folder.is_dir()),
    );
    folders
        .iter()
        .try_for_each(|folder| File::open(folder)?.sync_all())
}

/// Puts the filled folder where the empty one is.
fn take_place(draft: &Path, data: &Path) -> io::Result<()> {
    if data.exists() {
        let key = data.join(KEY_FILE);
        if key.exists() {
            fs::hard_link(&key, draft.join(KEY_FILE))
                .or_else(|_| copy(&key, &draft.join(KEY_FILE)))?;
            File::open(draft)?.sync_all()?;
            fs::remove_file(&key)?;
        }
        fs::remove_dir(data)?;
    }
    fs::rename(draft, data)?;
    sync_parent(data)
}

#[cfg(test)]
mod tests;
