//! Running a program to its end, with an error that shows what it said.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// How much of a program's output an error repeats: the end, where the cause stands.
const TAIL_BYTES: usize = 4000;

/// Runs `command` to its end. Anything but success is an error with the end of its output.
pub fn checked(command: &mut Command) -> Result<Output> {
    let output = captured(command)?;
    if !output.status.success() {
        bail!("{}", failure(command, &output));
    }
    Ok(output)
}

/// Runs `command` to its end and returns its standard output without the last line break.
pub fn stdout(command: &mut Command) -> Result<String> {
    let output = checked(command)?;
    let text = String::from_utf8(output.stdout)
        .with_context(|| format!("the output of {} is not UTF-8", shown(command)))?;
    Ok(text.trim_end().to_owned())
}

/// Runs `command` to its end, whatever end that is, with nothing to read.
pub fn captured(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", shown(command)))
}

/// As [`checked`], with `input` on the program's standard input: the way to hand over a
/// secret, which must not stand in an argument that others can list.
pub fn checked_with_input(command: &mut Command, input: &[u8]) -> Result<Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading closes the pipe: its status tells the rest.
        let _closed = stdin.write_all(input);
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", failure(command, &output));
    }
    Ok(output)
}

/// The command as a person would type it.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

/// What to say about a program that failed.
pub fn failure(command: &Command, output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    format!(
        "{} failed ({}):\n{}",
        shown(command),
        output.status,
        tail(&said)
    )
}

/// The end of `bytes` as text.
pub fn tail(bytes: &[u8]) -> String {
    let from = bytes.len().saturating_sub(TAIL_BYTES);
    String::from_utf8_lossy(&bytes[from..]).trim().to_owned()
}

/// Quotes a word for a shell, if it needs it.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_the_command_and_what_it_said() {
        let error = checked(Command::new("sh").args(["-c", "echo no such luck >&2; exit 3"]));
        let message = error
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(
            message.contains("'echo no such luck >&2; exit 3'"),
            "{message}"
        );
        assert!(message.ends_with("no such luck"), "{message}");
        assert!(message.contains("exit status: 3"), "{message}");
    }

    #[test]
    fn input_arrives() -> Result<()> {
        let output = checked_with_input(&mut Command::new("cat"), b"a secret")?;
        assert_eq!(output.stdout, b"a secret");
        Ok(())
    }
}
