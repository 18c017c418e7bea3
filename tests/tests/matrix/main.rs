//! Every route, asked by everybody about everything: the answers that the rules promise, and no difference between
//! what is absent and what is forbidden.
//!
//! The routes come from the routers themselves. One that is added there without an expectation here fails the test.

mod api;
mod registry;
mod roles;
