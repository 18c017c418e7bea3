//! A worker does jobs of its kinds, one at a time: claim, renew the lease while it lasts, run, finish with the fence.

use super::{Executor, Stop, Turn};
use crate::FlowError;
use crate::asked::operation;
use futures_util::future::BoxFuture;
use refloat_core::{Failure, Rejection};
use refloat_store::jobs::{self, Claim, Job, Lease};
use refloat_store::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// How long a holder may go without a word.
const LEASE_SECONDS: i64 = 60;
/// How often it says one.
const RENEW: Duration = Duration::from_secs(20);
/// The longest rest: what another process enqueued is found by then.
const REST_MAX: Duration = Duration::from_secs(15);

/// What is done for one job. It may be done twice, by two processes at once, or stop anywhere.
pub trait Work: Send + Sync + 'static {
    /// The kind of job.
    fn kind(&self) -> &'static str;

    /// Does it. The worker finishes the job when this returns.
    fn run<'a>(&'a self, job: &'a Job, stop: &'a Stop) -> BoxFuture<'a, Result<(), FlowError>>;
}

/// Does jobs of one kind.
pub struct Worker<W> {
    store: Store,
    work: W,
    owner: Arc<str>,
}

impl<W: Work> Worker<W> {
    /// A worker that names itself `owner` to people.
    pub fn new(store: Store, work: W, owner: &str) -> Self {
        Self {
            store,
            work,
            owner: owner.into(),
        }
    }

    /// How long until a job is due; `None` if there is one now.
    async fn rest(&self) -> Result<Option<Duration>, StoreError> {
        let kinds = vec![self.work.kind().to_owned()];
        let due = self.store.read(operation!(tx, [kinds], {
            let due = jobs::next_due(tx, &kinds).await?;
            Ok(due.map(|due| due.micros().saturating_sub(tx.now().micros())))
        }));
        Ok(match due.await? {
            None => Some(REST_MAX),
            Some(micros) => match u64::try_from(micros) {
                Ok(micros) if micros > 0 => Some(Duration::from_micros(micros).min(REST_MAX)),
                Ok(_) | Err(_) => None,
            },
        })
    }

    async fn claim(&self) -> Result<Option<(Lease, Job)>, StoreError> {
        let claim = Claim {
            owner: self.owner.to_string(),
            kinds: vec![self.work.kind().to_owned()],
            lease_seconds: LEASE_SECONDS,
            limit: 1,
        };
        let claimed = self
            .store
            .write(operation!(tx, [claim], jobs::claim(tx, &claim).await));
        Ok(claimed.await?.pop())
    }

    /// Runs the job and renews its lease meanwhile; `None` if the lease is lost or it is time to stop.
    async fn run(&self, lease: &Lease, job: &Job, stop: &Stop) -> Option<Result<(), FlowError>> {
        let renewing = async {
            loop {
                tokio::time::sleep(RENEW).await;
                let lease = lease.clone();
                let renewed = self.store.write(operation!(
                    tx,
                    [lease],
                    jobs::renew(tx, &lease, LEASE_SECONDS).await
                ));
                if let Err(StoreError::Rejected(rejection)) = renewed.await {
                    return rejection;
                }
            }
        };
        let mut stopping = stop.clone();
        tokio::select! {
            result = self.work.run(job, stop) => Some(result),
            rejection = renewing => {
                tracing::warn!(job = %job.id, %rejection, "the lease of a job is lost");
                None
            }
            () = stopping.set() => None,
        }
    }

    async fn end(&self, lease: Lease, result: Result<(), FlowError>) -> Result<(), FlowError> {
        let ended = match result {
            Ok(()) => {
                self.store
                    .write(operation!(tx, [lease], jobs::finish(tx, &lease).await))
                    .await
            }
            Err(error) => {
                tracing::warn!(job = %lease.job, kind = self.work.kind(), %error, "a job failed");
                let failure = match error {
                    FlowError::Failed(failure) => failure,
                    FlowError::Rejected(rejection) => Failure::Terminal(rejection.to_string()),
                };
                let failed = self.store.write(operation!(
                    tx,
                    [lease, failure],
                    jobs::fail(tx, &lease, &failure).await
                ));
                failed.await.map(drop)
            }
        };
        match ended {
            // Somebody else has the job, or called it off: what it did may be done twice, nothing is lost.
            Err(StoreError::Rejected(Rejection::Conflict(_) | Rejection::NotFound { .. })) => {
                Ok(())
            }
            other => Ok(other?),
        }
    }
}

impl<W: Work> Executor for Worker<W> {
    fn name(&self) -> &'static str {
        self.work.kind()
    }

    fn turn<'a>(&'a self, stop: &'a Stop) -> BoxFuture<'a, Result<Turn, FlowError>> {
        Box::pin(async move {
            // A look first: claiming writes, and a write wakes every executor.
            if let Some(rest) = self.rest().await? {
                return Ok(Turn::Rest(rest));
            }
            let Some((lease, job)) = self.claim().await? else {
                return Ok(Turn::More);
            };
            if let Some(result) = self.run(&lease, &job, stop).await {
                self.end(lease, result).await?;
            }
            Ok(Turn::More)
        })
    }
}
