//! Rows of the graph, the watcher and the cascade, and the records beside them.
//!
//! ```text
//! images (what is known of each platform's layers) ─► edges ─► reach (what stands on a base) ─► plans ─► cascades, nodes
//! bases (references that move) ─► moves ─────────────────────────▲
//! upstreams (what is asked elsewhere, and what they answered) ─► bases
//! ```
//! Each operation is one transaction over `Tx`, run on both databases. What is decided is decided in `core/cascade`; `flow/patches`
//! is the caller. Tables: those of migration 0002.

pub mod bases;
pub mod cascades;
pub mod edges;
pub mod graph;
pub mod images;
pub mod nodes;
pub mod plans;
pub mod reach;
mod rows;
pub mod shown;
pub mod upstreams;

use refloat_core::{CascadeId, Event, NewRecord, ProjectId, RecordId, Stream};
use refloat_database::{StoreError, Tx};

/// Who does something here and why, as its records say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The tenant it belongs to.
    pub project: ProjectId,
    /// `system`, or a principal's id.
    pub actor: String,
    /// Records that led to it.
    pub causes: Vec<RecordId>,
    /// The cascade it belongs to.
    pub cascade: Option<CascadeId>,
}

impl By {
    /// The server itself, in this project.
    pub fn system(project: ProjectId) -> Self {
        Self {
            project,
            actor: "system".to_owned(),
            causes: Vec::new(),
            cascade: None,
        }
    }

    /// The same because of these records.
    #[must_use]
    pub fn because(self, causes: Vec<RecordId>) -> Self {
        Self { causes, ..self }
    }
}

/// Appends a record of this part.
pub(crate) async fn record(
    tx: &mut dyn Tx,
    by: &By,
    kind: &str,
    id: &str,
    event: Event,
) -> Result<RecordId, StoreError> {
    let mut causes = by.causes.clone();
    causes.truncate(refloat_core::record::CAUSES_MAX);
    let record = NewRecord {
        project: by.project.clone(),
        stream: Stream::new(kind, id),
        expected_version: None,
        actor: by.actor.clone(),
        causes,
        cascade: by.cascade.clone(),
        event,
        personal: None,
    };
    refloat_store::log::append(tx, record).await
}
