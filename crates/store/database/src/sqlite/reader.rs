//! Reader threads: each runs one operation at a time on a snapshot.

use super::queue::{Queue, Ran};
use super::statement::store_error;
use super::transaction::SqliteTx;
use crate::clock::Clock;
use crate::error::StoreError;
use crate::tx::Operation;
use rusqlite::Connection;
use tokio::sync::oneshot;

/// A read operation that waits for a thread.
pub(super) trait Read: Send {
    /// Runs it on the snapshot and answers.
    fn run(self: Box<Self>, tx: &mut SqliteTx);
    /// Answers that it could not be run.
    fn refuse(self: Box<Self>, error: StoreError);
}

struct Job<T, F> {
    operation: F,
    answer: oneshot::Sender<Ran<T>>,
}

/// Makes a job of an operation, and the place where its answer arrives.
pub(super) fn job<T: Send + 'static, F: Operation<T>>(
    operation: F,
) -> (Box<dyn Read>, oneshot::Receiver<Ran<T>>) {
    let (answer, answered) = oneshot::channel();
    (Box::new(Job { operation, answer }), answered)
}

impl<T: Send + 'static, F: Operation<T>> Read for Job<T, F> {
    fn run(self: Box<Self>, tx: &mut SqliteTx) {
        let ran = tx.run(&self.operation);
        // A caller that is gone needs no answer.
        let _ = self.answer.send(ran);
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        let _ = self.answer.send(Ok(Err(error)));
    }
}

/// The body of a reader's thread.
pub(super) fn run(mut connection: Connection, queue: &Queue<Box<dyn Read>>, clock: &Clock) {
    while let Some(job) = queue.pop() {
        if let Err(error) = connection.execute_batch("begin") {
            job.refuse(store_error(&error));
            continue;
        }
        let mut tx = SqliteTx::new(connection, clock);
        job.run(&mut tx);
        connection = tx.into_connection();
        if let Err(error) = connection.execute_batch("rollback") {
            tracing::error!(%error, "a snapshot could not be let go");
        }
    }
}
