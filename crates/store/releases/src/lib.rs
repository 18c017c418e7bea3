//! Rows of releases: changes of charts, each on its way into each environment, and the records beside them.
//!
//! ```text
//! lines (what the images are now, and why) ─► changes: begin ─► made │ failed ─► deployments: started ─► ended
//! ```
//! Each operation is one transaction over `Tx`, run on both databases, and may be repeated: a step that was done
//! answers so and writes nothing. What is decided is decided in `core/release`; `flow/releases` is the caller.
//! Tables: those of migration 0004.

pub mod changes;
pub mod deployments;
pub mod lines;
pub mod overview;

pub use changes::{ChangeRow, NewChange, NewDeployment};
pub use deployments::DeploymentRow;
pub use lines::LineNow;

use refloat_core::event::ReleaseEvent;
use refloat_core::record::CAUSES_MAX;
use refloat_core::{CascadeId, Event, NewRecord, ProjectId, RecordId, Stream};
use refloat_database::{Row, StoreError, Tx};
use refloat_oci::Digest;

/// A release document, by where it lies and what it is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReleaseKey {
    /// The tenant.
    pub project: ProjectId,
    /// The document's name.
    pub name: String,
}

/// The stream of everything that happens to a release.
pub fn stream(name: &str) -> Stream {
    Stream::new("release", name)
}

/// Appends a record of a release.
async fn record(
    tx: &mut dyn Tx,
    release: &ReleaseKey,
    causes: Vec<RecordId>,
    cascade: Option<CascadeId>,
    event: ReleaseEvent,
) -> Result<RecordId, StoreError> {
    let mut causes = causes;
    causes.truncate(CAUSES_MAX);
    let record = NewRecord {
        project: release.project.clone(),
        stream: stream(&release.name),
        expected_version: None,
        actor: "system".to_owned(),
        causes,
        cascade,
        event: Event::Release(event),
        personal: None,
    };
    refloat_store::log::append(tx, record).await
}

/// A digest as rows have it.
fn digest(row: &Row, index: usize) -> Result<Digest, StoreError> {
    Digest::from_row(&row.bytes(index)?).map_err(|_| StoreError::column(index, "no digest"))
}

/// Ids separated by commas, as rows have them.
fn ids(text: &str, index: usize) -> Result<Vec<RecordId>, StoreError> {
    text.split(',')
        .filter(|id| !id.is_empty())
        .map(|id| {
            id.parse()
                .map_err(|_| StoreError::column(index, "no id of a record"))
        })
        .collect()
}
