//! Statements: parameters in, rows out, errors by what they mean.

use crate::error::StoreError;
use crate::tx::{Row, Value};
use refloat_core::Failure;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, ffi};

/// The names of parameters. SQLite numbers `$n` by first occurrence in the text, so each is bound by its name.
const NAMES: [&str; 24] = [
    "$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12", "$13", "$14", "$15",
    "$16", "$17", "$18", "$19", "$20", "$21", "$22", "$23", "$24",
];

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Runs a statement and reads all its rows.
pub(super) fn query(
    connection: &Connection,
    text: &str,
    parameters: &[Value],
) -> Result<Vec<Row>, StoreError> {
    let mut statement = prepare(connection, text, parameters)?;
    let columns = statement.column_count();
    let mut answer = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(|error| store_error(&error))? {
        let mut values = Vec::with_capacity(columns);
        for index in 0..columns {
            values.push(value(
                index,
                row.get_ref(index).map_err(|error| store_error(&error))?,
            )?);
        }
        answer.push(Row(values));
    }
    Ok(answer)
}

/// Runs a statement and counts the rows it changed.
pub(super) fn execute(
    connection: &Connection,
    text: &str,
    parameters: &[Value],
) -> Result<u64, StoreError> {
    let mut statement = prepare(connection, text, parameters)?;
    let changed = statement
        .raw_execute()
        .map_err(|error| store_error(&error))?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

fn prepare<'c>(
    connection: &'c Connection,
    text: &str,
    parameters: &[Value],
) -> Result<CachedStatement<'c>, StoreError> {
    let mut statement = connection
        .prepare_cached(text)
        .map_err(|error| store_error(&error))?;
    let wrong = |what: String| StoreError::terminal(format!("{what}: {text}"));
    if statement.parameter_count() != parameters.len() {
        let (used, given) = (statement.parameter_count(), parameters.len());
        return Err(wrong(format!(
            "a statement uses {used} parameters and was given {given}"
        )));
    }
    for (name, parameter) in NAMES.iter().zip(parameters) {
        let index = statement
            .parameter_index(name)
            .map_err(|error| store_error(&error))?;
        let index =
            index.ok_or_else(|| wrong(format!("a statement does not use its parameter {name}")))?;
        statement
            .raw_bind_parameter(index, parameter)
            .map_err(|error| store_error(&error))?;
    }
    Ok(statement)
}

fn value(index: usize, value: ValueRef<'_>) -> Result<Value, StoreError> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => {
            let text =
                std::str::from_utf8(text).map_err(|_| StoreError::column(index, "not UTF-8"))?;
            Value::Text(text.into())
        }
        ValueRef::Blob(bytes) => bytes.into(),
        ValueRef::Real(_) => return Err(StoreError::column(index, "a fraction")),
    })
}

/// An error of SQLite by its consequence (sqlite.org/rescode.html).
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    let text = error.to_string();
    let rusqlite::Error::SqliteFailure(cause, _) = error else {
        return StoreError::terminal(format!("the database refuses a statement: {text}"));
    };
    match (cause.code, cause.extended_code) {
        (ErrorCode::DiskFull, _) => {
            StoreError::Failed(Failure::Full(format!("the database: {text}")))
        }
        // Growing the index of the write-ahead log needs room too, and says so by codes of its own.
        (_, ffi::SQLITE_IOERR_SHMSIZE) => {
            StoreError::Failed(Failure::Full(format!("the database's log: {text}")))
        }
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => {
            StoreError::transient(format!("the database is busy: {text}"))
        }
        (_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => StoreError::ForeignKey(text),
        (
            _,
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID,
        ) => StoreError::Unique(text),
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::SystemIoFailure, _) => {
            StoreError::Failed(Failure::Damaged(format!("the database: {text}")))
        }
        _ => StoreError::terminal(format!("the database refuses a statement: {text}")),
    }
}
