//! Blobs in memory: a fake for tests that keeps the whole contract, restarts included.

use crate::{
    AppendError, Blobs, ByteStream, CHECKSUM_SPAN_BYTES, Checksums, FinishError, Finished, Stored,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use refloat_core::{Failure, StorageKey};
use refloat_oci::{Algorithm, Digest};
use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What lies under a key; both only between `finish` and its repetition.
#[derive(Clone, Default)]
struct Entry {
    upload: Option<Vec<u8>>,
    stored: Option<Bytes>,
}

/// Blobs in memory. A clone is the same store after a restart: everything acknowledged is there.
#[derive(Clone, Default)]
pub struct MemoryBlobs {
    entries: Arc<Mutex<BTreeMap<StorageKey, Entry>>>,
}

impl MemoryBlobs {
    /// A store without bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Flips one bit of stored bytes, as a bad disk would.
    pub fn damage(&self, key: &StorageKey, position: usize) {
        let mut entries = self.lock();
        if let Some(bytes) = entries.get_mut(key).and_then(|entry| entry.stored.as_mut()) {
            let mut changed = bytes.to_vec();
            changed[position] ^= 1;
            *bytes = changed.into();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<StorageKey, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn append_all(
        &self,
        key: StorageKey,
        offset: u64,
        mut body: ByteStream,
    ) -> Result<u64, AppendError> {
        let mut taken = Vec::new();
        let mut broken = None;
        while let Some(frame) = body.next().await {
            match frame {
                Ok(bytes) => taken.extend_from_slice(&bytes),
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            }
        }
        let mut entries = self.lock();
        let entry = entries.entry(key.clone()).or_default();
        let mut bytes = match (&entry.upload, &entry.stored) {
            (Some(bytes), _) => bytes.clone(),
            (None, Some(bytes)) => bytes.to_vec(),
            (None, None) => Vec::new(),
        };
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if bytes.len() < start {
            return Err(AppendError::Lost {
                key,
                cause: missing(),
            });
        }
        bytes.truncate(start);
        bytes.extend_from_slice(&taken);
        let length = bytes.len() as u64;
        entry.upload = Some(bytes);
        broken.map_or(Ok(length), |source| {
            Err(AppendError::Body { source, length })
        })
    }

    fn finish_now(
        &self,
        key: &StorageKey,
        size: u64,
        digest: &Digest,
    ) -> Result<Finished, FinishError> {
        let mut entries = self.lock();
        let entry = entries.entry(key.clone()).or_default();
        let lost = || FinishError::Lost {
            key: key.clone(),
            cause: missing(),
        };
        if let Some(bytes) = &entry.stored {
            let actual = Digest::of(digest.algorithm(), bytes);
            let same = bytes.len() as u64 == size && actual == *digest;
            let checksums = Checksums::of(bytes);
            return match (same, entry.upload.take()) {
                (true, _) => Ok(Finished { size, checksums }),
                (false, None) if bytes.len() as u64 == size => {
                    Err(FinishError::Mismatch { actual })
                }
                (false, _) => Err(lost()),
            };
        }
        let mut bytes = entry.upload.clone().unwrap_or_default();
        if (bytes.len() as u64) < size {
            return Err(lost());
        }
        bytes.truncate(to_usize(size));
        let actual = Digest::of(digest.algorithm(), &bytes);
        if actual != *digest {
            return Err(FinishError::Mismatch { actual });
        }
        let checksums = Checksums::of(&bytes);
        *entry = Entry {
            upload: None,
            stored: Some(bytes.into()),
        };
        Ok(Finished { size, checksums })
    }

    fn spans(
        &self,
        key: &StorageKey,
        range: Range<u64>,
        checksums: &Checksums,
    ) -> Result<Vec<std::io::Result<Bytes>>, Failure> {
        let damaged = |what: &str| Failure::Damaged(format!("blob `{key}` {what}"));
        let stored = self.lock().get(key).and_then(|entry| entry.stored.clone());
        let Some(bytes) = stored else {
            return Err(damaged("is missing"));
        };
        let size = bytes.len() as u64;
        if !checksums.fits(size) || range.end > size || range.start > range.end {
            return Err(damaged("has another length than its row says"));
        }
        let mut parts = Vec::new();
        let mut position = range.start;
        while position < range.end {
            let index = position / CHECKSUM_SPAN_BYTES;
            let span = index * CHECKSUM_SPAN_BYTES..((index + 1) * CHECKSUM_SPAN_BYTES).min(size);
            if !checksums.check(index, &bytes[to_usize(span.start)..to_usize(span.end)]) {
                parts.push(Err(std::io::Error::new(
                    std::io::ErrorKind::InvalidData,
                    format!("blob `{key}` is damaged in MiB {index}"),
                )));
                return Ok(parts);
            }
            let end = span.end.min(range.end);
            parts.push(Ok(bytes.slice(to_usize(position)..to_usize(end))));
            position = end;
        }
        Ok(parts)
    }
}

fn to_usize(position: u64) -> usize {
    usize::try_from(position).expect("the position lies within bytes that are in memory")
}

fn missing() -> Failure {
    Failure::Damaged("fewer bytes than were acknowledged".to_owned())
}

impl Blobs for MemoryBlobs {
    fn begin(&self, _key: StorageKey, _algorithm: Algorithm) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    fn append(
        &self,
        key: StorageKey,
        offset: u64,
        body: ByteStream,
    ) -> BoxFuture<'_, Result<u64, AppendError>> {
        Box::pin(self.append_all(key, offset, body))
    }

    fn finish(
        &self,
        key: StorageKey,
        size: u64,
        digest: Digest,
    ) -> BoxFuture<'_, Result<Finished, FinishError>> {
        Box::pin(async move { self.finish_now(&key, size, &digest) })
    }

    fn read(
        &self,
        key: StorageKey,
        range: Range<u64>,
        checksums: Checksums,
    ) -> BoxFuture<'_, Result<ByteStream, Failure>> {
        Box::pin(async move {
            let parts = self.spans(&key, range, &checksums)?;
            Ok(Box::pin(stream::iter(parts)) as ByteStream)
        })
    }

    fn delete(&self, key: StorageKey) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            self.lock().remove(&key);
            Ok(())
        })
    }

    fn list(
        &self,
        after: Option<StorageKey>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Stored>, Failure>> {
        Box::pin(async move {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let length = |entry: &Entry| {
                let stored = entry.stored.as_ref().map(Bytes::len);
                stored.or(entry.upload.as_ref().map(Vec::len)).unwrap_or(0)
            };
            let page = |(key, entry): (&StorageKey, &Entry)| Stored {
                key: key.clone(),
                size: length(entry) as u64,
            };
            Ok(self
                .lock()
                .range((from, Bound::Unbounded))
                .take(limit)
                .map(page)
                .collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{Subject, run};

    impl Subject for MemoryBlobs {
        fn reopen(&self) -> Arc<dyn Blobs> {
            Arc::new(self.clone())
        }

        fn damage(&self, key: &StorageKey, position: u64) {
            Self::damage(self, key, to_usize(position));
        }
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        run(&MemoryBlobs::new()).await;
    }
}
