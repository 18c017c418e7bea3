//! How far jobs of this process are, for people who wait.

use refloat_core::JobId;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The most jobs remembered; the oldest goes first.
const JOBS_MAX: usize = 100;

/// What a job has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Things looked at: reviews of the collection, blobs of the scrub.
    pub examined: u64,
    /// Blobs that left the last repository.
    pub blobs: u64,
    /// Memberships, referrers and uploads that ended.
    pub members: u64,
    /// Bytes: of collected blobs, or read back by the scrub.
    pub bytes: u64,
    /// Stored files that were removed.
    pub files: u64,
    /// Blobs found damaged.
    pub damaged: u64,
}

/// Counts by job. A job of another process is not here.
#[derive(Default)]
pub(crate) struct Progress(Mutex<BTreeMap<JobId, Counts>>);

impl Progress {
    pub(crate) fn get(&self, job: &JobId) -> Option<Counts> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(job)
            .copied()
    }

    pub(crate) fn set(&self, job: &JobId, counts: Counts) {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.insert(job.clone(), counts);
        if jobs.len() > JOBS_MAX {
            jobs.pop_first();
        }
    }
}
