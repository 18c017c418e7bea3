//! The life of a cascade.
//!
//! ```text
//!           Pause ►
//!  running ◄────── paused          running, paused ── Cancel ──► cancelled
//!     │     ◄ Resume               running, paused ── Supersede ► superseded
//!     └─ Finish ─► finished ── Retry ─► running
//! ```

use crate::IllegalTransition;
use refloat_core::CascadeId;

/// Where a cascade stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CascadeState {
    /// Patches are made.
    Running,
    /// A person stopped it: what runs ends, nothing new begins.
    Paused,
    /// A person ended it.
    Cancelled,
    /// A newer base took its place.
    Superseded {
        /// The cascade that goes on.
        by: CascadeId,
    },
    /// Every image of it has its end.
    Finished,
}

/// What happens to a cascade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CascadeEvent {
    /// A person stops it.
    Pause,
    /// It goes on.
    Resume,
    /// A person ends it.
    Cancel,
    /// A newer base takes its place.
    Supersede {
        /// The cascade that goes on.
        by: CascadeId,
    },
    /// The last image has its end.
    Finish,
    /// A person wants what is held or failed tried again.
    Retry,
}

impl CascadeState {
    /// The word in rows and for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Superseded { .. } => "superseded",
            Self::Finished => "finished",
        }
    }

    /// Whether patches may still be made.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// Where it stands after `event`.
    ///
    /// # Errors
    /// [`IllegalTransition`] if this state has no such event.
    pub fn next(&self, event: &CascadeEvent) -> Result<Self, IllegalTransition> {
        match (event, self) {
            (CascadeEvent::Pause, Self::Running) => Ok(Self::Paused),
            (CascadeEvent::Resume, Self::Paused)
            | (CascadeEvent::Retry, Self::Finished | Self::Running) => Ok(Self::Running),
            (CascadeEvent::Cancel, Self::Running | Self::Paused) => Ok(Self::Cancelled),
            (CascadeEvent::Supersede { by }, Self::Running | Self::Paused) => {
                Ok(Self::Superseded { by: by.clone() })
            }
            (CascadeEvent::Finish, Self::Running) => Ok(Self::Finished),
            (
                CascadeEvent::Pause
                | CascadeEvent::Resume
                | CascadeEvent::Cancel
                | CascadeEvent::Supersede { .. }
                | CascadeEvent::Finish
                | CascadeEvent::Retry,
                _,
            ) => Err(IllegalTransition {
                what: "a cascade",
                state: self.name(),
                event: event.name(),
            }),
        }
    }
}

impl CascadeEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Supersede { .. } => "supersede",
            Self::Finish => "finish",
            Self::Retry => "retry",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn every_event_in_every_state() {
        let by = CascadeId::from_ulid(ulid::Ulid::nil());
        let states = [
            CascadeState::Running,
            CascadeState::Paused,
            CascadeState::Cancelled,
            CascadeState::Superseded { by: by.clone() },
            CascadeState::Finished,
        ];
        let events = [
            CascadeEvent::Pause,
            CascadeEvent::Resume,
            CascadeEvent::Cancel,
            CascadeEvent::Supersede { by },
            CascadeEvent::Finish,
            CascadeEvent::Retry,
        ];
        let mut table = String::new();
        for state in &states {
            let cell = |event: &CascadeEvent| {
                let next = state.next(event);
                format!("{:<11}", next.as_ref().map_or("-", CascadeState::name))
            };
            let row: String = events.iter().map(cell).collect();
            let _ = writeln!(table, "{:<11}{}", state.name(), row.trim_end());
        }
        let expected = "\
running    paused     -          cancelled  superseded finished   running
paused     -          running    cancelled  superseded -          -
cancelled  -          -          -          -          -          -
superseded -          -          -          -          -          -
finished   -          -          -          -          -          running
";
        assert_eq!(table, expected);
    }
}
