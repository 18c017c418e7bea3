//! Operations on rows: access, accounts, documents, the registry, collection.

mod access;
mod accounts;
mod collect;
mod documents;
mod hidden;
mod model;
mod plans;
mod races;
mod registry;
mod secrets;
mod uploads;
mod world;
