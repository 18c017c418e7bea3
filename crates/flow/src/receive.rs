//! What comes in: blobs by upload, and manifests.

mod body;
pub(crate) mod lease;
mod manifest;
mod upload;

pub use manifest::{PutDone, PutManifest};
pub use upload::{BeginUpload, Begun, ContentRange, Mount, UploadStatus};
