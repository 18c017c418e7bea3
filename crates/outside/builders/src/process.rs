//! Running a program: bounded in time and output, ended with all its children.

use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a program is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What a program said.
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    /// Its last words, for people.
    pub(crate) stderr: String,
}

/// Why a program was ended, or never began.
#[derive(Debug)]
pub(crate) enum ProcessError {
    /// It could not be started.
    Start(std::io::Error),
    /// Its time was over.
    Late(Duration),
    /// It said too much.
    Long(usize),
}

impl std::fmt::Display for ProcessError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start(error) => write!(formatter, "it cannot be started: {error}"),
            Self::Late(limit) => {
                write!(formatter, "it took longer than {} s", limit.as_secs())
            }
            Self::Long(limit) => write!(formatter, "its output is longer than {limit} bytes"),
        }
    }
}

/// Whether to go on, or why to end a program.
pub(crate) type Watch<'a> = &'a mut dyn FnMut() -> Option<String>;

/// Waits for a child in a group of its own. When `watch` says why to end it, the group is killed.
pub(crate) fn wait(
    child: &mut Child,
    watch: Watch<'_>,
) -> std::io::Result<Result<ExitStatus, String>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ok(status));
        }
        if let Some(reason) = watch() {
            end(child);
            return Ok(Err(reason));
        }
        std::thread::sleep(LOOK);
    }
}

fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Runs `command` with `input`, for at most `limit`, taking at most `bytes_max` of output.
pub(crate) fn output(
    mut command: Command,
    input: Vec<u8>,
    limit: Duration,
    bytes_max: usize,
) -> Result<Output, ProcessError> {
    let mut child = command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(ProcessError::Start)?;
    let mut stdin = child.stdin.take();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A program that does not read to the end has its reasons, and says them.
            if let Some(mut stdin) = stdin.take() {
                let _ = stdin.write_all(&input);
            }
        });
        let out = scope.spawn(move || capped(out, bytes_max));
        let err = scope.spawn(move || capped(err, 64 * 1024));
        let until = Instant::now() + limit;
        let mut late = || (Instant::now() > until).then(String::new);
        let status = wait(&mut child, &mut late);
        let stdout = out.join().unwrap_or_default();
        let stderr = String::from_utf8_lossy(&err.join().unwrap_or_default())
            .trim()
            .to_owned();
        let status = status
            .map_err(ProcessError::Start)?
            .map_err(|_| ProcessError::Late(limit))?;
        if stdout.len() > bytes_max {
            return Err(ProcessError::Long(bytes_max));
        }
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    })
}

/// At most one byte more than `bytes_max`; the rest is read and dropped, so that the program ends.
fn capped(source: Option<impl Read>, bytes_max: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut source) = source {
        let limit = u64::try_from(bytes_max)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let _ = source.by_ref().take(limit).read_to_end(&mut bytes);
        let _ = std::io::copy(&mut source, &mut std::io::sink());
    }
    bytes
}
