//! A copy of the database as it is at one instant, while others read and write.

use super::connection::open_read_only;
use super::folder::sync_folder;
use super::statement::store_error;
use crate::error::StoreError;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::fs::File;
use std::path::Path;

/// Copies `from` to the new file `to`, which appears under its name only when it is whole and on the disk.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let world = |error: &dyn std::fmt::Display| {
        StoreError::terminal(format!("backup to {}: {error}", to.display()))
    };
    if to.exists() {
        return Err(world(&"the file exists already; name a new one"));
    }
    let partial = to.with_extension("partial");
    match std::fs::remove_file(&partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(world(&error)),
        _ => {}
    }
    if let Err(error) = pages(from, &partial) {
        let _ = std::fs::remove_file(&partial);
        return Err(error);
    }
    refloat_fail::point("backup.copied")?;
    let synced = File::open(&partial).and_then(|file| file.sync_all());
    synced
        .and_then(|()| std::fs::rename(&partial, to))
        .map_err(|error| world(&error))?;
    let folder = to
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    sync_folder(folder).map_err(|error| world(&error))
}

fn pages(from: &Path, to: &Path) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| store_error(&error);
    let source = open_read_only(from).map_err(failed)?;
    // The open snapshot keeps the copy from starting over with every commit of the writer.
    source
        .execute_batch("begin; select count(*) from sqlite_schema;")
        .map_err(failed)?;
    let mut target = Connection::open(to).map_err(failed)?;
    {
        let backup = Backup::new(&source, &mut target).map_err(failed)?;
        match backup.step(-1).map_err(failed)? {
            StepResult::Done => {}
            other => {
                return Err(StoreError::transient(format!(
                    "the backup stopped: {other:?}"
                )));
            }
        }
    }
    target.close().map_err(|(_, error)| failed(error))
}
