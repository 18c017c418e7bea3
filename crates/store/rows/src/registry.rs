//! What a registry holds: repositories, manifests, blobs, tags, lists. Each operation is one transaction: a small
//! view is loaded, `core::registry` decides, rows and records are written together.

mod blobs;
mod listing;
mod manifests;
mod push;
mod referrers;
mod repositories;
mod tags;

pub(crate) use blobs::content;
pub use blobs::{BlobContent, StoredBlob, blob, delete_blob};
pub use listing::{Found, catalog, list_tags};
pub(crate) use manifests::remove_manifest;
pub use manifests::{StoredManifest, delete_manifest, manifest};
pub use push::{PutManifest, PutOutcome, put_manifest};
pub use referrers::{Referrer, referrers};
pub(crate) use repositories::create_repository;
pub use tags::{TagOutcome, TagPosition, tag, tag_history, tag_undo, untag};

use refloat_database::Value;

/// A limit as a parameter.
pub(crate) fn limit(limit: usize) -> Value {
    Value::Int(i64::try_from(limit).unwrap_or(i64::MAX))
}
