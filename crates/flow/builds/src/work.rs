//! Jobs of the kind `build`: a look at a run, or the edges of a task that was applied.

use crate::{Builds, operation};
use futures_util::future::BoxFuture;
use refloat_core::RunId;
use refloat_flow::FlowError;
use refloat_flow::executors::{Stop, Work};
use refloat_store::jobs::Job;
use refloat_store_builds as rows;

/// Does these jobs.
pub(crate) struct Look(pub(crate) Builds);

impl Work for Look {
    fn kind(&self) -> &'static str {
        "build"
    }

    fn run<'a>(&'a self, job: &'a Job, _stop: &'a Stop) -> BoxFuture<'a, Result<(), FlowError>> {
        Box::pin(async move {
            match job.command.as_str() {
                "derive" => self.0.derive_by_name(&job.project, &job.subject).await,
                _ => self.look(job).await,
            }
        })
    }
}

impl Look {
    async fn look(&self, job: &Job) -> Result<(), FlowError> {
        let Ok(id) = job.subject.parse::<RunId>() else {
            return Ok(());
        };
        let found = self
            .0
            .store()
            .read(operation!(tx, [id], rows::get(tx, &id).await));
        let Some(run) = found.await? else {
            return Ok(());
        };
        // A newer look is on its way: this one is a repetition.
        if job.cause != format!("turn {}", run.turns) {
            return Ok(());
        }
        self.0.look(&run, job.progress.attempts).await
    }
}
