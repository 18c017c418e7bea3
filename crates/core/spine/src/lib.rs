//! What to do and why: pure decisions over typed views.
//!
//! Five shapes and no others: `decide`, `evolve`, `react`, `plan`, `due`. No clock, randomness, I/O,
//! async or hash order: time, ids and views are arguments. The store writes what is decided here,
//! `flow` sequences it.

pub mod access;
pub mod event;
pub mod id;
pub mod job;
pub mod react;
pub mod record;
pub mod registry;
pub mod rejection;
pub mod run;
pub mod secret;
pub mod time;

pub use access::{Action, Actions, Pattern, Principal, PrincipalKind};
pub use event::Event;
pub use id::{
    CascadeId, ChangeId, JobId, PlanId, PrincipalId, ProjectId, RecordId, RegionId, ReleaseId,
    RepositoryId, RunId, SecretId, StorageKey, TokenId, UploadId,
};
pub use record::{NewRecord, Recorded, Stream};
pub use rejection::{Failure, Rejection};
pub use secret::Secret;
pub use time::Timestamp;
