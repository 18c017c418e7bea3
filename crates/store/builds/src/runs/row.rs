//! A run as its row has it.

use refloat_core::run::RunState;
use refloat_core::{CascadeId, ProjectId, RecordId, RunId, Timestamp};
use refloat_database::{Row, StoreError};
use refloat_oci::{Digest, RepositoryName, TagName};

/// The columns in the order in which [`read`] takes them, and what follows.
macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "select id, project_id, task, host, repository, spec, cause, actor, commit_id, bases, state, step, digest, tag, error, \
             builder, cancel, cascade, turns, log_bytes, record_id, settled, requested_at, started_at, finished_at, candidate from run ",
            $rest
        )
    };
}
pub(super) use columns;

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The tenant.
    pub project: ProjectId,
    /// The task; empty for tests of an image without one.
    pub task: String,
    /// The foreign registry its image goes to; empty is this one.
    pub host: String,
    /// The repository its image goes to, or lies in.
    pub repository: RepositoryName,
    /// The task's document as JSON, as it was when the run was asked for; for tests of an image what is run, see [`super::TestSpec`].
    pub spec: String,
    /// The image that is tested; `None` builds one.
    pub candidate: Option<Digest>,
    /// What led to it: `person`, `base`..
    pub cause: String,
    /// Who asked.
    pub actor: String,
    /// The commit, once it is known.
    pub commit: Option<String>,
    /// Bases, pinned.
    pub bases: Vec<(String, Digest)>,
    /// Where it stands.
    pub state: RunState,
    /// The builder's step.
    pub step: Option<String>,
    /// The image.
    pub digest: Option<Digest>,
    /// Its unique tag.
    pub tag: Option<TagName>,
    /// Why it failed or was called off.
    pub error: Option<String>,
    /// The builder, and its isolation.
    pub builder: Option<String>,
    /// Why somebody wants it ended.
    pub cancel: Option<String>,
    /// The cascade it belongs to.
    pub cascade: Option<CascadeId>,
    /// How often it was looked at.
    pub turns: i64,
    /// How much of the builder's log has been read.
    pub log_bytes: u64,
    /// Its newest record.
    pub record: RecordId,
    /// Whether everything that follows its end is done.
    pub settled: bool,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When a builder began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

pub(super) fn read(row: &Row) -> Result<Run, StoreError> {
    let text = |index| Ok::<_, StoreError>(row.optional(index, Row::text)?.map(str::to_owned));
    let bases: Vec<(String, Digest)> =
        serde_json::from_str(row.text(9)?).map_err(|_| StoreError::column(9, "not a list"))?;
    let digest = |row: &Row, index| {
        Digest::from_row(&row.bytes(index)?).map_err(|_| StoreError::column(index, "not a digest"))
    };
    Ok(Run {
        id: row.parsed(0)?,
        project: row.parsed(1)?,
        task: row.text(2)?.to_owned(),
        host: row.text(3)?.to_owned(),
        repository: row.parsed(4)?,
        spec: row.text(5)?.to_owned(),
        cause: row.text(6)?.to_owned(),
        actor: row.text(7)?.to_owned(),
        commit: text(8)?,
        bases,
        state: RunState::from_name(row.text(10)?)
            .ok_or_else(|| StoreError::column(10, "not the state of a run"))?,
        step: text(11)?,
        digest: row.optional(12, digest)?,
        tag: row.optional(13, Row::parsed)?,
        error: text(14)?,
        builder: text(15)?,
        cancel: text(16)?,
        cascade: row.optional(17, Row::parsed)?,
        turns: row.int(18)?,
        log_bytes: u64::try_from(row.int(19)?).unwrap_or(0),
        record: row.parsed(20)?,
        settled: row.flag(21)?,
        requested_at: row.instant(22)?,
        started_at: row.optional(23, Row::instant)?,
        finished_at: row.optional(24, Row::instant)?,
        candidate: row.optional(25, digest)?,
    })
}
