//! The use cases on a real store and real files, in folders that vanish.

#![expect(clippy::large_futures, reason = "a test holds one future at a time")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod collect;
mod damage;
mod full;
mod manifests;
mod site;
mod upkeep;
mod uploads;
