//! One run of an operation, from begin to commit.

use super::transaction::{Began, PgTx};
use super::{Postgres, outcome::Outcome};
use crate::error::StoreError;
use crate::tx::Operation;

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Rows may change; each statement sees what is committed when it begins.
    Write,
    /// A snapshot that does not change.
    Read,
}

/// How a run ended.
pub(super) enum Attempt<T> {
    /// For good.
    Done(Result<T, StoreError>),
    /// By something that may not happen the next time; the error is for the last time.
    Again(StoreError),
}

impl Postgres {
    pub(super) async fn attempt<T, F: Operation<T>>(
        &self,
        operation: &F,
        mode: Mode,
    ) -> Attempt<T> {
        let client = match self.client().await {
            Ok(client) => client,
            Err(error) => return Attempt::Done(Err(error)),
        };
        let (mut tx, began) = match PgTx::begin(client, mode, self.clock.clone()).await {
            Ok(begun) => begun,
            // The pool hands out connections that died meanwhile; nothing was done on this one.
            Err(error) => return Attempt::Again(error),
        };
        match operation(&mut tx).await {
            Ok(value) => match mode {
                Mode::Read => {
                    tx.roll_back().await;
                    Attempt::Done(Ok(value))
                }
                Mode::Write => self.commit(tx, &began, value).await,
            },
            Err(error) => {
                let again = tx.is_worth_another_run() || error == StoreError::Conflict;
                tx.roll_back().await;
                if again {
                    Attempt::Again(error)
                } else {
                    Attempt::Done(Err(error))
                }
            }
        }
    }

    async fn commit<T>(&self, mut tx: PgTx, began: &Began, value: T) -> Attempt<T> {
        if tx.has_failed() {
            // PostgreSQL answers such a commit with a rollback and no error.
            tx.roll_back().await;
            return Attempt::Done(Err(StoreError::terminal(
                "an operation went on after an error of its transaction",
            )));
        }
        if let Err(injected) = refloat_fail::point("commit.before") {
            tx.roll_back().await;
            return Attempt::Done(Err(injected.into()));
        }
        let committed = tx.commit().await;
        // An error here is an answer that got lost: the commit stands, so only a kill or a stop means something.
        let _ = refloat_fail::point("commit.after");
        let touched = tx.has_touched();
        let Err(error) = committed else {
            self.tell(touched);
            return Attempt::Done(Ok(value));
        };
        if !tx.is_lost() {
            return if tx.is_worth_another_run() {
                Attempt::Again(error)
            } else {
                Attempt::Done(Err(error))
            };
        }
        drop(tx);
        match self.outcome(&began.transaction).await {
            Outcome::Committed => {
                self.tell(touched);
                Attempt::Done(Ok(value))
            }
            Outcome::Aborted => Attempt::Again(error),
            Outcome::Unknown => Attempt::Done(Err(StoreError::transient(
                "the connection to PostgreSQL was lost in a commit; whether it was made is not known",
            ))),
        }
    }
    /// Wakes who waits for commits, unless there is nothing new to see.
    fn tell(&self, touched: bool) {
        if touched {
            self.committed.send_modify(|count| *count += 1);
        }
    }
}
