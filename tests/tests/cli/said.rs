//! What a verb said and how it ended.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use refloat_rig::run;
use refloat_tests::site::{Account, Site};
use serde_json::Value;

/// The end of one verb.
#[derive(Debug)]
pub struct Said {
    /// What was typed.
    pub typed: String,
    /// The exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// Runs a command to its end.
    pub fn by(command: &mut Command) -> Result<Self> {
        let output = run::captured(command)?;
        Ok(Self {
            typed: run::shown(command),
            code: output.status.code(),
            out: String::from_utf8(output.stdout).context("standard output is not UTF-8")?,
            err: String::from_utf8(output.stderr).context("standard error is not UTF-8")?,
        })
    }

    /// An error unless it ended with `code`.
    pub fn ended(self, code: i32) -> Result<Self> {
        ensure!(
            self.code == Some(code),
            "{} ended with {:?} instead of {code}:\n{}{}",
            self.typed,
            self.code,
            self.out,
            self.err
        );
        Ok(self)
    }

    /// Standard output as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out)
            .with_context(|| format!("{} said no JSON: {}", self.typed, self.out))
    }

    /// Both outputs.
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// An error unless it failed with `code` and two lines: one that names `thing`, one that says what to do.
    pub fn refused(self, code: i32, thing: &str) -> Result<Self> {
        let said = self.ended(code)?;
        ensure!(
            said.out.is_empty(),
            "{}: an error went to standard output: {}",
            said.typed,
            said.out
        );
        let lines: Vec<&str> = said.err.lines().collect();
        ensure!(
            lines.len() == 2,
            "{}: not two lines but {lines:?}",
            said.typed
        );
        ensure!(
            lines[0].contains(thing),
            "{}: the first line does not name {thing}: {}",
            said.typed,
            lines[0]
        );
        ensure!(
            !lines[1].trim().is_empty(),
            "{}: nothing says what to do",
            said.typed
        );
        Ok(said)
    }
}

/// Runs `refloat ARGUMENTS` as `account`.
pub fn typed(site: &Site, account: &Account, arguments: &[&str]) -> Result<Said> {
    Said::by(site.refloat(account)?.args(arguments))
}

/// As [`typed`], with `--output json`, which must succeed; what it said.
pub fn json(site: &Site, account: &Account, arguments: &[&str]) -> Result<Value> {
    typed(site, account, &[arguments, &["--output", "json"]].concat())?
        .ended(0)?
        .json()
}
