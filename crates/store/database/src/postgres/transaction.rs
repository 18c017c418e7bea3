//! The transaction on PostgreSQL: a connection of the pool, taken while it works.

use super::attempt::Mode;
use super::value::{rows, store_error};
use super::{ANSWER_WAIT, value};
use crate::clock::{Clock, Instants};
use crate::error::StoreError;
use crate::tx::{Dialect, Row, Sql, Tx, Value};
use deadpool_postgres::Object;
use futures_util::future::{BoxFuture, join};
use refloat_core::Timestamp;
use std::future::Future;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

const NOW: &str = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint";
const NOW_AND_ID: &str = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint, pg_current_xact_id()::text || '/' || extract(epoch from pg_postmaster_start_time())::text";

/// What is known of a transaction from its first answer.
pub(super) struct Began {
    /// Its id and when the server was started, by which its fate can be asked for; empty for a snapshot.
    pub(super) transaction: String,
}

/// An open transaction. Dropped in its middle it closes the connection, and with it the transaction.
pub(super) struct PgTx {
    /// `None` once the connection went back to the pool.
    client: Option<Object>,
    instants: Instants,
    state: State,
    touched: bool,
}

/// How far a transaction's statements went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// All were answered.
    Sound,
    /// One was refused: nothing but a rollback is left.
    Refused,
    /// One was refused because of others at the same time.
    Collided,
    /// The connection is gone.
    Lost,
}

impl PgTx {
    /// Begins a transaction; the time and the id travel together with the begin.
    pub(super) async fn begin(
        client: Object,
        mode: Mode,
        clock: Clock,
    ) -> Result<(Self, Began), StoreError> {
        let (statement, first) = match mode {
            Mode::Write => ("begin isolation level read committed", NOW_AND_ID),
            Mode::Read => ("begin isolation level repeatable read read only", NOW),
        };
        // From here on a drop must not put the connection back.
        let mut tx = Self {
            client: Some(client),
            instants: Instants::new(clock.clone(), Timestamp::default()),
            state: State::Sound,
            touched: false,
        };
        let answered = {
            let client = tx.client()?;
            patiently(async {
                let first = client.prepare_cached(first).await?;
                let (opened, row) = join(
                    client.batch_execute(statement),
                    client.query_one(&first, &[]),
                )
                .await;
                opened?;
                row
            })
            .await
        };
        let row = answered.map_err(|error| tx.noted(error))?;
        let now = Timestamp::from_micros(row.get(0));
        tx.instants = Instants::new(clock.clone(), clock.clamp(now));
        let transaction = match mode {
            Mode::Write => row.get(1),
            Mode::Read => String::new(),
        };
        Ok((tx, Began { transaction }))
    }

    /// Commits and gives the connection back.
    pub(super) async fn commit(&mut self) -> Result<(), StoreError> {
        let answered = patiently(self.client()?.batch_execute("commit")).await;
        match answered {
            Ok(()) => {
                drop(self.client.take());
                Ok(())
            }
            Err(error) => Err(self.noted(error)),
        }
    }

    /// Undoes everything; the connection goes back if it is still good.
    pub(super) async fn roll_back(mut self) {
        if self.state == State::Lost {
            return;
        }
        if let Ok(client) = self.client()
            && patiently(client.batch_execute("rollback")).await.is_ok()
        {
            drop(self.client.take());
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.state != State::Sound
    }

    /// Whether a statement ran that may have changed rows.
    pub(super) fn has_touched(&self) -> bool {
        self.touched
    }

    pub(super) fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Whether the same operation may well succeed next time, and surely did nothing this time (if it was not its commit).
    pub(super) fn is_worth_another_run(&self) -> bool {
        matches!(self.state, State::Collided | State::Lost)
    }

    fn client(&self) -> Result<&Object, StoreError> {
        self.client
            .as_ref()
            .ok_or_else(|| StoreError::terminal("the transaction has ended"))
    }

    /// Remembers what an error means for the transaction.
    fn noted(&mut self, error: Unanswered) -> StoreError {
        let error = match error {
            Unanswered::Late => {
                self.state = State::Lost;
                return StoreError::transient("PostgreSQL does not answer");
            }
            Unanswered::Error(error) => error,
        };
        let state = match error.code() {
            Some(code)
                if [
                    SqlState::T_R_SERIALIZATION_FAILURE,
                    SqlState::T_R_DEADLOCK_DETECTED,
                ]
                .contains(code) =>
            {
                State::Collided
            }
            // These end the session, not only the statement.
            Some(code)
                if code.code().starts_with("57P")
                    || *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT =>
            {
                State::Lost
            }
            Some(_) => State::Refused,
            None if value::is_ours(&error) => State::Refused,
            None => State::Lost,
        };
        self.state = state;
        store_error(&error)
    }

    async fn run(
        &mut self,
        sql: Sql,
        parameters: &[Value],
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let answered = {
            let client = self.client()?;
            patiently(async {
                let statement = client.prepare_cached(sql.postgres).await?;
                client.query(&statement, &references(parameters)).await
            })
            .await
        };
        answered.map_err(|error| self.noted(error))
    }
}

impl Drop for PgTx {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            // Not back to the pool: whoever got it next would be inside this transaction.
            drop(Object::take(client));
        }
    }
}

impl Tx for PgTx {
    fn query<'a>(
        &'a mut self,
        sql: Sql,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        self.touched |= !sql.postgres.trim_start().starts_with("select");
        Box::pin(async move { rows(&self.run(sql, parameters).await?) })
    }

    fn execute<'a>(
        &'a mut self,
        sql: Sql,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        self.touched = true;
        Box::pin(async move {
            let answered = {
                let client = self.client()?;
                patiently(async {
                    let statement = client.prepare_cached(sql.postgres).await?;
                    client.execute(&statement, &references(parameters)).await
                })
                .await
            };
            answered.map_err(|error| self.noted(error))
        })
    }

    fn now(&self) -> Timestamp {
        self.instants.began()
    }

    fn tick(&mut self, after: Timestamp) -> Timestamp {
        self.instants.tick(after)
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }
}

fn references(parameters: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    parameters
        .iter()
        .map(|value| value as &(dyn ToSql + Sync))
        .collect()
}

/// Why there is no answer.
enum Unanswered {
    /// Not within [`ANSWER_WAIT`].
    Late,
    /// An error instead.
    Error(tokio_postgres::Error),
}

/// Waits for an answer, but not for ever: a peer that vanished says nothing.
async fn patiently<T>(
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Unanswered> {
    match tokio::time::timeout(ANSWER_WAIT, answer).await {
        Ok(answer) => answer.map_err(Unanswered::Error),
        Err(_) => Err(Unanswered::Late),
    }
}
