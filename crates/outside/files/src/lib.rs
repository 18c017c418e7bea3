//! Blobs in local files.
//!
//! ```text
//! DATA/uploads/KEY      bytes that arrive; the acknowledged offset is in the upload's row
//! DATA/blobs/xx/KEY     bytes that are whole; xx are the last two characters of the key
//! ```
//!
//! Order of an upload: write, fsync the file, fsync its folder (the first time), acknowledge; at the end check the
//! digest, rename, fsync both folders. A failed fsync loses the upload by name and is never asked again on the same
//! descriptor, since the kernel may have dropped the bytes (the fsyncgate of 2018). The digest and the checksums are
//! computed in the pass that writes; what this process did not see itself is read again at the end. Large appends go
//! around the page cache where the file system lets them.
//!
//! All file operations run on blocking threads, a bounded number at a time; no thread waits for the network.

mod append;
mod blocking;
mod buffers;
mod finish;
mod layout;
mod list;
mod live;
mod read;
mod stage;

use blocking::Gate;
use buffers::Buffers;
use futures_util::future::BoxFuture;
use layout::Layout;
use live::Live;
use refloat_core::{Failure, StorageKey};
use refloat_oci::{Algorithm, Digest};
use refloat_ports::{AppendError, Blobs, ByteStream, Checksums, FinishError, Finished, Stored};
use stage::STAGES_MAX;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Blobs in files under one data folder. One process at a time uses it; the store's lock sees to that.
pub struct LocalBlobs {
    layout: Arc<Layout>,
    live: Arc<Live>,
    writes: Gate,
    reads: Gate,
    buffers: Arc<Buffers>,
    stages: Arc<Semaphore>,
}

impl LocalBlobs {
    /// Opens the folder `data`, which must exist, and makes what is missing in it.
    ///
    /// # Errors
    /// What the file system said.
    pub fn open(data: &Path) -> io::Result<Self> {
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Ok(Self {
            layout: Arc::new(Layout::open(data)?),
            live: Arc::new(Live::new()),
            writes: Gate::new((2 * processors).max(4)),
            reads: Gate::new((4 * processors).max(16)),
            buffers: Arc::new(Buffers::new()),
            stages: Arc::new(Semaphore::new(STAGES_MAX)),
        })
    }
}

impl Blobs for LocalBlobs {
    fn begin(&self, key: StorageKey, algorithm: Algorithm) -> BoxFuture<'_, Result<(), Failure>> {
        self.live.announce(key, algorithm);
        Box::pin(async { Ok(()) })
    }

    fn append(
        &self,
        key: StorageKey,
        offset: u64,
        body: ByteStream,
    ) -> BoxFuture<'_, Result<u64, AppendError>> {
        Box::pin(append::append(self, key, offset, body))
    }

    fn finish(
        &self,
        key: StorageKey,
        size: u64,
        digest: Digest,
    ) -> BoxFuture<'_, Result<Finished, FinishError>> {
        Box::pin(async move {
            let lease = Live::take(&self.live, &key)?;
            let layout = Arc::clone(&self.layout);
            self.writes
                .run(move || finish::finish(&layout, lease, &key, size, &digest))
                .await
        })
    }

    fn read(
        &self,
        key: StorageKey,
        range: Range<u64>,
        checksums: Checksums,
    ) -> BoxFuture<'_, Result<ByteStream, Failure>> {
        Box::pin(read::read(self, key, range, checksums))
    }

    fn delete(&self, key: StorageKey) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let lease = Live::take(&self.live, &key)?;
            let layout = Arc::clone(&self.layout);
            self.writes
                .run(move || {
                    let removed = layout.remove(&key);
                    drop(lease);
                    removed.map_err(|error| failure(&format!("cannot remove blob `{key}`"), &error))
                })
                .await
        })
    }

    fn list(
        &self,
        after: Option<StorageKey>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Stored>, Failure>> {
        Box::pin(async move {
            let layout = Arc::clone(&self.layout);
            self.reads
                .run(move || list::page(&layout, after.as_ref(), limit))
                .await
                .map_err(|error| failure("cannot list blobs", &error))
        })
    }
}

/// What an error of the file system means for whoever asked.
fn failure(what: &str, error: &io::Error) -> Failure {
    let text = format!("{what}: {error}");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Failure::Full(text)
        }
        // These stay wrong until a person puts the folder right.
        io::ErrorKind::NotFound
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory => Failure::Terminal(text),
        // A disk that fails once may do the next time; what could not be made durable is named, and sent again.
        _ => Failure::Transient(text),
    }
}

#[cfg(test)]
mod tests;
