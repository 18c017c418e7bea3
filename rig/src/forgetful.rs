//! A folder that forgets what was not made durable, as a machine does that loses power.
//!
//! It is a FUSE file system in memory. Every file and folder exists twice: as programs see
//! it, and as it lies on the disk.
//!
//! ```text
//!   write, truncate ─► current ──┐ pending, in order
//!   fsync of the file ───────────┴─► durable content
//!   create, link, rename, unlink ─► current ──┐ journal, in order
//!   fsync of the folder ──────────────────────┴─► durable names
//!   power cut: current = durable (+ what a disk might have written by chance)
//! ```
//!
//! It is stricter than Linux's usual file systems: a file's fsync does not make its name
//! durable, only the folder's does. That is what POSIX promises and no more.
//!
//! Programs on it may map files (SQLite's `-shm` does) and lock them; locks are the
//! kernel's. The page cache writes through, so that SIGKILL loses nothing here, as on a
//! real machine: only [`ForgetfulFolder::power_cut`] does.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use fuser::{BackgroundSession, Config, MountOption};
use rustix::mount::UnmountFlags;
use tempfile::TempDir;

use crate::leftover::Leftover;
use crate::seed::Seed;

mod content;
mod disk;
mod names;
mod session;

use disk::Disk;
use session::Mounted;

/// Threads that answer the kernel: a delayed fsync must not hold up everything else.
const THREADS: usize = 4;

/// What becomes of writes and names that nobody made durable.
#[derive(Debug, Clone)]
pub enum Unsynced {
    /// All of them are lost.
    Lost,
    /// Some, drawn by the seed, had reached the disk by chance: whole writes, writes torn
    /// between two sectors, and a prefix of the journal of names.
    Drawn(Seed),
}

/// What the disk does wrong from now on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Writes fail with ENOSPC once this many more bytes were written.
    pub bytes_left: Option<u64>,
    /// The fsync after this many successful ones fails with EIO, once; what it should
    /// have made durable never will be, even if a later fsync succeeds.
    pub failing_fsync_after: Option<u64>,
    /// After this many more fsyncs everything that writes fails with EIO until the power
    /// is cut: the disk has gone.
    pub gone_after_fsyncs: Option<u64>,
    /// How long each fsync takes.
    pub fsync_delay: Duration,
}

/// A mounted folder; unmounted, with everything in it, when dropped.
pub struct ForgetfulFolder {
    mountpoint: TempDir,
    disk: Arc<Mutex<Disk>>,
    session: Option<BackgroundSession>,
    _leftover: Leftover,
}

impl ForgetfulFolder {
    /// Mounts an empty one. Needs root and `/dev/fuse`.
    pub fn mount() -> Result<Self> {
        let mountpoint = tempfile::Builder::new()
            .prefix("rig-forgetful-")
            .tempdir()?;
        let path = mountpoint.path().display();
        let mut folder = Self {
            _leftover: Leftover::register(&format!("umount -f -l {path}")),
            mountpoint,
            disk: Arc::new(Mutex::new(Disk::new())),
            session: None,
        };
        folder.attach()?;
        Ok(folder)
    }

    /// Where it is mounted; the same before and after a power cut.
    pub fn path(&self) -> &Path {
        self.mountpoint.path()
    }

    /// A path below it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Cuts the power: what was not durable is gone, and the folder is mounted afresh.
    ///
    /// The cut is a moment. A program that still runs keeps its open files, but every call
    /// on them fails with EIO from then on, so that it can acknowledge nothing that the
    /// disk did not keep; it is best killed right after. Faults are forgotten too.
    pub fn power_cut(&mut self, unsynced: Unsynced) -> Result<()> {
        self.disk().power_cut(unsynced);
        self.detach();
        self.attach()
    }

    /// Replaces the faults.
    pub fn set_faults(&self, faults: Faults) {
        self.disk().set_faults(faults);
    }

    /// How many fsyncs, of files and folders, have succeeded since it was mounted first.
    pub fn fsyncs(&self) -> u64 {
        self.disk().fsyncs()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attach(&mut self) -> Result<()> {
        let mut config = Config::default();
        config.n_threads = Some(THREADS);
        config.mount_options = vec![
            MountOption::FSName("forgetful".to_owned()),
            MountOption::NoAtime,
            MountOption::NoDev,
            MountOption::NoSuid,
        ];
        let mounted = Mounted::new(Arc::clone(&self.disk));
        let session = fuser::spawn_mount2(mounted, self.path(), &config).with_context(|| {
            format!(
                "cannot mount a FUSE file system at {}",
                self.path().display()
            )
        })?;
        self.session = Some(session);
        Ok(())
    }

    /// By force: whoever still has files open there has them on a disk that is gone. Force
    /// ends the connection, too; a file that this very process has mapped would otherwise
    /// be written back as it exits, and wait for an answer that only it could give.
    fn detach(&mut self) {
        let flags = UnmountFlags::FORCE | UnmountFlags::DETACH;
        let _not_mounted = rustix::mount::unmount(self.path(), flags);
        // Only now: dropping a session unmounts what is at its place, and that must not be
        // the next mount.
        self.session = None;
    }
}

impl Drop for ForgetfulFolder {
    fn drop(&mut self) {
        self.disk().retire();
        self.detach();
    }
}

#[cfg(test)]
mod tests;
