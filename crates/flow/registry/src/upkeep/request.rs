//! A person asks for a collection or a scrub, and how far it is. Administrators only.

use super::progress::Counts;
use super::{collect, default_project, scrub};
use crate::asked::operation;
use crate::{Caller, FlowError, Registry};
use refloat_core::{JobId, Rejection};
use refloat_oci::Digest;
use refloat_store::access::authorize_server;
use refloat_store::collect::Collectable;
use refloat_store::jobs::{self, Job, NewJob};

/// The consumer under which requests of people are unique.
const CONSUMER: &str = "person";
/// How many damaged blobs a report names. The log has all.
pub const DAMAGED_MAX: usize = 100;

/// A job, and what it has done so far if it ran here.
#[derive(Debug, Clone, PartialEq)]
pub struct JobReport {
    /// The job.
    pub job: Job,
    /// What it has done; `None` if it has not begun, or runs in another process.
    pub counts: Option<Counts>,
    /// Of a scrub: blobs that are damaged now, by digest, each with what is wrong; the first [`DAMAGED_MAX`].
    pub damaged: Vec<(Digest, String)>,
}

impl Registry {
    /// What a collection would do now. Changes nothing.
    pub async fn collectable(&self, caller: &Caller) -> Result<Collectable, FlowError> {
        let (principal, policy) = (caller.principal.clone(), self.limits().collect);
        let found = self.store().read(operation!(tx, [principal], {
            authorize_server(tx, &principal).await?;
            refloat_store::collect::collectable(tx, &policy).await
        }));
        Ok(found.await?)
    }

    /// Makes a collection due now.
    pub async fn request_collection(&self, caller: &Caller) -> Result<JobId, FlowError> {
        self.request(caller, collect::KIND, collect::COMMAND).await
    }

    /// Makes a scrub of everything due now.
    pub async fn request_scrub(&self, caller: &Caller) -> Result<JobId, FlowError> {
        self.request(caller, scrub::KIND, scrub::COMMAND_ALL).await
    }

    /// How far a job is.
    pub async fn job_report(&self, caller: &Caller, id: &JobId) -> Result<JobReport, FlowError> {
        let (principal, id) = (caller.principal.clone(), id.clone());
        let found = self.store().read(operation!(tx, [principal, id], {
            authorize_server(tx, &principal).await?;
            let job = jobs::get(tx, &id).await?;
            let damaged = match &job {
                Some(job) if job.kind == scrub::KIND => {
                    refloat_store::scrub::damaged(tx, None, DAMAGED_MAX).await?
                }
                _ => Vec::new(),
            };
            Ok(job.map(|job| (job, damaged)))
        }));
        let (job, damaged) = found.await?.ok_or_else(|| Rejection::NotFound {
            kind: "job",
            name: id.to_string(),
        })?;
        let counts = self.progress().get(&id);
        Ok(JobReport {
            job,
            counts,
            damaged,
        })
    }

    async fn request(
        &self,
        caller: &Caller,
        kind: &str,
        command: &str,
    ) -> Result<JobId, FlowError> {
        let principal = caller.principal.clone();
        let job = NewJob {
            project: default_project(),
            kind: kind.to_owned(),
            consumer: CONSUMER.to_owned(),
            // Each request is a cause of its own.
            cause: format!("request {} {}", caller.request_id, ulid::Ulid::new()),
            command: command.to_owned(),
            subject: String::new(),
            priority: 0,
            run_at: None,
            attempts_max: None,
        };
        let made = self.store().write(operation!(tx, [principal, job], {
            authorize_server(tx, &principal).await?;
            jobs::enqueue(tx, job).await
        }));
        Ok(made.await?.id().clone())
    }
}
