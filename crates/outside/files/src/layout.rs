//! Where files lie, and which folders are known to be on disk.

use refloat_core::StorageKey;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

pub(crate) struct Layout {
    blobs: PathBuf,
    uploads: PathBuf,
    /// Folders below `blobs` that this process made or found, with their entry synced.
    made: Mutex<HashSet<String>>,
}

impl Layout {
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let layout = Self {
            blobs: data.join("blobs"),
            uploads: data.join("uploads"),
            made: Mutex::default(),
        };
        fs::create_dir_all(&layout.blobs)?;
        fs::create_dir_all(&layout.uploads)?;
        sync_folder(data)?;
        Ok(layout)
    }

    pub(crate) fn blobs(&self) -> &Path {
        &self.blobs
    }

    pub(crate) fn uploads(&self) -> &Path {
        &self.uploads
    }

    pub(crate) fn upload(&self, key: &StorageKey) -> PathBuf {
        self.uploads.join(key.as_str())
    }

    pub(crate) fn blob(&self, key: &StorageKey) -> PathBuf {
        self.folder(key).join(key.as_str())
    }

    /// The folder of a blob: named by the end of its key, which is random where the beginning is time.
    pub(crate) fn folder(&self, key: &StorageKey) -> PathBuf {
        self.blobs.join(shard(key))
    }

    /// The folder of a blob, made and on disk.
    pub(crate) fn durable_folder(&self, key: &StorageKey) -> io::Result<PathBuf> {
        let folder = self.folder(key);
        if !self.lock().contains(shard(key)) {
            match fs::create_dir(&folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => sync_folder(&self.blobs)?,
            }
            refloat_fail::point("blob.folder_made")?;
            self.lock().insert(shard(key).to_owned());
        }
        Ok(folder)
    }

    /// Removes whatever the key names, for good.
    pub(crate) fn remove(&self, key: &StorageKey) -> io::Result<()> {
        for (path, folder) in [
            (self.upload(key), self.uploads.clone()),
            (self.blob(key), self.folder(key)),
        ] {
            match fs::remove_file(path) {
                Ok(()) => {
                    refloat_fail::point("blob.removed")?;
                    sync_folder(&folder)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn shard(key: &StorageKey) -> &str {
    let text = key.as_str();
    &text[text.len() - 2..]
}

/// Puts the entries of a folder on disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
