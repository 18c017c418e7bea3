//! The folder outside the checkout where what was built once is kept.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;

use anyhow::{Context, Result};
use rustix::fs::FlockOperation;

/// Counts up when the layout of the cache changes, so that an old one is simply not seen.
const LAYOUT: &str = "1";

/// The folder: `$REFLOAT_RIG_CACHE`, or `refloat-rig/1` in the user's cache folder.
pub fn folder() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("REFLOAT_RIG_CACHE") {
        return Ok(PathBuf::from(folder));
    }
    let caches = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .context("neither HOME nor REFLOAT_RIG_CACHE is set: there is no place for a cache")?;
    Ok(caches.join("refloat-rig").join(LAYOUT))
}

/// The folder `name` inside the cache, made if it is missing.
pub fn made(name: &str) -> Result<PathBuf> {
    let folder = folder()?.join(name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Held while the cache is being changed; released when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until no other process changes the cache.
    pub fn take() -> Result<Self> {
        let path = made("")?.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)
            .with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(Self { _file: file })
    }
}

/// Removes everything that was built. What it costs: the next test run builds it again.
pub fn remove() -> Result<()> {
    let lock = Lock::take()?;
    let folder = folder()?;
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    drop(lock);
    Ok(())
}
