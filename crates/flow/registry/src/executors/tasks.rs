//! Tasks that are counted, named, and waited for at the end.

use super::Executor;
use super::executor::keep_running;
use futures_util::FutureExt;
use refloat_store::Store;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Says when to stop. Cheap to clone.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Whether it is time.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when it is time.
    pub async fn set(&mut self) {
        // An error says that the runtime is gone, which is time too.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Owner of every task. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Tasks {
    stop: Arc<watch::Sender<bool>>,
    /// Each task holds a clone of the sender; the receiver ends when all are gone.
    alive: Arc<Mutex<Alive>>,
}

struct Alive {
    sender: Option<mpsc::Sender<()>>,
    receiver: Option<mpsc::Receiver<()>>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Tasks {
    /// A runtime without tasks.
    pub fn new() -> Self {
        let (sender, receiver) = mpsc::channel(1);
        Self {
            stop: Arc::new(watch::Sender::new(false)),
            alive: Arc::new(Mutex::new(Alive {
                sender: Some(sender),
                receiver: Some(receiver),
            })),
        }
    }

    /// What tells work of this runtime to stop.
    pub fn stop_signal(&self) -> Stop {
        Stop(self.stop.subscribe())
    }

    /// Runs `work` to its end even if the caller goes away meanwhile. Its panic is the caller's, or logged.
    ///
    /// # Panics
    /// If `work` did.
    pub async fn durable<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let alive = self.guard();
        let task = tokio::spawn(async move {
            let result = AssertUnwindSafe(work).catch_unwind().await;
            if result.is_err() {
                tracing::error!(task = name, "a task panicked");
            }
            drop(alive);
            result
        });
        match task.await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // The runtime of all tasks is going down and with it whoever asked.
            Err(_cancelled) => std::future::pending().await,
        }
    }

    /// Keeps `executor` running until the end: after a panic it starts again, a little later each time.
    pub fn start(&self, store: Store, executor: impl Executor) {
        let (stop, alive) = (self.stop_signal(), self.guard());
        tokio::spawn(async move {
            keep_running(store, &executor, stop).await;
            drop(alive);
        });
    }

    /// Tells executors to stop and waits for all tasks, at most for `patience`; whether all ended.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.stop.send_replace(true);
        let receiver = {
            let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
            alive.sender = None;
            alive.receiver.take()
        };
        let Some(mut receiver) = receiver else {
            return true;
        };
        tokio::time::timeout(patience, receiver.recv())
            .await
            .is_ok()
    }

    /// Held by a task while it lives; `None` once the end has begun, when nobody counts any more.
    fn guard(&self) -> Option<mpsc::Sender<()>> {
        self.alive
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .sender
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn durable_work_outlives_its_caller() {
        let tasks = Tasks::new();
        let (go, went) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel();
        let work = tasks.durable("test", async move {
            let _ = went.await;
            let _ = done.send(7);
        });
        let mut work = Box::pin(work);
        assert!((&mut work).now_or_never().is_none());
        drop(work);
        go.send(()).expect("the work still waits");
        assert_eq!(ended.await, Ok(7));
        assert!(tasks.stop(Duration::from_secs(10)).await);
    }

    #[tokio::test]
    async fn stop_waits_for_work_as_long_as_it_may() {
        let tasks = Tasks::new();
        let (release, held) = oneshot::channel::<()>();
        let other = tasks.clone();
        let waiting = tokio::spawn(async move { other.durable("test", held).await });
        tokio::task::yield_now().await;
        assert!(!tasks.stop(Duration::from_millis(1)).await);
        release.send(()).expect("the work still waits");
        assert_eq!(waiting.await.expect("no panic"), Ok(()));
    }
}
