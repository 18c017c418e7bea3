//! `docker-credential-NAME`: a program that keeps credentials; one JSON document in, one out.

use super::{Credential, Hidden};
use crate::error::CliError;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What helpers say for a host they do not know.
const UNKNOWN: &str = "credentials not found";
/// The user name under which helpers keep a token.
const TOKEN_USER: &str = "<token>";

pub(super) fn get(helper: &str, host: &str) -> Result<Option<Credential>, CliError> {
    let output = match run(helper, "get", host)? {
        Ok(output) => output,
        Err(text) if text.contains(UNKNOWN) => return Ok(None),
        Err(text) => return Err(failed(helper, "get", &text)),
    };
    let found: Value = serde_json::from_str(&output)
        .map_err(|_| failed(helper, "get", "its answer is not JSON"))?;
    let secret = Hidden::new(found["Secret"].as_str().unwrap_or_default());
    Ok(match found["Username"].as_str() {
        None | Some("") => None,
        Some(TOKEN_USER) => Some(Credential::Token(secret)),
        Some(username) => Some(Credential::Password {
            username: username.to_owned(),
            password: secret,
        }),
    })
}

pub(super) fn store(
    helper: &str,
    host: &str,
    username: &str,
    password: &Hidden,
) -> Result<(), CliError> {
    let input =
        json!({ "ServerURL": host, "Username": username, "Secret": password.expose() }).to_string();
    run(helper, "store", &input)?
        .map(drop)
        .map_err(|text| failed(helper, "store", &text))
}

pub(super) fn erase(helper: &str, host: &str) -> Result<(), CliError> {
    run(helper, "erase", host)?
        .map(drop)
        .map_err(|text| failed(helper, "erase", &text))
}

/// The program's output, or what it said when it failed.
fn run(helper: &str, verb: &str, input: &str) -> Result<Result<String, String>, CliError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !helper.bytes().all(plain) {
        return Err(failed(helper, verb, "its name is not one of a helper"));
    }
    let started = Command::new(format!("docker-credential-{helper}"))
        .arg(verb)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.map_err(|error| failed(helper, verb, &error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read its input says so by its exit.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| failed(helper, verb, &error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() {
        return Ok(Ok(text));
    }
    let said = if text.is_empty() {
        String::from_utf8_lossy(&output.stderr).trim().to_owned()
    } else {
        text
    };
    Ok(Err(said))
}

fn failed(helper: &str, verb: &str, reason: &str) -> CliError {
    CliError::failed(
        "credential_helper",
        format!("credential helper docker-credential-{helper} failed at {verb}: {reason}"),
        "install it, or remove it from docker's configuration",
    )
}
