//! All rows and the log: the only SQL there is.
//!
//! [`Store`] opens a database, migrates it and runs whole operations on it. An operation is a
//! `pub async fn name(tx: &mut dyn Tx, ..) -> Result<T, StoreError>` in one of the modules here, called as
//! `store.write(move |tx| Box::pin(name(tx, ..)))`; it is written once and runs on SQLite and on PostgreSQL.
//! `flow` is the caller; nothing here knows HTTP, files of blobs, or time other than `tx.now()`.

pub mod cursors;
pub mod jobs;
pub mod log;
mod migrations;
mod store;

pub use refloat_database::{Dialect, Operation, Row, Sql, StoreError, Tx, Value, sql};
pub use store::{OpenError, Store, StoreOptions};
