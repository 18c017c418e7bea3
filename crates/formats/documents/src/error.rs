//! What is wrong with a document, where, and what to do about it.

use std::fmt;

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The document is wrong.
    Invalid,
    /// The document asks for something that is not built.
    Unsupported,
}

/// One error of one document. Prints as two lines: what is wrong where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentError {
    /// Invalid or unsupported.
    pub problem: Problem,
    /// Line in the file, from 1; 0 if the document did not come as text.
    pub line: u64,
    /// What is wrong.
    pub message: String,
    /// What to do; empty if the message says it.
    pub advice: String,
}

impl DocumentError {
    /// The document at `line` is wrong.
    pub fn invalid(line: u64, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            problem: Problem::Invalid,
            line,
            message: message.into(),
            advice: advice.into(),
        }
    }

    /// `what` at `line` is not built.
    pub fn unsupported(line: u64, what: &str) -> Self {
        let place = if line == 0 {
            String::new()
        } else {
            format!(" (line {line})")
        };
        Self {
            problem: Problem::Unsupported,
            line,
            message: format!("unsupported: {what}{place}"),
            advice: "this version does not have it yet; remove it from the document".to_owned(),
        }
    }

    /// The stable code of the JSON form.
    pub fn code(&self) -> &'static str {
        match self.problem {
            Problem::Invalid => "invalid",
            Problem::Unsupported => "unsupported",
        }
    }

    /// The first line with the file's name in front: `policy.yaml:3: key ..`.
    pub fn located(&self, file: &str) -> String {
        if self.line == 0 {
            format!("{file}: {}", self.message)
        } else {
            format!("{file}:{}: {}", self.line, self.message)
        }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line != 0 && self.problem == Problem::Invalid {
            write!(formatter, "line {}: ", self.line)?;
        }
        formatter.write_str(&self.message)?;
        if self.advice.is_empty() {
            Ok(())
        } else {
            write!(formatter, "; {}", self.advice)
        }
    }
}

impl std::error::Error for DocumentError {}
