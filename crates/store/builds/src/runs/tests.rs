//! Runs that test an image which is there already.

use super::life::{begin, of_occasion, taken};
use refloat_core::event::RunEvent;
use refloat_core::run::RunState;
use refloat_core::{CascadeId, Event, NewRecord, ProjectId, RecordId, Rejection, RunId, Stream};
use refloat_database::{StoreError, Tx, Value, sql};
use refloat_oci::{Digest, RegistryHost, RepositoryName};
use refloat_store::fresh;
use serde::{Deserialize, Serialize};

/// What a run of tests does, as its row keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestSpec {
    /// Commands that must exit 0, each as its arguments.
    pub tests: Vec<Vec<String>>,
    /// The longest that all of them together may take, in seconds.
    pub timeout_seconds: i64,
}

/// Tests of an image, to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTests {
    /// The tenant, whose credentials open a foreign registry.
    pub project: ProjectId,
    /// The task that makes such images; `None` if none does.
    pub task: Option<String>,
    /// The foreign registry that holds the image; `None` is this one.
    pub registry: Option<RegistryHost>,
    /// Its repository.
    pub repository: RepositoryName,
    /// The image.
    pub candidate: Digest,
    /// What is run.
    pub spec: TestSpec,
    /// The occasion: the same one never makes a second run.
    pub once: String,
    /// Records that led to it.
    pub causes: Vec<RecordId>,
    /// The cascade it belongs to.
    pub cascade: Option<CascadeId>,
}

/// Asks for tests, or finds the run of the same occasion.
///
/// # Errors
/// [`Rejection::Invalid`] without a test, otherwise a [`StoreError`] of the database.
pub async fn request_tests(tx: &mut dyn Tx, new: &NewTests) -> Result<RunId, StoreError> {
    if new.spec.tests.is_empty() {
        return Err(Rejection::Invalid("a run of tests has none".to_owned()).into());
    }
    if let Some(id) = of_occasion(tx, &new.once).await? {
        return Ok(id);
    }
    let now = tx.now();
    let id = RunId::from_ulid(fresh::ulid(now)?);
    let task = new.task.clone().unwrap_or_default();
    let event = RunEvent::RunRequested {
        run: id.clone(),
        task: task.clone(),
        repository: new.repository.clone(),
        commit: None,
        bases: Vec::new(),
        candidate: Some(new.candidate),
    };
    let parameters: [Value; 12] = [
        id.as_str().into(),
        new.project.as_str().into(),
        task.into(),
        new.registry
            .as_ref()
            .map_or("", RegistryHost::as_str)
            .into(),
        new.repository.as_str().into(),
        new.once.as_str().into(),
        serde_json::to_string(&new.spec).expect("plain data").into(),
        RunState::Requested.name().into(),
        new.cascade.as_ref().map(CascadeId::as_str).into(),
        new.causes.first().map_or("", RecordId::as_str).into(),
        now.into(),
        new.candidate.to_row().into(),
    ];
    tx.execute(
        sql("insert into run (id, project_id, task, host, repository, once, spec, cause, actor, bases, state, cascade, \
             record_id, requested_at, candidate, turns, log_bytes, settled) \
             values ($1, $2, $3, $4, $5, $6, $7, 'tests', 'system', '[]', $8, $9, $10, $11, $12, 0, 0, 0)"),
        &parameters,
    )
    .await
    .map_err(taken)?;
    let record = NewRecord {
        project: new.project.clone(),
        stream: Stream::new("run", &id),
        expected_version: Some(0),
        actor: "system".to_owned(),
        causes: new.causes.clone(),
        cascade: new.cascade.clone(),
        event: Event::Run(event),
        personal: None,
    };
    begin(tx, &id, record).await?;
    Ok(id)
}
