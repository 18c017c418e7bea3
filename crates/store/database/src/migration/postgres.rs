//! Migrations on PostgreSQL: under an advisory lock, in one transaction. Other processes that start meanwhile wait for it.

use super::{Applied, Migration, due, failed};
use crate::error::{OpenError, StoreError};
use deadpool_postgres::Object;
use refloat_core::record::sha256;
use tokio_postgres::{Error, Transaction};

/// The advisory lock of migrations; the number is ours alone by being arbitrary.
const LOCK: &str = "set local lock_timeout = 0; set local statement_timeout = 0; select pg_advisory_xact_lock(7298350147263)";

/// Brings the database to the newest migration.
pub(crate) async fn migrate(
    client: &mut Object,
    place: &str,
    migrations: &[Migration],
) -> Result<(), OpenError> {
    let other = |error: Error| OpenError::Store {
        place: place.to_owned(),
        source: StoreError::terminal(text(&error)),
    };
    // Dropped without a commit, the transaction rolls back.
    let transaction = client.transaction().await.map_err(other)?;
    transaction.batch_execute(LOCK).await.map_err(other)?;
    let applied = applied(&transaction).await.map_err(other)?;
    let due = due(place, &applied, migrations, |migration| migration.postgres)?;
    if due.is_empty() {
        return transaction.rollback().await.map_err(other);
    }
    let table = "create table if not exists migration (number bigint primary key, name text collate \"C\" not null, \
                 checksum bytea not null, applied_at bigint not null)";
    transaction.batch_execute(table).await.map_err(other)?;
    for migration in due {
        let wrong = |error: Error| failed(place, migration, &text(&error));
        transaction
            .batch_execute(migration.postgres)
            .await
            .map_err(wrong)?;
        let row = "insert into migration (number, name, checksum, applied_at) \
                   values ($1, $2, $3, (extract(epoch from clock_timestamp()) * 1000000)::bigint)";
        let checksum = sha256(migration.postgres.as_bytes());
        transaction
            .execute(row, &[&migration.number, &migration.name, &checksum])
            .await
            .map_err(wrong)?;
        refloat_fail::point("migrate.step").map_err(|error| failed(place, migration, &error))?;
    }
    transaction.commit().await.map_err(other)
}

async fn applied(transaction: &Transaction<'_>) -> Result<Vec<Applied>, Error> {
    let present = transaction
        .query_one("select to_regclass('public.migration') is not null", &[])
        .await?;
    if !present.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let rows = transaction
        .query(
            "select number, name, checksum from migration order by number",
            &[],
        )
        .await?;
    let applied = rows.iter().map(|row| Applied {
        number: row.get(0),
        name: row.get(1),
        checksum: row.get(2),
    });
    Ok(applied.collect())
}

/// The library's own text leaves out what the database said.
fn text(error: &Error) -> String {
    error.as_db_error().map_or_else(
        || error.to_string(),
        |told| format!("{} ({})", told.message(), told.code().code()),
    )
}
