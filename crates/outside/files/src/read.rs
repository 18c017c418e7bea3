//! Disk to buffer to network: a MiB is checked before any of it leaves, while the one before it is being sent.

use crate::blocking::ended;
use crate::buffers::Buffers;
use crate::{LocalBlobs, failure};
use bytes::Bytes;
use futures_util::stream;
use refloat_core::{Failure, StorageKey};
use refloat_ports::{ByteStream, CHECKSUM_SPAN_BYTES, Checksums};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

pub(crate) async fn read(
    blobs: &LocalBlobs,
    key: StorageKey,
    range: Range<u64>,
    checksums: Checksums,
) -> Result<ByteStream, Failure> {
    let path = blobs.layout.blob(&key);
    let opening = blobs.reads.run(move || {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        io::Result::Ok((file, size))
    });
    let (file, size) = match opening.await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Failure::Damaged(format!(
                "the bytes of blob `{key}` are missing"
            )));
        }
        other => other.map_err(|error| failure(&format!("cannot open blob `{key}`"), &error))?,
    };
    if !checksums.fits(size) || range.end > size || range.start > range.end {
        return Err(Failure::Damaged(format!(
            "blob `{key}` has {size} bytes, its row says otherwise"
        )));
    }
    let reader = Reader {
        source: Arc::new(Source {
            file,
            size,
            key,
            checksums,
            buffers: Arc::clone(&blobs.buffers),
        }),
        gate: blobs.reads.permits(),
        rest: range,
        ahead: None,
        ended: false,
    };
    Ok(Box::pin(stream::unfold(reader, |mut reader| async move {
        let part = reader.next().await?;
        Some((part, reader))
    })))
}

struct Source {
    file: File,
    size: u64,
    key: StorageKey,
    checksums: Checksums,
    buffers: Arc<Buffers>,
}

struct Reader {
    source: Arc<Source>,
    gate: Arc<Semaphore>,
    /// What no read has been started for.
    rest: Range<u64>,
    ahead: Option<JoinHandle<io::Result<Bytes>>>,
    ended: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.ended {
            return None;
        }
        let current = match self.ahead.take() {
            Some(read) => read,
            None => self.start().await?,
        };
        let part = ended(current).await;
        match &part {
            Ok(_) => self.ahead = self.start().await,
            Err(_) => self.ended = true,
        }
        Some(part)
    }

    /// Starts to read the next part: at most to the end of its MiB.
    async fn start(&mut self) -> Option<JoinHandle<io::Result<Bytes>>> {
        if self.rest.is_empty() {
            return None;
        }
        let index = self.rest.start / CHECKSUM_SPAN_BYTES;
        let end = self.rest.end.min((index + 1) * CHECKSUM_SPAN_BYTES);
        let part = self.rest.start..end;
        self.rest.start = end;
        let source = Arc::clone(&self.source);
        let permit = Arc::clone(&self.gate).acquire_owned().await;
        Some(tokio::task::spawn_blocking(move || {
            let bytes = source.checked(index, part);
            drop(permit);
            bytes
        }))
    }
}

impl Source {
    /// Reads the whole MiB number `index`, checks it, and hands out the part that was asked for.
    fn checked(&self, index: u64, part: Range<u64>) -> io::Result<Bytes> {
        let start = index * CHECKSUM_SPAN_BYTES;
        let length = usize::try_from(CHECKSUM_SPAN_BYTES.min(self.size - start))
            .map_err(io::Error::other)?;
        let mut buffer = Buffers::take(&self.buffers, length);
        self.file.read_exact_at(buffer.filled(), start)?;
        if !self.checksums.check(index, buffer.as_ref()) {
            let text = format!(
                "blob `{}` is damaged between bytes {start} and {}",
                self.key,
                start + length as u64
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let within = |position: u64| usize::try_from(position - start).map_err(io::Error::other);
        let part = within(part.start)?..within(part.end)?;
        Ok(Bytes::from_owner(buffer).slice(part))
    }
}
