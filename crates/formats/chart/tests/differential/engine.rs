//! The program over Helm's engine: one process, a line of JSON for each question and each answer.

use serde_json::Value as Json;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long it may think about one question. Go's engine has no limits: some questions have no end.
const PATIENCE: Duration = Duration::from_secs(20);

/// The process under way.
pub struct Engine {
    program: PathBuf,
    child: Child,
    questions: ChildStdin,
    answers: Receiver<String>,
}

impl Engine {
    /// Starts it.
    pub fn start(program: &Path) -> Self {
        let mut child = Command::new(program)
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the engine starts");
        let questions = child.stdin.take().expect("standard input is piped");
        let mut lines =
            BufReader::new(child.stdout.take().expect("standard output is piped")).lines();
        let (said, answers) = channel();
        // It ends with the process, or when nobody waits for an answer.
        std::thread::spawn(move || {
            while let Some(Ok(line)) = lines.next() {
                if said.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            program: program.to_owned(),
            child,
            questions,
            answers,
        }
    }

    /// Hands it a question; it works while we do.
    pub fn ask(&mut self, question: &Json) {
        let line = format!("{question}\n");
        self.questions
            .write_all(line.as_bytes())
            .expect("the engine reads");
    }

    /// What it says to the question before; none if it ended over it or does not end. Then another is started.
    pub fn answer(&mut self) -> Option<Json> {
        if let Ok(line) = self.answers.recv_timeout(PATIENCE) {
            return Some(serde_json::from_str(&line).expect("an answer is JSON"));
        }
        *self = Self::start(&self.program.clone());
        None
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
