//! The life of a run: asked for, at a builder, ended.
//!
//! ```text
//! requested ─► running ─► succeeded | failed | cancelled
//!     └──────────────────────────────► failed | cancelled
//! ```

use crate::event::{RunEvent, RunOutcome};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Nobody has begun.
    Requested,
    /// A builder is at it.
    Running,
    /// The image is there, and its tests passed.
    Succeeded,
    /// It failed for good.
    Failed,
    /// It was called off, or its time was over.
    Cancelled,
}

/// An event that a run's state does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {state} does not take `{event}`")]
pub struct IllegalRunStep {
    /// The state.
    pub state: &'static str,
    /// The event.
    pub event: &'static str,
}

impl RunState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Requested,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word in rows and for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing changes it any more.
    pub fn has_ended(self) -> bool {
        match self {
            Self::Requested | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
        }
    }

    /// Where it stands after `event`; `None` is a run that is not there yet.
    ///
    /// # Errors
    /// [`IllegalRunStep`] if the state has no such step.
    pub fn next(state: Option<Self>, event: &RunEvent) -> Result<Self, IllegalRunStep> {
        let illegal = Err(IllegalRunStep {
            state: state.map_or("absent", Self::name),
            event: event.name(),
        });
        match (state, event) {
            (None, RunEvent::RunRequested { .. }) => Ok(Self::Requested),
            (Some(Self::Requested), RunEvent::RunStarted { .. }) => Ok(Self::Running),
            (Some(Self::Requested | Self::Running), RunEvent::RunFinished { outcome, .. }) => {
                match (state, outcome) {
                    (
                        Some(Self::Running),
                        RunOutcome::Succeeded { .. } | RunOutcome::Passed { .. },
                    ) => Ok(Self::Succeeded),
                    (_, RunOutcome::Succeeded { .. } | RunOutcome::Passed { .. }) => illegal,
                    (_, RunOutcome::Failed { .. }) => Ok(Self::Failed),
                    (_, RunOutcome::Cancelled { .. }) => Ok(Self::Cancelled),
                }
            }
            (
                _,
                RunEvent::RunRequested { .. }
                | RunEvent::RunStarted { .. }
                | RunEvent::RunFinished { .. },
            ) => illegal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives() {
        let run = crate::RunId::from_ulid(ulid::Ulid::nil());
        let (task, repository) = ("web".to_owned(), "apps/web".parse().expect("a name"));
        let requested = RunEvent::RunRequested {
            run: run.clone(),
            task: task.clone(),
            repository,
            commit: None,
            bases: Vec::new(),
            candidate: None,
        };
        let repository: refloat_oci::RepositoryName = "apps/web".parse().expect("a name");
        let started = RunEvent::RunStarted {
            run: run.clone(),
            task: task.clone(),
            repository: repository.clone(),
            commit: "c".to_owned(),
            builder: "b".to_owned(),
        };
        let finished = |outcome| RunEvent::RunFinished {
            run: run.clone(),
            task: task.clone(),
            repository: repository.clone(),
            outcome,
        };
        let done = finished(RunOutcome::Succeeded {
            digest: refloat_oci::Digest::sha256(b"x"),
            tag: "t".parse().expect("a tag"),
            tested: false,
        });
        let passed = finished(RunOutcome::Passed {
            candidate: refloat_oci::Digest::sha256(b"x"),
            tests: 1,
        });
        let failed = finished(RunOutcome::Failed {
            step: "build".to_owned(),
            error: "e".to_owned(),
        });
        let cancelled = finished(RunOutcome::Cancelled {
            reason: "r".to_owned(),
        });
        let lives: [(&[&RunEvent], &str); 10] = [
            (&[&requested], "requested"),
            (&[&requested, &started], "running"),
            (&[&requested, &started, &done], "succeeded"),
            (&[&requested, &started, &passed], "succeeded"),
            (&[&requested, &passed], "!"),
            (&[&requested, &failed], "failed"),
            (&[&requested, &started, &cancelled], "cancelled"),
            (&[&requested, &done], "!"),
            (&[&requested, &requested], "!"),
            (&[&requested, &failed, &started], "!"),
        ];
        for (events, expected) in lives {
            let mut state = None;
            let mut word = "absent";
            for event in events {
                match RunState::next(state, event) {
                    Ok(next) => {
                        state = Some(next);
                        word = next.name();
                    }
                    Err(_) => word = "!",
                }
            }
            assert_eq!(word, expected);
        }
        for state in RunState::ALL {
            assert_eq!(RunState::from_name(state.name()), Some(state));
        }
    }
}
