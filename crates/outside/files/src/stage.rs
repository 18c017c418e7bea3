//! Whole MiBs on their way around the page cache.
//!
//! ```text
//! pieces ──► stage (a MiB, aligned) ── full, at a page of the file ──► O_DIRECT write
//!                                   └─ the rest, or refused ─────────► ordinary write
//! ```
//!
//! A layer is written once and rarely read by the next request, and copying it into fresh pages of the page cache costs
//! several times its hashing (docs/benchmarks.md). A file system that refuses gets ordinary writes. Both kinds of writes
//! never touch the same page of a file, and an fsync covers both.

use crate::buffers::{Buffer, Buffers, PAGE, SPAN};
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most stages at a time: 32 MiB. More appends than that write through the page cache.
pub(crate) const STAGES_MAX: usize = 32;

/// The bytes of an upload from `position` on that are not in its file yet.
pub(crate) struct Stage {
    buffer: Buffer,
    /// One of the stages that may be at a time.
    _permit: OwnedSemaphorePermit,
    filled: usize,
    /// Where in the file the stage begins.
    position: u64,
    path: PathBuf,
    direct: Direct,
}

enum Direct {
    /// No whole MiB came yet.
    Unopened,
    Open(File),
    Refused,
}

impl Stage {
    /// A stage for the file `path` from `position` on, unless as many as may be are in use.
    pub(crate) fn take(
        stages: &Arc<Semaphore>,
        buffers: &Arc<Buffers>,
        path: PathBuf,
        position: u64,
    ) -> Option<Self> {
        Some(Self {
            _permit: Arc::clone(stages).try_acquire_owned().ok()?,
            buffer: Buffers::take(buffers, SPAN),
            filled: 0,
            position,
            path,
            direct: Direct::Unopened,
        })
    }

    /// Takes bytes; what fills a MiB of the file is written.
    pub(crate) fn write(&mut self, file: &File, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = self.span() - self.filled;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.buffer.filled()[self.filled..][..now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
            if self.filled == self.span() {
                self.flush(file)?;
            }
        }
        Ok(())
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self, file: &File) -> io::Result<()> {
        self.flush(file)
    }

    /// How long the stage may become: to the next whole MiB of the file.
    fn span(&self) -> usize {
        let within = self.position % SPAN as u64;
        SPAN - usize::try_from(within).unwrap_or(0)
    }

    fn flush(&mut self, file: &File) -> io::Result<()> {
        let bytes = &self.buffer.as_ref()[..self.filled];
        let mut done = 0;
        if self.filled == SPAN {
            if let Direct::Unopened = self.direct {
                self.direct = open(&self.path);
            }
            if let Direct::Open(direct) = &self.direct {
                match write_pages(direct, bytes, self.position) {
                    Ok(written) => done = written,
                    Err(_) => self.direct = Direct::Refused,
                }
            }
        }
        // After a refusal the ordinary write says what is wrong, or does it.
        file.write_all_at(&bytes[done..], self.position + done as u64)?;
        self.position += self.filled as u64;
        self.filled = 0;
        Ok(())
    }
}

fn open(path: &Path) -> Direct {
    let flags = i32::try_from(OFlags::DIRECT.bits()).unwrap_or(0);
    let opened = OpenOptions::new()
        .write(true)
        .custom_flags(flags)
        .open(path);
    opened.map_or(Direct::Refused, Direct::Open)
}

/// Writes whole pages as far as the file system takes them; returns how many bytes that was.
fn write_pages(direct: &File, bytes: &[u8], position: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() && done.is_multiple_of(PAGE) {
        match direct.write_at(&bytes[done..], position + done as u64) {
            Ok(0) => break,
            Ok(written) => done += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
