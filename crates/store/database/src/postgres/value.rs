//! Values in PostgreSQL's types, and its errors by what they mean.

use crate::error::StoreError;
use crate::tx::{Row, Value};
use bytes::{BufMut, BytesMut};
use refloat_core::Failure;
use std::error::Error;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Int(number) => match *kind {
                Type::INT8 => out.put_i64(*number),
                Type::INT4 => out.put_i32(i32::try_from(*number)?),
                Type::BOOL => out.put_u8(u8::from(*number != 0)),
                _ => return Err(format!("a number is given where {kind} is expected").into()),
            },
            Self::Text(text) if is_text(kind) => out.put_slice(text.as_bytes()),
            Self::Bytes(bytes) if *kind == Type::BYTEA => out.put_slice(bytes),
            Self::Text(_) => return Err(format!("text is given where {kind} is expected").into()),
            Self::Bytes(_) => {
                return Err(format!("bytes are given where {kind} is expected").into());
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        // Which value fits which type is decided when it is written: the types alone do not tell.
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *kind {
            Type::INT8 => Self::Int(i64::from_sql(kind, raw)?),
            Type::INT4 => Self::Int(i32::from_sql(kind, raw)?.into()),
            Type::BOOL => bool::from_sql(kind, raw)?.into(),
            Type::BYTEA => raw.into(),
            Type::VOID => Self::Null,
            _ if is_text(kind) => <&str>::from_sql(kind, raw)?.into(),
            _ => return Err(format!("a column is {kind}; cast it in the statement").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn is_text(kind: &Type) -> bool {
    [
        Type::TEXT,
        Type::VARCHAR,
        Type::NAME,
        Type::BPCHAR,
        Type::UNKNOWN,
    ]
    .contains(kind)
}

/// Reads the rows of an answer.
pub(super) fn rows(rows: &[tokio_postgres::Row]) -> Result<Vec<Row>, StoreError> {
    let row = |row: &tokio_postgres::Row| {
        let values = (0..row.len())
            .map(|index| row.try_get(index))
            .collect::<Result<_, _>>();
        values.map(Row).map_err(|error| store_error(&error))
    };
    rows.iter().map(row).collect()
}

/// Whether an error arose on our side of a connection that is still good.
pub(super) fn is_ours(error: &tokio_postgres::Error) -> bool {
    // A closed connection and an I/O error are the only ones without a code that come from outside.
    let io = error
        .source()
        .is_some_and(<dyn Error>::is::<std::io::Error>);
    !error.is_closed() && !io
}

/// An error of PostgreSQL by its consequence (its manual, appendix A).
pub(super) fn store_error(error: &tokio_postgres::Error) -> StoreError {
    let Some(told) = error.as_db_error() else {
        let text = error
            .source()
            .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        return if is_ours(error) {
            StoreError::terminal(format!("PostgreSQL: {text}"))
        } else {
            StoreError::transient(format!("the connection to PostgreSQL: {text}"))
        };
    };
    let code = told.code();
    let text = || format!("PostgreSQL: {} ({})", told.message(), code.code());
    let constraint = || told.constraint().unwrap_or(told.message()).to_owned();
    if [
        SqlState::FOREIGN_KEY_VIOLATION,
        SqlState::RESTRICT_VIOLATION,
    ]
    .contains(code)
    {
        StoreError::ForeignKey(constraint())
    } else if *code == SqlState::UNIQUE_VIOLATION {
        StoreError::Unique(constraint())
    } else if *code == SqlState::DISK_FULL {
        StoreError::Failed(Failure::Full(text()))
    } else if [
        SqlState::DATA_CORRUPTED,
        SqlState::INDEX_CORRUPTED,
        SqlState::IO_ERROR,
    ]
    .contains(code)
    {
        StoreError::Failed(Failure::Damaged(text()))
    } else if is_passing(code) {
        StoreError::transient(text())
    } else {
        StoreError::terminal(text())
    }
}

/// Connection exceptions (08), rollbacks because of others (40), lack of resources (53), locks not got (55P03), operator
/// intervention and timeouts (57), the session's own timeouts (25P03).
fn is_passing(code: &SqlState) -> bool {
    let code = code.code();
    ["08", "40", "53", "57"]
        .iter()
        .any(|class| code.starts_with(class))
        || ["55P03", "25P03"].contains(&code)
}
