//! The runtime that owns every task of `flow`: each has a name, a way to be cancelled and a panic policy.
//!
//! [`Tasks::durable`] runs work that must not stop half way when its caller goes away. An [`Executor`] is work that
//! never ends: level-triggered (it looks at rows, never at what woke it), safe to run twice, woken by commits and by a timer.
//!
//! ```text
//!  records ─► react (a cursor) ─┐
//!  time ────► clock ────────────┼─► jobs ─► worker: claim, renew, run, finish with the fence
//!  a person, by the API ────────┘
//! ```

mod clock;
mod executor;
mod react;
mod tasks;
mod worker;

pub use clock::{Clock, Periodic};
pub use executor::{Executor, Turn};
pub use react::React;
pub use tasks::{Stop, Tasks};
pub use worker::{Work, Worker};
