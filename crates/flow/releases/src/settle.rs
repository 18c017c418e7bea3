//! One release, step by step, until nothing is due.

use crate::work::KIND;
use crate::{Releases, StepError, operation};
use refloat_core::Timestamp;
use refloat_flow::FlowError;
use refloat_flow::executors::Stop;
use refloat_release::Step;
use refloat_store::jobs::{self, NewJob};
use refloat_store_releases::ReleaseKey;
use std::sync::atomic::{AtomicBool, Ordering};

/// Steps of one run: many more than a release has, so that no fault turns for ever.
const STEPS_MAX: usize = 200;

impl Releases {
    /// Does what is due for one release. If another job of this process is at it, that one looks once more instead.
    pub(crate) async fn settle(&self, key: &ReleaseKey, stop: &Stop) -> Result<(), FlowError> {
        let Some(turn) = MyTurn::take(self, key) else {
            return Ok(());
        };
        for _ in 0..STEPS_MAX {
            if stop.is_set() {
                return Ok(());
            }
            if self.step(key).await? == Progress::Rests && turn.is_over() {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn step(&self, key: &ReleaseKey) -> Result<Progress, FlowError> {
        let Some(seen) = self.look(key).await? else {
            return Ok(Progress::Rests);
        };
        let (step, why) = refloat_release::due(&seen.view, seen.now);
        tracing::debug!(release = key.name, ?step, ?why, "looked at a release");
        let done = match step {
            Step::Begin => self.begin(key, &seen).await,
            Step::Make => self.make(key, &seen).await,
            Step::Deploy(place) => self.deploy(key, &seen, place).await,
            Step::WaitUntil(at) => {
                self.look_again(key, at).await?;
                return Ok(Progress::Rests);
            }
            Step::Nothing => return Ok(Progress::Rests),
        };
        match done {
            Ok(()) => Ok(Progress::Made),
            // What is final was written down by the step; what is not comes here.
            Err(StepError::Final(message)) => Err(refloat_core::Failure::Transient(message).into()),
            Err(StepError::Again(error)) => Err(error),
        }
    }

    async fn look_again(&self, key: &ReleaseKey, at: Timestamp) -> Result<(), FlowError> {
        let job = NewJob {
            project: key.project.clone(),
            kind: KIND.to_owned(),
            consumer: KIND.to_owned(),
            cause: at.to_string(),
            command: "soaked".to_owned(),
            subject: format!("release/{}", key.name),
            priority: 20,
            run_at: Some(at),
            attempts_max: None,
        };
        let enqueued = self
            .store()
            .write(operation!(tx, [job], jobs::enqueue(tx, job).await));
        enqueued.await?;
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Made,
    Rests,
}

/// Held by the one job of this process that settles a release.
struct MyTurn<'a> {
    releases: &'a Releases,
    key: &'a ReleaseKey,
    given_back: AtomicBool,
}

impl<'a> MyTurn<'a> {
    /// `None` if somebody has it, who is told to look again.
    fn take(releases: &'a Releases, key: &'a ReleaseKey) -> Option<Self> {
        let mut busy = releases.lock();
        if let Some(again) = busy.get_mut(key) {
            *again = true;
            return None;
        }
        busy.insert(key.clone(), false);
        Some(Self {
            releases,
            key,
            given_back: AtomicBool::new(false),
        })
    }

    /// False, once, if something happened meanwhile.
    fn is_over(&self) -> bool {
        let mut busy = self.releases.lock();
        match busy.get_mut(self.key) {
            Some(again) if *again => {
                *again = false;
                false
            }
            // Given back under the same lock: who comes later takes a turn of its own.
            Some(_) | None => {
                busy.remove(self.key);
                self.given_back.store(true, Ordering::Relaxed);
                true
            }
        }
    }
}

impl Drop for MyTurn<'_> {
    fn drop(&mut self) {
        if !self.given_back.load(Ordering::Relaxed) {
            self.releases.lock().remove(self.key);
        }
    }
}

impl Releases {
    fn lock(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<ReleaseKey, bool>> {
        self.inner
            .busy
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
