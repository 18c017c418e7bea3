//! Runs as rows, and their records.

mod life;
mod row;
mod tests;

pub use life::{ask_to_cancel, finish, look_again, note, prepare, request, settle, start, step};
pub use row::Run;
pub use tests::{NewTests, TestSpec, request_tests};

use refloat_core::{CascadeId, ProjectId, RecordId, RunId};
use refloat_database::{StoreError, Tx, Value, sql};
use refloat_oci::Digest;
use row::{columns, read};

/// A run to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// The tenant.
    pub project: ProjectId,
    /// The task.
    pub task: String,
    /// The occasion: the same one never makes a second run. `None`: every call makes one.
    pub once: Option<String>,
    /// The commit; `None` takes the branch's when it begins.
    pub commit: Option<String>,
    /// Bases by their name in the Dockerfile or their full reference, each pinned to a digest; others are pinned when it begins.
    pub bases: Vec<(String, Digest)>,
    /// What led to it: `person`, `base`, `commit`, `schedule`.
    pub cause: String,
    /// Who asks, as records name actors.
    pub actor: String,
    /// Records that led to it.
    pub causes: Vec<RecordId>,
    /// The cascade it belongs to, which then moves the stable tags itself.
    pub cascade: Option<CascadeId>,
}

/// Which runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFilter {
    /// Of this task only.
    pub task: Option<String>,
    /// In this state only.
    pub state: Option<String>,
}

/// A run, if there is one of this id.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn get(tx: &mut dyn Tx, id: &RunId) -> Result<Option<Run>, StoreError> {
    let text = sql(columns!("where id = $1"));
    tx.first(text, &[id.as_str().into()])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// At most `limit` runs of a project, the newest first, before the run `before`.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn list(
    tx: &mut dyn Tx,
    project: &ProjectId,
    filter: &RunFilter,
    before: Option<&RunId>,
    limit: i64,
) -> Result<Vec<Run>, StoreError> {
    let text = sql(columns!(
        "where project_id = $1 and ($2 = '' or task = $2) and ($3 = '' or state = $3) and ($4 = '' or id < $4) \
         order by id desc limit $5"
    ));
    let parameters: [Value; 5] = [
        project.as_str().into(),
        filter.task.as_deref().unwrap_or("").into(),
        filter.state.as_deref().unwrap_or("").into(),
        before.map_or("", RunId::as_str).into(),
        limit.into(),
    ];
    tx.query(text, &parameters)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// How many runs are at a builder.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn running(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    let text = sql("select count(*) from run where state = 'running'");
    tx.first(text, &[]).await?.map_or(Ok(0), |row| row.int(0))
}
