//! Claiming: the most urgent jobs that are due, each by one executor at a time.

use super::Lease;
use super::row::{Job, columns, read, save};
use refloat_core::Timestamp;
use refloat_core::job::{JobState, JobStep};
use refloat_database::{Dialect, Row, Sql, StoreError, Tx, sql};

/// The most jobs of one claim.
const CLAIM_MAX: i64 = 100;

/// Who claims what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The executor and its process, for people.
    pub owner: String,
    /// The kinds of jobs it does.
    pub kinds: Vec<String>,
    /// How long it may go without a word.
    pub lease_seconds: i64,
    /// How many it takes at most.
    pub limit: i64,
}

/// Takes jobs that are due, and those whose holder's lease is over, smallest priority and longest wait first.
/// Jobs that used up their attempts without an answer become dead on the way.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn claim(tx: &mut dyn Tx, claim: &Claim) -> Result<Vec<(Lease, Job)>, StoreError> {
    let now = tx.now();
    let lease_until = now.plus_seconds(claim.lease_seconds);
    let limit = claim.limit.clamp(0, CLAIM_MAX);
    let mut jobs = Vec::new();
    for kind in &claim.kinds {
        jobs.extend(open(tx, kind, now, limit).await?);
    }
    jobs.sort_by(|one, other| order(one).cmp(&order(other)));
    jobs.truncate(usize::try_from(limit).unwrap_or(0));
    let some = !jobs.is_empty();
    let mut claimed = Vec::with_capacity(jobs.len());
    for mut job in jobs {
        let next = job.progress.next(JobStep::Claim { lease_until }, now);
        job.progress = next.map_err(|_| StoreError::Conflict)?;
        let running = matches!(job.progress.state, JobState::Running { .. });
        if running {
            job.owner = Some(claim.owner.clone());
        } else {
            job.last_error = Some("its last attempt ended without an answer".to_owned());
        }
        save(tx, &job).await?;
        if running {
            let lease = Lease {
                job: job.id.clone(),
                fence: job.progress.fence,
            };
            claimed.push((lease, job));
        }
    }
    if some {
        refloat_fail::point("job.claimed")?;
    }
    Ok(claimed)
}

/// The first of a kind that may be claimed: waiting and due, or running with a lease that is over. One statement each, so
/// that both walk an index and stop.
async fn open(
    tx: &mut dyn Tx,
    kind: &str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let waiting = Sql {
        sqlite: concat!(
            "select ",
            columns!(),
            " from job where state = 'waiting' and kind = $2 and run_at <= $1 order by priority, run_at, id limit $3"
        ),
        postgres: concat!(
            "select ",
            columns!(),
            " from job where state = 'waiting' and kind = $2 and run_at <= $1 order by priority, run_at, id limit $3 \
             for update skip locked"
        ),
    };
    let abandoned = Sql {
        sqlite: concat!(
            "select ",
            columns!(),
            " from job where state = 'running' and kind = $2 and lease_until <= $1 order by priority, run_at, id limit $3"
        ),
        postgres: concat!(
            "select ",
            columns!(),
            " from job where state = 'running' and kind = $2 and lease_until <= $1 order by priority, run_at, id limit $3 \
             for update skip locked"
        ),
    };
    let parameters = [now.into(), kind.into(), limit.into()];
    let mut rows = tx.query(waiting, &parameters).await?;
    rows.extend(tx.query(abandoned, &parameters).await?);
    rows.iter().map(read).collect()
}

/// Smallest priority first, then the longest wait; who was left behind by a holder has waited longest.
fn order(job: &Job) -> (i64, Option<Timestamp>, &str) {
    let due = match job.progress.state {
        JobState::Waiting { run_at } => Some(run_at),
        JobState::Running { .. }
        | JobState::Done { .. }
        | JobState::Dead { .. }
        | JobState::Cancelled { .. } => None,
    };
    (job.priority, due, job.id.as_str())
}

/// When the next job of these kinds is due, or a lease on one ends; it may lie in the past. `None` if there is none.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn next_due(tx: &mut dyn Tx, kinds: &[String]) -> Result<Option<Timestamp>, StoreError> {
    let mut first = None;
    for kind in kinds {
        for text in [
            "select min(run_at) from job where state = 'waiting' and kind = $1",
            "select min(lease_until) from job where state = 'running' and kind = $1",
        ] {
            let row = tx.first(sql(text), &[kind.as_str().into()]).await?;
            let due = row.map_or(Ok(None), |row| row.optional(0, Row::instant))?;
            first = first.into_iter().chain(due).min();
        }
    }
    Ok(first)
}

/// Ends the leases of a process that is gone, where only one process can be: on SQLite, before anybody works. On
/// PostgreSQL others may hold them, and each ends by itself.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn take_over(tx: &mut dyn Tx) -> Result<(), StoreError> {
    if tx.dialect() != Dialect::Sqlite {
        return Ok(());
    }
    let now = tx.now();
    tx.execute(
        sql("update job set lease_until = $1 where state = 'running'"),
        &[now.into()],
    )
    .await
    .map(drop)
}
