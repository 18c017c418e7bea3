//! What happens to one job, decided by `core/job` and written under its row's lock.

use super::Lease;
use super::row::{Job, columns, read, save};
use refloat_core::job::{JobState, JobStep, is_worth_retrying, retry_delay};
use refloat_core::{Failure, JobId, Rejection};
use refloat_database::{Sql, StoreError, Tx};

/// The most characters kept of an error.
const ERROR_MAX: usize = 1000;

/// The job is done. Called in the transaction of its effect: an old lease undoes both.
///
/// # Errors
/// [`Rejection::Conflict`] if the lease is not held any more, [`Rejection::NotFound`] if there is no such job.
pub async fn finish(tx: &mut dyn Tx, lease: &Lease) -> Result<(), StoreError> {
    step(tx, &lease.job, |_| JobStep::Finish { fence: lease.fence }).await?;
    refloat_fail::point("job.finished")?;
    Ok(())
}

/// The job's holder needs another `seconds` from now.
///
/// # Errors
/// As [`finish`].
pub async fn renew(tx: &mut dyn Tx, lease: &Lease, seconds: i64) -> Result<(), StoreError> {
    let lease_until = tx.now().plus_seconds(seconds);
    let renew = JobStep::Renew {
        fence: lease.fence,
        lease_until,
    };
    step(tx, &lease.job, |_| renew).await?;
    Ok(())
}

/// The job could not be done: it waits for another attempt if that makes sense and one is left, or is dead.
///
/// # Errors
/// As [`finish`].
pub async fn fail(
    tx: &mut dyn Tx,
    lease: &Lease,
    failure: &Failure,
) -> Result<JobState, StoreError> {
    let now = tx.now();
    let text: String = failure.to_string().chars().take(ERROR_MAX).collect();
    let job = step(tx, &lease.job, |job| {
        job.last_error = Some(text);
        let delay = retry_delay(job.progress.attempts, spread(&job.id));
        JobStep::Fail {
            fence: lease.fence,
            again_at: is_worth_retrying(failure).then(|| now.plus_seconds(delay)),
        }
    })
    .await?;
    refloat_fail::point("job.failed")?;
    Ok(job.progress.state)
}

/// A person calls the job off; whoever works on it is refused when it finishes.
///
/// # Errors
/// [`Rejection::Conflict`] if it has ended already, [`Rejection::NotFound`] if there is no such job.
pub async fn cancel(tx: &mut dyn Tx, id: &JobId) -> Result<(), StoreError> {
    step(tx, id, |_| JobStep::Cancel).await?;
    Ok(())
}

/// A person wants a dead or cancelled job tried again, with all its attempts.
///
/// # Errors
/// [`Rejection::Conflict`] if it is neither, [`Rejection::NotFound`] if there is no such job.
pub async fn retry(tx: &mut dyn Tx, id: &JobId) -> Result<(), StoreError> {
    step(tx, id, |_| JobStep::Retry).await?;
    Ok(())
}

async fn step(
    tx: &mut dyn Tx,
    id: &JobId,
    make: impl FnOnce(&mut Job) -> JobStep + Send,
) -> Result<Job, StoreError> {
    let text = Sql {
        sqlite: concat!("select ", columns!(), " from job where id = $1"),
        postgres: concat!("select ", columns!(), " from job where id = $1 for update"),
    };
    let row = tx
        .first(text, &[id.as_str().into()])
        .await?
        .ok_or_else(|| Rejection::NotFound {
            kind: "job",
            name: id.to_string(),
        })?;
    let mut job = read(&row)?;
    let step = make(&mut job);
    let next = job.progress.next(step, tx.now());
    job.progress = next.map_err(|error| Rejection::Conflict(format!("{error}: {id}")))?;
    save(tx, &job).await?;
    Ok(job)
}

/// A number that differs between jobs: the end of its id, which is random.
fn spread(id: &JobId) -> u64 {
    id.as_str()
        .bytes()
        .rev()
        .take(4)
        .fold(0, |sum, byte| sum * 31 + u64::from(byte))
}
