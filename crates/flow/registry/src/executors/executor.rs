//! Work that never ends: a turn, then a rest until something was committed or the timer rings.

use super::Stop;
use crate::FlowError;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use refloat_store::Store;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// The shortest rest between two turns that found nothing: commits come by the thousand, looking once serves them all.
const PACE: Duration = Duration::from_millis(20);
/// The rest after the first failed turn; it doubles.
const RETRY_FIRST: Duration = Duration::from_millis(200);
/// The longest rest after a failed turn.
const RETRY_LONGEST: Duration = Duration::from_mins(1);

/// What a turn left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// There is more to do now.
    More,
    /// Nothing to do until rows change; look again after this long at the latest.
    Rest(Duration),
    /// Nothing to do for this long, whatever changes.
    Sleep(Duration),
}

/// Level-triggered work: each turn looks at rows, does a bounded part of what is due, and may be repeated at any point.
pub trait Executor: Send + Sync + 'static {
    /// Its name, in logs and metrics.
    fn name(&self) -> &'static str;

    /// Does a bounded part of what is due.
    fn turn<'a>(&'a self, stop: &'a Stop) -> BoxFuture<'a, Result<Turn, FlowError>>;
}

/// Turns until `stop` is set. A turn that fails or panics is logged and tried again, a little later each time.
pub(super) async fn keep_running(store: Store, executor: &impl Executor, mut stop: Stop) {
    let mut failures = 0;
    while !stop.is_set() {
        let committed = store.committed();
        let turn = AssertUnwindSafe(executor.turn(&stop)).catch_unwind().await;
        let (rest, wake): (_, BoxFuture<'_, ()>) = match turn {
            Ok(Ok(Turn::More)) => {
                failures = 0;
                continue;
            }
            Ok(Ok(Turn::Rest(rest))) => {
                failures = 0;
                (rest, Box::pin(committed))
            }
            Ok(Ok(Turn::Sleep(rest))) => {
                failures = 0;
                (rest, Box::pin(std::future::pending()))
            }
            Ok(Err(error)) => {
                tracing::warn!(executor = executor.name(), %error, "a turn failed and will be tried again");
                failures += 1;
                (retry_after(failures), Box::pin(std::future::pending()))
            }
            Err(_panic) => {
                tracing::error!(
                    executor = executor.name(),
                    "a turn panicked and will be tried again"
                );
                failures += 1;
                (retry_after(failures), Box::pin(std::future::pending()))
            }
        };
        let resting = async {
            tokio::time::sleep(PACE.min(rest)).await;
            let _ = tokio::time::timeout(rest, wake).await;
        };
        tokio::select! {
            () = resting => {}
            () = stop.set() => {}
        }
    }
}

fn retry_after(failures: u32) -> Duration {
    RETRY_FIRST
        .saturating_mul(1 << failures.saturating_sub(1).min(16))
        .min(RETRY_LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_bounded() {
        assert_eq!(retry_after(1), RETRY_FIRST);
        assert_eq!(retry_after(2), 2 * RETRY_FIRST);
        assert_eq!(retry_after(40), RETRY_LONGEST);
    }
}
