//! What goes out: blobs, manifests, lists, referrers. Everything is what the store would answer at this moment.

mod blob;
mod cache;
mod list;
mod manifest;
mod range;

pub use blob::{BlobBody, BlobInfo};
pub(crate) use cache::Cache;
pub use list::Referrers;
pub use manifest::ManifestBody;
pub use range::ByteRange;
