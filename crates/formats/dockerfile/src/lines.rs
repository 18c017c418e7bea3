//! From text to instructions: directives, comments, continuations, heredocs (`frontend/dockerfile/parser/parser.go`).

use crate::error::DockerfileError;
use crate::words::{flags, heredocs};

/// The front end that a file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// As written.
    pub(crate) reference: String,
    /// Where.
    pub(crate) line: u32,
}

/// An instruction: what stands on its logical line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// In lower case.
    pub(crate) keyword: String,
    /// `--name=value`, unquoted.
    pub(crate) flags: Vec<String>,
    /// The rest, as written.
    pub(crate) arguments: String,
    /// The line it begins at.
    pub(crate) line: u32,
}

/// A file, cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lines {
    /// What continues a line and escapes a character.
    pub(crate) escape: char,
    /// The instructions.
    pub(crate) instructions: Vec<Instruction>,
}

const KEYWORDS: [&str; 18] = [
    "add",
    "arg",
    "cmd",
    "copy",
    "entrypoint",
    "env",
    "expose",
    "from",
    "healthcheck",
    "label",
    "maintainer",
    "onbuild",
    "run",
    "shell",
    "stopsignal",
    "user",
    "volume",
    "workdir",
];

/// The front end that a file asks for: `# syntax=`, after `#!` perhaps; `// syntax=`; or `{"syntax":".."}`.
pub(crate) fn syntax(text: &str) -> Option<Syntax> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let shebang = u32::from(text.starts_with("#!"));
    let lines = || text.lines().zip(1..).skip(shebang as usize);
    for comment in ["#", "//"] {
        let found = directives(lines(), comment).found;
        let syntax = found.into_iter().find(|found| found.key == "syntax");
        if let Some(Directive { value, line, .. }) = syntax {
            return first_word(value, line);
        }
    }
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    first_word(json.get("syntax")?.as_str()?, 1)
}

fn first_word(text: &str, line: u32) -> Option<Syntax> {
    let reference = text.split_whitespace().next()?.to_owned();
    Some(Syntax { reference, line })
}

/// `# key = value`, the key known.
struct Directive<'a> {
    key: String,
    value: &'a str,
    line: u32,
}

struct Directives<'a> {
    found: Vec<Directive<'a>>,
    /// One that stands for the second time; nothing after it was read.
    again: Option<Directive<'a>>,
}

/// The directives that the file begins with; the first line that is none ends them, be it a comment with an unknown key.
fn directives<'a>(lines: impl Iterator<Item = (&'a str, u32)>, comment: &str) -> Directives<'a> {
    let mut found: Vec<Directive<'a>> = Vec::new();
    for (text, line) in lines {
        let Some((key, value)) = directive(text, comment) else {
            break;
        };
        let one = Directive { key, value, line };
        if found.iter().any(|other| other.key == one.key) {
            let again = Some(one);
            return Directives { found, again };
        }
        found.push(one);
    }
    let again = None;
    Directives { found, again }
}

fn directive<'a>(line: &'a str, comment: &str) -> Option<(String, &'a str)> {
    let (key, value) = line.strip_prefix(comment)?.split_once('=')?;
    let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
    let is_known = ["escape", "syntax", "check"].contains(&key.as_str());
    (is_known && !value.is_empty()).then_some((key, value))
}

/// The escape that the leading comments set.
fn escape(text: &str) -> Result<char, DockerfileError> {
    let lines = text.lines().map(str::trim_start).zip(1..);
    let read = directives(lines, "#");
    if let Some(again) = read.again {
        let message = format!(
            "the directive `{}` stands here for the second time",
            again.key
        );
        return Err(DockerfileError::new(again.line, message));
    }
    let given = read.found.iter().find(|found| found.key == "escape");
    match given.map(|given| given.value) {
        None | Some("\\") => Ok('\\'),
        Some("`") => Ok('`'),
        Some(other) => {
            let line = given.map_or(1, |given| given.line);
            let message = format!("`{other}` is no escape; use \\ or `");
            Err(DockerfileError::new(line, message))
        }
    }
}

/// A line without its continuation, and whether it had one. A doubled escape is none.
fn continued(line: &str, escape: char) -> (&str, bool) {
    let trimmed = line.trim_end_matches([' ', '\t']);
    match trimmed.strip_suffix(escape) {
        Some(rest) if !rest.ends_with(escape) => (rest, true),
        _ => (line, false),
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// Cuts a file into instructions.
pub(crate) fn read(text: &str) -> Result<Lines, DockerfileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let escape = escape(text)?;
    let mut rest = text.lines().zip(1..);
    let mut instructions = Vec::new();
    while let Some((first, number)) = rest.next() {
        if is_comment(first) {
            continue;
        }
        let (begun, mut goes_on) = continued(first.trim_start(), escape);
        let mut whole = begun.to_owned();
        while goes_on {
            let Some((next, _)) = rest.next() else { break };
            if is_comment(next) || next.trim().is_empty() {
                continue;
            }
            let (part, more) = continued(next, escape);
            whole.push_str(part);
            goes_on = more;
        }
        if whole.trim().is_empty() {
            continue;
        }
        let instruction = instruction(&whole, number, escape)?;
        if holds_heredocs(&instruction) {
            for heredoc in heredocs(&whole) {
                let ends = |line: &str| {
                    let line = if heredoc.chomp {
                        line.trim_start_matches('\t')
                    } else {
                        line
                    };
                    line == heredoc.name
                };
                if !rest.any(|(line, _)| ends(line)) {
                    let message = format!("the heredoc `{}` is not ended", heredoc.name);
                    return Err(DockerfileError::new(number, message));
                }
            }
        }
        instructions.push(instruction);
    }
    if instructions.is_empty() {
        return Err(DockerfileError::new(1, "the file has no instructions"));
    }
    Ok(Lines {
        escape,
        instructions,
    })
}

/// Reads one logical line.
pub(crate) fn instruction(
    line: &str,
    number: u32,
    escape: char,
) -> Result<Instruction, DockerfileError> {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let keyword = word.to_ascii_lowercase();
    if !KEYWORDS.contains(&keyword.as_str()) {
        let word: String = word.chars().take(40).collect();
        let message = format!("`{word}` is not an instruction");
        return Err(DockerfileError::new(number, message));
    }
    let (flags, arguments) = flags(rest.trim(), escape);
    if arguments.is_empty()
        && ["from", "arg", "copy", "add", "run", "onbuild"].contains(&keyword.as_str())
    {
        let message = format!("{} needs an argument", keyword.to_ascii_uppercase());
        return Err(DockerfileError::new(number, message));
    }
    Ok(Instruction {
        keyword,
        flags,
        arguments: arguments.to_owned(),
        line: number,
    })
}

/// Whether `<<` begins a heredoc here: in `RUN`, `COPY`, `ADD` and triggers of these, unless the arguments are a JSON list.
fn holds_heredocs(instruction: &Instruction) -> bool {
    let is_list = |text: &str| serde_json::from_str::<Vec<String>>(text).is_ok();
    match instruction.keyword.as_str() {
        "run" | "copy" | "add" => !is_list(&instruction.arguments),
        "onbuild" => self::instruction(&instruction.arguments, instruction.line, '\\')
            .is_ok_and(|inner| inner.keyword != "onbuild" && holds_heredocs(&inner)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> String {
        match read(text) {
            Ok(lines) => lines
                .instructions
                .iter()
                .map(|found| format!("{}:{} {}", found.line, found.keyword, found.arguments))
                .collect::<Vec<_>>()
                .join(" | "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn files_are_cut_into_instructions() {
        let files = [
            ("FROM a\nRUN b", "1:from a | 2:run b"),
            (
                "\u{feff}FROM a\r\nRUN b \\\r\n  c\r\n",
                "1:from a | 2:run b   c",
            ),
            ("  from a\n\n# x\n RUN b", "1:from a | 4:run b"),
            ("FROM a\nRUN b \\\n# no\n\n  c", "1:from a | 2:run b   c"),
            ("FROM a\nRUN b \\  \nc", "1:from a | 2:run b c"),
            (
                "FROM a\nRUN b \\\\\nRUN c",
                "1:from a | 2:run b \\\\ | 3:run c",
            ),
            ("# escape=`\nFROM a\nRUN b `\n c", "2:from a | 3:run b  c"),
            (
                "# Escape = `\nFROM a\nRUN b\\\nRUN c",
                "2:from a | 3:run b\\ | 4:run c",
            ),
            (
                "# note\n# escape=`\nFROM a\nRUN b \\\nc",
                "3:from a | 4:run b c",
            ),
            ("#!/usr/bin/x\nFROM a", "2:from a"),
            (
                "FROM a\nRUN <<EOF\nFROM b\nEOF\nRUN c",
                "1:from a | 2:run <<EOF | 5:run c",
            ),
            (
                "FROM a\nRUN <<A <<-B\n1\nA\nFROM x\n\tB\nRUN c",
                "1:from a | 2:run <<A <<-B | 7:run c",
            ),
            (
                "FROM a\nONBUILD RUN <<E\nFROM x\nE\nRUN c",
                "1:from a | 2:onbuild RUN <<E | 5:run c",
            ),
            (
                "FROM a\nRUN [\"x\", \"<<E\"]\nRUN c",
                "1:from a | 2:run [\"x\", \"<<E\"] | 3:run c",
            ),
            (
                "FROM a\nLABEL x=\"<<E\" <<E\nRUN c",
                "1:from a | 2:label x=\"<<E\" <<E | 3:run c",
            ),
            (
                "FROM a\nRUN <<EOF\nFROM b\n",
                "line 2: the heredoc `EOF` is not ended",
            ),
            ("", "line 1: the file has no instructions"),
            ("# only\n", "line 1: the file has no instructions"),
            ("FROM a\nFORM b", "line 2: `FORM` is not an instruction"),
            ("FROM a\nRUN", "line 2: RUN needs an argument"),
            (
                "# escape=x\nFROM a",
                "line 1: `x` is no escape; use \\ or `",
            ),
            (
                "# escape=`\n# escape=`\nFROM a",
                "line 2: the directive `escape` stands here for the second time",
            ),
        ];
        for (file, expected) in files {
            assert_eq!(cut(file), expected, "{file:?}");
        }
    }

    #[test]
    fn the_front_end_is_found_in_all_its_forms() {
        let forms = [
            (
                "# syntax=docker/dockerfile:1\nFROM a",
                Some(("docker/dockerfile:1", 1)),
            ),
            (
                "#SYNTAX = docker/dockerfile:1 --x\nFROM a",
                Some(("docker/dockerfile:1", 1)),
            ),
            ("#!/usr/bin/env x\n# syntax=a/b\nFROM a", Some(("a/b", 2))),
            ("\u{feff}# check=skip=all\n# syntax=a/b", Some(("a/b", 2))),
            ("// syntax=a/b\n{}", Some(("a/b", 1))),
            ("{\"syntax\": \"a/b:1\"}", Some(("a/b:1", 1))),
            ("# a comment\n# syntax=a/b\nFROM a", None),
            ("FROM a\n# syntax=a/b", None),
            ("\n# syntax=a/b", None),
        ];
        for (text, expected) in forms {
            let found = syntax(text).map(|found| (found.reference, found.line));
            let expected = expected.map(|(reference, line)| (reference.to_owned(), line));
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
