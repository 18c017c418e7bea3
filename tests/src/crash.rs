//! The kill loop: traffic, a sudden end, a start, a check; again and again.
//!
//! ```text
//!   workers ──────────► server ──► data folder (plain, or one that forgets what was not fsynced)
//!      │ begun, ended      ▲ SIGKILL at a random moment, or the server dies at an armed fail point
//!      ▼                   │ started again
//!   ledger ──► history ──► checker: everything acknowledged holds, nothing is half visible
//! ```
//!
//! All choices follow from one seed; the moments do not, so that a seed names the traffic that showed a fault, and
//! the data folder that is kept shows the fault itself. `tests/tests/crash*.rs` and `cargo xtask crash` call it.

pub mod checker;
pub mod ground;
pub mod kill;
pub mod points;
pub mod report;
pub mod subject;
pub mod tour;
pub mod worker;

pub use checker::{Findings, Grace};
pub use ground::{Floor, Ground};
pub use kill::{Options, Progress, run};
pub use report::Report;
pub use subject::{Place, Subject};
