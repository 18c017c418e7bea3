//! The cursor consumer of `react`: what follows from records becomes jobs, in the transaction that moves the cursor.

use super::{Executor, Stop, Turn};
use crate::FlowError;
use crate::asked::operation;
use futures_util::future::BoxFuture;
use refloat_core::react::{Command, ReactView, react};
use refloat_core::{Recorded, Rejection};
use refloat_store::jobs::{self, NewJob};
use refloat_store::log::{self, Filter, Page};
use refloat_store::{Store, StoreError, cursors};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The consumer's name: of its cursor, and of its jobs.
const CONSUMER: &str = "react";
/// Records of one turn.
const PAGE: i64 = 500;
/// How far the cursor may lag behind what was read and led to nothing: moving it costs a commit, reading again does not.
const LAG_MAX: i64 = 2000;
/// The longest rest, for commits of other processes.
const REST_MAX: Duration = Duration::from_secs(5);
/// Consequences of a change that somebody made: before routine.
const PRIORITY: i64 = 15;

/// Makes jobs from records.
pub struct React {
    store: Store,
    view: ReactView,
    place: Mutex<Option<Place>>,
}

/// Where this process stands; forgotten when another one was faster.
#[derive(Clone, Copy)]
struct Place {
    /// The cursor.
    stored: i64,
    /// Up to here everything was read, and led to nothing after `stored`.
    seen: i64,
}

impl React {
    /// A consumer that judges by `view`.
    pub fn new(store: Store, view: ReactView) -> Self {
        Self {
            store,
            view,
            place: Mutex::new(None),
        }
    }

    async fn step(&self) -> Result<Turn, FlowError> {
        let place = match self.place() {
            Some(place) => place,
            None => self.load().await?,
        };
        let page = self.store.read(move |tx| {
            let filter = Filter::all();
            Box::pin(async move { log::read_after(tx, place.seen, &filter, PAGE).await })
        });
        let page = page.await?;
        let jobs = self.jobs(&page);
        let next = if jobs.is_empty() && page.position - place.stored < LAG_MAX {
            Some(Place {
                seen: page.position,
                ..place
            })
        } else {
            self.commit(place, page.position, jobs).await?
        };
        self.put(next);
        if next.is_none() || page.position < page.newest {
            Ok(Turn::More)
        } else {
            Ok(Turn::Rest(REST_MAX))
        }
    }

    /// One job per command of a page, caused by the last record that asked for it: the earlier ones are served with it.
    fn jobs(&self, page: &Page) -> Vec<NewJob> {
        let mut last: BTreeMap<Command, &Recorded> = BTreeMap::new();
        for record in &page.records {
            for command in react(self.view, record) {
                last.insert(command, record);
            }
        }
        last.into_iter()
            .map(|(command, record)| job(record, &command))
            .collect()
    }

    /// Jobs and cursor in one transaction; `None` if another process has moved the cursor.
    async fn commit(
        &self,
        place: Place,
        position: i64,
        jobs: Vec<NewJob>,
    ) -> Result<Option<Place>, FlowError> {
        let jobs = Arc::new(jobs);
        let committed = self.store.write(operation!(tx, [jobs], {
            for job in jobs.iter() {
                jobs::enqueue(tx, job.clone()).await?;
            }
            cursors::advance(tx, CONSUMER, place.stored, position).await
        }));
        match committed.await {
            Ok(()) => Ok(Some(Place {
                stored: position,
                seen: position,
            })),
            Err(StoreError::Rejected(Rejection::Conflict(_))) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn load(&self) -> Result<Place, StoreError> {
        let stored = self
            .store
            .read(|tx| Box::pin(cursors::position(tx, CONSUMER)))
            .await?;
        Ok(Place {
            stored,
            seen: stored,
        })
    }

    fn place(&self) -> Option<Place> {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, place: Option<Place>) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

fn job(record: &Recorded, command: &Command) -> NewJob {
    NewJob {
        project: record.project.clone(),
        kind: command.job_kind().to_owned(),
        consumer: CONSUMER.to_owned(),
        cause: record.id.to_string(),
        command: command.name().to_owned(),
        subject: command.subject().to_owned(),
        priority: PRIORITY,
        run_at: Some(record.at.plus_seconds(command.after_seconds())),
        attempts_max: None,
    }
}

impl Executor for React {
    fn name(&self) -> &'static str {
        CONSUMER
    }

    fn turn<'a>(&'a self, _stop: &'a Stop) -> BoxFuture<'a, Result<Turn, FlowError>> {
        Box::pin(self.step())
    }
}
