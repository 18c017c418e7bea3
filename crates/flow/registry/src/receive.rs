//! What comes in: blobs by upload, and manifests.
//!
//! ```text
//! begin ─► append* ─► finish ─► blob of the repository     each acknowledged step is on disk, in this order:
//!    └───► mount ───────┘                                   bytes synced, name synced, rows committed, answer
//! ```

mod append;
mod body;
mod finish;
mod lease;
mod manifest;
mod upload;

pub(crate) use lease::Leases;
pub use manifest::{PutDone, PutManifest};
pub use upload::{BeginUpload, Begun, ContentRange, Mount, UploadStatus};
