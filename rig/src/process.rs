//! A guard around one running program: log file, process group, signals, deadline.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use crate::leftover::Leftover;
use crate::{run, wait};

/// A program that runs in a process group of its own and is killed when dropped.
///
/// The process is left unreaped until the group has got its last signal: as long as it is
/// a zombie nobody else can get its id, so that a signal never hits a stranger.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    pid: Pid,
    log: PathBuf,
    leftover: Option<Leftover>,
}

impl Running {
    /// Starts `command` with both its outputs appended to `log`, and nothing to read.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot write the log {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}: {}", run::shown(command)))?;
        let pid = Pid::from_child(&child);
        let leftover = Leftover::register(&format!("kill -9 -{pid}"));
        Ok(Self {
            name: name.to_owned(),
            child,
            pid,
            log: log.to_owned(),
            leftover: Some(leftover),
        })
    }

    /// The process id, which is also the id of its group.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The file with everything it said.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The end of what it said.
    pub fn log_tail(&self) -> String {
        run::tail(&fs::read(&self.log).unwrap_or_default())
    }

    /// True until it has ended by itself or was killed.
    pub fn is_running(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        matches!(
            rustix::process::waitid(WaitId::Pid(self.pid), look),
            Ok(None)
        )
    }

    /// Looks until `check` answers; an error, with the end of the log, if the program ends
    /// before that or the deadline passes.
    pub fn wait_until<T>(
        &self,
        what: &str,
        deadline: Duration,
        mut check: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let looked = wait::until(what, deadline, || {
            if let Some(answer) = check()? {
                return Ok(Some(answer));
            }
            if !self.is_running() {
                bail!("it ended while we waited for {what}");
            }
            Ok(None)
        });
        looked.with_context(|| format!("{}; it said:\n{}", self.name, self.log_tail()))
    }

    /// SIGKILL to the whole group: the end that no program can prepare for.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        self.reap()
    }

    /// SIGSTOP to the whole group: it hangs, with its connections open.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT to the whole group.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// SIGTERM, then up to `grace` for it to end, then SIGKILL. An error if it had to be
    /// killed: whoever asks for an orderly end wants to know that there was none.
    pub fn terminate(&mut self, grace: Duration) -> Result<ExitStatus> {
        rustix::process::kill_process(self.pid, Signal::TERM)
            .with_context(|| format!("cannot signal {}", self.name))?;
        let ended = self.wait_for_end(grace);
        // What it left behind in its group goes with it.
        let status = self.kill()?;
        ended.map(|()| status)
    }

    /// Waits for the program to end by itself.
    pub fn wait_for_exit(&mut self, deadline: Duration) -> Result<ExitStatus> {
        self.wait_for_end(deadline)?;
        self.kill()
    }

    fn wait_for_end(&self, deadline: Duration) -> Result<()> {
        wait::until("its end", deadline, || {
            Ok((!self.is_running()).then_some(()))
        })
        .with_context(|| format!("{}; it said:\n{}", self.name, self.log_tail()))
    }

    /// An empty group is no error: the program may have ended on its own.
    fn signal(&self, signal: Signal) -> Result<()> {
        if self.leftover.is_none() {
            bail!("{} has been stopped already", self.name);
        }
        match rustix::process::kill_process_group(self.pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("cannot signal {}", self.name)),
        }
    }

    fn reap(&mut self) -> Result<ExitStatus> {
        self.leftover = None;
        Ok(self.child.wait()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.leftover.is_some() {
            // A stopped process dies of SIGKILL too; nothing more can be done from here.
            let _ended = self.kill();
        }
    }
}

#[cfg(test)]
mod tests;
