//! One look at a run: what the builder says of it, and what follows.

use crate::begin::BeginError;
use crate::{Builds, operation};
use futures_util::StreamExt as _;
use refloat_core::Failure;
use refloat_core::event::RunOutcome;
use refloat_core::run::RunState;
use refloat_flow::FlowError;
use refloat_ports::BuildStatus;
use refloat_store_builds as rows;
use refloat_store_builds::Run;
use std::sync::Arc;

/// How many parts of a log one look takes.
const LOG_PARTS_MAX: usize = 16;
/// How often a run is begun while a git server or registry does not answer: four to six minutes by the pauses of jobs.
const BEGINS_MAX: i64 = 9;
/// The pause before a run that has to wait for others is looked at again, in milliseconds.
const CROWDED_MILLIS: i64 = 1000;

impl Builds {
    /// Takes a run one step further; makes the next look unless it is settled.
    /// `attempts`: how often this look was tried.
    pub(crate) async fn look(&self, run: &Run, attempts: i64) -> Result<(), FlowError> {
        match run.state {
            RunState::Requested => self.look_at_requested(run, attempts).await,
            RunState::Running => self.look_at_running(run, attempts).await,
            RunState::Succeeded | RunState::Failed | RunState::Cancelled if run.settled => Ok(()),
            RunState::Succeeded | RunState::Failed | RunState::Cancelled => self.settle(run).await,
        }
    }

    async fn look_at_requested(&self, run: &Run, attempts: i64) -> Result<(), FlowError> {
        if let Some(reason) = &run.cancel {
            return self.cancelled(run, reason.clone()).await;
        }
        let running = self.store().read(|tx| Box::pin(rows::running(tx))).await?;
        if running >= self.inner.concurrency {
            return self.again(run, CROWDED_MILLIS).await;
        }
        match self.begin(run).await {
            Ok(()) => {}
            Err(BeginError::World(error)) => {
                return self.later(run, attempts, error).await;
            }
            Err(BeginError::Failed(step, error)) => return self.failed(run, step, error).await,
        }
        let (run, builder) = (Arc::new(run.clone()), self.inner.builder.name());
        let started = self.store().write(operation!(tx, [run], {
            rows::start(tx, &run.id, builder).await?;
            rows::look_again(tx, &run, 0).await
        }));
        Ok(started.await?)
    }

    /// The world does not let a run begin: it is tried again as its job is, and ends after so many times, or when its time is over.
    async fn later(&self, run: &Run, attempts: i64, error: FlowError) -> Result<(), FlowError> {
        let step = match run.candidate {
            None => "checkout",
            Some(_) => "test",
        };
        if attempts >= BEGINS_MAX || self.is_overdue(run).await? {
            let text = format!("{error}; it was tried {attempts} times");
            return self.failed(run, step, text).await;
        }
        self.note(run, format!("not yet: {error}; it is tried again"))
            .await?;
        Err(error)
    }

    /// Whether a run that cannot begin has waited as long as it may take.
    async fn is_overdue(&self, run: &Run) -> Result<bool, FlowError> {
        let timeout = crate::spec::timeout_seconds(run)?;
        let now = self
            .store()
            .read(|tx| Box::pin(async move { Ok(tx.now()) }));
        Ok(now.await?.seconds_since(run.requested_at) > timeout)
    }

    async fn look_at_running(&self, run: &Run, attempts: i64) -> Result<(), FlowError> {
        if let Some(reason) = &run.cancel {
            self.inner.builder.cancel(&run.id, reason).await?;
        }
        // Before the log is read: whatever it says by then is in the log.
        let status = self.inner.builder.observe(&run.id).await?;
        self.keep_log(run).await?;
        match status {
            BuildStatus::Running { step } => {
                let (run, pause) = (Arc::new(run.clone()), pause_millis(run.turns));
                let noted = self.store().write(operation!(tx, [run, step], {
                    if run.step.as_ref() != Some(&step) {
                        rows::step(tx, &run.id, &step).await?;
                    }
                    rows::look_again(tx, &run, pause).await
                }));
                Ok(noted.await?)
            }
            BuildStatus::Absent => match &run.cancel {
                Some(reason) => self.cancelled(run, reason.clone()).await,
                None => self.begin_again(run, attempts).await,
            },
            BuildStatus::Succeeded { digest, builder } => {
                self.succeeded(run, digest, builder).await
            }
            BuildStatus::Failed { step, error } => self.failed(run, &step, error).await,
            BuildStatus::Cancelled { reason } => self.cancelled(run, reason).await,
        }
    }

    /// The runner died, or its folder is gone: from the same commit and bases once more.
    async fn begin_again(&self, run: &Run, attempts: i64) -> Result<(), FlowError> {
        match self.begin(run).await {
            Ok(()) => self.again(run, 200).await,
            Err(BeginError::World(error)) => self.later(run, attempts, error).await,
            Err(BeginError::Failed(step, error)) => self.failed(run, step, error).await,
        }
    }

    async fn again(&self, run: &Run, millis: i64) -> Result<(), FlowError> {
        let run = Arc::new(run.clone());
        let made = self.store().write(operation!(
            tx,
            [run],
            rows::look_again(tx, &run, millis).await
        ));
        Ok(made.await?)
    }

    pub(crate) async fn failed(
        &self,
        run: &Run,
        step: &str,
        error: String,
    ) -> Result<(), FlowError> {
        let outcome = RunOutcome::Failed {
            step: step.to_owned(),
            error: error.chars().take(1000).collect(),
        };
        self.finish(run, outcome, None).await
    }

    async fn cancelled(&self, run: &Run, reason: String) -> Result<(), FlowError> {
        self.finish(run, RunOutcome::Cancelled { reason }, None)
            .await
    }

    /// Takes over what the builder has said since the last look.
    pub(crate) async fn keep_log(&self, run: &Run) -> Result<(), FlowError> {
        let mut position = run.log_bytes;
        for _ in 0..LOG_PARTS_MAX {
            let mut stream = self.inner.builder.log(&run.id, position).await?;
            let mut bytes = Vec::new();
            while let Some(part) = stream.next().await {
                let part = part.map_err(|error| Failure::Transient(format!("a log: {error}")))?;
                bytes.extend_from_slice(&part);
            }
            if bytes.is_empty() {
                break;
            }
            let (id, from) = (run.id.clone(), position);
            position += bytes.len() as u64;
            let bytes = Arc::new(bytes);
            let kept = self.store().write(operation!(
                tx,
                [id, bytes],
                rows::append_log(tx, &id, from, &bytes).await
            ));
            kept.await?;
        }
        Ok(())
    }
}

/// The pause between two looks: short for a short build, a second for a long one.
fn pause_millis(turns: i64) -> i64 {
    (100 + turns * 20).min(1000)
}
