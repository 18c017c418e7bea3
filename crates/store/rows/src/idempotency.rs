//! Answers kept by `Idempotency-Key` for 24 hours, so that who sends a request again is told the same. They are kept
//! after the request was carried out: what a kill between the two leaves is carried out again, and is safe to.

use bytes::Bytes;
use refloat_core::Rejection;
use refloat_database::{StoreError, Tx, sql};

/// How long an answer is kept, in seconds.
pub const KEPT_SECONDS: i64 = 24 * 3600;
/// The longest key in bytes.
pub const KEY_MAX_BYTES: usize = 255;

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// The answer that `actor` was given under `key`, if the request was the same.
///
/// # Errors
/// [`Rejection::Conflict`] if it was another request, [`Rejection::Invalid`] for a key that cannot be.
pub async fn find(
    tx: &mut dyn Tx,
    actor: &str,
    key: &str,
    request_hash: &[u8],
) -> Result<Option<KeptAnswer>, StoreError> {
    if key.is_empty() || key.len() > KEY_MAX_BYTES {
        return Err(Rejection::Invalid(format!(
            "an idempotency key has 1 to {KEY_MAX_BYTES} bytes"
        ))
        .into());
    }
    let since = tx.now().plus_seconds(-KEPT_SECONDS);
    let row = tx
        .first(
            sql("select request_hash, status, body from idempotency where actor = $1 and key = $2 and created_at > $3"),
            &[actor.into(), key.into(), since.into()],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    if row.bytes(0)?.as_ref() != request_hash {
        return Err(Rejection::Conflict(
            "this idempotency key was used for another request".to_owned(),
        )
        .into());
    }
    let status = u16::try_from(row.int(1)?).map_err(|_| StoreError::column(1, "not a status"))?;
    Ok(Some(KeptAnswer {
        status,
        body: row.bytes(2)?,
    }))
}

/// Keeps an answer. Of two requests at once one fails with a conflict, runs again and finds the other's answer.
///
/// # Errors
/// [`StoreError::Conflict`] if another transaction kept one.
pub async fn keep(
    tx: &mut dyn Tx,
    actor: &str,
    key: &str,
    request_hash: &[u8],
    answer: &KeptAnswer,
) -> Result<(), StoreError> {
    let now = tx.now();
    let since = now.plus_seconds(-KEPT_SECONDS);
    tx.execute(
        sql("delete from idempotency where actor = $1 and key = $2 and created_at <= $3"),
        &[actor.into(), key.into(), since.into()],
    )
    .await?;
    let kept = tx
        .execute(
            sql("insert into idempotency (actor, key, request_hash, status, body, created_at) values ($1, $2, $3, $4, $5, $6) on conflict do nothing"),
            &[
                actor.into(),
                key.into(),
                request_hash.into(),
                i64::from(answer.status).into(),
                answer.body.clone().into(),
                now.into(),
            ],
        )
        .await?;
    if kept == 0 {
        Err(StoreError::Conflict)
    } else {
        Ok(())
    }
}

/// Forgets answers that are too old, at most `at_most`; returns how many.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn expire(tx: &mut dyn Tx, at_most: usize) -> Result<u64, StoreError> {
    let since = tx.now().plus_seconds(-KEPT_SECONDS);
    tx.execute(
        sql("delete from idempotency where (actor, key) in \
             (select actor, key from idempotency where created_at <= $1 order by created_at limit $2)"),
        &[since.into(), crate::registry::limit(at_most)],
    )
    .await
}
