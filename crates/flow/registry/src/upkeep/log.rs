//! The log ages: segments are closed and signed, their bodies expire, at last their records go.

use super::Upkeep;
use crate::asked::operation;
use crate::executors::{Stop, Work};
use crate::{FlowError, Registry};
use futures_util::future::BoxFuture;
use refloat_store::jobs::Job;
use refloat_store::log;

pub(super) const KIND: &str = "log";
pub(super) const COMMAND: &str = "age";

pub(super) struct LogWork {
    registry: Registry,
    upkeep: Upkeep,
}

impl LogWork {
    pub(super) fn new(registry: Registry, upkeep: Upkeep) -> Self {
        Self { registry, upkeep }
    }

    async fn age(&self, stop: &Stop) -> Result<(), FlowError> {
        let store = self.registry.store();
        let (rule, retention) = (self.upkeep.segments, self.upkeep.retention);
        let key = &self.upkeep.segment_key;
        loop {
            let closed = store.write(operation!(
                tx,
                [key],
                log::close_segment(tx, &key, rule).await
            ));
            if closed.await?.is_none() || stop.is_set() {
                break;
            }
        }
        loop {
            let expired = store.write(move |tx| Box::pin(log::expire_bodies(tx, retention)));
            if expired.await?.is_none() || stop.is_set() {
                break;
            }
        }
        loop {
            let dropped = store.write(move |tx| Box::pin(log::drop_segment(tx, retention)));
            if dropped.await?.is_none() || stop.is_set() {
                return Ok(());
            }
        }
    }
}

impl Work for LogWork {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn run<'a>(&'a self, _job: &'a Job, stop: &'a Stop) -> BoxFuture<'a, Result<(), FlowError>> {
        Box::pin(self.age(stop))
    }
}
