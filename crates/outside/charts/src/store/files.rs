//! Drafts: files that are written beside their place and then renamed to it.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PREFIX: &str = ".draft-";

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A file that is on disk and has no name yet. Removed unless it becomes something.
pub(super) struct Draft {
    path: PathBuf,
}

impl Draft {
    /// Writes bytes into a folder, which is made if need be, and waits for the disk.
    pub(super) fn write(folder: &Path, bytes: &[u8]) -> io::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        let draft = Self {
            path: folder.join(name),
        };
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft.path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(draft)
    }

    /// Takes its place.
    pub(super) fn becomes(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes drafts that are older than `age`: nobody writes them any more.
pub(super) fn leftovers(folder: &Path, age: Duration) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let is_draft = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let elapsed = modified.ok().and_then(|modified| modified.elapsed().ok());
        if is_draft && elapsed.is_some_and(|elapsed| elapsed > age) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
