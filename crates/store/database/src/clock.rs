//! The clock of a database handle: the database's time, which never goes back.

use refloat_core::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The latest instant given out by this handle. Cheap to clone; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    /// `measured`, or the latest instant given out if that is later.
    pub(crate) fn clamp(&self, measured: Timestamp) -> Timestamp {
        let before = self.0.fetch_max(measured.micros(), Ordering::SeqCst);
        Timestamp::from_micros(before.max(measured.micros()))
    }

    /// The time of this machine, clamped.
    pub(crate) fn system(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.clamp(Timestamp::from_micros(
            i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        ))
    }
}

/// The instants of one transaction: the one it began at, then one for each thing it orders.
#[derive(Debug)]
pub(crate) struct Instants {
    clock: Clock,
    began: Timestamp,
    latest: Timestamp,
}

impl Instants {
    pub(crate) fn new(clock: Clock, began: Timestamp) -> Self {
        Self {
            clock,
            began,
            latest: Timestamp::from_micros(began.micros().saturating_sub(1)),
        }
    }

    pub(crate) fn began(&self) -> Timestamp {
        self.began
    }

    /// An instant later than every one before it in this transaction, and later than `after`.
    pub(crate) fn tick(&mut self, after: Timestamp) -> Timestamp {
        let next = self.latest.max(after).micros().saturating_add(1);
        self.latest = Timestamp::from_micros(next);
        self.clock.clamp(self.latest);
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back() {
        let clock = Clock::default();
        let late = Timestamp::from_micros(i64::MAX - 10);
        assert_eq!(clock.clamp(late), late);
        assert_eq!(
            clock.system(),
            late,
            "the machine's clock is behind what was given out"
        );
    }

    #[test]
    fn ticks_grow_and_start_at_the_beginning() {
        let at = Timestamp::from_micros;
        let mut instants = Instants::new(Clock::default(), at(100));
        assert_eq!(instants.tick(at(0)), at(100));
        assert_eq!(instants.tick(at(0)), at(101));
        assert_eq!(instants.tick(at(500)), at(501));
        assert_eq!(instants.tick(at(7)), at(502));
    }
}
