//! The `#!` line of a script, as Linux reads it (`fs/binfmt_script.c`).

use serde::{Deserialize, Serialize};

/// How much of the first line the kernel looks at, in bytes.
const LINE_BYTES_MAX: usize = 255;

/// What runs a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shebang {
    /// The path after `#!`.
    pub interpreter: String,
    /// The rest of the line, one argument; `env` finds the true interpreter there.
    pub argument: Option<String>,
}

impl Shebang {
    /// Reads it from the first bytes of a file; `None` if there is none.
    pub fn parse(head: &[u8]) -> Option<Self> {
        let rest = head.strip_prefix(b"#!")?;
        let rest = &rest[..rest.len().min(LINE_BYTES_MAX)];
        let line = rest.split(|byte| *byte == b'\n' || *byte == 0).next()?;
        let line = String::from_utf8_lossy(line);
        let line = line.trim_matches([' ', '\t', '\r']);
        if line.is_empty() {
            return None;
        }
        let (interpreter, argument) = match line.split_once([' ', '\t']) {
            Some((interpreter, argument)) => (interpreter, Some(argument.trim().to_owned())),
            None => (line, None),
        };
        Some(Self {
            interpreter: interpreter.to_owned(),
            argument,
        })
    }

    /// The program that `env` would look for in PATH; `None` where the interpreter is not `env`.
    pub fn through_env(&self) -> Option<&str> {
        if self.interpreter.rsplit('/').next() != Some("env") {
            return None;
        }
        self.argument
            .as_deref()?
            .split_whitespace()
            .find(|word| !word.starts_with('-') && !word.contains('='))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_reads() {
        let plain = Shebang::parse(b"#!/bin/sh\necho").expect("a shebang");
        assert_eq!(
            (plain.interpreter.as_str(), plain.argument),
            ("/bin/sh", None)
        );
        let env = Shebang::parse(b"#! /usr/bin/env -S python3 -u\n").expect("a shebang");
        assert_eq!(env.through_env(), Some("python3"));
        assert_eq!(Shebang::parse(b"#!\n"), None);
        assert_eq!(Shebang::parse(b"\x7fELF"), None);
    }
}
