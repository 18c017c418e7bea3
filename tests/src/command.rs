//! The command line of the program under test, run as an administrator runs it.

use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::{Result, bail};
use refloat_rig::run;
use tempfile::TempDir;

use crate::client::Fault;
use crate::http::Broken;

/// `refloat` with a server and an account, and a home folder of its own.
#[derive(Debug)]
pub struct Refloat {
    program: PathBuf,
    server: String,
    account: (String, String),
    home: TempDir,
}

impl Refloat {
    /// The verbs of `program` against `server` as `name`.
    pub fn new(program: PathBuf, server: &str, name: &str, password: &str) -> Result<Self> {
        Ok(Self {
            program,
            server: server.to_owned(),
            account: (name.to_owned(), password.to_owned()),
            home: tempfile::tempdir()?,
        })
    }

    /// The home folder, for files that a verb reads.
    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// The verb with its environment, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_remove("REFLOAT_FAIL")
            .env("REFLOAT_SERVER", &self.server)
            .env("REFLOAT_USER", &self.account.0)
            .env("REFLOAT_PASSWORD", &self.account.1)
            .env("HOME", self.home.path())
            .env("NO_COLOR", "1")
            .current_dir(self.home.path());
        command
    }

    /// Runs a verb, whatever its end.
    pub fn captured(&self, arguments: &[&str]) -> Result<Output> {
        run::captured(&mut self.command(arguments))
    }

    /// Runs a verb that must succeed; what it printed.
    pub fn stdout(&self, arguments: &[&str]) -> Result<String> {
        let output = run::checked(&mut self.command(arguments))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// As [`Refloat::stdout`], with `input` to read.
    pub fn stdout_of_input(&self, arguments: &[&str], input: &[u8]) -> Result<String> {
        let output = run::checked_with_input(&mut self.command(arguments), input)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Runs a verb that must fail; what it said.
    pub fn failure(&self, arguments: &[&str]) -> Result<String> {
        let output = self.captured(arguments)?;
        if output.status.success() {
            bail!("{} succeeded", run::shown(&self.command(arguments)));
        }
        Ok(run::tail(&[output.stdout, output.stderr].concat()))
    }

    /// Runs a verb for the ledger: success is an acknowledgement, any failure an unknown outcome.
    pub fn acknowledged(&self, arguments: &[&str], input: &[u8]) -> Result<String, Fault> {
        self.stdout_of_input(arguments, input)
            .map_err(|error| Fault::Broken(Broken(format!("{error:#}"))))
    }
}
