//! The transaction on SQLite: a connection, taken while it works.

use super::statement;
use crate::clock::{Clock, Instants};
use crate::error::StoreError;
use crate::tx::{Dialect, Operation, Row, Sql, Tx, Value};
use futures_util::future::BoxFuture;
use refloat_core::Timestamp;
use rusqlite::Connection;
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

/// An open transaction. It owns the connection, because a connection can be sent and a borrowed one cannot.
pub(super) struct SqliteTx {
    connection: Connection,
    instants: Instants,
}

impl SqliteTx {
    /// Takes a connection on which a transaction has been begun.
    pub(super) fn new(connection: Connection, clock: &Clock) -> Self {
        Self {
            connection,
            instants: Instants::new(clock.clone(), clock.system()),
        }
    }

    /// Begins the time of the next operation in the same transaction.
    pub(super) fn next_operation(&mut self, clock: &Clock) {
        self.instants = Instants::new(clock.clone(), clock.system());
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn into_connection(self) -> Connection {
        self.connection
    }

    /// Runs a whole operation here and now. A panic of it is caught, so that it takes nothing with it but itself.
    pub(super) fn run<T, F: Operation<T>>(&mut self, operation: &F) -> super::queue::Ran<T> {
        catch_unwind(AssertUnwindSafe(|| {
            let mut future = operation(self);
            match future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
            {
                Poll::Ready(result) => result,
                Poll::Pending => {
                    panic!("an operation awaited something that is not its transaction")
                }
            }
        }))
    }
}

impl Tx for SqliteTx {
    fn query<'a>(
        &'a mut self,
        sql: Sql,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(ready(statement::query(
            &self.connection,
            sql.sqlite,
            parameters,
        )))
    }

    fn execute<'a>(
        &'a mut self,
        sql: Sql,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(ready(statement::execute(
            &self.connection,
            sql.sqlite,
            parameters,
        )))
    }

    fn now(&self) -> Timestamp {
        self.instants.began()
    }

    fn tick(&mut self, after: Timestamp) -> Timestamp {
        self.instants.tick(after)
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }
}
