//! Uploads: begin or mount, ask, cancel.

use crate::asked::{Asked, operation};
use crate::{Caller, FlowError, Registry};
use refloat_core::{Rejection, UploadId};
use refloat_oci::{Algorithm, Digest, RepositoryName};
use refloat_store::StoreError;
use refloat_store::access::Push;
use refloat_store::uploads::{self, UploadRow};

/// How an upload is to begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BeginUpload {
    /// A blob that the client believes to be on this server already.
    pub mount: Option<Mount>,
    /// The algorithm of the digest that will be given at the end; SHA-256 if it is not announced.
    pub algorithm: Option<Algorithm>,
}

/// A request to take a blob from another repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The blob.
    pub digest: Digest,
    /// The repository; without it any repository will do from which the caller may pull the blob.
    pub from: Option<RepositoryName>,
}

/// What became of a begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The blob is a member of the repository already; nothing needs to be sent.
    Mounted(Digest),
    /// An upload waits for bytes.
    Started(UploadStatus),
}

/// Where an upload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadStatus {
    /// Its id.
    pub id: UploadId,
    /// Bytes that are on disk.
    pub received: u64,
}

/// Where in the blob the bytes of a request belong, both ends inclusive, as `Content-Range` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// The first byte.
    pub first: u64,
    /// The last byte.
    pub last: u64,
}

impl Registry {
    /// Starts an upload, or mounts a blob that the caller may read elsewhere.
    pub async fn begin_upload(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        begin: BeginUpload,
    ) -> Result<Begun, FlowError> {
        let asked = Asked::new(caller, repository);
        if let Some(Mount { digest, from }) = begin.mount {
            let mounted = self.store().write(operation!(tx, [asked, from], {
                let leave = asked.authorize::<Push>(tx).await?;
                uploads::mount(tx, &leave, &digest, from.as_ref()).await
            }));
            if mounted.await? {
                return Ok(Begun::Mounted(digest));
            }
        }
        let algorithm = begin.algorithm.unwrap_or(Algorithm::Sha256);
        let created = self.store().write(operation!(tx, [asked], {
            let leave = asked.authorize::<Push>(tx).await?;
            uploads::begin(tx, &leave, algorithm).await
        }));
        let row = created.await?;
        refloat_fail::point("upload.begun").map_err(StoreError::from)?;
        self.blobs().begin(row.storage_key, algorithm).await?;
        Ok(Begun::Started(UploadStatus {
            id: row.id,
            received: 0,
        }))
    }

    /// Where an upload stands.
    pub async fn upload_status(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        id: &UploadId,
    ) -> Result<UploadStatus, FlowError> {
        let row = self
            .find_upload(&Asked::new(caller, repository), id)
            .await?;
        Ok(UploadStatus {
            id: row.id,
            received: row.received,
        })
    }

    /// Gives an upload up.
    pub async fn cancel_upload(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        id: &UploadId,
    ) -> Result<(), FlowError> {
        let asked = Asked::new(caller, repository);
        // While somebody writes it, its file is not ours to give away.
        let _lease = self.leases().take(id)?;
        let cancelled = self.store().write(operation!(tx, [asked, id], {
            let leave = asked.authorize_existing::<Push>(tx).await?;
            uploads::cancel(tx, &leave, &id).await
        }));
        Ok(cancelled.await?)
    }

    /// The upload's row, if the caller may go on with it.
    pub(super) async fn find_upload(
        &self,
        asked: &Asked,
        id: &UploadId,
    ) -> Result<UploadRow, FlowError> {
        let found = self.store().read(operation!(tx, [asked, id], {
            let leave = asked.authorize_existing::<Push>(tx).await?;
            uploads::status(tx, &leave, &id).await
        }));
        Ok(found.await?)
    }
}

/// Whether the bytes of a request continue the upload.
pub(super) fn continues(
    row: &UploadRow,
    range: Option<ContentRange>,
    length: Option<u64>,
) -> Result<Option<u64>, Rejection> {
    let Some(range) = range else {
        return Ok(length);
    };
    if range.first != row.received {
        return Err(Rejection::RangeInvalid {
            reason: format!(
                "the upload stands at {} bytes; the range begins at {}",
                row.received, range.first
            ),
            length: row.received,
        });
    }
    let announced = range
        .last
        .checked_sub(range.first)
        .and_then(|length| length.checked_add(1));
    let Some(announced) = announced else {
        return Err(Rejection::RangeInvalid {
            reason: format!("the range {}-{} is empty", range.first, range.last),
            length: row.received,
        });
    };
    if length.is_some_and(|length| length != announced) {
        return Err(Rejection::SizeInvalid(format!(
            "the range has {announced} bytes, the body another length"
        )));
    }
    Ok(Some(announced))
}
