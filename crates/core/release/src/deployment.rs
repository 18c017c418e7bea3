//! One change on its way into one environment.

use refloat_core::Timestamp;

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deployment {
    /// Rendered; its turn has not come.
    Waiting,
    /// It is being applied and waited for.
    Started,
    /// It runs.
    Deployed {
        /// The revision of the target.
        revision: u32,
        /// Since when.
        at: Timestamp,
    },
    /// It does not run.
    Failed {
        /// What went wrong.
        error: String,
    },
    /// An environment that comes before it failed.
    Stopped {
        /// Which one.
        by: String,
    },
    /// A newer change took its place before its turn came.
    Superseded,
}

/// What happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeploymentEvent {
    /// Its turn came.
    Started,
    /// It is ready.
    Deployed {
        /// The revision of the target.
        revision: u32,
        /// When.
        at: Timestamp,
    },
    /// It will not become ready.
    Failed {
        /// What went wrong.
        error: String,
    },
    /// An environment before it failed.
    Stopped {
        /// Which one.
        by: String,
    },
    /// A newer change was made.
    Superseded,
}

/// An event that does not belong to the state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a deployment that is {state} cannot be {event}")]
pub struct IllegalTransition {
    /// The state's name.
    pub state: &'static str,
    /// The event's name.
    pub event: &'static str,
}

impl Deployment {
    /// The state after `event`. What has come to its end stays.
    ///
    /// # Errors
    /// [`IllegalTransition`].
    pub fn next(&self, event: &DeploymentEvent) -> Result<Self, IllegalTransition> {
        match (self, event) {
            (Self::Waiting, DeploymentEvent::Started) => Ok(Self::Started),
            (Self::Started, DeploymentEvent::Deployed { revision, at }) => Ok(Self::Deployed {
                revision: *revision,
                at: *at,
            }),
            (Self::Waiting | Self::Started, DeploymentEvent::Failed { error }) => {
                Ok(Self::Failed {
                    error: error.clone(),
                })
            }
            (Self::Waiting, DeploymentEvent::Stopped { by }) => {
                Ok(Self::Stopped { by: by.clone() })
            }
            (Self::Waiting, DeploymentEvent::Superseded) => Ok(Self::Superseded),
            (state, event) => Err(IllegalTransition {
                state: state.name(),
                event: event.name(),
            }),
        }
    }

    /// Its word, in rows and for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Started => "started",
            Self::Deployed { .. } => "deployed",
            Self::Failed { .. } => "failed",
            Self::Stopped { .. } => "stopped",
            Self::Superseded => "superseded",
        }
    }
}

impl DeploymentEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Deployed { .. } => "deployed",
            Self::Failed { .. } => "failed",
            Self::Stopped { .. } => "stopped",
            Self::Superseded => "superseded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_takes_its_own_events_only() {
        let at = Timestamp::default();
        let states = [
            Deployment::Waiting,
            Deployment::Started,
            Deployment::Deployed { revision: 1, at },
            Deployment::Failed {
                error: String::new(),
            },
            Deployment::Stopped { by: String::new() },
            Deployment::Superseded,
        ];
        let events = [
            DeploymentEvent::Started,
            DeploymentEvent::Deployed { revision: 1, at },
            DeploymentEvent::Failed {
                error: String::new(),
            },
            DeploymentEvent::Stopped { by: String::new() },
            DeploymentEvent::Superseded,
        ];
        let mut table = String::new();
        for state in &states {
            for event in &events {
                if let Ok(next) = state.next(event) {
                    table +=
                        &[state.name(), " + ", event.name(), " = ", next.name(), "\n"].concat();
                }
            }
        }
        assert_eq!(
            table,
            "waiting + started = started\n\
             waiting + failed = failed\n\
             waiting + stopped = stopped\n\
             waiting + superseded = superseded\n\
             started + deployed = deployed\n\
             started + failed = failed\n"
        );
    }
}
