//! Black-box tests of the `refloat` program, and what they stand on.
//!
//! Everything here sees the program from outside: over HTTP, through its command line, by signals and by the
//! files it leaves. [`client`] speaks the distribution API, [`content`] makes what is pushed, [`ledger`] keeps
//! what was acknowledged, and [`crash`] kills the server and checks that all of it still holds. [`fleet`] is the
//! smallest world in which a base update travels, [`demo`] the one that newcomers see.

pub mod client;
pub mod command;
pub mod content;
pub mod crash;
pub mod demo;
pub mod fleet;
pub mod http;
pub mod ledger;
pub mod probe;
pub mod site;
