//! One transaction, two databases: [`Tx`] over SQLite (embedded) and PostgreSQL (many processes).
//!
//! Every operation of the store is written once, as an `async fn` over `&mut dyn Tx`, and runs on both. This crate
//! knows no table: it opens, migrates, begins, commits, retries and backs up. `store/rows` is its only caller.
//!
//! The portable SQL: `$1`.. parameters, `on conflict .. do`, `returning`, read-only CTEs, window functions, partial indexes.
//! Not portable, and so not used: arrays, writable CTEs, ILIKE, now(), sequences, NULLS ordering, integer division.

mod clock;
mod database;
mod error;
mod migration;
mod postgres;
mod schema;
mod sqlite;
mod tx;

pub use database::{Database, DatabaseOptions};
pub use error::{OpenError, StoreError};
pub use migration::Migration;
pub use tx::{Dialect, Operation, Row, Sql, Tx, Value, sql};
