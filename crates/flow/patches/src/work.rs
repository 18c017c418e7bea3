//! The jobs of the loop, and the executor that makes sweeps due.

use crate::{Patches, operation};
use futures_util::future::BoxFuture;
use refloat_core::{CascadeId, Failure};
use refloat_flow::FlowError;
use refloat_flow::executors::{Executor, Stop, Turn, Work};
use refloat_oci::{Digest, RepositoryName, TagName};
use refloat_store::jobs;
use refloat_store_patches::{By, cascades, upstreams};
use std::time::Duration;

/// The longest rest of the executor that makes sweeps due.
const REST_MAX: Duration = Duration::from_mins(1);

/// What a job of a kind does.
type Does = for<'a> fn(&'a Patches, &'a jobs::Job) -> BoxFuture<'a, Result<(), FlowError>>;

/// The work of one kind.
pub(crate) struct Job {
    patches: Patches,
    kind: &'static str,
    does: Does,
}

impl Job {
    fn new(patches: &Patches, kind: &'static str, does: Does) -> Self {
        Self {
            patches: patches.clone(),
            kind,
            does,
        }
    }

    /// An image was pushed.
    pub(crate) fn index(patches: &Patches) -> Self {
        Self::new(patches, "index", |patches, job| {
            Box::pin(async move {
                let (repository, digest): (RepositoryName, Digest) = halves(&job.subject, '@')?;
                let Some(project) = patches.project_of(&repository).await? else {
                    return Ok(());
                };
                let by = By::system(project).because(job.cause.parse().into_iter().collect());
                patches.read(None, &repository, digest, &by).await.map(drop)
            })
        })
    }

    /// A tag moved.
    pub(crate) fn check_tag(patches: &Patches) -> Self {
        Self::new(patches, "check-tag", |patches, job| {
            Box::pin(async move {
                let (repository, tag): (RepositoryName, TagName) = halves(&job.subject, ':')?;
                patches.check_own_tag(&repository, &tag).await
            })
        })
    }

    /// An upstream is due.
    pub(crate) fn sweep(patches: &Patches) -> Self {
        Self::new(patches, upstreams::SWEEP, |patches, job| {
            Box::pin(patches.sweep(&job.project, &job.subject))
        })
    }

    /// A base moved.
    pub(crate) fn plan(patches: &Patches) -> Self {
        Self::new(patches, "plan", |patches, _| Box::pin(patches.plan_due()))
    }

    /// A cascade may go on: the subject is its id, or that of a run it waits for.
    pub(crate) fn patch(patches: &Patches) -> Self {
        Self::new(patches, "patch", |patches, job| {
            Box::pin(async move {
                let cascade = if job.subject.starts_with(CascadeId::PREFIX) {
                    job.subject.parse().ok()
                } else {
                    let run = job.subject.clone();
                    let found = patches.store().read(operation!(
                        tx,
                        [run],
                        cascades::of_run(tx, &run).await
                    ));
                    found.await?
                };
                match cascade {
                    Some(cascade) => patches.advance(&cascade).await,
                    // A run that no cascade waits for.
                    None => Ok(()),
                }
            })
        })
    }
}

/// A subject of two names.
fn halves<A: std::str::FromStr, B: std::str::FromStr>(
    subject: &str,
    mark: char,
) -> Result<(A, B), FlowError> {
    let parsed = subject
        .split_once(mark)
        .and_then(|(first, second)| Some((first.parse().ok()?, second.parse().ok()?)));
    parsed.ok_or_else(|| Failure::Terminal(format!("`{subject}` is no subject of this job")).into())
}

impl Work for Job {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn run<'a>(
        &'a self,
        job: &'a jobs::Job,
        _stop: &'a Stop,
    ) -> BoxFuture<'a, Result<(), FlowError>> {
        (self.does)(&self.patches, job)
    }
}

/// Makes a job for each upstream that is due.
pub(crate) struct Sweeper(Patches);

impl Sweeper {
    pub(crate) fn new(patches: &Patches) -> Self {
        Self(patches.clone())
    }

    async fn step(&self) -> Result<Turn, FlowError> {
        let looked = self
            .0
            .store()
            .read(|tx| Box::pin(async move { Ok((upstreams::next_due(tx).await?, tx.now())) }));
        let (next, now) = looked.await?;
        let Some(next) = next else {
            return Ok(Turn::Rest(REST_MAX));
        };
        let micros = next.micros().saturating_sub(now.micros());
        if let Some(rest) = u64::try_from(micros).ok().filter(|micros| *micros > 0) {
            return Ok(Turn::Rest(Duration::from_micros(rest).min(REST_MAX)));
        }
        self.0
            .store()
            .write(|tx| Box::pin(upstreams::enqueue_due(tx)))
            .await?;
        Ok(Turn::More)
    }
}

impl Executor for Sweeper {
    fn name(&self) -> &'static str {
        "upstreams"
    }

    fn turn<'a>(&'a self, _stop: &'a Stop) -> BoxFuture<'a, Result<Turn, FlowError>> {
        Box::pin(self.step())
    }
}
