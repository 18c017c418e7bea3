//! Migrations on SQLite: under the folder's lock, in one exclusive transaction.

use super::{Applied, Migration, due, failed};
use crate::clock::Clock;
use crate::error::{OpenError, StoreError};
use refloat_core::record::sha256;
use rusqlite::Connection;
use std::path::Path;

/// Brings the database to the newest migration.
pub(crate) fn migrate(
    connection: &mut Connection,
    file: &Path,
    migrations: &[Migration],
    clock: &Clock,
) -> Result<(), OpenError> {
    let place = file.display().to_string();
    let other = |error: rusqlite::Error| OpenError::Store {
        place: place.clone(),
        source: StoreError::terminal(error.to_string()),
    };
    let due = due(
        &place,
        &applied(connection).map_err(other)?,
        migrations,
        |migration| migration.sqlite,
    )?;
    if due.is_empty() {
        return Ok(());
    }
    // Dropped without a commit, the transaction rolls back.
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Exclusive)
        .map_err(other)?;
    transaction
        .execute_batch(
            "create table if not exists migration (number integer primary key, name text not null, checksum blob not null, \
             applied_at integer not null) strict",
        )
        .map_err(other)?;
    for migration in due {
        let wrong = |error: &dyn std::fmt::Display| failed(&place, migration, error);
        transaction
            .execute_batch(migration.sqlite)
            .map_err(|error| wrong(&error))?;
        transaction
            .execute(
                "insert into migration (number, name, checksum, applied_at) values (?1, ?2, ?3, ?4)",
                (migration.number, migration.name, sha256(migration.sqlite.as_bytes()), clock.system().micros()),
            )
            .map_err(|error| wrong(&error))?;
        refloat_fail::point("migrate.step").map_err(|error| wrong(&error))?;
    }
    transaction.commit().map_err(other)
}

fn applied(connection: &Connection) -> rusqlite::Result<Vec<Applied>> {
    let present = "select count(*) from sqlite_schema where type = 'table' and name = 'migration'";
    if connection.query_row(present, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(Vec::new());
    }
    let mut statement =
        connection.prepare("select number, name, checksum from migration order by number")?;
    let rows = statement.query_map([], |row| {
        Ok(Applied {
            number: row.get(0)?,
            name: row.get(1)?,
            checksum: row.get(2)?,
        })
    })?;
    rows.collect()
}
