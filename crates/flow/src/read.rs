//! What goes out: blobs, manifests, lists, referrers.

mod blob;
pub(crate) mod cache;
mod list;
mod manifest;

pub use blob::{BlobBody, BlobInfo, ByteRange};
pub use list::Referrers;
pub use manifest::ManifestBody;
