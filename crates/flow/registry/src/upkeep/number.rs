//! Numbers committed records where several processes write to one database. On SQLite they are numbered as they are appended.

use crate::FlowError;
use crate::executors::{Executor, Stop, Turn};
use futures_util::future::BoxFuture;
use refloat_store::{Store, log};
use std::time::Duration;

/// How long it takes at most until the commits of other processes are seen.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

pub(super) struct Numbering {
    store: Store,
}

impl Numbering {
    pub(super) fn new(store: Store) -> Self {
        Self { store }
    }
}

impl Executor for Numbering {
    fn name(&self) -> &'static str {
        "numbering"
    }

    fn turn<'a>(&'a self, _stop: &'a Stop) -> BoxFuture<'a, Result<Turn, FlowError>> {
        Box::pin(async move {
            // None waited, or another process is at it; one batch may leave more.
            Ok(match log::number(&self.store).await? {
                0 => Turn::Rest(LOOK_AGAIN),
                _ => Turn::More,
            })
        })
    }
}
