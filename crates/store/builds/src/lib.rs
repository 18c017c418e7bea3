//! Rows of tasks and runs: what is asked of builders, how far it is, what they said.
//!
//! Every change of a run's state is one event of its stream, written with its row; [`refloat_core::run::RunState`] says
//! which are possible. `flow/builds` is the caller, and whoever asks for a run within its own transaction.

mod credentials;
mod log;
mod runs;
mod tasks;

pub use credentials::{Opens, for_host, named};
pub use log::{LOG_KEPT_MAX_BYTES, append_log, read_log};
pub use runs::{
    NewRun, NewTests, Run, RunFilter, TestSpec, ask_to_cancel, finish, get, list, look_again, note,
    prepare, request, request_tests, running, settle, start, step,
};
pub use tasks::{Derived, TaskRow, derived, of_repository, task};
