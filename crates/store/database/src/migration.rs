//! Migrations: numbered texts, each remembered by its checksum.
//!
//! All that are due run in one transaction, together with the rows that remember them: a start either brings the
//! database to this version or leaves it exactly as it was, so that the version before still opens it.

mod postgres;
mod sqlite;

pub(crate) use postgres::migrate as migrate_postgres;
pub(crate) use sqlite::migrate as migrate_sqlite;

use crate::error::OpenError;
use refloat_core::record::sha256;

/// One step from one version of the tables to the next.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its number: 1, 2, 3, without gaps.
    pub number: i64,
    /// A short name for messages.
    pub name: &'static str,
    /// Its statements for SQLite.
    pub sqlite: &'static str,
    /// Its statements for PostgreSQL.
    pub postgres: &'static str,
}

/// A migration that ran on a database, as the database remembers it.
struct Applied {
    number: i64,
    name: String,
    checksum: Vec<u8>,
}

/// The migrations that are still to run, or why this database is not for this program.
fn due<'m>(
    place: &str,
    applied: &[Applied],
    known: &'m [Migration],
    text: fn(&Migration) -> &'static str,
) -> Result<&'m [Migration], OpenError> {
    let newest = known.last().map_or(0, |migration| migration.number);
    if let Some(found) = applied
        .iter()
        .map(|applied| applied.number)
        .max()
        .filter(|found| *found > newest)
    {
        return Err(OpenError::Newer {
            place: place.to_owned(),
            found,
            known: newest,
        });
    }
    for (ran, migration) in applied.iter().zip(known) {
        if ran.number != migration.number || ran.checksum != sha256(text(migration).as_bytes()) {
            return Err(OpenError::Changed {
                place: place.to_owned(),
                number: ran.number,
                name: ran.name.clone(),
            });
        }
    }
    Ok(known.get(applied.len()..).unwrap_or_default())
}

fn failed(place: &str, migration: &Migration, reason: &dyn std::fmt::Display) -> OpenError {
    OpenError::MigrationFailed {
        place: place.to_owned(),
        number: migration.number,
        name: migration.name.to_owned(),
        reason: reason.to_string(),
    }
}
