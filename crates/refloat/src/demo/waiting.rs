//! On a terminal: how long a line that prints nothing has been running.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What is shorter is not counted.
const SILENT_AT_FIRST: Duration = Duration::from_secs(2);
/// How often the clock moves.
const TICK: Duration = Duration::from_secs(1);

/// A clock on standard error; it goes away when it ends.
pub(super) struct Waiting(Option<(Sender<()>, JoinHandle<()>)>);

impl Waiting {
    /// Begins to count, where somebody looks.
    pub(super) fn begin() -> Self {
        let is_seen = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        Self(is_seen.then(|| {
            let (stop, stopped) = channel();
            (stop, std::thread::spawn(move || count(&stopped)))
        }))
    }

    /// Ends it; the terminal is as before.
    pub(super) fn end(&mut self) {
        if let Some((stop, counting)) = self.0.take() {
            drop(stop);
            let _ended = counting.join();
        }
    }
}

fn count(stopped: &Receiver<()>) {
    let begun = Instant::now();
    let mut stderr = std::io::stderr();
    let mut patience = SILENT_AT_FIRST;
    while stopped.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
        patience = TICK;
        let _ = write!(stderr, "\r  {} s", begun.elapsed().as_secs());
    }
    if patience == TICK {
        let _ = write!(stderr, "\r\u{1b}[K");
    }
}
