//! Runs each test on SQLite and on PostgreSQL.
//!
//! ```ignore
//! both! {
//!     async fn a_tag_moves(store: TestStore) {
//!         store.write(|tx| Box::pin(some_operation(tx))).await.expect("it commits");
//!         let store = store.reopen().await; // a new process's view of the same rows
//!     }
//! }
//! ```
//! makes `a_tag_moves::sqlite` and `a_tag_moves::postgres`. [`TestStore`] is a fresh store with its migrations; it derefs to
//! [`Store`]. [`TestStore::again`] opens a second store on the same rows (PostgreSQL only: SQLite has one process per folder),
//! [`TestStore::numbered`] waits until every record has its number, [`project`] makes a project, [`run`] any statement.
//! PostgreSQL is one cluster per test binary, one database per test; where it is not installed the test says so and passes,
//! but not with `CI=true`.

use refloat_core::{ProjectId, Secret};
use refloat_rig::leftover::Leftover;
use refloat_rig::postgres::{Cluster, Durability};
use refloat_rig::{Tool, require};
use refloat_store::{Dialect, Row, Sql, Store, StoreError, StoreOptions, Value, sql};
use std::future::Future;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

/// A store of one test.
pub struct TestStore {
    store: Store,
    place: Place,
}

/// Where a test's rows are.
pub enum Place {
    /// In a folder that goes with the test.
    Sqlite(TempDir),
    /// In a database of the binary's cluster.
    Postgres(String),
}

impl Place {
    /// The options that open it.
    pub fn options(&self) -> StoreOptions {
        match self {
            Self::Sqlite(_) => StoreOptions::Sqlite {
                folder: self.folder(),
            },
            Self::Postgres(name) => StoreOptions::Postgres {
                url: Secret::new(cluster().0.url(name)),
            },
        }
    }

    /// The data folder of SQLite.
    pub fn folder(&self) -> PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("data"),
            Self::Postgres(_) => panic!("PostgreSQL has no data folder"),
        }
    }
}

impl TestStore {
    /// Opens a fresh place.
    pub async fn open(place: Place) -> Self {
        let store = Store::open(place.options())
            .await
            .expect("a fresh place opens");
        Self { store, place }
    }

    /// Closes it and opens it as a new process would.
    pub async fn reopen(self) -> Self {
        let Self { store, place } = self;
        drop(store);
        Self::open(place).await
    }

    /// A second store on the same rows, with connections of its own.
    pub async fn again(&self) -> Store {
        assert_eq!(
            self.dialect(),
            Dialect::Postgres,
            "SQLite has one process per folder"
        );
        Store::open(self.place.options())
            .await
            .expect("a second process opens")
    }

    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        self.store.database().dialect()
    }

    /// Where its rows are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Runs one statement and returns its rows.
    pub async fn run(
        &self,
        text: impl Into<String>,
        parameters: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        run(&self.store, text, parameters).await
    }

    /// Numbers what is not numbered yet.
    pub async fn numbered(&self) {
        loop {
            refloat_store::log::number(&self.store)
                .await
                .expect("numbering works");
            let left = self
                .run(
                    "select count(*) from record where sequence is null",
                    Vec::new(),
                )
                .await
                .expect("rows");
            if left[0].int(0) == Ok(0) {
                return;
            }
            // Another process holds the lock, or just held it.
            tokio::task::yield_now().await;
        }
    }
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// Runs one statement and returns its rows. The text lives as long as the test's process.
pub async fn run(
    store: &Store,
    text: impl Into<String>,
    parameters: Vec<Value>,
) -> Result<Vec<Row>, StoreError> {
    let text: Sql = sql(String::leak(text.into()));
    store
        .write(move |tx| {
            let parameters = parameters.clone();
            Box::pin(async move { tx.query(text, &parameters).await })
        })
        .await
}

/// Makes a project with this name.
pub async fn project(store: &Store, name: &str) -> ProjectId {
    let id = ProjectId::from_ulid(ulid::Ulid::new());
    let parameters = vec![id.as_str().into(), name.into()];
    run(
        store,
        "insert into project (id, name, created_at) values ($1, $2, 0)",
        parameters,
    )
    .await
    .expect("a project");
    id
}

/// Runs `test` on SQLite.
pub fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(TestStore) -> F) {
    let folder = tempfile::tempdir().expect("a folder");
    runtime().block_on(async { test(TestStore::open(Place::Sqlite(folder)).await).await });
}

/// Runs `test` on PostgreSQL, or says why not.
pub fn on_postgres<F: Future<Output = ()>>(test: impl FnOnce(TestStore) -> F) {
    let Some(place) = postgres_place() else {
        return;
    };
    runtime().block_on(async { test(TestStore::open(place).await).await });
}

/// A fresh, empty database; `None` where there is no PostgreSQL.
pub fn postgres_place() -> Option<Place> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    if !require(&[Tool::Postgres]).expect("PostgreSQL") {
        return None;
    }
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    cluster().0.create_database(&name).expect("a database");
    Some(Place::Postgres(name))
}

/// Makes both tests of each function.
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($store:ident: TestStore) $body:block)*) => {$(
        $(#[$meta])*
        async fn $name($store: $crate::both::TestStore) $body

        mod $name {
            #[test]
            fn sqlite() {
                $crate::both::on_sqlite(super::$name);
            }

            #[test]
            fn postgres() {
                $crate::both::on_postgres(super::$name);
            }
        }
    )*};
}
pub(crate) use both;

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// The cluster of this binary. A static is never dropped, so that what must go with the process is registered to go with it.
fn cluster() -> &'static (Cluster, Leftover) {
    static CLUSTER: OnceLock<(Cluster, Leftover)> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let cluster = Cluster::start(Durability::Relaxed).expect("a cluster");
        let data = cluster
            .query("postgres", "show data_directory")
            .expect("its folder");
        let data = data.trim();
        let folder = Path::new(data)
            .parent()
            .expect("the cluster's folder")
            .display();
        let leftover = Leftover::register(&format!(
            "kill -9 -$(head -n1 {data}/postmaster.pid); rm -rf {folder}"
        ));
        (cluster, leftover)
    })
}
