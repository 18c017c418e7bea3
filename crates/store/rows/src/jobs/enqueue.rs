//! Making jobs, each once.

use refloat_core::{JobId, ProjectId, Timestamp};
use refloat_database::{Row, StoreError, Tx, Value, sql};

/// Attempts of a job, unless its maker says otherwise.
const ATTEMPTS_MAX: i64 = 10;

/// A job to be made. Unique by consumer, cause, command and subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// The tenant it acts as.
    pub project: ProjectId,
    /// Which executor takes it: `gc`, `scrub`..
    pub kind: String,
    /// Who makes it: the name of a cursor, or of a clock.
    pub consumer: String,
    /// What leads to it: a record's id, or the name of an instant.
    pub cause: String,
    /// What is to be done.
    pub command: String,
    /// What it is to be done to.
    pub subject: String,
    /// Smaller goes first: 0 for a person who waits, 10 for urgent, 20 for routine.
    pub priority: i64,
    /// Not before this; `None` is at once.
    pub run_at: Option<Timestamp>,
    /// How often it may be tried; `None` is ten times.
    pub attempts_max: Option<i64>,
}

/// What [`enqueue`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    /// The job is new.
    New(JobId),
    /// It was made before, whatever became of it.
    Before(JobId),
}

impl Enqueued {
    /// The job.
    pub fn id(&self) -> &JobId {
        match self {
            Self::New(id) | Self::Before(id) => id,
        }
    }
}

/// Makes a job, unless the same one was made before.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn enqueue(tx: &mut dyn Tx, job: NewJob) -> Result<Enqueued, StoreError> {
    let now = tx.now();
    let id = JobId::from_ulid(crate::fresh::ulid(now)?);
    let parameters: [Value; 11] = [
        id.as_str().into(),
        job.project.as_str().into(),
        job.kind.into(),
        job.consumer.as_str().into(),
        job.cause.as_str().into(),
        job.command.as_str().into(),
        job.subject.as_str().into(),
        job.priority.into(),
        job.run_at.unwrap_or(now).into(),
        job.attempts_max.unwrap_or(ATTEMPTS_MAX).into(),
        now.into(),
    ];
    let text = sql(
        "insert into job (id, project_id, kind, consumer, cause, command, subject, state, priority, run_at, attempts, attempts_max, \
         fence, created_at) values ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $9, 0, $10, 0, $11) \
         on conflict (consumer, cause, command, subject) do nothing",
    );
    if tx.execute(text, &parameters).await? == 1 {
        refloat_fail::point("job.enqueued")?;
        return Ok(Enqueued::New(id));
    }
    let text = sql(
        "select id from job where consumer = $1 and cause = $2 and command = $3 and subject = $4",
    );
    let key = [
        job.consumer.into(),
        job.cause.into(),
        job.command.into(),
        job.subject.into(),
    ];
    // Gone between the two statements: whoever forgot it was done with it, and the next run makes it anew.
    let row: Row = tx.first(text, &key).await?.ok_or(StoreError::Conflict)?;
    Ok(Enqueued::Before(row.parsed(0)?))
}
