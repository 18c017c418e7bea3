//! PostgreSQL, shared by several processes.
//!
//! ```text
//!  write ─► connection of the pool ─► begin; now, transaction id ─ operation ─ commit ─► answer
//!               ▲                                                        │ serialization failure, deadlock, Conflict, connection
//!               └──── after a pause, ATTEMPTS_MAX times ◄────────────────┘ lost before the commit was sent
//! ```
//! A connection lost while the commit was under way leaves an unknown outcome: the transaction's id, taken at its begin, is then
//! looked up on a new connection (`pg_xact_status`), and only an aborted one is run again. A commit is believed of the same
//! start of the server only: after a crash it gives ids out again. Where no answer is to be had in [`OUTCOME_PATIENCE`], the caller gets a transient failure; whoever runs the operation again relies on unique keys and expected
//! versions as ever, and whoever cleans up after it asks the rows first.

mod address;
mod attempt;
mod outcome;
mod transaction;
mod value;

use crate::clock::Clock;
use crate::error::{OpenError, StoreError};
use crate::migration::Migration;
use crate::tx::Operation;
use attempt::{Attempt, Mode};
use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use refloat_core::Secret;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_postgres::NoTls;

/// Connections of one process.
const CONNECTIONS_MAX: usize = 16;
/// How long an operation waits for a connection of the pool, and how long one may take to be made.
const CONNECTION_WAIT: Duration = Duration::from_secs(20);
/// How long a statement may go unanswered, beyond the server's own timeout for it.
const ANSWER_WAIT: Duration = Duration::from_mins(1);
/// How often an operation is run at most.
const ATTEMPTS_MAX: u32 = 10;
/// No further run begins this long after the first.
const ATTEMPTS_PATIENCE: Duration = Duration::from_secs(30);
/// The first pause between two runs; each further one is twice as long, up to the last.
const PAUSE_MIN: Duration = Duration::from_millis(2);
/// The longest pause between two runs.
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// How long the outcome of a lost commit is looked for.
const OUTCOME_PATIENCE: Duration = Duration::from_secs(10);
/// The oldest server: `pg_current_xact_id` and `pg_xact_status` over 64 bits.
const VERSION_MIN: i32 = 130_000;

/// A pool of connections to a migrated database.
pub(crate) struct Postgres {
    pool: Pool,
    committed: watch::Sender<u64>,
    clock: Clock,
}

impl Postgres {
    /// Connects and migrates. Returns the database's name for messages too.
    pub(crate) async fn open(
        url: &Secret<String>,
        migrations: &'static [Migration],
        clock: Clock,
    ) -> Result<(Self, String), OpenError> {
        let (config, place) = address::parse(url)?;
        let pool =
            pool(config).map_err(|reason| OpenError::Address(format!("{place}: {reason}")))?;
        let own = Self {
            pool,
            committed: watch::Sender::new(0),
            clock,
        };
        let store = |source| OpenError::Store {
            place: place.clone(),
            source,
        };
        let mut client = own.client().await.map_err(store)?;
        check_server(&client, &place).await?;
        crate::migration::migrate_postgres(&mut client, &place, migrations).await?;
        drop(client);
        Ok((own, place))
    }

    pub(crate) async fn write<T: Send + 'static, F: Operation<T>>(
        &self,
        operation: F,
    ) -> Result<T, StoreError> {
        self.repeat(&operation, Mode::Write).await
    }

    pub(crate) async fn read<T: Send + 'static, F: Operation<T>>(
        &self,
        operation: F,
    ) -> Result<T, StoreError> {
        self.repeat(&operation, Mode::Read).await
    }

    pub(crate) fn commits(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    async fn repeat<T, F: Operation<T>>(&self, operation: &F, mode: Mode) -> Result<T, StoreError> {
        let began = Instant::now();
        let mut attempt = 1;
        loop {
            let last = attempt >= ATTEMPTS_MAX || began.elapsed() > ATTEMPTS_PATIENCE;
            match self.attempt(operation, mode).await {
                Attempt::Done(result) => return result,
                Attempt::Again(error) if last => return Err(error),
                Attempt::Again(_) => {}
            }
            tokio::time::sleep(pause(attempt)).await;
            attempt += 1;
        }
    }

    async fn client(&self) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => value::store_error(&error),
            PoolError::Timeout(_) => {
                StoreError::transient("no connection to PostgreSQL became free in time")
            }
            other => StoreError::transient(format!("no connection to PostgreSQL: {other}")),
        })
    }
}

fn pool(config: tokio_postgres::Config) -> Result<Pool, String> {
    let manager = Manager::from_config(
        config,
        NoTls,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    let timeouts = Timeouts {
        wait: Some(CONNECTION_WAIT),
        create: Some(CONNECTION_WAIT),
        recycle: Some(CONNECTION_WAIT),
    };
    let builder = Pool::builder(manager)
        .max_size(CONNECTIONS_MAX)
        .runtime(Runtime::Tokio1)
        .timeouts(timeouts);
    builder.build().map_err(|error| error.to_string())
}

async fn check_server(client: &Object, place: &str) -> Result<(), OpenError> {
    let text = "select current_setting('server_version_num')::int4, current_setting('server_version'), \
                current_setting('server_encoding'), current_setting('fsync')";
    let row = client
        .query_one(text, &[])
        .await
        .map_err(|error| OpenError::Store {
            place: place.to_owned(),
            source: value::store_error(&error),
        })?;
    let (number, version, encoding, fsync): (i32, String, String, String) =
        (row.get(0), row.get(1), row.get(2), row.get(3));
    if number < VERSION_MIN {
        return Err(OpenError::Address(format!(
            "{place} is PostgreSQL {version}; version 13 or newer is needed"
        )));
    }
    if encoding != "UTF8" {
        return Err(OpenError::Address(format!(
            "{place} stores text as {encoding}; make a database with encoding UTF8"
        )));
    }
    if fsync != "on" {
        tracing::warn!(
            place,
            "this PostgreSQL runs with fsync off: acknowledged writes do not survive a crash of its machine"
        );
    }
    Ok(())
}

/// The pause after run number `attempt`: doubled each time, half of it by chance, so that two that collided do not meet again.
fn pause(attempt: u32) -> Duration {
    let whole = PAUSE_MIN
        .saturating_mul(1 << attempt.min(16))
        .min(PAUSE_MAX);
    let share = u32::try_from(RandomState::new().hash_one(attempt) % 1024).unwrap_or(0);
    whole / 2 + whole / 2 * share / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound() {
        for attempt in 1..40 {
            let pause = pause(attempt);
            assert!(pause <= PAUSE_MAX, "{attempt}: {pause:?}");
            assert!(pause >= PAUSE_MIN / 2, "{attempt}: {pause:?}");
        }
    }
}
