//! The store: one database of one region, opened and migrated.

use crate::migrations;
use refloat_core::{RegionId, Secret, Timestamp};
use refloat_database::{Database, DatabaseOptions, Operation, StoreError, Tx, sql};
use std::future::Future;
use std::path::PathBuf;

pub use refloat_database::OpenError;

/// Where the rows live.
#[derive(Debug, Clone)]
pub enum StoreOptions {
    /// A file `refloat.db` in a data folder that this process alone uses.
    Sqlite {
        /// The data folder; made if it is absent, its parent is not.
        folder: PathBuf,
    },
    /// A PostgreSQL database that several processes share.
    Postgres {
        /// `postgres://user:password@host:port/database`, or `host=.. dbname=..`.
        url: Secret<String>,
    },
}

/// All rows of one region. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    database: Database,
    region: RegionId,
}

impl Store {
    /// Opens, migrates and, the first time, names the region.
    ///
    /// # Errors
    /// [`OpenError`] says by name what is in the way: a second process, a newer version's data, a migration that failed.
    pub async fn open(options: StoreOptions) -> Result<Self, OpenError> {
        let options = match options {
            StoreOptions::Sqlite { folder } => DatabaseOptions::sqlite(folder),
            StoreOptions::Postgres { url } => DatabaseOptions::postgres(url),
        };
        let database = Database::open(options, migrations::ALL).await?;
        let (region, newest) =
            database
                .write(|tx| Box::pin(region(tx)))
                .await
                .map_err(|source| OpenError::Store {
                    place: database.place().to_owned(),
                    source,
                })?;
        database.raise_clock(newest);
        Ok(Self { database, region })
    }

    /// Runs `operation` in a transaction that may write. It may run more than once, and commits together with others on SQLite.
    ///
    /// # Errors
    /// What the operation returned, or what kept it from committing; nothing of it is visible then.
    pub async fn write<T: Send + 'static, F: Operation<T>>(
        &self,
        operation: F,
    ) -> Result<T, StoreError> {
        self.database.write(operation).await
    }

    /// Runs `operation` on a snapshot, read-only.
    ///
    /// # Errors
    /// What the operation returned, or what kept it from reading.
    pub async fn read<T: Send + 'static, F: Operation<T>>(
        &self,
        operation: F,
    ) -> Result<T, StoreError> {
        self.database.read(operation).await
    }

    /// On SQLite a number that grows with every commit, before its caller is answered; `None` on PostgreSQL.
    /// What was computed from a read that began at generation `g` is current exactly while this is `g`.
    pub fn generation(&self) -> Option<u64> {
        self.database.generation()
    }

    /// Ends when something has been committed since the call. A hint: who waits for rows looks at the rows, with a timer beside.
    pub fn committed(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.database.committed()
    }

    /// The region these rows belong to, made when the store was first opened.
    pub fn region(&self) -> &RegionId {
        &self.region
    }

    /// The database below, for backup and for the comparison of schemas.
    pub fn database(&self) -> &Database {
        &self.database
    }
}

/// The region's id, made if there is none yet, and the time of the newest record.
async fn region(tx: &mut dyn Tx) -> Result<(RegionId, Timestamp), StoreError> {
    let made = RegionId::from_ulid(ulid::Ulid::new());
    tx.execute(
        sql("insert into meta (key, value) values ('region', $1) on conflict (key) do nothing"),
        &[made.as_str().into()],
    )
    .await?;
    let row = tx
        .first(sql("select value from meta where key = 'region'"), &[])
        .await?;
    let region = row
        .ok_or_else(|| StoreError::column(0, "missing"))?
        .parsed(0)?;
    let newest = tx
        .first(sql("select coalesce(max(at), 0) from record"), &[])
        .await?;
    let newest = newest.map_or(Ok(Timestamp::default()), |row| row.instant(0))?;
    Ok((region, newest))
}
