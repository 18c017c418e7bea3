//! Claiming: the most urgent jobs that are due, each by one executor at a time.

use super::Lease;
use super::row::{Job, columns, read, save};
use refloat_core::Timestamp;
use refloat_core::job::{JobState, JobStep};
use refloat_database::{Row, Sql, StoreError, Tx};

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
    let due = Sql {
        sqlite: concat!(
            "select ",
            columns!(),
            " from job where ((state = 'waiting' and run_at <= $1) or (state = 'running' and lease_until <= $1)) \
             and kind in (select value from json_each($2)) order by priority, run_at, id limit $3"
        ),
        postgres: concat!(
            "select ",
            columns!(),
            " from job where ((state = 'waiting' and run_at <= $1) or (state = 'running' and lease_until <= $1)) \
             and kind in (select json_array_elements_text($2::text::json)) order by priority, run_at, id limit $3 \
             for update skip locked"
        ),
    };
    let kinds = serde_json::Value::from(claim.kinds.clone()).to_string();
    let rows = tx
        .query(
            due,
            &[now.into(), kinds.into(), claim.limit.min(CLAIM_MAX).into()],
        )
        .await?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut job = read(row)?;
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
    if !rows.is_empty() {
        refloat_fail::point("job.claimed")?;
    }
    Ok(claimed)
}

/// When the next job of these kinds is due, or a lease on one ends; it may lie in the past. `None` if there is none.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn next_due(tx: &mut dyn Tx, kinds: &[String]) -> Result<Option<Timestamp>, StoreError> {
    let text = Sql {
        sqlite: "select min(case state when 'waiting' then run_at else lease_until end) from job \
                 where state in ('waiting', 'running') and kind in (select value from json_each($1))",
        postgres: "select min(case state when 'waiting' then run_at else lease_until end) from job \
                   where state in ('waiting', 'running') and kind in (select json_array_elements_text($1::text::json))",
    };
    let row = tx
        .first(text, &[serde_json::Value::from(kinds).to_string().into()])
        .await?;
    row.map_or(Ok(None), |row| row.optional(0, Row::instant))
}
