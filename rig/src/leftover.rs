//! What must not outlive the process of the tests, even if that is killed.
//!
//! A `Drop` runs when a test panics, but not on SIGKILL or Ctrl-C. One small shell stands
//! beside each process of the tests and reads its standard input. Each line registers or
//! withdraws a command; when the input ends, because the process has gone in whatever way,
//! the shell runs the commands that are still registered, the newest first.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// `+ ID COMMAND` registers, `- ID` withdraws. Ids are numbers of ours.
const SHELL: &str = r#"
ids=
while read -r op id rest; do
  case $op in
    +) eval "c_$id=\$rest"; ids="$id $ids";;
    -) eval "unset c_$id";;
  esac
done
for id in $ids; do
  eval "command=\${c_$id-}"
  if [ -n "$command" ]; then sh -c "$command"; fi
done
"#;

/// A command that runs if this process ends before the value is dropped.
#[derive(Debug)]
pub struct Leftover {
    id: u64,
}

impl Leftover {
    /// Registers `command`, one line of shell.
    pub fn register(command: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        tell(&format!("+ {id} {}\n", command.replace('\n', " ")));
        Self { id }
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        tell(&format!("- {}\n", self.id));
    }
}

/// The shell is a second net: where it cannot be started, the first one (`Drop`) still
/// holds, so nothing here fails a test.
fn tell(line: &str) {
    static SHELL_INPUT: OnceLock<Option<Mutex<ChildStdin>>> = OnceLock::new();
    if let Some(input) = SHELL_INPUT.get_or_init(start) {
        let mut input = input.lock().unwrap_or_else(PoisonError::into_inner);
        let _gone = input.write_all(line.as_bytes());
    }
}

/// In a process group of its own, so that Ctrl-C on a terminal does not reach it.
fn start() -> Option<Mutex<ChildStdin>> {
    let mut shell = Command::new("sh")
        .args(["-c", SHELL])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .ok()?;
    shell.stdin.take().map(Mutex::new)
}
