//! The classes of attacks that other registries fell to, each tried on ours.
//!
//! Every test is named after a class of the threat model; what is done in it has happened to somebody.

mod blobs;
mod bodies;
mod caches;
mod confusion;
mod guards;
mod injection;
mod objects;
mod outgoing;
mod scene;
mod tokens;
mod uploads;
mod verbs;
