//! Every test of the store, on both databases. See `both.rs` for how to write one.

mod both;
mod committing;
mod jobs;
mod log;
mod numbering;
mod opening;
mod rows;
mod tampering;
