//! A database of either kind.

use crate::clock::Clock;
use crate::error::{OpenError, StoreError};
use crate::migration::Migration;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::tx::{Dialect, Operation};
use refloat_core::{Rejection, Secret, Timestamp};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a database is.
#[derive(Debug, Clone)]
pub struct DatabaseOptions(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Sqlite(PathBuf),
    Postgres(Secret<String>),
}

impl DatabaseOptions {
    /// SQLite in this folder.
    pub fn sqlite(folder: PathBuf) -> Self {
        Self(Kind::Sqlite(folder))
    }

    /// PostgreSQL at this address.
    pub fn postgres(url: Secret<String>) -> Self {
        Self(Kind::Postgres(url))
    }
}

/// An open, migrated database. Cheap to clone; the last clone closes it.
#[derive(Clone)]
pub struct Database {
    driver: Driver,
    clock: Clock,
    place: Arc<str>,
}

#[derive(Clone)]
enum Driver {
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Postgres>),
}

impl Database {
    /// Opens a database and brings its tables to the newest of `migrations`.
    ///
    /// # Errors
    /// [`OpenError`], by name; the database is left as it was.
    pub async fn open(
        options: DatabaseOptions,
        migrations: &'static [Migration],
    ) -> Result<Self, OpenError> {
        let clock = Clock::default();
        let (driver, place) = match options.0 {
            Kind::Sqlite(folder) => {
                let (path, with) = (folder.clone(), clock.clone());
                let opened =
                    tokio::task::spawn_blocking(move || Sqlite::open(&path, migrations, with))
                        .await;
                let sqlite = opened.map_err(|error| OpenError::Io {
                    path: folder.clone(),
                    source: error.into(),
                })??;
                (
                    Driver::Sqlite(Arc::new(sqlite)),
                    folder.display().to_string(),
                )
            }
            Kind::Postgres(url) => {
                let (postgres, place) = Postgres::open(&url, migrations, clock.clone()).await?;
                (Driver::Postgres(Arc::new(postgres)), place)
            }
        };
        Ok(Self {
            driver,
            clock,
            place: place.into(),
        })
    }

    /// Runs a whole operation in a transaction that may write. It may run more than once.
    ///
    /// # Errors
    /// What the operation returned, or what kept it from committing; nothing of it is visible then.
    pub async fn write<T: Send + 'static, F: Operation<T>>(
        &self,
        operation: F,
    ) -> Result<T, StoreError> {
        match &self.driver {
            Driver::Sqlite(sqlite) => sqlite.write(operation).await,
            Driver::Postgres(postgres) => postgres.write(operation).await,
        }
    }

    /// Runs a whole operation on a snapshot, read-only.
    ///
    /// # Errors
    /// What the operation returned, or what kept it from reading.
    pub async fn read<T: Send + 'static, F: Operation<T>>(
        &self,
        operation: F,
    ) -> Result<T, StoreError> {
        match &self.driver {
            Driver::Sqlite(sqlite) => sqlite.read(operation).await,
            Driver::Postgres(postgres) => postgres.read(operation).await,
        }
    }

    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        match &self.driver {
            Driver::Sqlite(_) => Dialect::Sqlite,
            Driver::Postgres(_) => Dialect::Postgres,
        }
    }

    /// A number that grows with every commit before its caller is answered, where this process sees all commits: SQLite only.
    pub fn generation(&self) -> Option<u64> {
        match &self.driver {
            Driver::Sqlite(sqlite) => Some(sqlite.generation()),
            Driver::Postgres(_) => None,
        }
    }

    /// Ends when this process has committed something after the call. A hint, nothing more.
    pub fn committed(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut commits = match &self.driver {
            Driver::Sqlite(sqlite) => sqlite.commits(),
            Driver::Postgres(postgres) => postgres.commits(),
        };
        async move {
            // An error says that the database was closed: whoever waits looks again and learns it.
            let _ = commits.changed().await;
        }
    }

    /// The clock gives no instant before `floor` from now on.
    pub fn raise_clock(&self, floor: Timestamp) {
        self.clock.clamp(floor);
    }

    /// Where the database is, without its password.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The tables as sorted lines that do not tell which database this is: columns, keys, references, checks, indexes.
    ///
    /// # Errors
    /// A [`StoreError`] of the database.
    pub async fn schema(&self) -> Result<Vec<String>, StoreError> {
        self.read(|tx| Box::pin(crate::schema::lines(tx))).await
    }

    /// Copies the database as it is now to the new file `to`, durable when this returns.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file; PostgreSQL refuses and names the tool that does it.
    pub async fn back_up(&self, to: &Path) -> Result<(), StoreError> {
        match &self.driver {
            Driver::Sqlite(sqlite) => {
                let (sqlite, to) = (Arc::clone(sqlite), to.to_owned());
                let copied = tokio::task::spawn_blocking(move || sqlite.back_up(&to)).await;
                copied.unwrap_or_else(|error| Err(StoreError::terminal(error.to_string())))
            }
            Driver::Postgres(_) => Err(StoreError::Rejected(Rejection::Unsupported(format!(
                "a backup of {}: use pg_dump, together with a copy of the blobs taken after it",
                self.place
            )))),
        }
    }
}
