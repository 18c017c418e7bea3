//! The log: one record beside every state change, numbered densely and chained by hashes.
//!
//! ```text
//! append (in the transaction of the change) ─► number ─► read_after, verify ─► segments: signed, aged, dropped
//! ```
//! SQLite numbers and chains inside the transaction, since it has one writer. On PostgreSQL the transaction leaves the record
//! unnumbered, and [`number`] chains committed batches; readers see numbered records only. The log owns the tables `record`,
//! `stream`, `personal`, `segment`, `record_cause` and `record_digest`. It is never replayed to get state, so it can age.

mod append;
mod causes;
mod cursor;
mod number;
mod read;
mod retention;
mod row;
mod segment;
mod verify;

pub use append::append;
pub use causes::{actor_name, bringers, effects, newest_of_stream};
pub use cursor::{CursorKey, Listing};
pub use number::number;
pub use read::{Filter, Page, get, newest, read_after};
pub use retention::{Retention, drop_segment, erase_personal, expire_bodies};
pub use segment::{Segment, SegmentKey, SegmentRule, close_segment, segments};
pub use verify::{Broken, Intact, Verified, verify};
