//! The program over Helm's engine: one process, a line of JSON for each question and each answer.

use serde_json::Value as Json;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The process under way.
pub struct Engine {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
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
        let answers = child.stdout.take().expect("standard output is piped");
        Self {
            child,
            questions,
            answers: BufReader::new(answers),
        }
    }

    /// Hands it a question; it works while we do.
    pub fn ask(&mut self, question: &Json) {
        let line = format!("{question}\n");
        self.questions
            .write_all(line.as_bytes())
            .expect("the engine reads");
    }

    /// What it says to the question before.
    pub fn answer(&mut self) -> Json {
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .expect("the engine answers");
        serde_json::from_str(&line).expect("an answer is JSON")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
