//! What the server stands on: where its files lie and which database has its rows.

use std::path::{Path, PathBuf};

use anyhow::Result;
use refloat_rig::postgres::{Cluster, Durability};
use tempfile::TempDir;

use super::checker::{Reckoning, reckon};
use super::subject::Place;

/// The kinds of ground.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Floor {
    /// A folder: SQLite and files. What the kernel has taken survives.
    #[default]
    Plain,
    /// A folder on a file system that drops what was not fsynced whenever the server is killed.
    Forgetful,
    /// PostgreSQL, blobs in a folder.
    Postgres,
}

/// One prepared ground.
#[derive(Debug)]
pub struct Ground {
    folder: TempDir,
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
            cluster: None,
            database: None,
        };
        match floor {
            Floor::Plain => {}
            Floor::Forgetful => anyhow::bail!("the file system that forgets is not there yet"),
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
        Place {
            data: self.path().join("data"),
            database: self.database.clone(),
            blobs,
        }
    }

    /// Where the ledger lies: never on what forgets.
    pub fn ledger(&self) -> PathBuf {
        self.path().join("ledger")
    }

    /// What happens to the ground when the server has been killed.
    pub fn after_kill(&mut self, _seed: u64) -> Result<()> {
        Ok(())
    }

    /// The stored keys, while no server runs.
    pub fn reckon(&self) -> Result<Reckoning> {
        if self.database.is_some() {
            return Ok(Reckoning::default());
        }
        reckon(&self.place().data, None)
    }

    /// Leaves it where it is, for a person to look at.
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}
