//! What happens to a run: each step writes its row, its record and the next look at it in one transaction.

use super::row::{Run, columns, read};
use super::{NewRun, get};
use crate::tasks;
use refloat_core::event::{RunEvent, RunOutcome};
use refloat_core::run::RunState;
use refloat_core::{Event, NewRecord, RecordId, Rejection, RunId, Stream};
use refloat_database::{Dialect, StoreError, Tx, Value, sql};
use refloat_oci::Digest;
use refloat_store::jobs::{self, NewJob};
use refloat_store::{fresh, log};

/// The kind of job that looks at runs.
const KIND: &str = "build";
/// Who makes these jobs.
const CONSUMER: &str = "builds";

/// Asks for a run, or finds the one of the same occasion.
///
/// # Errors
/// [`Rejection::NotFound`] if there is no such task.
pub async fn request(tx: &mut dyn Tx, new: &NewRun) -> Result<RunId, StoreError> {
    if let Some(once) = &new.once
        && let Some(id) = of_occasion(tx, once).await?
    {
        return Ok(id);
    }
    let task = tasks::task(tx, &new.project, &new.task).await?;
    let now = tx.now();
    let id = RunId::from_ulid(fresh::ulid(now)?);
    let repository = task
        .repository
        .parse()
        .map_err(|_| StoreError::column(4, "not a repository"))?;
    let event = RunEvent::RunRequested {
        run: id.clone(),
        task: new.task.clone(),
        repository,
        commit: new.commit.clone(),
        bases: new.bases.clone(),
        candidate: None,
    };
    let state = RunState::next(None, &event).map_err(illegal)?;
    let parameters: [Value; 15] = [
        id.as_str().into(),
        new.project.as_str().into(),
        new.task.as_str().into(),
        task.host.into(),
        task.repository.into(),
        new.once.clone().into(),
        task.content.into(),
        new.cause.as_str().into(),
        new.actor.as_str().into(),
        new.commit.clone().into(),
        bases_text(&new.bases).into(),
        state.name().into(),
        new.cascade
            .as_ref()
            .map(refloat_core::CascadeId::as_str)
            .into(),
        new.causes.first().map_or("", RecordId::as_str).into(),
        now.into(),
    ];
    tx.execute(
        sql("insert into run (id, project_id, task, host, repository, once, spec, cause, actor, commit_id, bases, state, cascade, \
             record_id, requested_at, turns, log_bytes, settled) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, 0, 0)"),
        &parameters,
    )
    .await
    .map_err(taken)?;
    let record = NewRecord {
        project: new.project.clone(),
        stream: Stream::new("run", &id),
        expected_version: Some(0),
        actor: new.actor.clone(),
        causes: new.causes.clone(),
        cascade: new.cascade.clone(),
        event: Event::Run(event),
        personal: None,
    };
    begin(tx, &id, record).await?;
    Ok(id)
}

/// The run of this occasion, if there is one.
pub(super) async fn of_occasion(tx: &mut dyn Tx, once: &str) -> Result<Option<RunId>, StoreError> {
    let text = sql("select id from run where once = $1");
    let row = tx.first(text, &[once.into()]).await?;
    row.map(|row| row.parsed(0)).transpose()
}

/// Somebody else asked on the same occasion at the same time: the operation is run again, and finds that run.
pub(super) fn taken(error: StoreError) -> StoreError {
    match error {
        StoreError::Unique(_) => StoreError::Conflict,
        other => other,
    }
}

/// A run's first look, and its first record.
pub(super) async fn begin(
    tx: &mut dyn Tx,
    id: &RunId,
    record: NewRecord,
) -> Result<(), StoreError> {
    enqueue(tx, record.project.clone(), id, 0, 0).await?;
    let record = log::append(tx, record).await?;
    tx.execute(
        sql("update run set record_id = $2 where id = $1"),
        &[id.as_str().into(), record.as_str().into()],
    )
    .await?;
    refloat_fail::point("run.requested")?;
    Ok(())
}

/// Notes the commit and the bases that a run is made of, before anybody begins.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn prepare(
    tx: &mut dyn Tx,
    id: &RunId,
    commit: &str,
    bases: &[(String, Digest)],
) -> Result<(), StoreError> {
    let changed = tx
        .execute(
            sql("update run set commit_id = $2, bases = $3 where id = $1 and state = 'requested'"),
            &[id.as_str().into(), commit.into(), bases_text(bases).into()],
        )
        .await?;
    refloat_fail::point("run.prepared")?;
    found(changed, id)
}

/// A builder has begun.
///
/// # Errors
/// [`Rejection::Conflict`] if the run is not waiting for one.
pub async fn start(tx: &mut dyn Tx, id: &RunId, builder: &str) -> Result<(), StoreError> {
    let run = locked(tx, id).await?;
    let event = RunEvent::RunStarted {
        run: id.clone(),
        task: run.task.clone(),
        repository: run.repository.clone(),
        commit: run.commit.clone().unwrap_or_default(),
        builder: builder.to_owned(),
    };
    let state = RunState::next(Some(run.state), &event).map_err(illegal)?;
    let step = match run.candidate {
        None => "checkout",
        Some(_) => "test",
    };
    let now = tx.now();
    tx.execute(
        sql("update run set state = $2, builder = $3, started_at = $4, step = $5, error = null where id = $1"),
        &[
            id.as_str().into(),
            state.name().into(),
            builder.into(),
            now.into(),
            step.into(),
        ],
    )
    .await?;
    record(tx, &run, event).await?;
    refloat_fail::point("run.started")?;
    Ok(())
}

/// The builder is at this step.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn step(tx: &mut dyn Tx, id: &RunId, step: &str) -> Result<(), StoreError> {
    tx.execute(
        sql("update run set step = $2 where id = $1 and state = 'running'"),
        &[id.as_str().into(), step.into()],
    )
    .await
    .map(drop)
}

/// The run has its end.
///
/// # Errors
/// [`Rejection::Conflict`] if it has one already.
pub async fn finish(
    tx: &mut dyn Tx,
    id: &RunId,
    outcome: &RunOutcome,
    builder: Option<&str>,
) -> Result<(), StoreError> {
    let run = locked(tx, id).await?;
    let event = RunEvent::RunFinished {
        run: id.clone(),
        task: run.task.clone(),
        repository: run.repository.clone(),
        outcome: outcome.clone(),
    };
    let state = RunState::next(Some(run.state), &event).map_err(illegal)?;
    let now = tx.now();
    let (digest, tag, error, step) = match outcome {
        RunOutcome::Succeeded { digest, tag, .. } => {
            (Some(digest.to_row()), Some(tag.as_str()), None, None)
        }
        RunOutcome::Passed { candidate, .. } => (Some(candidate.to_row()), None, None, None),
        RunOutcome::Failed { step, error } => {
            (None, None, Some(error.as_str()), Some(step.as_str()))
        }
        RunOutcome::Cancelled { reason } => (None, None, Some(reason.as_str()), None),
    };
    tx.execute(
        sql("update run set state = $2, digest = $3, tag = $4, error = $5, step = $6, builder = coalesce($7, builder), \
             finished_at = $8 where id = $1"),
        &[
            id.as_str().into(),
            state.name().into(),
            digest.into(),
            tag.into(),
            error.into(),
            step.into(),
            builder.into(),
            now.into(),
        ],
    )
    .await?;
    enqueue(tx, run.project.clone(), id, run.turns + 1, 0).await?;
    tx.execute(
        sql("update run set turns = turns + 1 where id = $1"),
        &[id.as_str().into()],
    )
    .await?;
    record(tx, &run, event).await?;
    refloat_fail::point("run.finished")?;
    Ok(())
}

/// Everything that follows the run's end is done.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn settle(tx: &mut dyn Tx, id: &RunId) -> Result<(), StoreError> {
    let changed = tx
        .execute(
            sql("update run set settled = 1 where id = $1"),
            &[id.as_str().into()],
        )
        .await?;
    refloat_fail::point("run.settled")?;
    found(changed, id)
}

/// Somebody wants the run ended; whoever looks at it next does so.
///
/// # Errors
/// [`Rejection::Conflict`] if it has ended.
pub async fn ask_to_cancel(tx: &mut dyn Tx, id: &RunId, reason: &str) -> Result<(), StoreError> {
    let run = locked(tx, id).await?;
    if run.state.has_ended() {
        return Err(Rejection::Conflict(format!("{id} has ended: it {}", run.state.name())).into());
    }
    tx.execute(
        sql("update run set cancel = coalesce(cancel, $2) where id = $1"),
        &[id.as_str().into(), reason.into()],
    )
    .await?;
    look_again(tx, &run, 0).await
}

/// Makes the next job that looks at the run, in so many milliseconds.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn look_again(tx: &mut dyn Tx, run: &Run, millis: i64) -> Result<(), StoreError> {
    let row = tx
        .first(
            sql("update run set turns = turns + 1 where id = $1 returning turns"),
            &[run.id.as_str().into()],
        )
        .await?;
    let turns = row.map_or(Ok(run.turns + 1), |row| row.int(0))?;
    enqueue(tx, run.project.clone(), &run.id, turns, millis).await
}

async fn enqueue(
    tx: &mut dyn Tx,
    project: refloat_core::ProjectId,
    id: &RunId,
    turn: i64,
    millis: i64,
) -> Result<(), StoreError> {
    let run_at = refloat_core::Timestamp::from_micros(tx.now().micros() + millis * 1000);
    let job = NewJob {
        project,
        kind: KIND.to_owned(),
        consumer: CONSUMER.to_owned(),
        cause: format!("turn {turn}"),
        command: "look".to_owned(),
        subject: id.to_string(),
        priority: 10,
        run_at: Some(run_at),
        attempts_max: Some(1000),
    };
    jobs::enqueue(tx, job).await.map(drop)
}

/// Appends an event of a run, caused by the one before it.
async fn record(tx: &mut dyn Tx, run: &Run, event: RunEvent) -> Result<(), StoreError> {
    let record = NewRecord {
        project: run.project.clone(),
        stream: Stream::new("run", &run.id),
        expected_version: None,
        actor: "system".to_owned(),
        causes: vec![run.record.clone()],
        cascade: run.cascade.clone(),
        event: Event::Run(event),
        personal: None,
    };
    let id = log::append(tx, record).await?;
    tx.execute(
        sql("update run set record_id = $2 where id = $1"),
        &[run.id.as_str().into(), id.as_str().into()],
    )
    .await
    .map(drop)
}

/// The run, its row locked until the transaction ends.
async fn locked(tx: &mut dyn Tx, id: &RunId) -> Result<Run, StoreError> {
    if tx.dialect() == Dialect::Sqlite {
        return get(tx, id).await?.ok_or_else(|| unknown(id).into());
    }
    let text = sql(columns!("where id = $1 for update"));
    let row = tx.first(text, &[id.as_str().into()]).await?;
    read(&row.ok_or_else(|| unknown(id))?)
}

fn bases_text(bases: &[(String, Digest)]) -> String {
    serde_json::to_string(bases).expect("names and digests are plain data")
}

fn found(changed: u64, id: &RunId) -> Result<(), StoreError> {
    if changed == 0 {
        return Err(unknown(id).into());
    }
    Ok(())
}

fn unknown(id: &RunId) -> Rejection {
    Rejection::NotFound {
        kind: "run",
        name: id.to_string(),
    }
}

fn illegal(error: refloat_core::run::IllegalRunStep) -> StoreError {
    Rejection::Conflict(error.to_string()).into()
}

/// Notes something about a run that has ended, for people.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn note(tx: &mut dyn Tx, id: &RunId, text: &str) -> Result<(), StoreError> {
    let changed = tx
        .execute(
            sql("update run set error = $2 where id = $1"),
            &[id.as_str().into(), text.into()],
        )
        .await?;
    found(changed, id)
}
