//! Connections and their settings, the same on every one of them.

use super::statement::store_error;
use crate::error::{OpenError, StoreError};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// Older versions can lose a commit when a WAL is reset while a checkpoint runs.
const VERSION_MIN: (i32, &str) = (3_051_003, "3.51.3");
/// Statements kept prepared per connection.
const STATEMENTS_KEPT: usize = 256;

/// Refuses an SQLite that is too old.
pub(super) fn check_version() -> Result<(), OpenError> {
    accept_version(rusqlite::version_number(), rusqlite::version())
}

fn accept_version(number: i32, text: &str) -> Result<(), OpenError> {
    if number >= VERSION_MIN.0 {
        return Ok(());
    }
    Err(OpenError::SqliteTooOld {
        found: text.to_owned(),
        needed: VERSION_MIN.1,
    })
}

/// Opens the one connection that writes, and makes what an earlier process left in the log file durable.
pub(super) fn open_writer(file: &Path) -> Result<Connection, OpenError> {
    let opened = open(
        file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    )
    .and_then(|connection| {
        configure(
            &connection,
            "pragma journal_mode=wal; pragma cache_size=-16000;",
        )?;
        // A process that died of a failed fsync may have left frames in the log that the kernel shows and the disk does not have.
        // Written on, a commit acknowledged now would follow them and vanish with them in a power cut. So they are moved into the
        // database and synced there, and the log starts anew, before anything is acknowledged (see writer.rs).
        configure(&connection, "pragma wal_checkpoint(truncate);")?;
        Ok(connection)
    });
    opened.map_err(|error| refused(file, &error))
}

/// Opens a connection that only reads.
pub(super) fn open_reader(file: &Path) -> Result<Connection, OpenError> {
    open_read_only(file).map_err(|error| refused(file, &error))
}

pub(super) fn open_read_only(file: &Path) -> rusqlite::Result<Connection> {
    let connection = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    configure(
        &connection,
        "pragma cache_size=-4000; pragma query_only=on;",
    )?;
    Ok(connection)
}

fn open(file: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // mmap_size=0: an I/O error on a mapped page is a SIGBUS, on a read it is an error.
    // temp_store=memory: sorting never fails because /tmp is full.
    // wal_autocheckpoint=0: the writer checkpoints after it has answered, where errors are seen (writer.rs).
    configure(
        &connection,
        "pragma busy_timeout=5000; pragma synchronous=full; pragma foreign_keys=on; pragma mmap_size=0; \
         pragma temp_store=memory; pragma journal_size_limit=67108864; pragma wal_autocheckpoint=0; \
         pragma trusted_schema=off; pragma cell_size_check=on;",
    )?;
    Ok(connection)
}

/// Runs pragmas, of which some answer with a row.
fn configure(connection: &Connection, pragmas: &str) -> rusqlite::Result<()> {
    for pragma in pragmas
        .split(';')
        .map(str::trim)
        .filter(|pragma| !pragma.is_empty())
    {
        let mut statement = connection.prepare(pragma)?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
    }
    Ok(())
}

fn refused(file: &Path, error: &rusqlite::Error) -> OpenError {
    let source: StoreError = store_error(error);
    OpenError::Store {
        place: file.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_sqlite_is_new_enough() {
        check_version().expect("the version this is built with");
        let refused = accept_version(3_051_002, "3.51.2")
            .expect_err("too old")
            .to_string();
        assert_eq!(
            refused,
            "SQLite 3.51.2 is too old; 3.51.3 or newer is needed"
        );
    }

    #[test]
    fn every_connection_has_the_settings() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.db");
        let writer = open_writer(&file).expect("a writer");
        let reader = open_reader(&file).expect("a reader");
        let expected = [
            ("journal_mode", "wal"),
            ("synchronous", "2"),
            ("foreign_keys", "1"),
            ("busy_timeout", "5000"),
            ("mmap_size", "0"),
            ("wal_autocheckpoint", "0"),
        ];
        for (name, value) in expected {
            for connection in [&writer, &reader] {
                let read = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
                let found = connection
                    .query_row(&format!("pragma {name}"), [], read)
                    .expect("a setting");
                let found = match found {
                    rusqlite::types::Value::Integer(number) => number.to_string(),
                    rusqlite::types::Value::Text(text) => text,
                    other => format!("{other:?}"),
                };
                assert_eq!(found, value, "{name}");
            }
        }
        reader
            .execute_batch("create table t (x)")
            .expect_err("a reader does not write");
    }
}
