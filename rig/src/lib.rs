//! The test rig: real peers, on loopback, in folders of their own.
//!
//! It owns the list of outside programs that the tests need ([`tools`]), the cache folder
//! they are built into ([`cache`]), and a guard for each of them that starts it, says when
//! it is ready and stops it again. `cargo xtask` and the black-box tests call it; the
//! product never does.
//!
//! Three rules hold everywhere. Nothing listens on any address but loopback. Nothing waits
//! by sleeping for a guessed time: every wait looks at a level and has a deadline that says
//! what it waited for. Whatever was started is stopped by the process id that was kept,
//! also if the test panics, and also if the test process itself is killed ([`leftover`]).

pub mod cache;
pub mod containerd;
pub mod docker;
pub mod foreign;
pub mod forgetful;
pub mod image;
pub mod kubernetes;
pub mod leftover;
pub mod netns;
pub mod network;
pub mod postgres;
pub mod process;
pub mod requirement;
pub mod run;
pub mod seed;
pub mod server;
pub mod tls;
pub mod tmpfs;
pub mod tools;
pub mod wait;

pub use requirement::require;
pub use tools::Tool;
