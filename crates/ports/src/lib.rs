//! What the product needs of the world, as traits; each with the suite that every implementation passes.
//!
//! No path, HTTP, lock or logger stands here. `outside` implements these, `flow` uses them, only the
//! binary sees both.

pub mod blobs;
pub mod checksums;
pub mod memory;
pub mod suite;

pub use blobs::{AppendError, Blobs, ByteStream, FinishError, Finished, Stored};
pub use checksums::{CHECKSUM_SPAN_BYTES, Checksummer, Checksums};
