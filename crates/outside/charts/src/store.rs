//! The client's store: bytes by their digest, and what each name was last seen to name.
//!
//! ```text
//! FOLDER/blobs/sha256/HEX     an archive, a provenance file, an index; its name is the hash of its bytes
//! FOLDER/names/HEX.json       hash of the name -> Kept: the digests, and what search shows
//! FOLDER/**/.draft-PID-N      being written; becomes one of the above by a rename
//! ```
//! A blob is written before the name that needs it, each whole or not at all. Every read hashes: what does not fit its
//! name is removed and counts as absent, so that it is fetched again. Two processes write the same bytes under the same
//! name, whoever comes last. Nothing here is the only copy of anything.

mod files;
mod name;

pub use name::{Kept, KeptChart};

use files::{Draft, leftovers};
use refloat_oci::{Algorithm, Digest};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The most bytes of all blobs together; what was not used for the longest time goes first.
pub const BLOBS_MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// The largest blob that is kept.
pub const BLOB_MAX_BYTES: u64 = 128 * 1024 * 1024;
/// The largest file of a name.
const NAME_MAX_BYTES: u64 = 256 * 1024;
/// The most names that a search looks at.
const NAMES_MAX: usize = 100_000;
/// How long a draft may be written; an older one was left by a process that died.
const DRAFT_MAX: Duration = Duration::from_hours(1);

/// A folder of charts that were pulled.
#[derive(Debug, Clone)]
pub struct ClientStore {
    folder: PathBuf,
    bytes_max: u64,
}

impl ClientStore {
    /// The store in a folder, which is made when something is kept.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            bytes_max: BLOBS_MAX_BYTES,
        }
    }

    /// The same store with room for so many bytes.
    #[must_use]
    pub fn with_room(self, bytes_max: u64) -> Self {
        Self { bytes_max, ..self }
    }

    /// This user's store: `REFLOAT_STORE`, or `refloat/charts-1` in `XDG_CACHE_HOME` or `~/.cache`; `None` without a home.
    pub fn of_user() -> Option<Self> {
        let variable = |name| std::env::var_os(name).filter(|text| !text.is_empty());
        if let Some(folder) = variable("REFLOAT_STORE") {
            return Some(Self::new(folder));
        }
        let home = || Some(PathBuf::from(variable("HOME")?).join(".cache"));
        let root = variable("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(home)?;
        Some(Self::new(root.join("refloat/charts-1")))
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a name named when it was last seen; `None` if it never was, or if its file is damaged, which removes it.
    pub fn named(&self, name: &str) -> Option<Kept> {
        let path = self.name_path(name);
        let kept = read_name(&path)?;
        // The file's own name is a hash, so another name in it is damage.
        (kept.name == name).then_some(kept)
    }

    /// The bytes of a digest, hashed; `None` if they are not here, or if they are damaged, which removes them.
    pub fn blob(&self, digest: &Digest) -> Option<Vec<u8>> {
        let path = self.blob_path(digest)?;
        let length = fs::metadata(&path).ok()?.len();
        let bytes = if length > BLOB_MAX_BYTES {
            None
        } else {
            fs::read(&path).ok()
        };
        let whole = bytes.filter(|bytes| Digest::of(Algorithm::Sha256, bytes) == *digest);
        if whole.is_some() {
            used(&path);
        } else {
            tracing::debug!(%digest, "a kept blob is damaged and removed");
            let _ = fs::remove_file(&path);
        }
        whole
    }

    /// Keeps bytes; their digest. Too large ones are passed over.
    ///
    /// # Errors
    /// What the disk says. Whoever pulls goes on without the store.
    pub fn put_blob(&self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(Algorithm::Sha256, bytes);
        let Some(path) = self.blob_path(&digest) else {
            return Ok(digest);
        };
        if bytes.len() as u64 > BLOB_MAX_BYTES || self.blob(&digest).is_some() {
            return Ok(digest);
        }
        let folder = path.parent().unwrap_or(&self.folder);
        self.make_room(folder, bytes.len() as u64);
        let draft = Draft::write(folder, bytes)?;
        refloat_fail::point("keep.blob_written")?;
        draft.becomes(&path)?;
        refloat_fail::point("keep.blob_renamed")?;
        Ok(digest)
    }

    /// Remembers what a name names now. The blobs it speaks of were put before.
    ///
    /// # Errors
    /// What the disk says.
    pub fn put_name(&self, kept: &Kept) -> io::Result<()> {
        let path = self.name_path(&kept.name);
        let bytes = kept.to_json().to_string().into_bytes();
        if fs::read(&path).is_ok_and(|old| old == bytes) {
            return Ok(());
        }
        let draft = Draft::write(path.parent().unwrap_or(&self.folder), &bytes)?;
        refloat_fail::point("keep.name_written")?;
        draft.becomes(&path)?;
        refloat_fail::point("keep.name_renamed")?;
        Ok(())
    }

    /// Charts of which a word stands in the name, the reference, the description or a keyword, whatever its case; sorted
    /// by reference. An empty word finds all.
    pub fn search(&self, word: &str) -> Vec<Kept> {
        let word = word.to_lowercase();
        let Ok(entries) = fs::read_dir(self.folder.join("names")) else {
            return Vec::new();
        };
        let paths = entries.take(NAMES_MAX).flatten().map(|entry| entry.path());
        let paths = paths.filter(|path| path.extension().is_some_and(|end| end == "json"));
        let mut found: Vec<Kept> = paths
            .filter_map(|path| read_name(&path))
            .filter(|kept| kept.chart.is_some() && kept.has(&word))
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    fn name_path(&self, name: &str) -> PathBuf {
        let digest = Digest::of(Algorithm::Sha256, name.as_bytes()).to_string();
        let hex = digest.rsplit(':').next().unwrap_or_default();
        self.folder.join("names").join(format!("{hex}.json"))
    }

    /// Digests of other algorithms are not kept.
    fn blob_path(&self, digest: &Digest) -> Option<PathBuf> {
        let text = digest.to_string();
        let hex = text.strip_prefix("sha256:")?;
        Some(self.folder.join("blobs/sha256").join(hex))
    }

    /// Removes what was not used for the longest time until `more` bytes fit, and drafts of processes that died.
    fn make_room(&self, folder: &Path, more: u64) {
        leftovers(folder, DRAFT_MAX);
        leftovers(&self.folder.join("names"), DRAFT_MAX);
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        let facts = entries.flatten().filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some((metadata.modified().ok()?, metadata.len(), entry.path()))
        });
        let mut facts: Vec<_> = facts.collect();
        let mut total = more + facts.iter().map(|(_, length, _)| length).sum::<u64>();
        facts.sort();
        for (_, length, path) in facts {
            if total <= self.bytes_max {
                break;
            }
            if fs::remove_file(path).is_ok() {
                total -= length;
            }
        }
    }
}

fn read_name(path: &Path) -> Option<Kept> {
    let length = fs::metadata(path).ok()?.len();
    let bytes = (length <= NAME_MAX_BYTES).then(|| fs::read(path).ok())?;
    let kept = bytes.and_then(|bytes| Kept::from_json(&bytes));
    if kept.is_none() {
        tracing::debug!(path = %path.display(), "a kept name is damaged and removed");
        let _ = fs::remove_file(path);
    }
    kept
}

/// The time of its last use, by which room is made.
fn used(path: &Path) {
    let file = fs::File::options().write(true).open(path);
    let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
}

#[cfg(test)]
mod tests;
