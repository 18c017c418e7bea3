//! A small file system in memory that really fills up.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::mount::{MountFlags, UnmountFlags};
use tempfile::TempDir;

use crate::leftover::Leftover;

/// A tmpfs of a limited size; unmounted when dropped.
#[derive(Debug)]
pub struct Mount {
    folder: TempDir,
    _leftover: Leftover,
}

impl Mount {
    /// Mounts one of `size_bytes` (rounded up to whole pages). Needs root.
    pub fn new(size_bytes: u64) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let leftover = Leftover::register(&format!("umount -l {}", folder.path().display()));
        let options = std::ffi::CString::new(format!("size={size_bytes},mode=0700"))?;
        rustix::mount::mount(
            "tmpfs",
            folder.path(),
            "tmpfs",
            MountFlags::empty(),
            options.as_c_str(),
        )
        .with_context(|| format!("cannot mount a tmpfs at {}", folder.path().display()))?;
        Ok(Self {
            folder,
            _leftover: leftover,
        })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path below it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _gone = rustix::mount::unmount(self.folder.path(), UnmountFlags::DETACH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tool, require};

    #[test]
    fn it_fills_up_and_goes_away() -> Result<()> {
        if !require(&[Tool::Mount])? {
            return Ok(());
        }
        let mount = Mount::new(1 << 20)?;
        let error = std::fs::write(mount.join("large"), vec![0; 2 << 20]);
        assert_eq!(
            error.map_err(|error| error.kind()),
            Err(std::io::ErrorKind::StorageFull)
        );
        std::fs::remove_file(mount.join("large"))?;
        std::fs::write(mount.join("small"), vec![0; 1 << 19])?;
        let path = mount.path().to_owned();
        drop(mount);
        assert!(!path.exists());
        Ok(())
    }
}
