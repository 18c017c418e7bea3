//! Dead keys: no row names them and none ever will. Their bytes go, then they are forgotten.

use crate::lists::{text_list, texts};
use crate::registry::limit;
use refloat_core::StorageKey;
use refloat_database::{StoreError, Tx, sql};

/// Gives a key up, which no row names from this transaction on; its bytes go after `seconds`.
pub(crate) async fn bury(
    tx: &mut dyn Tx,
    key: &StorageKey,
    seconds: i64,
) -> Result<(), StoreError> {
    let not_before = tx.now().plus_seconds(seconds);
    tx.execute(
        sql("insert into dead (storage_key, not_before) values ($1, $2) on conflict (storage_key) do nothing"),
        &[key.as_str().into(), not_before.into()],
    )
    .await
    .map(drop)
}

/// Keys whose bytes may go now, the oldest first.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn due_dead(tx: &mut dyn Tx, at_most: usize) -> Result<Vec<StorageKey>, StoreError> {
    let now = tx.now();
    let rows = tx
        .query(
            sql("select storage_key from dead where not_before <= $1 order by not_before, storage_key limit $2"),
            &[now.into(), limit(at_most)],
        )
        .await?;
    rows.iter().map(|row| row.parsed(0)).collect()
}

/// Forgets keys whose bytes are gone.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn forget_dead(tx: &mut dyn Tx, keys: &[StorageKey]) -> Result<(), StoreError> {
    let keys = texts(keys.iter().map(StorageKey::as_str));
    tx.execute(
        text_list!("delete from dead where storage_key in ", "$1", ""),
        &[keys],
    )
    .await
    .map(drop)
}
