//! Garbage collection: rows first, each step a short transaction; bytes after the commit, under keys that no row names.

use super::progress::Counts;
use crate::asked::operation;
use crate::executors::{Stop, Work};
use crate::{FlowError, Registry};
use futures_util::future::BoxFuture;
use refloat_core::{Failure, StorageKey};
use refloat_store::StoreError;
use refloat_store::collect::{self, CollectPolicy};
use refloat_store::jobs::{self, Job};

pub(super) const KIND: &str = "gc";
pub(super) const COMMAND: &str = "collect";

/// Things of each kind that one transaction collects.
const STEP: usize = 200;
/// Keys whose bytes are removed before they are forgotten together.
const KEYS: usize = 100;
/// How long done jobs are kept, in seconds.
const JOBS_SECONDS: i64 = 7 * 24 * 3600;
/// Done jobs that one transaction forgets.
const JOBS: i64 = 1000;

pub(super) struct CollectWork {
    registry: Registry,
}

impl CollectWork {
    pub(super) fn new(registry: Registry) -> Self {
        Self { registry }
    }
}

impl Work for CollectWork {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn run<'a>(&'a self, job: &'a Job, stop: &'a Stop) -> BoxFuture<'a, Result<(), FlowError>> {
        Box::pin(async move {
            let policy = self.registry.limits().collect;
            let report = |counts| self.registry.progress().set(&job.id, counts);
            self.registry.collect(policy, stop, report).await?;
            let store = self.registry.store();
            while !stop.is_set() {
                let forgetting = store.write(|tx| Box::pin(jobs::forget(tx, JOBS_SECONDS, JOBS)));
                if forgetting.await? < JOBS.unsigned_abs() {
                    break;
                }
            }
            Ok(())
        })
    }
}

impl Registry {
    /// Collects all that is due by `policy`, and reports after each step. The body of a job: people ask for one by
    /// [`Registry::request_collection`].
    pub async fn collect(
        &self,
        policy: CollectPolicy,
        stop: &Stop,
        report: impl Fn(Counts) + Send + Sync,
    ) -> Result<Counts, FlowError> {
        let mut counts = Counts::default();
        while !stop.is_set() {
            let collecting = self
                .store()
                .write(move |tx| Box::pin(async move { collect::step(tx, &policy, STEP).await }));
            let done = collecting.await?;
            counts.examined += done.reviewed;
            counts.blobs += done.blobs;
            counts.members += done.members + done.referrers + done.uploads;
            counts.bytes += done.bytes;
            report(counts);
            if done.reviewed == 0 {
                break;
            }
        }
        while !stop.is_set() {
            let removed = self.remove_dead().await?;
            counts.files += removed;
            report(counts);
            if removed == 0 {
                break;
            }
        }
        Ok(counts)
    }

    /// Removes the bytes of some dead keys, then forgets the keys; how many.
    async fn remove_dead(&self) -> Result<u64, FlowError> {
        let due = self
            .store()
            .read(|tx| Box::pin(collect::due_dead(tx, KEYS)))
            .await?;
        let mut gone: Vec<StorageKey> = Vec::with_capacity(due.len());
        for key in due {
            match self.blobs().delete(key.clone()).await {
                Ok(()) => gone.push(key),
                // Somebody still holds it; it is due next time, too.
                Err(Failure::Transient(reason)) => {
                    tracing::info!(%key, reason, "bytes stay for now");
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        refloat_fail::point("gc.bytes_deleted").map_err(StoreError::from)?;
        if !gone.is_empty() {
            let keys = gone.clone();
            let forgotten = self.store().write(operation!(
                tx,
                [keys],
                collect::forget_dead(tx, &keys).await
            ));
            forgotten.await?;
        }
        Ok(gone.len() as u64)
    }
}
