//! What a verb says when it did not do what was asked, and the exit codes.

use serde_json::{Value, json};

/// Done, also when nothing had to change.
pub const EXIT_DONE: u8 = 0;
/// Failed.
pub const EXIT_FAILED: u8 = 1;
/// Wrong usage.
pub const EXIT_USAGE: u8 = 2;
/// Refused by a policy.
pub const EXIT_POLICY: u8 = 3;
/// Not found, or not permitted: the two look the same.
pub const EXIT_NOT_FOUND: u8 = 4;
/// Nothing had to change, with `--detailed-exitcode`.
pub const EXIT_UNCHANGED: u8 = 5;

/// An error of two lines: what and why, and what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct CliError {
    /// The stable code.
    pub code: String,
    /// The thing and the cause.
    pub message: String,
    /// What to do; empty if there is nothing to say.
    pub advice: String,
    /// More, for programs.
    pub detail: Value,
    /// The exit code.
    pub exit: u8,
}

impl CliError {
    /// A failure.
    pub fn failed(code: &str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            advice: advice.into(),
            detail: Value::Null,
            exit: EXIT_FAILED,
        }
    }

    /// Wrong usage.
    pub fn usage(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            exit: EXIT_USAGE,
            ..Self::failed("usage", message, advice)
        }
    }

    /// A verb, flag or form that is not built.
    pub fn unsupported(what: &str) -> Self {
        Self::failed(
            "unsupported",
            format!("unsupported: {what} is not built yet"),
            "see `refloat --help` for what there is",
        )
    }

    /// The same error with another exit code.
    #[must_use]
    pub fn exiting(self, exit: u8) -> Self {
        Self { exit, ..self }
    }

    /// `{"error":{"code","message","detail"}}`
    pub fn to_json(&self) -> Value {
        let detail = match (&self.detail, self.advice.as_str()) {
            (Value::Null, "") => Value::Null,
            (Value::Null, advice) => json!({ "advice": advice }),
            (detail, _) => detail.clone(),
        };
        json!({ "error": { "code": self.code, "message": self.message, "detail": detail } })
    }
}

impl From<refloat_oci::ReferenceError> for CliError {
    fn from(error: refloat_oci::ReferenceError) -> Self {
        let text = error.to_string();
        let (message, advice) = text.split_once("; ").unwrap_or((&text, ""));
        Self::usage(message, advice)
    }
}
