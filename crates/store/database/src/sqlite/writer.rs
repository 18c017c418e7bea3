//! The writer's thread: whole operations, each in a savepoint, several in one commit.
//!
//! What a failed commit means:
//! - A full disk or a busy database: SQLite did not write the commit's last frame, and rolls back. Nobody is answered "done",
//!   everybody is told why, and the next batch begins anew: when there is room again, it works again.
//! - Any other error of the disk (a failed fsync above all): the kernel may have thrown the pages away and marked them clean, so
//!   that a second fsync succeeds without having written anything. What is on the disk is then known to nobody, and it must not be
//!   written on. The process aborts. The next one opens the database anew and moves the log into it with an fsync of its own
//!   before it acknowledges anything (connection.rs). Closing and opening inside this process would do the same to the database,
//!   but every other file this process has written since the disk began to fail would go on unexamined.
//! - A checkpoint that fails may be run again: it writes every page of the log that is not yet in the database once more.

use super::Shared;
use super::queue::{Queue, Ran};
use super::statement::store_error;
use super::transaction::SqliteTx;
use crate::error::StoreError;
use crate::tx::Operation;
use rusqlite::{Connection, ErrorCode, ffi};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The most operations in one commit: the first of them waits for the last.
const GROUP_MAX: usize = 64;
/// No operation joins a commit that has been open for this long.
const GROUP_TIME: Duration = Duration::from_millis(10);
/// Pages in the log from which on it is copied into the database, beside readers.
const CHECKPOINT_PAGES: i32 = 1_000;
/// Pages in the log from which on a checkpoint waits for readers, so that the log can start anew.
const CHECKPOINT_PAGES_MAX: i32 = 16_000;

/// A write operation that waits for its turn, and then for its commit.
pub(super) trait Write: Send {
    /// Runs it; returns whether it wants to commit.
    fn run(&mut self, tx: &mut SqliteTx) -> Vote;
    /// Answers with the operation's own result, or with what became of its commit.
    fn answer(self: Box<Self>, commit: &Result<(), StoreError>);
}

/// What an operation leaves behind in its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vote {
    /// Its changes.
    Keep,
    /// Nothing.
    Undo,
}

struct Job<T, F> {
    operation: F,
    ran: Option<Ran<T>>,
    answer: oneshot::Sender<Ran<T>>,
}

/// Makes a job of an operation, and the place where its answer arrives.
pub(super) fn job<T: Send + 'static, F: Operation<T>>(
    operation: F,
) -> (Box<dyn Write>, oneshot::Receiver<Ran<T>>) {
    let (answer, answered) = oneshot::channel();
    let job = Job {
        operation,
        ran: None,
        answer,
    };
    (Box::new(job), answered)
}

impl<T: Send + 'static, F: Operation<T>> Write for Job<T, F> {
    fn run(&mut self, tx: &mut SqliteTx) -> Vote {
        let ran = tx.run(&self.operation);
        let vote = if matches!(ran, Ok(Ok(_))) {
            Vote::Keep
        } else {
            Vote::Undo
        };
        self.ran = Some(ran);
        vote
    }

    fn answer(self: Box<Self>, commit: &Result<(), StoreError>) {
        let own = self
            .ran
            .unwrap_or_else(|| Ok(Err(StoreError::transient("the operation was not run"))));
        let answer = match (commit, own) {
            // A bug stays a bug, whatever became of the commit.
            (_, Err(panic)) => Err(panic),
            (Ok(()), own) => own,
            // Even a refusal may rest on rows of the same batch that now never were.
            (Err(error), Ok(_)) => Ok(Err(error.clone())),
        };
        // A caller that is gone needs no answer.
        let _ = self.answer.send(answer);
    }
}

/// The body of the writer's thread.
pub(super) fn run(mut connection: Connection, queue: &Queue<Box<dyn Write>>, shared: &Shared) {
    let pages = Arc::new(AtomicI32::new(0));
    let seen = Arc::clone(&pages);
    let hooked = connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count| {
        seen.store(count, Ordering::Relaxed);
        Ok(())
    }));
    hooked.expect("a connection that this thread owns takes a hook");
    while let Some(first) = queue.pop() {
        connection = batch(connection, first, queue, shared);
        checkpoint(&connection, &pages);
    }
    let _ = connection.execute_batch("pragma optimize");
}

/// One commit: `first` and whoever waits behind it.
fn batch(
    connection: Connection,
    first: Box<dyn Write>,
    queue: &Queue<Box<dyn Write>>,
    shared: &Shared,
) -> Connection {
    if let Err(error) = connection.execute_batch("begin immediate") {
        first.answer(&Err(store_error(&error)));
        return connection;
    }
    let opened = Instant::now();
    let mut tx = SqliteTx::new(connection, &shared.clock);
    let mut jobs = Vec::new();
    let mut changed = false;
    let mut broken = None;
    let mut next = Some(first);
    while let Some(mut job) = next {
        match step(&mut tx, job.as_mut(), shared) {
            Ok(effect) => changed |= effect == Effect::Changed,
            Err(error) => broken = Some(error),
        }
        jobs.push(job);
        let open = broken.is_none() && jobs.len() < GROUP_MAX && opened.elapsed() < GROUP_TIME;
        next = if open { queue.try_pop() } else { None };
    }
    let connection = tx.into_connection();
    let result = match broken {
        None => commit(&connection),
        Some(error) => Err(error),
    };
    if result.is_err() && !connection.is_autocommit() {
        // Nothing of the batch was committed; a rollback that fails leaves a transaction that nobody can begin in.
        if let Err(error) = connection.execute_batch("rollback") {
            abort(&error);
        }
    }
    if result.is_ok() && changed {
        let generation = shared.generation.fetch_add(1, Ordering::SeqCst) + 1;
        shared.committed.send_replace(generation);
    }
    for job in jobs {
        job.answer(&result);
    }
    connection
}

/// Whether an operation left something for others to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Changed,
    Nothing,
}

/// Runs one operation in a savepoint. An error means that the whole transaction is gone.
fn step(tx: &mut SqliteTx, job: &mut dyn Write, shared: &Shared) -> Result<Effect, StoreError> {
    tx.next_operation(&shared.clock);
    let connection = tx.connection();
    let before = connection.total_changes();
    connection
        .execute_batch("savepoint operation")
        .map_err(|error| store_error(&error))?;
    let vote = job.run(tx);
    let connection = tx.connection();
    // A full disk or a failing one makes SQLite roll back everything at once (sqlite.org/lang_transaction.html, section 2.3).
    if connection.is_autocommit() {
        return Err(StoreError::Failed(refloat_core::Failure::Full(
            "the database gave up the transaction; the disk is full or failing".to_owned(),
        )));
    }
    let (end, effect) = match vote {
        Vote::Keep if connection.total_changes() != before => {
            ("release operation", Effect::Changed)
        }
        Vote::Keep => ("release operation", Effect::Nothing),
        Vote::Undo => ("rollback to operation; release operation", Effect::Nothing),
    };
    connection
        .execute_batch(end)
        .map_err(|error| store_error(&error))?;
    Ok(effect)
}

fn commit(connection: &Connection) -> Result<(), StoreError> {
    refloat_fail::point("commit.before")?;
    if let Err(error) = connection.execute_batch("commit") {
        if is_unknown(&error) {
            abort(&error);
        }
        return Err(store_error(&error));
    }
    // An error here is an answer that got lost: the commit stands, so only a kill or a stop means something.
    let _ = refloat_fail::point("commit.after");
    Ok(())
}

/// Whether nobody can know what a failed commit left on the disk.
fn is_unknown(error: &rusqlite::Error) -> bool {
    let rusqlite::Error::SqliteFailure(cause, _) = error else {
        return false;
    };
    cause.code == ErrorCode::SystemIoFailure && cause.extended_code != ffi::SQLITE_IOERR_BLOCKED
}

fn abort(error: &rusqlite::Error) -> ! {
    tracing::error!(%error, "the disk failed in a commit; what it holds is unknown, so this process ends and the next one recovers");
    std::process::abort();
}

/// Copies the log into the database when it has grown. It runs after the answers, so that nobody waits for it but the next batch.
fn checkpoint(connection: &Connection, pages: &AtomicI32) {
    let count = pages.load(Ordering::Relaxed);
    if count < CHECKPOINT_PAGES {
        return;
    }
    let pragma = if count < CHECKPOINT_PAGES_MAX {
        "pragma wal_checkpoint(passive)"
    } else {
        "pragma wal_checkpoint(restart)"
    };
    let _ = refloat_fail::point("checkpoint.before");
    match connection.query_row(pragma, [], |row| row.get::<_, i64>(0)) {
        // The hook reports the count again with the next commit, which begins a new log if this one is done.
        Ok(_) => pages.store(0, Ordering::Relaxed),
        Err(error) => {
            tracing::warn!(%error, "the log could not be copied into the database; the next commit tries again");
        }
    }
    let _ = refloat_fail::point("checkpoint.after");
}
