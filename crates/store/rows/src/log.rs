//! The log: one record beside every state change, numbered densely and chained by hashes.
//!
//! ```text
//! append (in the transaction of the change) ─► number ─► read_after, verify ─► segments: signed, aged, dropped
//! ```
//! SQLite numbers and chains inside the transaction, since it has one writer. On PostgreSQL the transaction leaves the record
//! unnumbered, and [`number`] chains committed batches; readers see numbered records only. The log owns the tables `record`,
//! `stream`, `personal` and `segment`. It is never replayed to get state.

mod append;
mod number;
mod row;

pub use append::append;
pub use number::number;
