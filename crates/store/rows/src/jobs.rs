//! Jobs: the only schedule there is. Rows with a lease, a fence, a priority and an end.
//!
//! ```text
//! enqueue (beside its cause's cursor) ─► claim ─► [renew] ─► finish, in the transaction of the effect
//!                                          ▲         └─────► fail ─► waiting again, or dead
//!                                          └── lease over ◄── a process that died
//! ```
//! A job is unique by (consumer, cause, command, subject): making it twice makes it once. `finish` and `fail` take the [`Lease`]
//! that `claim` gave; an old lease is refused, and with it the transaction it stands in. How a job lives is decided in
//! `core/job`; executors in `flow` are the callers. A job acts as its project.

mod claim;
mod enqueue;
mod list;
mod row;
mod step;

pub use claim::{Claim, claim, next_due, take_over};
pub use enqueue::{Enqueued, NewJob, enqueue};
pub use list::{JobFilter, forget, get, list};
pub use row::Job;
pub use step::{cancel, fail, finish, renew, retry};

use refloat_core::JobId;

/// The right to work on a job: until its time is over, or somebody else got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// The number of this claim.
    pub fence: i64,
}
