//! Use cases: each sequences decisions, rows and effects, and is called by every face that offers it.
//!
//! Data flows through here in the order receive, read, tags, collect. No SQL, no HTTP: rows are the store's,
//! bytes are behind a port. Durable work runs in tasks of [`executors`], so that a caller who goes away cannot
//! leave it half done.

pub mod administer;
mod asked;
pub mod error;
pub mod executors;
pub mod page;
pub mod read;
pub mod receive;
pub mod registry;
pub mod sign_in;
pub mod tags;
pub mod upkeep;

pub use administer::Administration;
pub use error::FlowError;
pub use page::{Listed, Page};
pub use read::{BlobBody, BlobInfo, ByteRange, ManifestBody, Referrers};
pub use receive::{BeginUpload, Begun, ContentRange, Mount, PutDone, PutManifest, UploadStatus};
/// Bytes on their way, as use cases take and give them.
pub use refloat_ports::ByteStream;
pub use registry::{Because, Caller, Limits, Registry};
pub use sign_in::SignIn;
pub use tags::{TagOutcome, TagPosition};
pub use upkeep::Upkeep;
