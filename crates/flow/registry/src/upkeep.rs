//! What a registry does for itself: collection, scrub, the ageing of the log. Each is a job, made by time, by what
//! happened, or by a person.

mod collect;
mod log;
mod number;
mod progress;
mod request;
mod scrub;

pub use progress::Counts;
pub(crate) use progress::Progress;
pub use request::JobReport;

use crate::Registry;
use crate::executors::{Clock, Periodic, React, Worker};
use collect::CollectWork;
use log::LogWork;
use number::Numbering;
use refloat_core::ProjectId;
use refloat_core::react::ReactView;
use refloat_store::Dialect;
use refloat_store::log::{Retention, SegmentKey, SegmentRule};
use refloat_store::projects::DEFAULT_PROJECT;
use scrub::ScrubWork;
use std::sync::Arc;

const DAY_SECONDS: i64 = 24 * 3600;

/// What the upkeep needs beside the registry.
#[derive(Clone)]
pub struct Upkeep {
    /// What this process is called where people see leases: host and process id.
    pub owner: String,
    /// Signs closed segments of the log.
    pub segment_key: Arc<SegmentKey>,
    /// When a segment is long enough.
    pub segments: SegmentRule,
    /// How long the log is kept.
    pub retention: Retention,
}

impl Upkeep {
    /// Segments by the day, bodies for 400 days, records for ten years.
    pub fn new(owner: String, segment_key: Arc<SegmentKey>) -> Self {
        Self {
            owner,
            segment_key,
            segments: SegmentRule::default(),
            retention: Retention {
                body_seconds: 400 * DAY_SECONDS,
                record_seconds: 3650 * DAY_SECONDS,
            },
        }
    }
}

/// Jobs by time. Collection is made due by what happens, too; here it is the net below.
const PERIODIC: [Periodic; 3] = [
    Periodic {
        kind: collect::KIND,
        command: collect::COMMAND,
        every_seconds: 600,
    },
    Periodic {
        kind: scrub::KIND,
        command: scrub::COMMAND_DUE,
        every_seconds: 3600,
    },
    Periodic {
        kind: log::KIND,
        command: log::COMMAND,
        every_seconds: 600,
    },
];

impl Registry {
    /// Starts the executors, which run until [`Tasks::stop`](crate::executors::Tasks::stop).
    pub fn start_upkeep(&self, upkeep: &Upkeep) {
        let (tasks, store) = (self.tasks(), self.store());
        let view = ReactView {
            gc_grace_seconds: self.limits().collect.grace_seconds,
        };
        let clock = Clock::new(store.clone(), default_project(), PERIODIC.to_vec());
        tasks.start(store.clone(), clock);
        tasks.start(store.clone(), React::new(store.clone(), view));
        if store.database().dialect() == Dialect::Postgres {
            tasks.start(store.clone(), Numbering::new(store.clone()));
        }
        let collect = CollectWork::new(self.clone());
        tasks.start(
            store.clone(),
            Worker::new(store.clone(), collect, &upkeep.owner),
        );
        let scrub = ScrubWork::new(self.clone());
        tasks.start(
            store.clone(),
            Worker::new(store.clone(), scrub, &upkeep.owner),
        );
        let log = LogWork::new(self.clone(), upkeep.clone());
        tasks.start(
            store.clone(),
            Worker::new(store.clone(), log, &upkeep.owner),
        );
    }
}

fn default_project() -> ProjectId {
    DEFAULT_PROJECT
        .parse()
        .expect("the default project's id is one")
}
