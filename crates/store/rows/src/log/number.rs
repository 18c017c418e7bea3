//! Numbering on PostgreSQL: committed records get their sequence and their place in the chain, in batches.
//!
//! Any process may do it; one at a time does, under an advisory lock that ends with the transaction. A holder that is stopped in
//! its middle is thrown out by the server after 5 s, and whoever comes next begins with the same batch.

use super::append::last_numbered;
use super::row::recorded;
use crate::Store;
use refloat_database::{Dialect, StoreError, Tx, sql};
use std::fmt::Write as _;

/// The advisory lock of numbering; the number is ours alone by being arbitrary.
const LOCK: i64 = 7_298_350_147_264;
/// Records numbered in one transaction.
const BATCH_MAX: i64 = 500;

/// Numbers one batch of committed records and returns how many. 0 says that none waited, or that another process is at it.
/// On SQLite, where records are numbered as they are appended, always 0.
///
/// # Errors
/// A [`StoreError`] of the database; the next call begins with the same records.
pub async fn number(store: &Store) -> Result<usize, StoreError> {
    match store.database().dialect() {
        Dialect::Sqlite => Ok(0),
        Dialect::Postgres => store.write(|tx| Box::pin(batch(tx))).await,
    }
}

async fn batch(tx: &mut dyn Tx) -> Result<usize, StoreError> {
    let lock = sql("select pg_try_advisory_xact_lock($1)");
    let held = tx.first(lock, &[LOCK.into()]).await?;
    if !held
        .ok_or_else(|| StoreError::column(0, "missing"))?
        .flag(0)?
    {
        return Ok(0);
    }
    // A statement of its own, so that it sees what the holder before has committed.
    let mut last = last_numbered(tx).await?;
    let text = sql(
        "select coalesce(sequence, 0), id, project_id, stream, stream_version, at, actor, causes, cascade, origin, null::bytea, \
         body_hash, personal_hash, previous, hash from record where sequence is null order by at, id limit $1",
    );
    let rows = tx.query(text, &[BATCH_MAX.into()]).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    refloat_fail::point("number.before")?;
    let mut numbered = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut record = recorded(row)?;
        record.sequence = last.sequence + 1;
        record.previous = last.hash;
        record.hash = record.computed_hash();
        numbered.push(serde_json::json!({
            "id": record.id,
            "sequence": record.sequence,
            "previous": hex(&record.previous),
            "hash": hex(&record.hash),
        }));
        last.sequence = record.sequence;
        last.hash = record.hash;
    }
    // One statement for the batch: the holder's time is the time of all.
    let text = sql(
        "update record set sequence = v.sequence, previous = decode(v.previous, 'hex'), hash = decode(v.hash, 'hex') \
         from json_to_recordset($1::text::json) as v (id text, sequence bigint, previous text, hash text) \
         where record.id = v.id and record.sequence is null",
    );
    let changed = tx
        .execute(
            text,
            &[serde_json::Value::from(numbered).to_string().into()],
        )
        .await?;
    assert_eq!(
        changed,
        rows.len() as u64,
        "under the lock nobody else numbers"
    );
    refloat_fail::point("number.after")?;
    Ok(rows.len())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
