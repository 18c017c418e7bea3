//! What the demo printed, taken apart into the lines that a person can type and the rest.

/// The whole text.
pub(crate) struct Transcript {
    pub(crate) text: String,
}

impl Transcript {
    pub(crate) fn read(text: String) -> Self {
        Self { text }
    }

    /// The lines behind `$ `, each with the text that it is given.
    pub(crate) fn commands(&self) -> Vec<String> {
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
    pub(crate) fn script(&self) -> String {
        let end = "trap 'for file in *.pid; do kill $(cat $file); done' EXIT";
        let mut commands = vec!["set -e".to_owned(), end.to_owned()];
        commands.extend(self.commands());
        // The last line has ended what the trap would.
        commands.push("trap - EXIT\n".to_owned());
        commands.join("\n")
    }

    /// What was printed behind the command that contains `part`, until the next one.
    pub(crate) fn answer(&self, part: &str) -> Option<&str> {
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
