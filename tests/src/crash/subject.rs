//! The server under test with its data folder: started, killed, started again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use refloat_rig::server::{ADMIN, Server, ServerOptions};
use refloat_rig::wait;

use super::checker::Grace;
use crate::client::Client;
use crate::command::Refloat;

/// How long a server may take from its start until `/readyz` says 200.
const READY_DEADLINE: Duration = Duration::from_secs(30);

/// Where the server keeps what it holds.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The data folder.
    pub data: PathBuf,
    /// URL of a PostgreSQL database, instead of SQLite in the data folder.
    pub database: Option<String>,
    /// Folder of the blobs, if not in the data folder.
    pub blobs: Option<PathBuf>,
}

/// A server and its place.
#[derive(Debug)]
pub struct Subject {
    program: PathBuf,
    place: Place,
    gc_grace: Option<String>,
    server: Option<Server>,
}

/// How a start ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Ready after so long.
    Ready(Duration),
    /// It died on the way, as it was armed to.
    Died,
}

impl Subject {
    /// `program` on `place`, not started yet.
    pub fn new(program: &Path, place: Place) -> Self {
        Self {
            program: program.to_owned(),
            place,
            gc_grace: None,
            server: None,
        }
    }

    /// The same with a server that keeps what nothing uses for so long.
    #[must_use]
    pub fn with_grace(self, grace: Grace) -> Self {
        let gc_grace = match grace {
            Grace::Long => None,
            Grace::Short => Some("1s".to_owned()),
        };
        Self { gc_grace, ..self }
    }

    /// Starts it and waits until it is ready; the time that took.
    pub fn start(&mut self) -> Result<Duration> {
        match self.launch(None)? {
            Start::Ready(after) => Ok(after),
            Start::Died => bail!("the server died at its start"),
        }
    }

    /// Starts it with a fail point armed, for example `blobs.fsync=kill@1`.
    pub fn start_armed(&mut self, fail: &str) -> Result<Start> {
        self.launch(Some(fail))
    }

    fn launch(&mut self, fail: Option<&str>) -> Result<Start> {
        self.server = None;
        let environment = fail.map(|fail| ("REFLOAT_FAIL".to_owned(), fail.to_owned()));
        let started = std::time::Instant::now();
        let options = ServerOptions {
            data: Some(self.place.data.clone()),
            database: self.place.database.clone(),
            blobs_folder: self.place.blobs.clone(),
            gc_grace: self.gc_grace.clone(),
            environment: environment.into_iter().collect(),
            ..ServerOptions::default()
        };
        let server = match Server::start_program(&self.program, options) {
            Ok(server) => server,
            Err(error) if fail.is_some() && is_sudden(&error) => return Ok(Start::Died),
            Err(error) => return Err(error),
        };
        self.server = Some(server);
        let ready = wait::until("the server to be ready", READY_DEADLINE, || {
            if !self.is_running() {
                return Ok(Some(Start::Died));
            }
            let status = self.client()?.expect("GET", "/readyz", &[200]);
            Ok(status.is_ok().then(|| Start::Ready(started.elapsed())))
        });
        ready.with_context(|| format!("it said:\n{}", self.log()))
    }

    /// Where it keeps what it holds.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The guard of the process.
    pub fn server(&self) -> Result<&Server> {
        self.server.as_ref().context("the server was not started")
    }

    /// True until it died or was killed.
    pub fn is_running(&self) -> bool {
        self.server.as_ref().is_some_and(Server::is_running)
    }

    /// SIGKILL, also to one that has just died by itself.
    pub fn kill(&mut self) -> Result<()> {
        match &mut self.server {
            Some(server) if server.process().is_ok() => server.kill().map(drop),
            _ => Ok(()),
        }
    }

    /// SIGTERM and an orderly end.
    pub fn stop(&mut self) -> Result<()> {
        self.server
            .as_mut()
            .context("the server was not started")?
            .stop()
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr> {
        self.server()?
            .authority()
            .parse()
            .context("the server listens on no address")
    }

    /// A client without an account.
    pub fn client(&self) -> Result<Client> {
        Ok(Client::new(self.address()?))
    }

    /// A client of the administrator.
    pub fn admin(&self) -> Result<Client> {
        Ok(self
            .client()?
            .signed_in(ADMIN, &self.server()?.admin_password()?))
    }

    /// The command line as the administrator.
    pub fn refloat(&self) -> Result<Refloat> {
        let server = self.server()?;
        Refloat::new(
            self.program.clone(),
            server.url(),
            ADMIN,
            &server.admin_password()?,
        )
    }

    /// What the server has said since its start.
    pub fn log(&self) -> String {
        let log = self.server.as_ref().map(Server::log).unwrap_or_default();
        refloat_rig::run::tail(log.as_bytes())
    }
}

/// A start that the fail point ended, in difference to one that the server refused: nothing was said about it.
fn is_sudden(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("it ended while we waited")
}
