//! A PostgreSQL cluster of the test's own.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::process::Running;
use crate::{Tool, network, run};

const START_DEADLINE: Duration = Duration::from_mins(1);
/// What a server says whose killed forerunner is not wholly gone.
const MEMORY_HELD: &str = "pre-existing shared memory block";
const STOP_GRACE: Duration = Duration::from_secs(20);

/// What a commit of the cluster means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// fsync is off: fast, for tests that never cut the power.
    Relaxed,
    /// As a production cluster: a commit is on disk.
    Full,
}

/// A cluster that listens on 127.0.0.1 and on a socket in its folder; gone when dropped.
///
/// PostgreSQL refuses to run as root, so that it runs as Debian's user `postgres`. Everybody
/// on this machine may connect, without a password, as the superuser `postgres`.
#[derive(Debug)]
pub struct Cluster {
    // Before the folder: it is stopped before its files go.
    running: Option<Running>,
    folder: TempDir,
    address: SocketAddr,
    bin: PathBuf,
    durability: Durability,
}

impl Cluster {
    /// Makes and starts one.
    pub fn start(durability: Durability) -> Result<Self> {
        let postgres = Tool::Postgres.path()?;
        let bin = postgres
            .parent()
            .context("postgres has no folder")?
            .to_owned();
        let folder = tempfile::Builder::new().prefix("rig-pg-").tempdir()?;
        let mut cluster = Self {
            running: None,
            address: network::free_address()?,
            folder,
            bin,
            durability,
        };
        cluster.initialize()?;
        cluster.run()?;
        Ok(cluster)
    }

    /// The URL of the database `name`, which need not exist.
    pub fn url(&self, name: &str) -> String {
        format!("postgres://postgres@{}/{name}", self.address)
    }

    /// Makes the empty database `name` and returns its URL.
    pub fn create_database(&self, name: &str) -> Result<String> {
        self.query("postgres", &format!("CREATE DATABASE \"{name}\""))?;
        Ok(self.url(name))
    }

    /// Runs one statement through psql; rows come as lines, columns separated by `|`.
    pub fn query(&self, database: &str, statement: &str) -> Result<String> {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args([
            "-X",
            "-A",
            "-t",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
        ]);
        run::stdout(psql.arg(self.url(database)))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it at once, open transactions and all, and starts it again on the same port.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.run()
    }

    /// kill -9 to all its processes.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut running) = self.running.take() {
            // Its processes are in groups of their own and would go on for a moment; stopped, it makes no new ones.
            running.freeze()?;
            let pid = running.pid();
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
            for child in children
                .split_whitespace()
                .filter_map(|pid| pid.parse().ok())
            {
                if let Some(child) = rustix::process::Pid::from_raw(child) {
                    // One that has ended by itself is as dead.
                    let _ended =
                        rustix::process::kill_process(child, rustix::process::Signal::KILL);
                }
            }
            running.kill()?;
        }
        Ok(())
    }

    /// Starts it again after [`Cluster::kill`].
    pub fn run(&mut self) -> Result<()> {
        let until = Instant::now() + START_DEADLINE;
        loop {
            match self.attempt() {
                // The processes of one that was killed end a moment after it, and hold its memory until then.
                Err(error)
                    if format!("{error:#}").contains(MEMORY_HELD) && Instant::now() < until => {}
                ended => return ended,
            }
        }
    }

    fn attempt(&mut self) -> Result<()> {
        let log = self.folder.path().join("log");
        // Only what this attempt says is told.
        if log.exists() {
            fs::remove_file(&log)?;
        }
        let mut command = self.as_postgres("postgres")?;
        command
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(self.folder.path())
            .args(["-h", "127.0.0.1", "-p", &self.address.port().to_string()])
            .args([
                "-c",
                "max_connections=200",
                "-c",
                "log_min_messages=warning",
            ])
            .args(["-c", "shared_buffers=64MB"]);
        if self.durability == Durability::Relaxed {
            command.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
        }
        let running = Running::start("postgres", &mut command, &log)?;
        running.wait_until("a connection to postgres", START_DEADLINE, || {
            let port = self.address.port().to_string();
            let mut ready = Command::new(self.bin.join("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &port]);
            Ok(run::captured(&mut ready)?.status.success().then_some(()))
        })?;
        self.running = Some(running);
        Ok(())
    }

    /// SIGINT is PostgreSQL's fast stop; SIGTERM would wait for every client to leave.
    fn stop(&mut self) -> Result<()> {
        if let Some(mut running) = self.running.take() {
            let mut stop = self.as_postgres("pg_ctl")?;
            let seconds = STOP_GRACE.as_secs().to_string();
            stop.args(["stop", "-s", "-m", "fast", "-t", &seconds, "-D"]);
            // pg_ctl waits for the file that the postmaster removes as it ends.
            run::checked(stop.arg(self.data()))?;
            running.wait_for_exit(STOP_GRACE)?;
        }
        Ok(())
    }

    fn initialize(&self) -> Result<()> {
        let (user, group) = account()?;
        fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o755))?;
        chown(self.folder.path(), Some(user), Some(group))
            .context("cannot give the folder to the user postgres")?;
        let mut initdb = self.as_postgres("initdb")?;
        initdb
            .args([
                "--auth=trust",
                "--username=postgres",
                "--no-sync",
                "--no-instructions",
            ])
            .args(["--encoding=UTF8", "--locale=C", "-D"])
            .arg(self.data());
        run::checked(&mut initdb)?;
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn as_postgres(&self, program: &str) -> Result<Command> {
        let (user, group) = account()?;
        let mut command = Command::new(self.bin.join(program));
        command
            .uid(user)
            .gid(group)
            .current_dir(self.folder.path())
            .env_remove("LC_ALL")
            .env("LANG", "C");
        Ok(command)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Orderly where possible: a killed postmaster leaves shared memory behind.
        let _stopped = self.stop();
    }
}

/// User and group id of `postgres`.
fn account() -> Result<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    let line = passwd
        .lines()
        .find_map(|line| line.strip_prefix("postgres:"))
        .context("there is no user postgres: run `cargo xtask rig install`")?;
    let mut fields = line.split(':').skip(1);
    let mut number = || -> Option<u32> { fields.next()?.parse().ok() };
    number()
        .zip(number())
        .context("the line of postgres in /etc/passwd is damaged")
}

/// The owner of a path, for tests that check who it was given to.
pub fn owner(path: &Path) -> Result<u32> {
    Ok(fs::metadata(path)?.uid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::require;

    #[test]
    fn databases_survive_a_restart_and_a_kill() -> Result<()> {
        if !require(&[Tool::Postgres])? {
            return Ok(());
        }
        let mut cluster = Cluster::start(Durability::Full)?;
        cluster.create_database("first")?;
        cluster.query("first", "CREATE TABLE boats (name text)")?;
        cluster.query("first", "INSERT INTO boats VALUES ('dinghy'), ('ketch')")?;
        cluster.restart()?;
        assert_eq!(cluster.query("first", "SELECT count(*) FROM boats")?, "2");
        cluster.query("first", "INSERT INTO boats VALUES ('yawl')")?;
        cluster.kill()?;
        cluster.run()?;
        let names = cluster.query("first", "SELECT name FROM boats ORDER BY name")?;
        assert_eq!(names, "dinghy\nketch\nyawl");
        Ok(())
    }
}
