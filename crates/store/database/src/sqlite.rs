//! SQLite in a data folder that one process has to itself.
//!
//! ```text
//!  write ─► queue ─► writer thread: begin immediate ─ savepoint ─ operation ─ release ─┐
//!                      ▲                                  └── the next in the queue ◄──┤ up to GROUP_MAX operations or GROUP_TIME
//!                      └── answers ◄── commit (one fsync for all of them) ◄────────────┘
//!  read ──► queue ─► one of READERS threads: begin ─ operation ─ rollback ─ answer
//! ```
//! Operations run to their end on these threads; nothing of SQLite runs on a worker of the asynchronous runtime.

mod backup;
mod connection;
mod folder;
mod queue;
mod reader;
mod statement;
mod transaction;
mod writer;

use crate::clock::Clock;
use crate::error::{OpenError, StoreError};
use crate::migration::Migration;
use crate::tx::Operation;
use folder::Folder;
use queue::Queue;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::watch;

pub(crate) use folder::sync_folder;

/// The database's file in the data folder.
pub(crate) const FILE: &str = "refloat.db";
/// Read connections, a thread each. Reads of rows are short; more threads than this only take turns on the cores.
const READERS: usize = 4;
/// Operations that may wait for the writer; who comes later waits outside.
const WRITES_QUEUED_MAX: usize = 1024;
/// Operations that may wait for a reader.
const READS_QUEUED_MAX: usize = 1024;

/// What the threads and the callers share.
struct Shared {
    generation: AtomicU64,
    committed: watch::Sender<u64>,
    clock: Clock,
}

/// An open SQLite database. Dropping it waits for what is queued and closes the file.
pub(crate) struct Sqlite {
    shared: Arc<Shared>,
    writes: Arc<Queue<Box<dyn writer::Write>>>,
    reads: Arc<Queue<Box<dyn reader::Read>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    file: PathBuf,
}

impl Sqlite {
    /// Locks the folder, opens and migrates the database, and starts the threads. Blocks.
    pub(crate) fn open(
        folder: &Path,
        migrations: &'static [Migration],
        clock: Clock,
    ) -> Result<Self, OpenError> {
        connection::check_version()?;
        let folder = Folder::lock(folder)?;
        let file = folder.path().join(FILE);
        let mut connection = connection::open_writer(&file)?;
        crate::migration::migrate_sqlite(&mut connection, &file, migrations, &clock)?;
        sync_folder(folder.path())?;
        let shared = Arc::new(Shared {
            generation: AtomicU64::new(0),
            committed: watch::Sender::new(0),
            clock,
        });
        // Whole before its threads start: dropped after one that does not, it ends those that did.
        let own = Self {
            shared,
            writes: Queue::new(WRITES_QUEUED_MAX),
            reads: Queue::new(READS_QUEUED_MAX),
            threads: Mutex::new(Vec::with_capacity(READERS + 1)),
            file,
        };
        own.start(connection, folder)?;
        Ok(own)
    }

    fn start(&self, connection: Connection, folder: Folder) -> Result<(), OpenError> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for number in 0..READERS {
            let connection = connection::open_reader(&self.file)?;
            let (queue, shared) = (Arc::clone(&self.reads), Arc::clone(&self.shared));
            threads.push(thread(&format!("sqlite-read-{number}"), move || {
                reader::run(connection, &queue, &shared.clock);
            })?);
        }
        let (queue, shared) = (Arc::clone(&self.writes), Arc::clone(&self.shared));
        // The writer is last in the list, so that it closes last and empties the log; the lock goes with it.
        threads.push(thread("sqlite-write", move || {
            writer::run(connection, &queue, &shared);
            drop(folder);
        })?);
        Ok(())
    }

    pub(crate) async fn write<T: Send + 'static, F: Operation<T>>(
        &self,
        operation: F,
    ) -> Result<T, StoreError> {
        let (job, answer) = writer::job(operation);
        self.writes.push(job).await?;
        queue::answered(answer).await
    }

    pub(crate) async fn read<T: Send + 'static, F: Operation<T>>(
        &self,
        operation: F,
    ) -> Result<T, StoreError> {
        let (job, answer) = reader::job(operation);
        self.reads.push(job).await?;
        queue::answered(answer).await
    }

    pub(crate) fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::SeqCst)
    }

    pub(crate) fn commits(&self) -> watch::Receiver<u64> {
        self.shared.committed.subscribe()
    }

    /// Copies the database as it is now to a new file. Blocks.
    pub(crate) fn back_up(&self, to: &Path) -> Result<(), StoreError> {
        backup::copy(&self.file, to)
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.reads.close();
        self.writes.close();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let own = std::thread::current().id();
        for thread in threads {
            // An operation may hold the last handle: its thread cannot wait for itself.
            if thread.thread().id() != own && thread.join().is_err() {
                tracing::error!("a thread of the database panicked");
            }
        }
    }
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    spawned.map_err(|source| OpenError::Io {
        path: PathBuf::from(format!("thread {name}")),
        source,
    })
}
