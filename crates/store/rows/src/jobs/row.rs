//! Jobs as rows.

use refloat_core::job::{JobState, Progress};
use refloat_core::{JobId, ProjectId, Timestamp};
use refloat_database::{Row, StoreError, Tx, sql};

/// The columns of a job, in the order in which [`read`] takes them.
macro_rules! columns {
    () => {
        "id, project_id, kind, consumer, cause, command, subject, state, priority, run_at, attempts, attempts_max, \
         lease_owner, lease_until, fence, last_error, created_at, finished_at"
    };
}
pub(super) use columns;

/// A job as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The tenant it acts as.
    pub project: ProjectId,
    /// Which executor takes it.
    pub kind: String,
    /// Who made it.
    pub consumer: String,
    /// What led to it: a record's id, or the name of an instant.
    pub cause: String,
    /// What is to be done.
    pub command: String,
    /// What it is to be done to.
    pub subject: String,
    /// Smaller goes first.
    pub priority: i64,
    /// How far it is.
    pub progress: Progress,
    /// Who works on it, or did last.
    pub owner: Option<String>,
    /// Why it failed last.
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Reads the columns of [`columns`].
pub(super) fn read(row: &Row) -> Result<Job, StoreError> {
    let lease_until = row.optional(13, Row::instant)?.unwrap_or_default();
    let at = row.optional(17, Row::instant)?.unwrap_or_default();
    let state = match row.text(7)? {
        "waiting" => JobState::Waiting {
            run_at: row.instant(9)?,
        },
        "running" => JobState::Running { lease_until },
        "done" => JobState::Done { at },
        "dead" => JobState::Dead { at },
        "cancelled" => JobState::Cancelled { at },
        _ => return Err(StoreError::column(7, "not the state of a job")),
    };
    Ok(Job {
        id: row.parsed(0)?,
        project: row.parsed(1)?,
        kind: row.text(2)?.to_owned(),
        consumer: row.text(3)?.to_owned(),
        cause: row.text(4)?.to_owned(),
        command: row.text(5)?.to_owned(),
        subject: row.text(6)?.to_owned(),
        priority: row.int(8)?,
        progress: Progress {
            state,
            attempts: row.int(10)?,
            attempts_max: row.int(11)?,
            fence: row.int(14)?,
        },
        owner: row.optional(12, Row::text)?.map(str::to_owned),
        last_error: row.optional(15, Row::text)?.map(str::to_owned),
        created_at: row.instant(16)?,
    })
}

/// Writes what a step changed.
pub(super) async fn save(tx: &mut dyn Tx, job: &Job) -> Result<(), StoreError> {
    let (run_at, lease_until, finished_at) = match job.progress.state {
        JobState::Waiting { run_at } => (Some(run_at), None, None),
        JobState::Running { lease_until } => (None, Some(lease_until), None),
        JobState::Done { at } | JobState::Dead { at } | JobState::Cancelled { at } => {
            (None, None, Some(at))
        }
    };
    let text = sql(
        "update job set state = $2, run_at = coalesce($3, run_at), attempts = $4, lease_owner = $5, lease_until = $6, fence = $7, \
         last_error = $8, finished_at = $9 where id = $1",
    );
    let parameters = [
        job.id.as_str().into(),
        job.progress.state.name().into(),
        run_at.into(),
        job.progress.attempts.into(),
        job.owner.clone().into(),
        lease_until.into(),
        job.progress.fence.into(),
        job.last_error.clone().into(),
        finished_at.into(),
    ];
    tx.execute(text, &parameters).await?;
    Ok(())
}
