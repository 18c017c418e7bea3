//! What is done again and again: a job per interval, made once however many processes look at the time.

use super::{Executor, Stop, Turn};
use crate::FlowError;
use crate::asked::operation;
use futures_util::future::BoxFuture;
use refloat_core::{ProjectId, Timestamp};
use refloat_store::Store;
use refloat_store::jobs::{self, NewJob};
use std::sync::Mutex;
use std::time::Duration;

/// The name under which jobs of the clock are unique.
const CONSUMER: &str = "clock";
/// Routine: a person who waits goes first.
const PRIORITY: i64 = 20;

/// Something that is due once per interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periodic {
    /// Which worker takes the job.
    pub kind: &'static str,
    /// What it is told.
    pub command: &'static str,
    /// How often, in seconds.
    pub every_seconds: i64,
}

/// Makes jobs by time.
pub struct Clock {
    store: Store,
    project: ProjectId,
    periodic: Vec<Periodic>,
    /// The interval for which each job was made by this process.
    made: Mutex<Vec<Option<i64>>>,
}

impl Clock {
    /// A clock whose jobs act as `project`.
    pub fn new(store: Store, project: ProjectId, periodic: Vec<Periodic>) -> Self {
        Self {
            store,
            project,
            made: Mutex::new(vec![None; periodic.len()]),
            periodic,
        }
    }

    async fn tick(&self) -> Result<Turn, FlowError> {
        let now = self.store.read(|tx| {
            let now = tx.now();
            Box::pin(async move { Ok(now) })
        });
        let now = now.await?;
        for (index, periodic) in self.periodic.iter().enumerate() {
            let number = interval(now, *periodic);
            if self.made(index) == Some(number) {
                continue;
            }
            let job = self.job(*periodic, number);
            let enqueued = self
                .store
                .write(operation!(tx, [job], jobs::enqueue(tx, job).await));
            enqueued.await?;
            self.remember(index, number);
        }
        let next = self
            .periodic
            .iter()
            .map(|periodic| until_next(now, *periodic))
            .min();
        Ok(Turn::Sleep(next.unwrap_or(Duration::from_mins(1))))
    }

    fn job(&self, periodic: Periodic, number: i64) -> NewJob {
        NewJob {
            project: self.project.clone(),
            kind: periodic.kind.to_owned(),
            consumer: CONSUMER.to_owned(),
            cause: Timestamp::default()
                .plus_seconds(number * periodic.every_seconds)
                .to_string(),
            command: periodic.command.to_owned(),
            subject: String::new(),
            priority: PRIORITY,
            run_at: None,
            attempts_max: None,
        }
    }

    fn made(&self, index: usize) -> Option<i64> {
        let made = self
            .made
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        made.get(index).copied().flatten()
    }

    fn remember(&self, index: usize, number: i64) {
        let mut made = self
            .made
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(slot) = made.get_mut(index) {
            *slot = Some(number);
        }
    }
}

fn interval(now: Timestamp, periodic: Periodic) -> i64 {
    now.seconds_since(Timestamp::default())
        .div_euclid(periodic.every_seconds.max(1))
}

fn until_next(now: Timestamp, periodic: Periodic) -> Duration {
    let every = periodic.every_seconds.max(1);
    let left = every - now.seconds_since(Timestamp::default()).rem_euclid(every);
    Duration::from_secs(left.unsigned_abs())
}

impl Executor for Clock {
    fn name(&self) -> &'static str {
        CONSUMER
    }

    fn turn<'a>(&'a self, _stop: &'a Stop) -> BoxFuture<'a, Result<Turn, FlowError>> {
        Box::pin(self.tick())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_ends_when_the_next_begins() {
        let hourly = Periodic {
            kind: "gc",
            command: "collect",
            every_seconds: 3600,
        };
        let now = Timestamp::from_micros(7_250_000_000);
        assert_eq!(interval(now, hourly), 2);
        let next =
            now.plus_seconds(i64::try_from(until_next(now, hourly).as_secs()).expect("small"));
        assert_eq!(interval(next, hourly), 3);
        assert_eq!(interval(next.plus_seconds(-1), hourly), 2);
    }
}
