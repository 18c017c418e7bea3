//! The end of an upload: bytes that are durable become a blob, and the blob a member of the repository.

use super::{bytes as length, end, status};
use crate::access::{Authorized, Push, actor};
use crate::collect;
use crate::records::{Records, raced};
use bytes::Bytes;
use refloat_core::registry::decide_finish;
use refloat_core::{StorageKey, UploadId};
use refloat_database::{Row, StoreError, Tx, Value, sql};
use refloat_oci::Digest;

/// The longest blob that lies in its row, in bytes.
pub const INLINE_MAX_BYTES: u64 = 64 * 1024;

/// Where the bytes that arrived are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArrivedContent {
    /// Here: at most [`INLINE_MAX_BYTES`]. What lies under the upload's key goes.
    Inline(Bytes),
    /// Durable under this key, which no row names but the upload's.
    Stored(StorageKey),
}

/// A blob that arrived whole; its digest was computed from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// XXH3-64 of each MiB, little endian, in order.
    pub checksums: Bytes,
    /// Where its bytes are.
    pub content: ArrivedContent,
}

/// Ends an upload: its blob is a member of the repository from now on. If these bytes are stored already, the upload's
/// key goes; if the stored ones are damaged, they go, and these take their place.
///
/// # Errors
/// [`refloat_core::Rejection::UploadUnknown`].
pub async fn finish(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    id: &UploadId,
    arrived: &Arrived,
) -> Result<(), StoreError> {
    let upload = status(tx, leave, id).await?;
    end(tx, id).await?;
    if arrived.content != ArrivedContent::Stored(upload.storage_key.clone()) {
        collect::bury(tx, &upload.storage_key, 0).await?;
    }
    place(tx, leave, arrived).await
}

/// The same for a small blob that came in one piece and never had an upload.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn store(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    arrived: &Arrived,
) -> Result<(), StoreError> {
    place(tx, leave, arrived).await
}

async fn place(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    arrived: &Arrived,
) -> Result<(), StoreError> {
    let repository = leave.repository();
    put_blob(tx, arrived).await?;
    refloat_fail::point("upload.placed")?;
    let member = join(tx, leave, &arrived.digest).await?;
    let mut records = Records::by(leave);
    if let Some(event) = decide_finish(member, &repository.name, arrived.digest, arrived.size) {
        records.blob(&repository.project, &repository.id, &arrived.digest, event);
    }
    records.append(tx).await.map(drop)
}

/// Makes the blob row, or finds it there; returns nothing, since who has the bytes is nobody's business.
async fn put_blob(tx: &mut dyn Tx, arrived: &Arrived) -> Result<(), StoreError> {
    let now = tx.now();
    let (inline, key): (Value, Value) = match &arrived.content {
        ArrivedContent::Inline(bytes) => (bytes.clone().into(), Value::Null),
        ArrivedContent::Stored(key) => (Value::Null, key.as_str().into()),
    };
    let digest = Value::from(arrived.digest.to_row());
    let made = tx
        .execute(
            sql("insert into blob (digest, size, bytes, storage_key, checksums, created_at, verified_at) \
                 values ($1, $2, $3, $4, $5, $6, $6) on conflict (digest) do nothing"),
            &[digest.clone(), length(arrived.size)?.into(), inline.clone(), key.clone(), arrived.checksums.clone().into(), now.into()],
        )
        .await?;
    if made == 1 {
        return Ok(());
    }
    let damaged = tx
        .first(
            sql("select storage_key from blob where digest = $1 and damage is not null"),
            std::slice::from_ref(&digest),
        )
        .await?;
    let Some(damaged) = damaged else {
        return match &arrived.content {
            ArrivedContent::Stored(key) => collect::bury(tx, key, 0).await,
            ArrivedContent::Inline(_) => Ok(()),
        };
    };
    tx.execute(
        sql("update blob set bytes = $2, storage_key = $3, checksums = $4, verified_at = $5, damage = null where digest = $1"),
        &[digest, inline, key, arrived.checksums.clone().into(), now.into()],
    )
    .await?;
    match damaged.optional(0, Row::parsed::<StorageKey>)? {
        Some(old) => collect::bury(tx, &old, collect::READ_SECONDS).await,
        None => Ok(()),
    }
}

/// Makes a blob a member of the repository, put there by this caller; returns whether it was one.
pub(super) async fn join(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    digest: &Digest,
) -> Result<bool, StoreError> {
    let now = tx.now();
    let key = [
        Value::from(leave.repository().id.as_str()),
        digest.to_row().into(),
    ];
    let [repository, row] = key.clone();
    let made = tx
        .execute(
            sql("insert into repository_blob (repository_id, digest, uploaded_by, created_at) values ($1, $2, $3, $4) \
                 on conflict (repository_id, digest) do nothing"),
            &[repository.clone(), row.clone(), actor(leave.principal()).into(), now.into()],
        )
        .await
        .map_err(raced)?;
    if made == 0 {
        let statement = sql(
            "update repository_blob set uploaded_by = $3 where repository_id = $1 and digest = $2 and uploaded_by <> $3",
        );
        tx.execute(
            statement,
            &[repository, row, actor(leave.principal()).into()],
        )
        .await?;
    }
    collect::review_member(tx, &leave.repository().id, digest).await?;
    Ok(made == 0)
}
