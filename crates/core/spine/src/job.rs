//! The life of a job, as a pure state machine. `store/rows` keeps it in a row, executors in `flow` drive it.
//!
//! ```text
//!             claim                    finish
//!  waiting ───────────► running ─────────────────► done
//!     ▲  ▲                │ │ lease over: claim again, with the next fence
//!     │  └── fail ────────┘ └── fail for good, or attempts used up ─► dead
//!     └────── retry (a person) ◄──────────── dead, cancelled ◄── cancel (waiting, running)
//! ```
//! The **fence** grows with every claim and cancellation. Whoever works passes the fence it was given; a holder whose lease ran out
//! and whose job was claimed by another is refused by the write itself.

use crate::rejection::Failure;
use crate::time::Timestamp;

/// The pause after the first failure.
pub const RETRY_SECONDS_MIN: i64 = 2;
/// The longest pause between two attempts, before its spread.
pub const RETRY_SECONDS_MAX: i64 = 3600;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It may be claimed from then on.
    Waiting {
        /// Not before this.
        run_at: Timestamp,
    },
    /// Somebody works on it.
    Running {
        /// From then on somebody else may claim it.
        lease_until: Timestamp,
    },
    /// It succeeded.
    Done {
        /// When.
        at: Timestamp,
    },
    /// It failed for good and waits for a person.
    Dead {
        /// When.
        at: Timestamp,
    },
    /// A person called it off.
    Cancelled {
        /// When.
        at: Timestamp,
    },
}

impl JobState {
    /// The word in rows and for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Running { .. } => "running",
            Self::Done { .. } => "done",
            Self::Dead { .. } => "dead",
            Self::Cancelled { .. } => "cancelled",
        }
    }
}

/// What happens to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStep {
    /// An executor takes it until then.
    Claim {
        /// The end of its lease.
        lease_until: Timestamp,
    },
    /// Its holder needs longer.
    Renew {
        /// The holder's fence.
        fence: i64,
        /// The new end of its lease.
        lease_until: Timestamp,
    },
    /// Its holder has done it.
    Finish {
        /// The holder's fence.
        fence: i64,
    },
    /// Its holder could not do it.
    Fail {
        /// The holder's fence.
        fence: i64,
        /// When to try again; `None` if that is pointless.
        again_at: Option<Timestamp>,
    },
    /// A person calls it off.
    Cancel,
    /// A person wants it tried again, with all its attempts.
    Retry,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Where it stands.
    pub state: JobState,
    /// How often it was claimed.
    pub attempts: i64,
    /// How often it may be.
    pub attempts_max: i64,
    /// Grows with every claim and cancellation.
    pub fence: i64,
}

/// A step that the job's state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IllegalStep {
    /// The state does not have this step.
    #[error("a job that is {0} does not take this step")]
    State(&'static str),
    /// The lease ran out and somebody else holds the job, or it was cancelled.
    #[error("the job is not held any more")]
    Fence,
}

impl Progress {
    /// A job that waits until `run_at`.
    pub fn waiting(run_at: Timestamp, attempts_max: i64) -> Self {
        Self {
            state: JobState::Waiting { run_at },
            attempts: 0,
            attempts_max,
            fence: 0,
        }
    }

    /// Where the job stands after `step` at `now`.
    ///
    /// A claim of a job whose last attempt ended without a word (its process died of it, perhaps) makes it dead.
    ///
    /// # Errors
    /// [`IllegalStep`] if the state has no such step, or the fence is an old one.
    pub fn next(&self, step: JobStep, now: Timestamp) -> Result<Self, IllegalStep> {
        let with = |state| Self { state, ..*self };
        let illegal = Err(IllegalStep::State(self.state.name()));
        match step {
            JobStep::Claim { lease_until } => match self.state {
                JobState::Waiting { run_at } if run_at <= now => Ok(self.claimed(lease_until)),
                JobState::Running { lease_until: until }
                    if until <= now && self.attempts >= self.attempts_max =>
                {
                    Ok(with(JobState::Dead { at: now }))
                }
                JobState::Running { lease_until: until } if until <= now => {
                    Ok(self.claimed(lease_until))
                }
                JobState::Waiting { .. }
                | JobState::Running { .. }
                | JobState::Done { .. }
                | JobState::Dead { .. }
                | JobState::Cancelled { .. } => illegal,
            },
            JobStep::Renew { fence, lease_until } => self
                .held(fence)
                .map(|()| with(JobState::Running { lease_until })),
            JobStep::Finish { fence } => {
                self.held(fence).map(|()| with(JobState::Done { at: now }))
            }
            JobStep::Fail { fence, again_at } => self.held(fence).map(|()| match again_at {
                Some(run_at) if self.attempts < self.attempts_max => {
                    with(JobState::Waiting { run_at })
                }
                Some(_) | None => with(JobState::Dead { at: now }),
            }),
            JobStep::Cancel => match self.state {
                JobState::Waiting { .. } | JobState::Running { .. } => Ok(Self {
                    state: JobState::Cancelled { at: now },
                    fence: self.fence + 1,
                    ..*self
                }),
                JobState::Done { .. } | JobState::Dead { .. } | JobState::Cancelled { .. } => {
                    illegal
                }
            },
            JobStep::Retry => match self.state {
                JobState::Dead { .. } | JobState::Cancelled { .. } => Ok(Self {
                    state: JobState::Waiting { run_at: now },
                    attempts: 0,
                    ..*self
                }),
                JobState::Waiting { .. } | JobState::Running { .. } | JobState::Done { .. } => {
                    illegal
                }
            },
        }
    }

    /// Whether the claim with this fence still holds the job.
    fn held(&self, fence: i64) -> Result<(), IllegalStep> {
        match self.state {
            JobState::Running { .. } if fence == self.fence => Ok(()),
            JobState::Running { .. }
            | JobState::Waiting { .. }
            | JobState::Done { .. }
            | JobState::Dead { .. }
            | JobState::Cancelled { .. } => Err(IllegalStep::Fence),
        }
    }

    fn claimed(&self, lease_until: Timestamp) -> Self {
        Self {
            state: JobState::Running { lease_until },
            attempts: self.attempts + 1,
            fence: self.fence + 1,
            ..*self
        }
    }
}

/// Seconds to wait after failure number `attempts` (from 1): doubled each time up to [`RETRY_SECONDS_MAX`], and up to a quarter
/// longer by `spread`, which differs between jobs, so that jobs that failed together do not come back together.
pub fn retry_delay(attempts: i64, spread: u64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(1, 32) - 1).unwrap_or(0);
    let whole = RETRY_SECONDS_MIN
        .saturating_mul(1 << doublings)
        .min(RETRY_SECONDS_MAX);
    let share = i64::try_from(spread % 256).unwrap_or(0);
    whole + whole * share / 1024
}

/// Whether what went wrong may go right another time.
pub fn is_worth_retrying(failure: &Failure) -> bool {
    match failure {
        Failure::Transient(_) | Failure::Full(_) => true,
        Failure::Damaged(_) | Failure::Terminal(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::default().plus_seconds(seconds)
    }

    /// Each line: a step at a second, and what the job is after it (`!` for a refusal).
    #[test]
    fn lives() {
        let claim = |until| JobStep::Claim {
            lease_until: at(until),
        };
        let finish = |fence| JobStep::Finish { fence };
        let fail = |fence, again: Option<i64>| JobStep::Fail {
            fence,
            again_at: again.map(at),
        };
        let renew = |fence, until| JobStep::Renew {
            fence,
            lease_until: at(until),
        };
        let lives: &[&[(i64, JobStep, &str)]] = &[
            &[
                (9, claim(20), "!"),
                (10, claim(20), "running"),
                (11, finish(1), "done"),
                (12, finish(1), "!"),
            ],
            &[
                (10, claim(20), "running"),
                (19, claim(30), "!"),
                (20, claim(30), "running"),
                (21, finish(1), "!"),
                (22, finish(2), "done"),
            ],
            &[
                (10, claim(20), "running"),
                (12, renew(1, 40), "running"),
                (39, claim(50), "!"),
                (40, finish(1), "done"),
            ],
            &[
                (10, claim(20), "running"),
                (11, fail(1, Some(15)), "waiting"),
                (14, claim(20), "!"),
                (15, claim(20), "running"),
            ],
            &[
                (10, claim(20), "running"),
                (11, fail(1, None), "dead"),
                (12, JobStep::Retry, "waiting"),
                (12, claim(20), "running"),
            ],
            &[
                (10, claim(11), "running"),
                (11, claim(12), "running"),
                (12, fail(2, Some(13)), "dead"),
                (13, JobStep::Cancel, "!"),
            ],
            &[
                (10, claim(11), "running"),
                (11, claim(12), "running"),
                (12, claim(13), "dead"),
                (13, claim(14), "!"),
            ],
            &[
                (10, claim(20), "running"),
                (11, JobStep::Cancel, "cancelled"),
                (12, finish(1), "!"),
                (13, JobStep::Retry, "waiting"),
            ],
            &[
                (10, JobStep::Cancel, "cancelled"),
                (11, claim(20), "!"),
                (11, JobStep::Cancel, "!"),
            ],
            &[
                (10, JobStep::Retry, "!"),
                (10, claim(20), "running"),
                (11, JobStep::Retry, "!"),
            ],
        ];
        for (number, life) in lives.iter().enumerate() {
            let mut job = Progress::waiting(at(10), 2);
            for (second, step, expected) in *life {
                let next = job.next(*step, at(*second));
                let word = next.as_ref().map_or("!", |next| next.state.name());
                assert_eq!(word, *expected, "life {number}: {step:?} at {second}");
                job = next.unwrap_or(job);
            }
        }
    }

    #[test]
    fn pauses_double_and_end() {
        let pauses: Vec<_> = (1..14).map(|attempts| retry_delay(attempts, 0)).collect();
        assert_eq!(
            pauses,
            [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]
        );
        assert_eq!(retry_delay(12, 255), 3600 + 896);
        assert_eq!(retry_delay(i64::MAX, 0), 3600);
        assert_eq!(retry_delay(0, 0), 2);
    }
}
