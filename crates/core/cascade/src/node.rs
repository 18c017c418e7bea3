//! The life of one patch in a cascade.
//!
//! ```text
//!            Judge            Build               Publish
//!  waiting ───────► judged ──────────► building ──────────► published
//!     ▲  │           │ │   Test           ▲ Build              ▲ ▲
//!     │  │           │ └───────────────► testing ──────────────┘ │
//!     │  │           └───────────────────────────────────────────┘
//!     │  └── Hold, Skip, Fail ◄── from waiting, judged, building, testing
//!     └───── Retry (held, failed)
//! ```
//! What is rebased is tested where it has tests; whose tests fail is built by its task, if it has one.

use crate::IllegalTransition;
use refloat_core::RunId;
use refloat_core::event::Method;
use refloat_oci::Digest;

/// Where a patch stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeState {
    /// It waits for its bases, or for its turn.
    Waiting,
    /// The verdict is in; this is done next.
    Judged {
        /// How.
        method: Method,
    },
    /// A builder works on it.
    Building {
        /// The run.
        run: RunId,
    },
    /// It is rebased, and a builder runs its tests.
    Testing {
        /// The run.
        run: RunId,
    },
    /// Its line names the patched image.
    Published {
        /// The image.
        digest: Digest,
    },
    /// It waits for somebody.
    Held {
        /// On what, and what to do.
        reason: String,
    },
    /// It stays as it is.
    Skipped {
        /// Why.
        reason: String,
    },
    /// It could not be made.
    Failed {
        /// What went wrong.
        error: String,
    },
}

/// What happens to a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeEvent {
    /// Its verdict is in.
    Judge {
        /// What is done.
        method: Method,
    },
    /// A builder was asked.
    Build {
        /// The run.
        run: RunId,
    },
    /// A builder was asked to run its tests.
    Test {
        /// The run.
        run: RunId,
    },
    /// Its line was moved to the result.
    Publish {
        /// The image.
        digest: Digest,
    },
    /// Somebody has to look.
    Hold {
        /// On what.
        reason: String,
    },
    /// Nothing has to be done.
    Skip {
        /// Why.
        reason: String,
    },
    /// It could not be made.
    Fail {
        /// Why.
        error: String,
    },
    /// A person wants it tried again.
    Retry,
}

impl NodeState {
    /// The word in rows and for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Judged { .. } => "judged",
            Self::Building { .. } => "building",
            Self::Testing { .. } => "testing",
            Self::Published { .. } => "published",
            Self::Held { .. } => "held",
            Self::Skipped { .. } => "skipped",
            Self::Failed { .. } => "failed",
        }
    }

    /// Whether nothing more happens by itself.
    pub fn is_ended(&self) -> bool {
        match self {
            Self::Waiting | Self::Judged { .. } | Self::Building { .. } | Self::Testing { .. } => {
                false
            }
            Self::Published { .. }
            | Self::Held { .. }
            | Self::Skipped { .. }
            | Self::Failed { .. } => true,
        }
    }

    /// Why it stands where it stands, if that needs words.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Held { reason } | Self::Skipped { reason } => Some(reason),
            Self::Failed { error } => Some(error),
            Self::Waiting
            | Self::Judged { .. }
            | Self::Building { .. }
            | Self::Testing { .. }
            | Self::Published { .. } => None,
        }
    }

    /// Where it stands after `event`.
    ///
    /// # Errors
    /// [`IllegalTransition`] if this state has no such event.
    pub fn next(&self, event: &NodeEvent) -> Result<Self, IllegalTransition> {
        let is_open = !self.is_ended();
        match (event, self) {
            (NodeEvent::Judge { method }, Self::Waiting) => Ok(Self::Judged { method: *method }),
            (
                NodeEvent::Build { run },
                Self::Judged {
                    method: Method::Rebuild,
                }
                | Self::Testing { .. },
            ) => Ok(Self::Building { run: run.clone() }),
            (
                NodeEvent::Test { run },
                Self::Judged {
                    method: Method::Rebase,
                },
            ) => Ok(Self::Testing { run: run.clone() }),
            (
                NodeEvent::Publish { digest },
                Self::Judged { .. } | Self::Building { .. } | Self::Testing { .. },
            ) => Ok(Self::Published { digest: *digest }),
            (NodeEvent::Hold { reason }, _) if is_open => Ok(Self::Held {
                reason: reason.clone(),
            }),
            (NodeEvent::Skip { reason }, _) if is_open => Ok(Self::Skipped {
                reason: reason.clone(),
            }),
            (NodeEvent::Fail { error }, _) if is_open => Ok(Self::Failed {
                error: error.clone(),
            }),
            (NodeEvent::Retry, Self::Held { .. } | Self::Failed { .. }) => Ok(Self::Waiting),
            (
                NodeEvent::Judge { .. }
                | NodeEvent::Build { .. }
                | NodeEvent::Test { .. }
                | NodeEvent::Publish { .. }
                | NodeEvent::Hold { .. }
                | NodeEvent::Skip { .. }
                | NodeEvent::Fail { .. }
                | NodeEvent::Retry,
                _,
            ) => Err(IllegalTransition {
                what: "a patch",
                state: self.name(),
                event: event.name(),
            }),
        }
    }
}

impl NodeEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Judge { .. } => "judge",
            Self::Build { .. } => "build",
            Self::Test { .. } => "test",
            Self::Publish { .. } => "publish",
            Self::Hold { .. } => "hold",
            Self::Skip { .. } => "skip",
            Self::Fail { .. } => "fail",
            Self::Retry => "retry",
        }
    }
}

/// What the bases of a patch say about its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// A base of it is not at its end.
    NotYet,
    /// It can be judged.
    Ready,
    /// A base of it has no patch: it cannot have one either.
    Never(String),
    /// Every base of it stays as it is.
    Pointless(String),
}

/// Whose turn it is: `bases` are the states of the patches this one stands on, each with its line; `on_moved_base` says that
/// it also stands on the base that began it all.
pub fn turn<'a>(bases: impl IntoIterator<Item = (&'a str, &'a NodeState)>, root: Root) -> Turn {
    let (mut moved, mut stays) = (root == Root::StandsOnIt, None);
    let mut never = None;
    for (line, state) in bases {
        match state {
            NodeState::Waiting
            | NodeState::Judged { .. }
            | NodeState::Building { .. }
            | NodeState::Testing { .. } => return Turn::NotYet,
            NodeState::Published { .. } => moved = true,
            NodeState::Held { reason } => {
                never = Some(format!("its base {line} is held: {reason}"));
            }
            NodeState::Failed { error } => {
                never = Some(format!("the patch of its base {line} failed: {error}"));
            }
            NodeState::Skipped { reason } => {
                stays = Some(format!("its base {line} stays: {reason}"));
            }
        }
    }
    match (never, moved, stays) {
        (Some(reason), _, _) => Turn::Never(reason),
        (None, true, _) => Turn::Ready,
        (None, false, stays) => {
            Turn::Pointless(stays.unwrap_or_else(|| "none of its bases moved".to_owned()))
        }
    }
}

/// Whether a patch stands on the base that moved first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// It does.
    StandsOnIt,
    /// Only by way of others.
    ByOthers,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> RunId {
        RunId::from_ulid(ulid::Ulid::nil())
    }

    /// Each line: the events of a life and the states after them; `!` is a refusal.
    #[test]
    fn lives() {
        let judge = |method| NodeEvent::Judge { method };
        let digest = Digest::sha256(b"x");
        let publish = NodeEvent::Publish { digest };
        let hold = NodeEvent::Hold {
            reason: "look".to_owned(),
        };
        let skip = NodeEvent::Skip {
            reason: "same".to_owned(),
        };
        let fail = NodeEvent::Fail {
            error: "broken".to_owned(),
        };
        let build = NodeEvent::Build { run: run() };
        let test = NodeEvent::Test { run: run() };
        let lives: Vec<Vec<(NodeEvent, &str)>> = vec![
            vec![
                (test.clone(), "!"),
                (judge(Method::Rebase), "judged"),
                (test.clone(), "testing"),
                (test.clone(), "!"),
                (publish.clone(), "published"),
            ],
            vec![
                (judge(Method::Rebase), "judged"),
                (test.clone(), "testing"),
                (build.clone(), "building"),
                (test.clone(), "!"),
                (fail.clone(), "failed"),
            ],
            vec![
                (judge(Method::Rebuild), "judged"),
                (test, "!"),
                (build.clone(), "building"),
            ],
            vec![
                (publish.clone(), "!"),
                (judge(Method::Rebase), "judged"),
                (judge(Method::Rebase), "!"),
                (build.clone(), "!"),
                (publish.clone(), "published"),
                (NodeEvent::Retry, "!"),
                (hold.clone(), "!"),
            ],
            vec![
                (judge(Method::Rebuild), "judged"),
                (build, "building"),
                (fail.clone(), "failed"),
                (publish, "!"),
                (NodeEvent::Retry, "waiting"),
                (skip.clone(), "skipped"),
                (NodeEvent::Retry, "!"),
            ],
            vec![
                (hold, "held"),
                (skip, "!"),
                (NodeEvent::Retry, "waiting"),
                (fail, "failed"),
            ],
        ];
        for (number, life) in lives.iter().enumerate() {
            let mut state = NodeState::Waiting;
            for (event, expected) in life {
                let next = state.next(event);
                let word = next.as_ref().map_or("!", NodeState::name);
                assert_eq!(
                    word,
                    *expected,
                    "life {number}: {event:?} at {}",
                    state.name()
                );
                state = next.unwrap_or(state);
            }
        }
    }

    #[test]
    fn a_turn_comes_when_every_base_has_its_end() {
        let published = NodeState::Published {
            digest: Digest::sha256(b"x"),
        };
        let held = NodeState::Held {
            reason: "H2".to_owned(),
        };
        let skipped = NodeState::Skipped {
            reason: "same".to_owned(),
        };
        let waiting = NodeState::Waiting;
        let of = |states: &[&NodeState], root| {
            turn(states.iter().map(|state| ("a#tag:1", *state)), root)
        };
        assert_eq!(of(&[], Root::StandsOnIt), Turn::Ready);
        assert_eq!(of(&[&published, &waiting], Root::StandsOnIt), Turn::NotYet);
        assert_eq!(of(&[&published, &skipped], Root::ByOthers), Turn::Ready);
        assert!(matches!(
            of(&[&published, &held], Root::ByOthers),
            Turn::Never(_)
        ));
        assert!(matches!(
            of(&[&skipped], Root::ByOthers),
            Turn::Pointless(_)
        ));
    }
}
