//! A bounded queue between asynchronous callers and the database's threads, and how an answer comes back.

use crate::error::StoreError;
use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// What an operation came to: its result, or the panic it died of, which goes on in its caller.
pub(super) type Ran<T> = std::thread::Result<Result<T, StoreError>>;

/// Waits for the answer of a queued job.
pub(super) async fn answered<T>(answer: oneshot::Receiver<Ran<T>>) -> Result<T, StoreError> {
    match answer.await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => Err(closed()),
    }
}

fn closed() -> StoreError {
    StoreError::transient("the database is closing")
}

/// Jobs in the order in which they came.
pub(super) struct Queue<J> {
    state: Mutex<State<J>>,
    arrived: Condvar,
    room: Arc<Semaphore>,
}

struct State<J> {
    jobs: VecDeque<(J, OwnedSemaphorePermit)>,
    closed: bool,
}

impl<J> Queue<J> {
    pub(super) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                closed: false,
            }),
            arrived: Condvar::new(),
            room: Arc::new(Semaphore::new(capacity)),
        })
    }

    /// Queues `job`, waiting for room.
    pub(super) async fn push(&self, job: J) -> Result<(), StoreError> {
        let room = Arc::clone(&self.room)
            .acquire_owned()
            .await
            .map_err(|_| closed())?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(closed());
        }
        state.jobs.push_back((job, room));
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// The next job; blocks until there is one. `None` once the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<J> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some((job, _room)) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state = self
                .arrived
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next job if one waits already.
    pub(super) fn try_pop(&self) -> Option<J> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.jobs.pop_front().map(|(job, _room)| job)
    }

    /// Refuses further jobs; those that wait are still done.
    pub(super) fn close(&self) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = true;
        self.room.close();
        self.arrived.notify_all();
    }
}
