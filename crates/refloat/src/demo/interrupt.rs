//! Ctrl-C, SIGTERM and SIGHUP: they end the line that runs, and the demo then leaves as after any failure, cleaning up.
//!
//! Lines run in process groups of their own, so that the terminal asks the demo alone, and the demo a whole line.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::signal::unix::{SignalKind, signal};

/// What ends a demo that somebody asked to stop.
pub(super) const INTERRUPTED: &str = "it was interrupted";

/// What the thread that hears signals and the one that plays share.
#[derive(Debug, Default)]
struct State {
    is_asked: bool,
    line: Option<Pid>,
}

/// Whether somebody asked the demo to stop.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<Mutex<State>>);

impl Interrupt {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self> {
        let this = Self::default();
        let heard = this.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let entered = runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        drop(entered);
        let listen = move || {
            runtime.block_on(async {
                loop {
                    let signal = tokio::select! {
                        signal = interrupt.recv() => signal,
                        signal = terminate.recv() => signal,
                        signal = hangup.recv() => signal,
                    };
                    if signal.is_none() {
                        return;
                    }
                    heard.ask();
                }
            });
        };
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(listen)
            .context("no thread can be started")?;
        Ok(this)
    }

    /// An error once somebody asked.
    pub(super) fn check(&self) -> Result<()> {
        if self.with(|state| state.is_asked) {
            bail!(INTERRUPTED);
        }
        Ok(())
    }

    /// This line runs now; `None` when it has ended.
    pub(super) fn runs(&self, line: Option<&Child>) {
        let line = line.and_then(pid);
        let is_late = self.with(|state| {
            state.line = line;
            state.is_asked
        });
        if let (true, Some(line)) = (is_late, line) {
            let _gone = kill_process_group(line, Signal::TERM);
        }
    }

    /// The first time the line is asked to end, after that it is killed.
    fn ask(&self) {
        let (signal, line) = self.with(|state| {
            let signal = if state.is_asked {
                Signal::KILL
            } else {
                Signal::TERM
            };
            state.is_asked = true;
            (signal, state.line)
        });
        if let Some(line) = line {
            let _gone = kill_process_group(line, signal);
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The process id of a child that is not waited for yet.
pub(super) fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}
