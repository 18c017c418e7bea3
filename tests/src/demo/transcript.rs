//! What the demo printed, taken apart into the lines that a person can type and the rest.

use anyhow::{Context as _, Result};

const ENDED_BY_TRAP: &str = "trap 'for file in *.pid; do kill $(cat $file); done' EXIT";

/// The whole text.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// As it was printed.
    pub text: String,
}

impl Transcript {
    /// Takes what a demo printed.
    pub fn read(text: String) -> Self {
        Self { text }
    }

    /// The lines behind `$ `, each with the text that it is given.
    pub fn commands(&self) -> Vec<String> {
        let mut commands = Vec::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            let Some(command) = line.strip_prefix("$ ") else {
                continue;
            };
            let mut command = command.to_owned();
            if command.ends_with("<<'END'") {
                for more in lines.by_ref() {
                    command.push('\n');
                    command.push_str(more);
                    if more == "END" {
                        break;
                    }
                }
            }
            commands.push(command);
        }
        commands
    }

    /// All commands, one after the other; the first that fails ends it, and what it started in the background.
    pub fn script(&self) -> String {
        let mut commands = vec!["set -e".to_owned(), ENDED_BY_TRAP.to_owned()];
        commands.extend(self.commands());
        // The last line has ended what the trap would.
        commands.push("trap - EXIT\n".to_owned());
        commands.join("\n")
    }

    /// The commands up to the update of the upstream, and that update while the team's own server is down: the next
    /// thing that happens is that a sweep finds it. What was started in the background has ended.
    ///
    /// # Errors
    /// If the transcript has no update.
    pub fn script_until_moved(&self) -> Result<String> {
        let commands = self.commands();
        let place = |part: &str| {
            let found = commands.iter().position(|line| line.contains(part));
            found.with_context(|| format!("the demo has no line with `{part}`"))
        };
        let (made, pushed) = (
            place("after.tar")?,
            place("base/after.Dockerfile --tag")? + 1,
        );
        let mut lines = vec!["set -e".to_owned(), ENDED_BY_TRAP.to_owned()];
        lines.extend_from_slice(&commands[..made]);
        lines.push("kill $(cat home.pid)".to_owned());
        lines.extend_from_slice(&commands[made..=pushed]);
        lines.push("trap - EXIT\nkill $(cat upstream.pid)\nwait\n".to_owned());
        Ok(lines.join("\n"))
    }

    /// The word that follows `text` where it first stands.
    ///
    /// # Errors
    /// If it stands nowhere.
    pub fn word_after(&self, text: &str) -> Result<&str> {
        let rest = self.text.split_once(text).map(|(_, rest)| rest);
        let word = rest.and_then(|rest| rest.split_whitespace().next());
        word.with_context(|| format!("the transcript does not say `{text}`"))
    }

    /// What was printed behind the command that contains `part`, until the next one.
    pub fn answer(&self, part: &str) -> Option<&str> {
        let begin = self
            .text
            .lines()
            .find(|line| line.starts_with("$ ") && line.contains(part))?;
        let (_, rest) = self.text.split_once(begin)?;
        Some(rest.split("\n$ ").next().unwrap_or(rest))
    }
}

#[test]
fn commands_are_told_from_what_they_print() {
    let text = "== A\n$ cat > a <<'END'\n$ inside\nEND\nprinted\n$ b | c\nd\n".to_owned();
    let transcript = Transcript::read(text);
    assert_eq!(
        transcript.commands(),
        ["cat > a <<'END'\n$ inside\nEND", "b | c"]
    );
    assert_eq!(transcript.answer("b |"), Some("\nd\n"));
}
