//! The log along its causes: forwards to what a record led to, and from a digest to the records that brought it.
//! Both indexes are written with the record.

use super::read::PAGE_MAX;
use super::row::{columns, recorded};
use refloat_core::{NewRecord, RecordId, Recorded, Stream};
use refloat_database::{StoreError, Tx, sql};
use refloat_oci::Digest;

/// Writes what a new record was caused by, and what it brings.
pub(super) async fn index(
    tx: &mut dyn Tx,
    id: &RecordId,
    record: &NewRecord,
) -> Result<(), StoreError> {
    for cause in &record.causes {
        tx.execute(
            sql("insert into record_cause (cause, record_id) values ($1, $2) on conflict do nothing"),
            &[cause.as_str().into(), id.as_str().into()],
        )
        .await?;
    }
    for digest in record.event.brings() {
        tx.execute(
            sql("insert into record_digest (digest, record_id) values ($1, $2) on conflict do nothing"),
            &[digest.to_row().into(), id.as_str().into()],
        )
        .await?;
    }
    Ok(())
}

/// The numbered records that this one led to, oldest first, at most [`PAGE_MAX`] of them.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn effects(tx: &mut dyn Tx, cause: &RecordId) -> Result<Vec<Recorded>, StoreError> {
    let text = sql(concat!(
        "select ",
        columns!(),
        " from record where id in (select record_id from record_cause where cause = $1) and sequence is not null \
         order by sequence limit $2"
    ));
    let rows = tx
        .query(text, &[cause.as_str().into(), PAGE_MAX.into()])
        .await?;
    rows.iter().map(recorded).collect()
}

/// The numbered records that brought a digest, newest first, at most [`PAGE_MAX`] of them.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn bringers(tx: &mut dyn Tx, digest: &Digest) -> Result<Vec<Recorded>, StoreError> {
    let text = sql(concat!(
        "select ",
        columns!(),
        " from record where id in (select record_id from record_digest where digest = $1) and sequence is not null \
         order by sequence desc limit $2"
    ));
    let rows = tx
        .query(text, &[digest.to_row().into(), PAGE_MAX.into()])
        .await?;
    rows.iter().map(recorded).collect()
}

/// The newest numbered record of one type in a stream.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn newest_of_stream(
    tx: &mut dyn Tx,
    stream: &Stream,
    kind: &str,
) -> Result<Option<Recorded>, StoreError> {
    let text = sql(concat!(
        "select ",
        columns!(),
        " from record where stream = $1 and type = $2 and sequence is not null order by stream_version desc limit 1"
    ));
    let row = tx
        .first(text, &[stream.as_str().into(), kind.into()])
        .await?;
    row.as_ref().map(recorded).transpose()
}

/// What people call an actor: the account's name, or the word itself (`system`, `anonymous`, an account that is gone).
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn actor_name(tx: &mut dyn Tx, actor: &str) -> Result<String, StoreError> {
    let row = tx
        .first(
            sql("select name from principal where id = $1"),
            &[actor.into()],
        )
        .await?;
    row.map_or_else(|| Ok(actor.to_owned()), |row| Ok(row.text(0)?.to_owned()))
}
