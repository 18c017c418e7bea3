//! Every stored file is named exactly once by the rows, and every row that names one has it.
//!
//! ```text
//! upload.storage_key ┐
//! blob.storage_key   ├─ no key twice;  files ⊆ all of them;  blob ⊆ files
//! dead.storage_key   ┘
//! ```
//!
//! It looks at a copy of the database, made while no server runs: opening the real one would recover its write-ahead
//! log, and that is what the next start of the server has to show that it can.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rusqlite::Connection;

/// What every storage key begins with.
const KEY_PREFIX: &str = "blb_";

/// Characters of the ULID behind it.
const ULID_CHARACTERS: usize = 26;

/// The tables with storage keys.
pub const TABLES: [&str; 3] = ["upload", "blob", "dead"];

/// Which keys there are.
#[derive(Debug, Default)]
pub struct Reckoning {
    /// What cannot be.
    pub wrong: Vec<String>,
    /// Keys of blobs.
    pub blobs: usize,
    /// Files.
    pub files: usize,
}

/// Reckons the keys of the SQLite database and of the blobs in the data folder of a server that does not run.
pub fn reckon(data: &Path, blobs: Option<&Path>) -> Result<Reckoning> {
    let copy = tempfile::tempdir()?;
    for name in ["refloat.db", "refloat.db-wal"] {
        let from = data.join(name);
        if from.exists() {
            fs::copy(&from, copy.path().join(name))
                .with_context(|| format!("cannot copy {}", from.display()))?;
        }
    }
    let database = Connection::open(copy.path().join("refloat.db"))?;
    if !has_tables(&database)? {
        return Ok(Reckoning::default());
    }
    let mut rows = Vec::new();
    for table in TABLES {
        rows.extend(
            keys(&database, table)?
                .into_iter()
                .map(|key| (table.to_owned(), key)),
        );
    }
    let mut reckoning = compare(rows, blobs.unwrap_or(data))?;
    let figures = "select count(*), count(sequence), coalesce(max(sequence), 0) from record";
    let (count, numbered, last) = database.query_row(figures, [], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    reckoning.wrong.extend(gaps(count, numbered, last));
    Ok(reckoning)
}

/// What is wrong with a log of `count` records of which `numbered` have a number, the last one `last`.
pub fn gaps(count: i64, numbered: i64, last: i64) -> Option<String> {
    let dense = count == numbered && numbered == last;
    (!dense).then(|| {
        format!("the log is not dense: {count} records, {numbered} numbered, the last one {last}")
    })
}

/// Compares the keys of the rows, each with its table, with the files below `folder`.
pub fn compare(rows: Vec<(String, String)>, folder: &Path) -> Result<Reckoning> {
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    let mut reckoning = Reckoning::default();
    for (table, key) in rows {
        if let Some(other) = named.insert(key.clone(), table.clone()) {
            reckoning
                .wrong
                .push(format!("key {key} is named by {other} and by {table}"));
        }
    }
    let mut files = BTreeSet::new();
    collect(folder, &mut files)?;
    reckoning.files = files.len();
    for file in &files {
        if !named.contains_key(file) {
            reckoning
                .wrong
                .push(format!("file {file} is named by no row"));
        }
    }
    for (key, table) in &named {
        reckoning.blobs += usize::from(table == "blob");
        if table == "blob" && !files.contains(key) {
            reckoning
                .wrong
                .push(format!("blob row without its file {key}"));
        }
    }
    Ok(reckoning)
}

fn has_tables(database: &Connection) -> Result<bool> {
    let count = "select count(*) from sqlite_master where type = 'table' and name in ('upload', 'blob', 'dead')";
    Ok(database.query_row(count, [], |row| row.get::<_, i64>(0))? == 3)
}

fn keys(database: &Connection, table: &str) -> Result<Vec<String>> {
    let text = format!("select storage_key from {table} where storage_key is not null");
    let mut statement = database.prepare(&text)?;
    let keys = statement.query_map([], |row| row.get::<_, String>(0))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// Files whose name is a storage key, wherever they lie.
fn collect(folder: &Path, files: &mut BTreeSet<String>) -> Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let key = name.strip_prefix(KEY_PREFIX).unwrap_or_default();
        let is_key =
            key.len() == ULID_CHARACTERS && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_key {
            files.insert(name);
        }
    }
    Ok(())
}
