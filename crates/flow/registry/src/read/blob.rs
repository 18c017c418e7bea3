//! Blobs go out, checked MiB by MiB.

use super::cache::Key;
use super::range::ByteRange;
use crate::asked::{Asked, operation};
use crate::{Caller, FlowError, Registry};
use futures_util::{StreamExt, stream};
use refloat_core::{Failure, Rejection, Timestamp};
use refloat_oci::{Digest, RepositoryName};
use refloat_ports::{ByteStream, Checksums};
use refloat_store::access::{Delete, Pull};
use refloat_store::collect;
use refloat_store::registry::{self, BlobContent, StoredBlob};
use refloat_store::scrub::{self, ScrubBlob};
use std::sync::Arc;

/// A blob without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}

/// A blob, or a part of it, on its way.
pub struct BlobBody {
    /// The whole blob's digest.
    pub digest: Digest,
    /// The whole blob's length in bytes.
    pub size: u64,
    /// Where the part begins.
    pub first: u64,
    /// How many bytes the stream has, unless it ends with an error.
    pub length: u64,
    /// The bytes. An error in place of bytes means that what is stored is damaged: break the connection.
    pub stream: ByteStream,
}

impl Registry {
    /// Whether the caller can read this blob here, and how long it is. A damaged one is not there: sending it again heals it.
    pub async fn head_blob(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<BlobInfo, FlowError> {
        let blob = self.find_blob(caller, repository, digest).await?;
        if blob.damage.is_some() {
            return Err(unknown(repository, digest).into());
        }
        Ok(BlobInfo {
            digest: *digest,
            size: blob.size,
        })
    }

    /// The bytes of a blob, or of a part of it.
    pub async fn open_blob(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        digest: &Digest,
        range: Option<ByteRange>,
    ) -> Result<BlobBody, FlowError> {
        let blob = self.find_blob(caller, repository, digest).await?;
        if let Some(damage) = &blob.damage {
            return Err(damaged(digest, damage).into());
        }
        let part = match range {
            None => 0..blob.size,
            Some(range) => range.within(blob.size)?,
        };
        let (first, length) = (part.start, part.end - part.start);
        let stream: ByteStream = match &blob.content {
            BlobContent::Inline(bytes) => {
                let whole = usize::try_from(part.start)
                    .ok()
                    .zip(usize::try_from(part.end).ok());
                let (start, end) = whole.ok_or_else(|| damaged(digest, "its row is too long"))?;
                let bytes = bytes.slice(start..end);
                Box::pin(stream::iter((!bytes.is_empty()).then_some(Ok(bytes))))
            }
            BlobContent::Stored(key) => {
                let checksums = Checksums::from_row(blob.checksums.clone(), blob.size)
                    .ok_or_else(|| damaged(digest, "its checksums do not fit its length"))?;
                match self.blobs().read(key.clone(), part, checksums).await {
                    Ok(stream) => self.watched(stream, &blob),
                    Err(Failure::Damaged(detail)) => {
                        return Err(self.judge_damage(repository, &blob, detail).await);
                    }
                    Err(failure) => return Err(failure.into()),
                }
            }
        };
        Ok(BlobBody {
            digest: *digest,
            size: blob.size,
            first,
            length,
            stream,
        })
    }

    /// Takes a blob out of the repository; its bytes go when nothing else uses them.
    pub async fn delete_blob(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), FlowError> {
        let (asked, digest) = (Asked::new(caller, repository), *digest);
        let deleted = self.store().write(operation!(tx, [asked], {
            let leave = asked.authorize::<Delete>(tx).await?;
            registry::delete_blob(tx, &leave, &digest).await
        }));
        Ok(deleted.await?)
    }

    /// The blob's row, if the caller may read it here; from memory if nothing was committed since it was read.
    async fn find_blob(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Arc<StoredBlob>, FlowError> {
        let key = Key {
            principal: &caller.principal,
            repository,
            name: digest,
        };
        let generation = self.store().generation();
        if let Some(blob) = generation.and_then(|generation| self.places().get(&key, generation)) {
            return Ok(blob);
        }
        let (asked, digest) = (Asked::new(caller, repository), *digest);
        let read = self.store().read(operation!(tx, [asked], {
            let leave = asked.authorize::<Pull>(tx).await?;
            registry::blob(tx, &leave, &digest).await
        }));
        let mut blob = read.await?;
        check_inline(&mut blob);
        if blob.touch_due {
            let touched = self.store().write(operation!(tx, [asked], {
                let leave = asked.authorize::<Pull>(tx).await?;
                collect::touch(tx, &leave, &digest).await
            }));
            touched.await?;
        }
        let (bytes, blob) = (weight(&blob), Arc::new(blob));
        if let Some(generation) = generation.filter(|_| !blob.touch_due) {
            self.places()
                .put(&key, generation, Arc::clone(&blob), bytes);
        }
        Ok(blob)
    }

    /// `stream` that leaves a mark at the blob's row if its bytes turn out to be damaged.
    fn watched(&self, stream: ByteStream, blob: &Arc<StoredBlob>) -> ByteStream {
        let (registry, blob) = (self.clone(), Arc::clone(blob));
        Box::pin(stream.then(move |part| {
            let found = match &part {
                Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                    Some(error.to_string())
                }
                Ok(_) | Err(_) => None,
            };
            let (registry, blob) = (registry.clone(), Arc::clone(&blob));
            async move {
                if let Some(detail) = found {
                    registry.mark_damage(&blob, detail).await;
                }
                part
            }
        }))
    }

    /// Bytes that could not be opened: damaged if the row still names them, otherwise they were deleted meanwhile.
    async fn judge_damage(
        &self,
        repository: &RepositoryName,
        blob: &StoredBlob,
        detail: String,
    ) -> FlowError {
        if self.mark_damage(blob, detail.clone()).await {
            damaged(&blob.digest, &detail).into()
        } else {
            unknown(repository, &blob.digest).into()
        }
    }

    /// Marks a blob as damaged if its row still names the same bytes; whether it does. The mark is made even if the
    /// caller goes away.
    async fn mark_damage(&self, blob: &StoredBlob, detail: String) -> bool {
        let seen = ScrubBlob {
            digest: blob.digest,
            size: blob.size,
            content: blob.content.clone(),
            checksums: blob.checksums.clone(),
            verified_at: Timestamp::default(),
            damage: blob.damage.clone(),
        };
        let store = self.store().clone();
        let work = async move {
            let marked = store.write(operation!(
                tx,
                [seen, detail],
                scrub::mark_damaged(tx, &seen, &detail).await
            ));
            marked.await
        };
        match self.tasks().durable("mark_damage", work).await {
            Ok(marked) => marked,
            Err(error) => {
                tracing::error!(digest = %blob.digest, %error, "a damaged blob could not be marked");
                true
            }
        }
    }
}

/// Bytes in rows are checked like those in files.
fn check_inline(blob: &mut StoredBlob) {
    if let BlobContent::Inline(bytes) = &blob.content
        && Checksums::of(bytes).to_row() != blob.checksums
    {
        blob.damage = Some("the bytes in the row do not have their checksum".to_owned());
    }
}

fn weight(blob: &StoredBlob) -> u64 {
    let inline = match &blob.content {
        BlobContent::Inline(bytes) => bytes.len(),
        BlobContent::Stored(_) => 0,
    };
    (inline + blob.checksums.len()) as u64
}

fn damaged(digest: &Digest, detail: &str) -> Failure {
    Failure::Damaged(format!("blob `{digest}`: {detail}; push it again"))
}

fn unknown(repository: &RepositoryName, digest: &Digest) -> Rejection {
    Rejection::BlobUnknown {
        repository: repository.to_string(),
        digest: digest.to_string(),
    }
}
