//! A bounded number of blocking calls at a time, so that slow disks cannot take every thread.

use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Lets a fixed number of blocking calls run at once.
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn new(calls_max: usize) -> Self {
        Self(Arc::new(Semaphore::new(calls_max)))
    }

    /// The calls themselves, for work that outlives the borrow of the gate.
    pub(crate) fn permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0)
    }

    /// Starts `work` on a blocking thread as soon as one of the calls is free. The work ends even if nobody awaits it.
    pub(crate) async fn start<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let permit = Arc::clone(&self.0).acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        })
    }

    /// Runs `work` on a blocking thread.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        ended(self.start(work).await).await
    }
}

/// What the work returned. Its panic is passed on; if the runtime ends first, this waits to be dropped with it.
pub(crate) async fn ended<T>(work: JoinHandle<T>) -> T {
    match work.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => std::future::pending().await,
        },
    }
}
