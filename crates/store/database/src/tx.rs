//! The transaction that operations are written against.

use crate::StoreError;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use refloat_core::Timestamp;
use std::sync::Arc;

/// Which database answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite in the data folder.
    Sqlite,
    /// PostgreSQL, shared by several processes.
    Postgres,
}

/// A statement; two texts only where the dialects differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sql {
    /// The text for SQLite.
    pub sqlite: &'static str,
    /// The text for PostgreSQL.
    pub postgres: &'static str,
}

/// One text for both dialects.
pub const fn sql(text: &'static str) -> Sql {
    Sql {
        sqlite: text,
        postgres: text,
    }
}

/// A parameter or a column. Booleans are 0 and 1, instants microseconds, digests bytes, JSON text.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL's null.
    Null,
    /// A whole number.
    Int(i64),
    /// Text.
    Text(Arc<str>),
    /// Bytes.
    Bytes(Bytes),
}

macro_rules! value_from {
    ($($from:ty, $name:ident => $value:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($name: $from) -> Self { $value }
        }
    )*};
}

value_from! {
    i64, number => Self::Int(number);
    bool, flag => Self::Int(i64::from(flag));
    &str, text => Self::Text(text.into());
    String, text => Self::Text(text.into());
    &String, text => Self::Text(text.as_str().into());
    Vec<u8>, bytes => Self::Bytes(bytes.into());
    &[u8], bytes => Self::Bytes(Bytes::copy_from_slice(bytes));
    Bytes, bytes => Self::Bytes(bytes);
    Timestamp, instant => Self::Int(instant.micros());
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row of an answer, columns in the order of the statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub Vec<Value>);

impl Row {
    fn column(&self, index: usize) -> Result<&Value, StoreError> {
        self.0
            .get(index)
            .ok_or_else(|| StoreError::column(index, "missing"))
    }

    /// Column `index` as a number.
    pub fn int(&self, index: usize) -> Result<i64, StoreError> {
        match self.column(index)? {
            Value::Int(number) => Ok(*number),
            _ => Err(StoreError::column(index, "not a number")),
        }
    }

    /// Column `index` as a length or count.
    pub fn unsigned(&self, index: usize) -> Result<u64, StoreError> {
        u64::try_from(self.int(index)?).map_err(|_| StoreError::column(index, "negative"))
    }

    /// Column `index` as 0 or 1.
    pub fn flag(&self, index: usize) -> Result<bool, StoreError> {
        Ok(self.int(index)? != 0)
    }

    /// Column `index` as an instant.
    pub fn instant(&self, index: usize) -> Result<Timestamp, StoreError> {
        self.int(index).map(Timestamp::from_micros)
    }

    /// Column `index` as text.
    pub fn text(&self, index: usize) -> Result<&str, StoreError> {
        match self.column(index)? {
            Value::Text(text) => Ok(text),
            _ => Err(StoreError::column(index, "not text")),
        }
    }

    /// Column `index` as bytes.
    pub fn bytes(&self, index: usize) -> Result<Bytes, StoreError> {
        match self.column(index)? {
            Value::Bytes(bytes) => Ok(bytes.clone()),
            _ => Err(StoreError::column(index, "not bytes")),
        }
    }

    /// Whether column `index` is null.
    pub fn is_null(&self, index: usize) -> Result<bool, StoreError> {
        Ok(matches!(self.column(index)?, Value::Null))
    }

    /// Column `index` read by `read`, or `None` if it is null: `row.optional(3, Row::instant)`.
    pub fn optional<'r, T>(
        &'r self,
        index: usize,
        read: impl FnOnce(&'r Self, usize) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if self.is_null(index)? {
            return Ok(None);
        }
        read(self, index).map(Some)
    }

    /// Column `index` as text parsed into its type; a row that does not parse is damage, not input.
    pub fn parsed<T: std::str::FromStr>(&self, index: usize) -> Result<T, StoreError> {
        self.text(index)?
            .parse()
            .map_err(|_| StoreError::column(index, "does not parse"))
    }
}

/// An open transaction. Operations await nothing but this: on SQLite they run to their end on the writer's thread.
///
/// After an error of a statement the operation returns it: PostgreSQL refuses every further statement of the transaction.
pub trait Tx: Send {
    /// Runs a statement and returns its rows.
    fn query<'a>(
        &'a mut self,
        sql: Sql,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>>;

    /// Runs a statement and returns how many rows it changed.
    fn execute<'a>(
        &'a mut self,
        sql: Sql,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<u64, StoreError>>;

    /// The time of this transaction by the database, never before the last one's of this process.
    fn now(&self) -> Timestamp;

    /// An instant later than every one this gave out before in this transaction, and later than `after`; the first is [`Tx::now`]
    /// unless `after` says otherwise. It orders what one transaction writes several of.
    fn tick(&mut self, after: Timestamp) -> Timestamp;

    /// Which database this is.
    fn dialect(&self) -> Dialect;
}

impl dyn Tx + '_ {
    /// The first row of the answer, if there is one.
    pub async fn first(
        &mut self,
        sql: Sql,
        parameters: &[Value],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, parameters).await?.into_iter().next())
    }
}

/// A whole operation: may run more than once (retries), so it has no effect but on the transaction.
pub trait Operation<T>:
    for<'t> Fn(&'t mut dyn Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + Sync + 'static
{
}

impl<T, F> Operation<T> for F where
    F: for<'t> Fn(&'t mut dyn Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + Sync + 'static
{
}
