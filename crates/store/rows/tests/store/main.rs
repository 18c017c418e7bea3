//! Every test of the store, on both databases. See `both.rs` for how to write one.

mod both;
mod log;
mod numbering;
mod opening;
mod tampering;
