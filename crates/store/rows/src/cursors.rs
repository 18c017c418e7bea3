//! Where each consumer of the log stands: the sequence it has dealt with.
//!
//! A consumer reads a page after its cursor, and in one transaction makes its jobs and advances. Two processes that run the same
//! consumer collide in [`advance`], and one of them is undone.

use refloat_core::Rejection;
use refloat_database::{StoreError, Tx, sql};

/// The sequence the consumer has dealt with; 0 for one that never ran.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn position(tx: &mut dyn Tx, consumer: &str) -> Result<i64, StoreError> {
    let row = tx
        .first(
            sql("select sequence from cursor where consumer = $1"),
            &[consumer.into()],
        )
        .await?;
    row.map_or(Ok(0), |row| row.int(0))
}

/// Moves the consumer from `from`, where it read, to `to`. Called in the transaction that makes its jobs.
///
/// # Errors
/// [`Rejection::Conflict`] if it does not stand at `from` any more: another process was faster, and nothing is to be done.
pub async fn advance(
    tx: &mut dyn Tx,
    consumer: &str,
    from: i64,
    to: i64,
) -> Result<(), StoreError> {
    let now = tx.now();
    let start = sql(
        "insert into cursor (consumer, sequence, updated_at) values ($1, 0, $2) on conflict (consumer) do nothing",
    );
    tx.execute(start, &[consumer.into(), now.into()]).await?;
    let text = sql(
        "update cursor set sequence = $3, updated_at = $4 where consumer = $1 and sequence = $2",
    );
    if tx
        .execute(text, &[consumer.into(), from.into(), to.into(), now.into()])
        .await?
        == 0
    {
        return Err(Rejection::Conflict(format!(
            "consumer `{consumer}` does not stand at {from} any more"
        ))
        .into());
    }
    refloat_fail::point("cursor.advanced")?;
    Ok(())
}
