//! Uploads: rows of blob writes in progress, and how a blob becomes a member of a repository.
//!
//! ```text
//!   begin ──► upload row (storage key) ── advance.. ──► finish ──► blob row has the key, or `dead` has it
//!                        └── cancel, expiry ────────────────────► `dead` has it
//! ```
//! As long as an upload is short its bytes lie in its row ([`hold`]), and nothing lies under its key.
//! A key is named by at most one row: the upload's, then the blob's or the dead one's. An upload belongs to a
//! repository and to who began it; to anybody else it does not exist.

mod finish;
mod mount;

pub use finish::{Arrived, ArrivedContent, INLINE_MAX_BYTES, finish, store};
pub use mount::mount;

use crate::access::{Authorized, Push, actor};
use crate::fresh;
use bytes::Bytes;
use refloat_core::registry::{UploadView, decide_advance};
use refloat_core::{Rejection, StorageKey, Timestamp, UploadId};
use refloat_database::{Row, StoreError, Tx, Value, sql};
use refloat_oci::Algorithm;
use std::ops::Range;

/// How long an upload waits for its next bytes, in seconds.
pub const UPLOAD_SECONDS: i64 = 24 * 3600;
/// The most uploads that one actor has in progress in one repository.
const UPLOADS_MAX: i64 = 1000;

/// An upload in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRow {
    /// Its id.
    pub id: UploadId,
    /// Where its bytes go.
    pub storage_key: StorageKey,
    /// What its digest will probably be computed with.
    pub algorithm: Algorithm,
    /// Bytes that are acknowledged and on disk.
    pub received: u64,
    /// These bytes, if they are in the row and not under the key.
    pub held: Option<Bytes>,
    /// When it is given up, unless it goes on.
    pub expires_at: Timestamp,
}

/// Begins an upload.
///
/// # Errors
/// [`Rejection::TooMany`] if the caller has too many uploads in progress here.
pub async fn begin(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    algorithm: Algorithm,
) -> Result<UploadRow, StoreError> {
    let now = tx.now();
    let repository = leave.repository().id.as_str();
    let who = actor(leave.principal());
    let count = tx
        .first(
            sql("select count(*) from (select 1 as one from upload where repository_id = $1 and actor = $2 limit $3) as open"),
            &[repository.into(), who.as_str().into(), UPLOADS_MAX.into()],
        )
        .await?;
    if count.map_or(Ok(0), |row| row.int(0))? >= UPLOADS_MAX {
        return Err(Rejection::TooMany(format!(
            "{UPLOADS_MAX} uploads are in progress; finish or cancel some"
        ))
        .into());
    }
    let row = UploadRow {
        id: UploadId::from_ulid(fresh::ulid(now)?),
        storage_key: StorageKey::from_ulid(fresh::ulid(now)?),
        algorithm,
        received: 0,
        held: None,
        expires_at: now.plus_seconds(UPLOAD_SECONDS),
    };
    tx.execute(
        sql("insert into upload (id, repository_id, actor, storage_key, algorithm, received, created_at, expires_at) \
             values ($1, $2, $3, $4, $5, 0, $6, $7)"),
        &[
            row.id.as_str().into(),
            repository.into(),
            who.into(),
            row.storage_key.as_str().into(),
            algorithm.name().into(),
            now.into(),
            row.expires_at.into(),
        ],
    )
    .await?;
    Ok(row)
}

/// Where an upload of this caller stands.
///
/// # Errors
/// [`Rejection::UploadUnknown`], also for another repository's or another caller's.
pub async fn status(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    id: &UploadId,
) -> Result<UploadRow, StoreError> {
    let row = tx
        .first(
            sql("select id, storage_key, algorithm, received, held, expires_at from upload where id = $1 and repository_id = $2 and actor = $3"),
            &[id.as_str().into(), leave.repository().id.as_str().into(), actor(leave.principal()).into()],
        )
        .await?;
    upload(&row.ok_or_else(|| unknown(id))?)
}

/// Lets one writer at a time at an upload, between processes: for `seconds`, or until [`release`]. The same `owner`
/// may take it again.
///
/// # Errors
/// [`Rejection::UploadUnknown`]; [`Rejection::Conflict`] while another owner has it.
pub async fn lease(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    id: &UploadId,
    owner: &str,
    seconds: i64,
) -> Result<UploadRow, StoreError> {
    let found = status(tx, leave, id).await?;
    let now = tx.now();
    let taken = tx
        .execute(
            sql("update upload set lease_owner = $2, lease_until = $3 \
                 where id = $1 and (lease_owner is null or lease_owner = $2 or lease_until <= $4)"),
            &[
                id.as_str().into(),
                owner.into(),
                now.plus_seconds(seconds).into(),
                now.into(),
            ],
        )
        .await?;
    if taken == 0 {
        return Err(Rejection::Conflict(format!(
            "upload `{id}` is being written by another request"
        ))
        .into());
    }
    Ok(found)
}

/// Ends the lease of `owner`, if it has it.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn release(tx: &mut dyn Tx, id: &UploadId, owner: &str) -> Result<(), StoreError> {
    let statement = sql(
        "update upload set lease_owner = null, lease_until = null where id = $1 and lease_owner = $2",
    );
    tx.execute(statement, &[id.as_str().into(), owner.into()])
        .await
        .map(drop)
}

/// Acknowledges the bytes from `from` to `to`, which are on disk; the upload lives on.
///
/// # Errors
/// [`Rejection::UploadUnknown`]; [`Rejection::RangeInvalid`] if they do not continue it.
pub async fn advance(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    id: &UploadId,
    from: u64,
    to: u64,
) -> Result<UploadRow, StoreError> {
    go_on(tx, leave, id, from..to, None).await
}

/// The same for bytes that come to lie in the row itself: `held` is the whole upload, of which the first `from` bytes
/// are acknowledged already.
///
/// # Errors
/// As [`advance`]; [`Rejection::SizeInvalid`] for more than [`INLINE_MAX_BYTES`].
pub async fn hold(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    id: &UploadId,
    from: u64,
    held: &Bytes,
) -> Result<UploadRow, StoreError> {
    let to = held.len() as u64;
    if to > INLINE_MAX_BYTES {
        return Err(Rejection::SizeInvalid(format!("{to} bytes are too many for a row")).into());
    }
    go_on(tx, leave, id, from..to, Some(held.clone())).await
}

async fn go_on(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    id: &UploadId,
    Range {
        start: from,
        end: to,
    }: Range<u64>,
    held: Option<Bytes>,
) -> Result<UploadRow, StoreError> {
    let found = status(tx, leave, id).await?;
    let next = decide_advance(
        UploadView {
            received: found.received,
        },
        from,
        to,
    )?;
    let expires_at = tx.now().plus_seconds(UPLOAD_SECONDS);
    let moved = tx
        .execute(
            sql("update upload set received = $2, expires_at = $3, held = $5 where id = $1 and received = $4"),
            &[
                id.as_str().into(),
                bytes(next.received)?.into(),
                expires_at.into(),
                bytes(from)?.into(),
                held.clone().map_or(Value::Null, Value::from),
            ],
        )
        .await?;
    if moved == 0 {
        return Err(StoreError::Conflict);
    }
    Ok(UploadRow {
        received: next.received,
        held,
        expires_at,
        ..found
    })
}

/// Gives an upload up; its bytes go.
///
/// # Errors
/// [`Rejection::UploadUnknown`].
pub async fn cancel(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    id: &UploadId,
) -> Result<(), StoreError> {
    let found = status(tx, leave, id).await?;
    end(tx, id).await?;
    crate::collect::bury(tx, &found.storage_key, 0).await
}

/// Forgets every upload in progress: after a restore, since a backup has whole blobs only.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn forget_all(tx: &mut dyn Tx) -> Result<u64, StoreError> {
    tx.execute(sql("delete from upload"), &[]).await
}

/// Removes the row; nobody else may have ended it meanwhile.
async fn end(tx: &mut dyn Tx, id: &UploadId) -> Result<(), StoreError> {
    let gone = tx
        .execute(
            sql("delete from upload where id = $1"),
            &[id.as_str().into()],
        )
        .await?;
    if gone == 0 {
        Err(StoreError::Conflict)
    } else {
        Ok(())
    }
}

fn upload(row: &Row) -> Result<UploadRow, StoreError> {
    Ok(UploadRow {
        id: row.parsed(0)?,
        storage_key: row.parsed(1)?,
        algorithm: row.parsed(2)?,
        received: row.unsigned(3)?,
        held: row.optional(4, Row::bytes)?,
        expires_at: row.instant(5)?,
    })
}

fn unknown(id: &UploadId) -> Rejection {
    Rejection::UploadUnknown(id.to_string())
}

/// A length as a parameter.
fn bytes(length: u64) -> Result<i64, StoreError> {
    i64::try_from(length)
        .map_err(|_| Rejection::SizeInvalid(format!("{length} bytes are too many")).into())
}
