//! What is wrong with a Dockerfile.

/// A Dockerfile that does not parse, or cannot be built by anybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct DockerfileError {
    /// The line, from 1, at which the instruction begins.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

impl DockerfileError {
    pub(crate) fn new(line: u32, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
        }
    }
}
