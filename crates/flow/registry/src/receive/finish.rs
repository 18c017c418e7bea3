//! The end of an upload: the digest is proven, the bytes are on disk under their final name, then the rows.

use super::append::Collected;
use super::body::{Beginning, Bound, beginning, bounded, rejection};
use super::upload::{ContentRange, continues};
use crate::asked::{Asked, operation};
use crate::{Caller, FlowError, Registry};
use bytes::Bytes;
use refloat_core::{Rejection, StorageKey, UploadId};
use refloat_oci::{Digest, RepositoryName};
use refloat_ports::{ByteStream, Checksums, FinishError};
use refloat_store::StoreError;
use refloat_store::access::Push;
use refloat_store::uploads::{self, Arrived, ArrivedContent, UploadRow};

impl Registry {
    /// Adds `body`, which may be empty, and makes the upload a blob of the repository if it has `digest`.
    /// After a digest that does not match, the upload is as it was before this request.
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the request's, and each is its own type"
    )]
    pub async fn finish_upload(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        id: &UploadId,
        range: Option<ContentRange>,
        length: Option<u64>,
        body: ByteStream,
        digest: Digest,
    ) -> Result<Digest, FlowError> {
        let (registry, asked, id) = (self.clone(), Asked::new(caller, repository), id.clone());
        let work = async move {
            let finish = async {
                let row = registry.find_upload(&asked, &id).await?;
                let exact = continues(&row, range, length)?;
                let body = registry.bounded(&row, exact, body);
                registry.finish_row(&asked, row, body, digest).await
            };
            registry.alone(&asked, &id, finish).await
        };
        self.tasks().durable("finish_upload", work).await?;
        Ok(digest)
    }

    /// A blob in one request: `POST` with a digest.
    pub async fn put_blob(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        length: Option<u64>,
        body: ByteStream,
        digest: Digest,
    ) -> Result<Digest, FlowError> {
        let (registry, asked) = (self.clone(), Asked::new(caller, repository));
        let bound = Bound {
            exact: length,
            room: self.limits().blob_bytes_max,
            limit_bytes: self.limits().blob_bytes_max,
        };
        let body = bounded(body, bound);
        let work = async move {
            let rest = match beginning(body, registry.limits().inline_bytes_max)
                .await
                .map_err(|error| broke_off(&error))?
            {
                Beginning::Whole(bytes) => {
                    return registry.store_inline(&asked, inline(bytes, digest)?).await;
                }
                Beginning::More(rest) => rest,
            };
            let algorithm = digest.algorithm();
            let begun = registry.store().write(operation!(tx, [asked], {
                let leave = asked.authorize::<Push>(tx).await?;
                uploads::begin(tx, &leave, algorithm).await
            }));
            let row = begun.await?;
            registry
                .blobs()
                .begin(row.storage_key.clone(), algorithm)
                .await?;
            let id = row.id.clone();
            let finished = registry.finish_row(&asked, row, rest, digest).await;
            if finished.is_err() {
                // Nobody was told of this upload, so nobody can go on with it; if this fails too, it expires.
                registry.drop_upload(&asked, &id).await;
            }
            finished
        };
        self.tasks().durable("put_blob", work).await?;
        Ok(digest)
    }

    async fn store_inline(&self, asked: &Asked, blob: Arrived) -> Result<(), FlowError> {
        let stored = self.store().write(operation!(tx, [asked, blob], {
            let leave = asked.authorize::<Push>(tx).await?;
            uploads::store(tx, &leave, &blob).await
        }));
        Ok(stored.await?)
    }

    async fn drop_upload(&self, asked: &Asked, id: &UploadId) {
        let cancelled = self.store().write(operation!(tx, [asked, id], {
            let leave = asked.authorize::<Push>(tx).await?;
            uploads::cancel(tx, &leave, &id).await
        }));
        if let Err(error) = cancelled.await {
            tracing::debug!(upload = %id, %error, "an upload that failed is left to expire");
        }
    }

    async fn finish_row(
        &self,
        asked: &Asked,
        row: UploadRow,
        body: ByteStream,
        digest: Digest,
    ) -> Result<(), FlowError> {
        let inline_max = self.limits().inline_bytes_max;
        let collected = self.collected(&row, body).await;
        let size = match collected.map_err(|error| broke_off(&error))? {
            Collected::Short(bytes) => {
                let blob = inline(bytes, digest)?;
                return self.record(asked, &row, blob).await;
            }
            Collected::Long { offset, body } => {
                let key = row.storage_key.clone();
                match self.blobs().append(key, offset, body).await {
                    Ok(size) => size,
                    Err(error) => return Err(self.not_appended(asked, &row, error).await),
                }
            }
        };
        let finished = match self
            .blobs()
            .finish(row.storage_key.clone(), size, digest)
            .await
        {
            Ok(finished) => finished,
            Err(FinishError::Mismatch { actual }) => return Err(mismatch(digest, actual).into()),
            Err(FinishError::Failed(failure)) => return Err(failure.into()),
            Err(FinishError::Lost { cause, .. }) => {
                return Err(self.lose_upload(asked, &row, cause).await);
            }
        };
        let blob = if size <= inline_max {
            let bytes = self
                .read_whole(&row.storage_key, size, finished.checksums)
                .await?;
            inline(bytes, digest)?
        } else {
            Arrived {
                digest,
                size,
                checksums: finished.checksums.to_row(),
                content: ArrivedContent::Stored(row.storage_key.clone()),
            }
        };
        self.record(asked, &row, blob).await
    }

    /// Writes the rows. From here on the blob is there, and never before.
    async fn record(&self, asked: &Asked, row: &UploadRow, blob: Arrived) -> Result<(), FlowError> {
        refloat_fail::point("upload.finishing").map_err(StoreError::from)?;
        let id = row.id.clone();
        let recorded = self.store().write(operation!(tx, [asked, id, blob], {
            let leave = asked.authorize::<Push>(tx).await?;
            uploads::finish(tx, &leave, &id, &blob).await
        }));
        recorded.await?;
        refloat_fail::point("upload.finished").map_err(StoreError::from)?;
        Ok(())
    }

    async fn read_whole(
        &self,
        key: &StorageKey,
        size: u64,
        checksums: Checksums,
    ) -> Result<Bytes, FlowError> {
        let stream = self.blobs().read(key.clone(), 0..size, checksums).await?;
        match beginning(stream, size).await {
            Ok(Beginning::Whole(bytes)) if bytes.len() as u64 == size => Ok(bytes),
            Ok(_) | Err(_) => {
                let text = format!("blob `{key}` cannot be read back");
                Err(refloat_core::Failure::Damaged(text).into())
            }
        }
    }
}

/// A blob that lies in its row.
fn inline(bytes: Bytes, digest: Digest) -> Result<Arrived, Rejection> {
    let actual = Digest::of(digest.algorithm(), &bytes);
    if actual != digest {
        return Err(mismatch(digest, actual));
    }
    Ok(Arrived {
        digest,
        size: bytes.len() as u64,
        checksums: Checksums::of(&bytes).to_row(),
        content: ArrivedContent::Inline(bytes),
    })
}

fn broke_off(error: &std::io::Error) -> FlowError {
    rejection(error)
        .unwrap_or_else(|| Rejection::SizeInvalid(format!("the body broke off: {error}")))
        .into()
}

fn mismatch(claimed: Digest, actual: Digest) -> Rejection {
    Rejection::DigestInvalid(format!("the bytes have the digest {actual}, not {claimed}"))
}
