//! Where a client finds charts beside a registry: its own store on this machine, and classic repositories over HTTP.
//!
//! ```text
//! reference ─► registry: what does the tag name now? ─► digest ─► store: is it here, and whole? ─► bytes
//!                 └─ unreachable ─────────────────────────► what the tag named last ─┘   └─ no ─► fetch, keep
//! ```
//! The store is passive: it is asked on the way, it is never filled or refreshed by a command, and all of it may be
//! deleted at any time.

mod repository;
pub mod store;

pub use repository::{ARCHIVE_MAX_BYTES, Fetched, INDEX_MAX_BYTES, Login, RepositoryError, fetch};
pub use store::{ClientStore, Kept, KeptChart};
