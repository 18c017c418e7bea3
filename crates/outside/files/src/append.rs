//! Network to buffer to disk: one batch is hashed and written while the next one arrives.

use crate::blocking::ended;
use crate::layout::{Layout, sync_folder};
use crate::live::{Hashes, Lease, Live};
use crate::stage::Stage;
use crate::{LocalBlobs, failure};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::Fuse;
use refloat_core::{Failure, StorageKey};
use refloat_oci::Algorithm;
use refloat_ports::{AppendError, ByteStream};
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

/// How many bytes are written and hashed in one go.
const BATCH_BYTES: usize = 512 * 1024;
/// The most pieces of one batch, for bodies that arrive byte by byte.
const BATCH_PIECES_MAX: usize = 1024;

pub(crate) async fn append(
    blobs: &LocalBlobs,
    key: StorageKey,
    offset: u64,
    body: ByteStream,
) -> Result<u64, AppendError> {
    let mut body = body.fuse();
    let (mut batch, mut broken) = collect(&mut body).await;
    if batch.is_empty() {
        return broken.map_or(Ok(offset), |source| {
            Err(AppendError::Body {
                source,
                length: offset,
            })
        });
    }
    let more = broken.is_none() && length_of(&batch) >= BATCH_BYTES;
    let lease = Live::take(&blobs.live, &key)?;
    let layout = Arc::clone(&blobs.layout);
    let mut writer = blobs
        .writes
        .run(move || Writer::open(layout, lease, key, offset))
        .await?;
    if more {
        let path = writer.layout.upload(&writer.key);
        writer.stage = Stage::take(&blobs.stages, &blobs.buffers, path, offset);
    }
    while !batch.is_empty() {
        let pieces = std::mem::take(&mut batch);
        let writing = blobs.writes.start(move || writer.write(&pieces)).await;
        if broken.is_none() {
            (batch, broken) = collect(&mut body).await;
        }
        writer = ended(writing).await?;
    }
    let length = blobs.writes.run(move || writer.sync()).await?;
    broken.map_or(Ok(length), |source| {
        Err(AppendError::Body { source, length })
    })
}

/// The next batch; empty at the end of the body. An error of the body comes with what preceded it.
async fn collect(body: &mut Fuse<ByteStream>) -> (Vec<Bytes>, Option<io::Error>) {
    let mut batch = Vec::new();
    let mut length = 0;
    while length < BATCH_BYTES && batch.len() < BATCH_PIECES_MAX {
        match body.next().await {
            Some(Ok(bytes)) if bytes.is_empty() => {}
            Some(Ok(bytes)) => {
                length += bytes.len();
                batch.push(bytes);
            }
            Some(Err(error)) => return (batch, Some(error)),
            None => break,
        }
    }
    (batch, None)
}

fn length_of(batch: &[Bytes]) -> usize {
    batch.iter().map(Bytes::len).sum()
}

/// An upload's file while one append writes it.
struct Writer {
    layout: Arc<Layout>,
    lease: Lease,
    key: StorageKey,
    file: File,
    /// The entry of the file may not be on disk yet.
    new: bool,
    offset: u64,
    position: u64,
    /// What was known of the first `offset` bytes, for the way back.
    before: Option<Hashes>,
    /// For an append that is long enough.
    stage: Option<Stage>,
}

impl Writer {
    fn open(
        layout: Arc<Layout>,
        mut lease: Lease,
        key: StorageKey,
        offset: u64,
    ) -> Result<Self, AppendError> {
        let cannot = |error: &io::Error| failure(&format!("cannot open upload `{key}`"), error);
        let (mut file, new) = match open_at(&layout, &key, offset) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(lost(lease, key, absent()));
            }
            other => other.map_err(|error| cannot(&error))?,
        };
        let known = lease.hashes.take();
        lease.hashes = if offset == 0 {
            let algorithm = known.as_ref().map_or(Algorithm::Sha256, Hashes::algorithm);
            Some(Hashes::new(algorithm))
        } else {
            let metadata = file.metadata().map_err(|error| cannot(&error))?;
            known.filter(|hashes| hashes.length() == offset && hashes.are_of(&metadata))
        };
        if file.metadata().map_err(|error| cannot(&error))?.len() > offset {
            file.set_len(offset).map_err(|error| cannot(&error))?;
        }
        file.seek(SeekFrom::Start(offset))
            .map_err(|error| cannot(&error))?;
        Ok(Self {
            layout,
            before: lease.hashes.clone(),
            lease,
            key,
            file,
            new,
            offset,
            position: offset,
            stage: None,
        })
    }

    /// Writes one batch. If that fails, the upload is as before this append.
    fn write(mut self, pieces: &[Bytes]) -> Result<Self, AppendError> {
        match self.write_all(pieces) {
            Ok(()) => Ok(self),
            Err(error) => Err(self.give_back(&error)),
        }
    }

    fn write_all(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        if let Some(stage) = &mut self.stage {
            for piece in pieces {
                stage.write(&self.file, piece)?;
                // While the bytes are still near the processor.
                self.lease.take_in(piece);
                self.position += piece.len() as u64;
            }
            return Ok(());
        }
        let mut slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            match self.file.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        for piece in pieces {
            self.lease.take_in(piece);
            self.position += piece.len() as u64;
        }
        Ok(())
    }

    /// Frees the room of what was not acknowledged: a full disk must not stay full of it.
    fn give_back(mut self, error: &io::Error) -> AppendError {
        self.lease.hashes = self.before.take();
        if let Err(second) = self.file.set_len(self.offset) {
            tracing::warn!(key = %self.key, error = %second, "the unacknowledged end of an upload could not be cut off");
        }
        failure(&format!("cannot write upload `{}`", self.key), error).into()
    }

    /// Puts the bytes on disk and returns the upload's length.
    fn sync(mut self) -> Result<u64, AppendError> {
        if let Err(injected) = refloat_fail::point("upload.written") {
            return Err(self.give_back(&injected.into()));
        }
        if let Some(stage) = self.stage.take()
            && let Err(error) = stage.finish(&self.file)
        {
            return Err(self.give_back(&error));
        }
        let folder = || {
            if self.new {
                sync_folder(self.layout.uploads())
            } else {
                Ok(())
            }
        };
        let synced = self.file.sync_data().and_then(|()| folder());
        if let Err(error) = synced {
            // The kernel may have dropped the bytes and forgotten it: nothing of this upload can be trusted.
            let _ = fs::remove_file(self.layout.upload(&self.key));
            let cause = failure("fsync failed", &error);
            return Err(lost(self.lease, self.key, cause));
        }
        if let Err(injected) = refloat_fail::point("upload.synced") {
            return Err(self.give_back(&injected.into()));
        }
        match (&mut self.lease.hashes, self.file.metadata()) {
            (Some(hashes), Ok(metadata)) => hashes.stamp(&metadata),
            (hashes, _) => *hashes = None,
        }
        Ok(self.position)
    }
}

/// The upload's file with at least `offset` bytes, and whether its entry may not be on disk yet.
fn open_at(layout: &Layout, key: &StorageKey, offset: u64) -> io::Result<(File, bool)> {
    let path = layout.upload(key);
    let first = offset == 0;
    match OpenOptions::new()
        .write(true)
        .create(first)
        .truncate(false)
        .open(&path)
    {
        Ok(file) if file.metadata()?.len() >= offset => return Ok((file, first)),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(_) | Err(_) => {}
    }
    // Perhaps it was finished, and its caller died before the row: what was acknowledged is copied, stored bytes stay as they are.
    let stored = File::open(layout.blob(key))?;
    let mut upload = File::create(path)?;
    io::copy(&mut stored.take(offset), &mut upload)?;
    Ok((upload, true))
}

fn absent() -> Failure {
    Failure::Damaged("the file has fewer bytes than were acknowledged".to_owned())
}

fn lost(mut lease: Lease, key: StorageKey, cause: Failure) -> AppendError {
    lease.hashes = None;
    AppendError::Lost { key, cause }
}
