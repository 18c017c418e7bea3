//! All rows and the log: the only SQL there is.
//!
//! [`Store`] opens a database, migrates it and runs whole operations on it. An operation is a
//! `pub async fn name(tx: &mut dyn Tx, ..) -> Result<T, StoreError>` in one of the modules here, called as
//! `store.write(move |tx| Box::pin(name(tx, ..)))`; it is written once and runs on SQLite and on PostgreSQL.
//! `flow` is the caller; nothing here knows HTTP, files of blobs, or time other than `tx.now()`.

pub mod access;
pub mod accounts;
pub mod collect;
pub mod cursors;
pub mod documents;
pub mod fresh;
pub mod grants;
pub mod idempotency;
pub mod jobs;
pub mod lines;
pub mod lists;
pub mod log;
mod migrations;
pub mod projects;
mod records;
pub mod registry;
pub mod scrub;
pub mod secrets;
pub mod sign_in;
mod store;
pub mod uploads;
pub mod visible;

pub use refloat_database::{Dialect, Operation, Row, Sql, StoreError, Tx, Value, sql};
pub use store::{OpenError, Store, StoreOptions};
