//! Bytes of an upload: on disk, then in its row, then acknowledged.

use super::body::{Beginning, Bound, beginning, bounded, rejection};
use super::upload::{ContentRange, UploadStatus, continues};
use crate::asked::{Asked, operation};
use crate::{Caller, FlowError, Registry};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use refloat_core::{Failure, Rejection, UploadId};
use refloat_oci::RepositoryName;
use refloat_ports::{AppendError, ByteStream};
use refloat_store::access::Push;
use refloat_store::uploads::{self, UploadRow};

/// An upload with the body of a request.
pub(super) enum Collected {
    /// All of it, for its row.
    Short(Bytes),
    /// It needs its file, from this offset on.
    Long {
        /// 0 if nothing of it is in the file yet.
        offset: u64,
        /// The bytes from there on.
        body: ByteStream,
    },
}

impl Registry {
    /// Adds `body` to an upload. When it returns, the bytes are on disk and the offset is in its row.
    /// Goes on without its caller: what arrived of a body that breaks off is kept, and the upload continues there.
    pub async fn append_upload(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        id: &UploadId,
        range: Option<ContentRange>,
        length: Option<u64>,
        body: ByteStream,
    ) -> Result<UploadStatus, FlowError> {
        let (registry, asked, id) = (self.clone(), Asked::new(caller, repository), id.clone());
        let work = async move {
            let append = registry.append_alone(&asked, &id, range, length, body);
            registry.alone(&asked, &id, append).await
        };
        self.tasks().durable("append_upload", work).await
    }

    async fn append_alone(
        &self,
        asked: &Asked,
        id: &UploadId,
        range: Option<ContentRange>,
        length: Option<u64>,
        body: ByteStream,
    ) -> Result<UploadStatus, FlowError> {
        let row = self.find_upload(asked, id).await?;
        let exact = continues(&row, range, length)?;
        let body = self.bounded(&row, exact, body);
        let (offset, body) = match self.collected(&row, body).await {
            Ok(Collected::Short(bytes)) => return self.hold(asked, row, bytes).await,
            Ok(Collected::Long { offset, body }) => (offset, body),
            Err(source) => {
                return Err(rejection(&source)
                    .unwrap_or_else(|| broke_off(&source))
                    .into());
            }
        };
        let appended = self
            .blobs()
            .append(row.storage_key.clone(), offset, body)
            .await;
        let (received, broken) = match appended {
            Ok(reached) => (reached, None),
            Err(AppendError::Body { source, length }) => match rejection(&source) {
                // The request was wrong as a whole: the upload stays where it was.
                Some(rejection) => return Err(rejection.into()),
                None => (length, Some(broke_off(&source))),
            },
            Err(error) => return Err(self.not_appended(asked, &row, error).await),
        };
        self.advance(asked, &row, received).await?;
        match broken {
            None => Ok(UploadStatus {
                id: row.id,
                received,
            }),
            Some(rejection) => Err(rejection.into()),
        }
    }

    /// What an upload is with `body`: short enough for a row, as it was so far, or bytes for a file.
    pub(super) async fn collected(
        &self,
        row: &UploadRow,
        body: ByteStream,
    ) -> std::io::Result<Collected> {
        let inline_max = self.limits().inline_bytes_max;
        let held = match (&row.held, row.received) {
            (Some(held), _) => held.clone(),
            (None, 0) => Bytes::new(),
            (None, received) => {
                return Ok(Collected::Long {
                    offset: received,
                    body,
                });
            }
        };
        let ahead = inline_max.saturating_sub(held.len() as u64);
        match beginning(body, ahead).await? {
            Beginning::Whole(bytes) if held.is_empty() => Ok(Collected::Short(bytes)),
            Beginning::Whole(bytes) => Ok(Collected::Short([held, bytes].concat().into())),
            Beginning::More(rest) => Ok(Collected::Long {
                offset: 0,
                body: Box::pin(stream::iter([Ok(held)]).chain(rest)),
            }),
        }
    }

    /// Acknowledges an upload that is short: one transaction, and no file.
    async fn hold(
        &self,
        asked: &Asked,
        row: UploadRow,
        bytes: Bytes,
    ) -> Result<UploadStatus, FlowError> {
        let (id, from, received) = (row.id.clone(), row.received, bytes.len() as u64);
        if received > from {
            let held = self.store().write(operation!(tx, [asked, id, bytes], {
                let leave = asked.authorize::<Push>(tx).await?;
                uploads::hold(tx, &leave, &id, from, &bytes).await
            }));
            held.await?;
            refloat_fail::point("upload.held").map_err(refloat_store::StoreError::from)?;
        }
        Ok(UploadStatus {
            id: row.id,
            received,
        })
    }

    /// `body` cut to what the request announced and what a blob may have.
    pub(super) fn bounded(
        &self,
        row: &UploadRow,
        exact: Option<u64>,
        body: ByteStream,
    ) -> ByteStream {
        let limit_bytes = self.limits().blob_bytes_max;
        let bound = Bound {
            exact,
            room: limit_bytes.saturating_sub(row.received),
            limit_bytes,
        };
        bounded(body, bound)
    }

    async fn advance(&self, asked: &Asked, row: &UploadRow, reached: u64) -> Result<(), FlowError> {
        if reached == row.received {
            return Ok(());
        }
        let (id, received) = (row.id.clone(), row.received);
        let advanced = self.store().write(operation!(tx, [asked, id], {
            let leave = asked.authorize::<Push>(tx).await?;
            uploads::advance(tx, &leave, &id, received, reached).await
        }));
        advanced.await?;
        refloat_fail::point("upload.recorded").map_err(refloat_store::StoreError::from)?;
        Ok(())
    }

    /// What to tell of an append that did not reach the disk. An upload whose bytes are lost is given up.
    pub(super) async fn not_appended(
        &self,
        asked: &Asked,
        row: &UploadRow,
        error: AppendError,
    ) -> FlowError {
        match error {
            AppendError::Body { source, .. } => rejection(&source)
                .unwrap_or_else(|| broke_off(&source))
                .into(),
            AppendError::Failed(failure) => failure.into(),
            AppendError::Lost { cause, .. } => self.lose_upload(asked, row, cause).await,
        }
    }

    /// Gives up an upload whose acknowledged bytes are not there, so that the client is told to start again.
    pub(super) async fn lose_upload(
        &self,
        asked: &Asked,
        row: &UploadRow,
        cause: Failure,
    ) -> FlowError {
        tracing::error!(upload = %row.id, key = %row.storage_key, %cause, "the bytes of an upload are lost");
        let id = row.id.clone();
        let cancelled = self.store().write(operation!(tx, [asked, id], {
            let leave = asked.authorize::<Push>(tx).await?;
            uploads::cancel(tx, &leave, &id).await
        }));
        match cancelled.await {
            Ok(()) => cause.into(),
            Err(error) => error.into(),
        }
    }
}

/// A client that went away reads no answer; one whose body ended early does.
fn broke_off(source: &std::io::Error) -> Rejection {
    Rejection::SizeInvalid(format!("the body broke off: {source}"))
}
