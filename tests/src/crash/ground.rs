//! What the server stands on: where its files lie and which database has its rows.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use refloat_rig::forgetful::{Faults, ForgetfulFolder, Unsynced};
use refloat_rig::postgres::{Cluster, Durability};
use refloat_rig::seed::Seed;
use refloat_rig::wait;
use tempfile::TempDir;

use super::checker::{Reckoning, TABLES, compare, gaps, reckon};
use super::subject::Place;

/// The kinds of ground.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Floor {
    /// A folder: SQLite and files. What the kernel has taken survives.
    #[default]
    Plain,
    /// A folder on a file system that drops what was not fsynced whenever the server is killed.
    Forgetful,
    /// The same, and in each round one fsync fails: what it was to keep never reaches the disk.
    FailingFsync,
    /// PostgreSQL, blobs in a folder.
    Postgres,
}

/// A failing fsync is one of the next so many of a round.
const FSYNCS_MAX: u64 = 120;

/// How soon a server must have numbered what was committed.
const NUMBER_DEADLINE: Duration = Duration::from_secs(10);

/// One prepared ground.
pub struct Ground {
    folder: TempDir,
    floor: Floor,
    forgetful: Option<ForgetfulFolder>,
    cluster: Option<Cluster>,
    database: Option<String>,
}

impl Ground {
    /// Makes it.
    pub fn prepare(floor: Floor) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("refloat-crash-")
            .tempdir()?;
        let mut ground = Self {
            folder,
            floor,
            forgetful: None,
            cluster: None,
            database: None,
        };
        match floor {
            Floor::Plain => {}
            Floor::Forgetful | Floor::FailingFsync => {
                ground.forgetful = Some(ForgetfulFolder::mount()?);
            }
            Floor::Postgres => {
                let cluster = Cluster::start(Durability::Full)?;
                ground.database = Some(cluster.create_database("refloat")?);
                ground.cluster = Some(cluster);
            }
        }
        Ok(ground)
    }

    /// Where the server is to keep what it holds.
    pub fn place(&self) -> Place {
        let blobs = self.database.is_some().then(|| self.path().join("blobs"));
        let data = self
            .forgetful
            .as_ref()
            .map_or(self.path(), ForgetfulFolder::path)
            .join("data");
        Place {
            data,
            database: self.database.clone(),
            blobs,
        }
    }

    /// Where the ledger lies: never on what forgets.
    pub fn ledger(&self) -> PathBuf {
        self.path().join("ledger")
    }

    /// Before the traffic of a round.
    pub fn before_traffic(&self, seed: &mut Seed) {
        if let (Floor::FailingFsync, Some(forgetful)) = (self.floor, &self.forgetful) {
            let failing_fsync_after = Some(seed.below(FSYNCS_MAX));
            forgetful.set_faults(Faults {
                failing_fsync_after,
                ..Faults::default()
            });
        }
    }

    /// When the server has been killed: what forgets, forgets; in half of the cases a drawn part of it had reached the disk.
    pub fn after_kill(&mut self, seed: &mut Seed) -> Result<()> {
        let unsynced = if seed.one_in(2) {
            Unsynced::Lost
        } else {
            Unsynced::Drawn(Seed::new(seed.next_u64()))
        };
        match &mut self.forgetful {
            Some(forgetful) => forgetful.power_cut(unsynced),
            None => Ok(()),
        }
    }

    /// The stored keys, while no server runs.
    pub fn reckon(&self) -> Result<Reckoning> {
        if let Some(cluster) = &self.cluster {
            let keys = TABLES.map(|table| {
                format!("select '{table}', storage_key from {table} where storage_key is not null")
            });
            let rows = cluster.query("refloat", &keys.join(" union all "))?;
            let rows = rows.lines().filter_map(|line| line.split_once('|'));
            let rows = rows
                .map(|(table, key)| (table.to_owned(), key.to_owned()))
                .collect();
            return compare(rows, &self.path().join("blobs"));
        }
        reckon(&self.place().data, None)
    }

    /// Waits until a server has numbered every record; what is wrong with the numbers then, or that they never came.
    pub fn gaps(&self) -> Result<Option<String>> {
        let Some(cluster) = &self.cluster else {
            return Ok(None);
        };
        let figures = || -> Result<(i64, i64, i64)> {
            let text = "select count(*), count(sequence), coalesce(max(sequence), 0) from record";
            let row = cluster.query("refloat", text)?;
            let mut numbers = row.split('|').filter_map(|number| number.parse().ok());
            let mut next = || numbers.next().context("three figures were asked for");
            Ok((next()?, next()?, next()?))
        };
        let numbered = wait::until("every record to be numbered", NUMBER_DEADLINE, || {
            figures().map(|(count, numbered, _)| (count == numbered).then_some(()))
        });
        let (count, numbered_now, last) = figures()?;
        Ok(gaps(count, numbered_now, last).or(numbered.err().map(|error| error.to_string())))
    }

    /// Leaves it where it is, for a person to look at.
    pub fn keep(self) -> PathBuf {
        let data = self.place().data;
        let kept = self.folder.keep();
        if self.forgetful.is_some() {
            // It lies in memory and goes with this process: a copy stays.
            let mut copy = Command::new("cp");
            let _copied = copy.arg("-r").arg(data).arg(&kept).status();
        }
        kept
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}
