//! What a run's builder said, kept after its folder is gone.

use refloat_core::RunId;
use refloat_database::{StoreError, Tx, sql};

/// The most bytes of one run's log that are kept; what is longer loses its end.
pub const LOG_KEPT_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Keeps `bytes` that begin at `position` of the builder's log, and notes how far it was read. Parts come in order.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn append_log(
    tx: &mut dyn Tx,
    run: &RunId,
    position: u64,
    bytes: &[u8],
) -> Result<(), StoreError> {
    if bytes.is_empty() {
        return Ok(());
    }
    let room = usize::try_from(LOG_KEPT_MAX_BYTES.saturating_sub(position)).unwrap_or(0);
    let kept = &bytes[..bytes.len().min(room)];
    if !kept.is_empty() {
        tx.execute(
            sql("insert into run_log (run_id, position, bytes) values ($1, $2, $3) on conflict (run_id, position) do nothing"),
            &[run.as_str().into(), number(position).into(), kept.into()],
        )
        .await?;
    }
    let read = position + bytes.len() as u64;
    tx.execute(
        sql("update run set log_bytes = $2 where id = $1 and log_bytes < $2"),
        &[run.as_str().into(), number(read).into()],
    )
    .await
    .map(drop)
}

/// At most `limit` parts of the log from the byte `from` on.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn read_log(
    tx: &mut dyn Tx,
    run: &RunId,
    from: u64,
    limit: i64,
) -> Result<Vec<u8>, StoreError> {
    // The part that `from` lies in may begin before it.
    let rows = tx
        .query(
            sql("select position, bytes from run_log where run_id = $1 and position >= \
                 (select coalesce(max(position), 0) from run_log where run_id = $1 and position <= $2) \
                 order by position limit $3"),
            &[run.as_str().into(), number(from).into(), limit.into()],
        )
        .await?;
    let mut found = Vec::new();
    for row in &rows {
        let position = u64::try_from(row.int(0)?).unwrap_or(0);
        let bytes = row.bytes(1)?;
        let skip = usize::try_from(from.saturating_sub(position)).unwrap_or(usize::MAX);
        found.extend_from_slice(bytes.get(skip..).unwrap_or_default());
    }
    Ok(found)
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
