//! Upstreams: what has to answer, what a sweep found, and up to when nothing was missed.

use crate::{By, record};
use refloat_core::event::WatchEvent;
use refloat_core::{Event, JobId, ProjectId, RecordId, Rejection, Timestamp};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::{RegistryHost, RepositoryName, TagName};
use refloat_store::jobs::{self, NewJob};

/// The kind of job that sweeps.
pub const SWEEP: &str = "sweep";

/// An upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Whose it is.
    pub project: ProjectId,
    /// Its name.
    pub name: String,
    /// The registry.
    pub registry: RegistryHost,
    /// The credential that opens it.
    pub credential: Option<String>,
    /// What is watched, `repository:tag` or a pattern of tags.
    pub watch: Vec<String>,
    /// How often, in seconds.
    pub every_seconds: i64,
    /// When it is due.
    pub due_at: Timestamp,
    /// Everything before this has been seen.
    pub verified_until: Option<Timestamp>,
    /// When its last sweep ended.
    pub swept_at: Option<Timestamp>,
    /// The record of its last receipt.
    pub receipt: Option<RecordId>,
}

fn read(row: &Row) -> Result<Upstream, StoreError> {
    Ok(Upstream {
        project: row.parsed(0)?,
        name: row.text(1)?.to_owned(),
        registry: row.parsed(2)?,
        credential: row.optional(3, Row::text)?.map(str::to_owned),
        watch: crate::rows::json(row, 4)?,
        every_seconds: row.int(5)?,
        due_at: row.instant(6)?,
        verified_until: row.optional(7, Row::instant)?,
        swept_at: row.optional(8, Row::instant)?,
        receipt: row.optional(9, Row::parsed)?,
    })
}

/// An upstream by its name.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn get(tx: &mut dyn Tx, project: &ProjectId, name: &str) -> Result<Upstream, StoreError> {
    let row = tx
        .first(
            sql("select project_id, name, host, credential, watch, every_seconds, due_at, verified_until, swept_at, receipt \
                 from upstream where project_id = $1 and name = $2"),
            &[project.as_str().into(), name.into()],
        )
        .await?;
    let unknown = || Rejection::NotFound {
        kind: "upstream",
        name: name.to_owned(),
    };
    read(&row.ok_or_else(unknown)?)
}

/// The upstreams of a project, by name.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn list(tx: &mut dyn Tx, project: &ProjectId) -> Result<Vec<Upstream>, StoreError> {
    let rows = tx
        .query(
            sql("select project_id, name, host, credential, watch, every_seconds, due_at, verified_until, swept_at, receipt \
                 from upstream where project_id = $1 order by name limit 1000"),
            &[project.as_str().into()],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// The upstream of a foreign registry whose credential opens it, of any project: the first by name.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn of_registry(
    tx: &mut dyn Tx,
    registry: &RegistryHost,
) -> Result<Option<Upstream>, StoreError> {
    let row = tx
        .first(
            sql("select project_id, name, host, credential, watch, every_seconds, due_at, verified_until, swept_at, receipt \
                 from upstream where host = $1 order by case when credential is null then 1 else 0 end, project_id, name limit 1"),
            &[registry.as_str().into()],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

/// When the next upstream is due.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn next_due(tx: &mut dyn Tx) -> Result<Option<Timestamp>, StoreError> {
    let next = tx
        .first(sql("select min(due_at) from upstream"), &[])
        .await?;
    match next {
        Some(row) => row.optional(0, Row::instant),
        None => Ok(None),
    }
}

/// Makes a job for each upstream that is due, in the transaction that moves their due time.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn enqueue_due(tx: &mut dyn Tx) -> Result<(), StoreError> {
    let now = tx.now();
    let rows = tx
        .query(
            sql("select project_id, name, host, credential, watch, every_seconds, due_at, verified_until, swept_at, receipt \
                 from upstream where due_at <= $1 order by due_at limit 100"),
            &[now.into()],
        )
        .await?;
    for row in &rows {
        let upstream = read(row)?;
        let cause = upstream.due_at.to_string();
        jobs::enqueue(tx, job(&upstream.project, &upstream.name, cause, 20)).await?;
        tx.execute(
            sql("update upstream set due_at = $3 where project_id = $1 and name = $2"),
            &[
                upstream.project.as_str().into(),
                upstream.name.as_str().into(),
                now.plus_seconds(upstream.every_seconds.max(1)).into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Makes a job that sweeps now, for a person.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn enqueue_now(
    tx: &mut dyn Tx,
    project: &ProjectId,
    name: &str,
) -> Result<JobId, StoreError> {
    get(tx, project, name).await?;
    let now = tx.now();
    let cause = format!("person {}", refloat_store::fresh::ulid(now)?);
    let made = jobs::enqueue(tx, job(project, name, cause, 0)).await?;
    Ok(made.id().clone())
}

fn job(project: &ProjectId, name: &str, cause: String, priority: i64) -> NewJob {
    NewJob {
        project: project.clone(),
        kind: SWEEP.to_owned(),
        consumer: "upstreams".to_owned(),
        cause,
        command: SWEEP.to_owned(),
        subject: name.to_owned(),
        priority,
        run_at: None,
        // What is missed is found by the next sweep.
        attempts_max: Some(3),
    }
}

/// A reference that has to answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expected {
    /// The repository.
    pub repository: RepositoryName,
    /// The tag.
    pub tag: TagName,
}

/// What patterns named when they were last listed: an empty listing removes nothing.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn expected_before(
    tx: &mut dyn Tx,
    upstream: &Upstream,
) -> Result<Vec<Expected>, StoreError> {
    let rows = tx
        .query(
            sql("select repository, tag from upstream_base where project_id = $1 and name = $2 order by repository, tag limit 10000"),
            &[upstream.project.as_str().into(), upstream.name.as_str().into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Expected {
                repository: row.parsed(0)?,
                tag: row.parsed(1)?,
            })
        })
        .collect()
}

/// A finished sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Swept {
    /// What had to answer, each with why it did not.
    pub expected: Vec<(Expected, Option<String>)>,
    /// The receipt, a [`WatchEvent::SweepFinished`].
    pub receipt: WatchEvent,
    /// Everything before this has been seen.
    pub verified_until: Option<Timestamp>,
}

/// Writes the receipt of a sweep, and moves what is verified only as far as the receipt says.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn finish(
    tx: &mut dyn Tx,
    upstream: &Upstream,
    swept: &Swept,
    by: &By,
) -> Result<RecordId, StoreError> {
    let key = [
        upstream.project.as_str().into(),
        upstream.name.as_str().into(),
    ];
    tx.execute(
        sql("delete from upstream_base where project_id = $1 and name = $2"),
        &key,
    )
    .await?;
    for (expected, error) in &swept.expected {
        tx.execute(
            sql("insert into upstream_base (project_id, name, repository, tag, error) values ($1, $2, $3, $4, $5) on conflict do nothing"),
            &[
                upstream.project.as_str().into(),
                upstream.name.as_str().into(),
                expected.repository.as_str().into(),
                expected.tag.as_str().into(),
                error.clone().into(),
            ],
        )
        .await?;
    }
    // Time made it due, or a person: the sweep before is no cause of it.
    let id = format!("{}/{}", upstream.project, upstream.name);
    let receipt = record(tx, by, "upstream", &id, Event::Watch(swept.receipt.clone())).await?;
    refloat_fail::point("watch.swept")?;
    let now = tx.now();
    tx.execute(
        sql("update upstream set verified_until = coalesce($3, verified_until), swept_at = $4, receipt = $5 where project_id = $1 and name = $2"),
        &[
            upstream.project.as_str().into(),
            upstream.name.as_str().into(),
            swept.verified_until.into(),
            now.into(),
            receipt.as_str().into(),
        ],
    )
    .await?;
    Ok(receipt)
}

/// References of an upstream that did not answer, with the reason.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn missing(
    tx: &mut dyn Tx,
    upstream: &Upstream,
) -> Result<Vec<(Expected, String)>, StoreError> {
    let rows = tx
        .query(
            sql("select repository, tag, error from upstream_base where project_id = $1 and name = $2 and error is not null \
                 order by repository, tag limit 100"),
            &[upstream.project.as_str().into(), upstream.name.as_str().into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok((
                Expected {
                    repository: row.parsed(0)?,
                    tag: row.parsed(1)?,
                },
                row.text(2)?.to_owned(),
            ))
        })
        .collect()
}
