//! The command line as a new user types it: the built program against a running server.

mod accounts;
mod documents;
mod login;
mod output;
mod registry;
mod said;
mod secrets;
mod upkeep;
mod why;
