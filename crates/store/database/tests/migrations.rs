//! What is refused when a database is opened, and that it is left as it was, on real folders and a real PostgreSQL.

use refloat_core::Secret;
use refloat_database::{Database, DatabaseOptions, Migration, OpenError, sql};
use refloat_rig::postgres::{Cluster, Durability};
use refloat_rig::{Tool, require};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const fn migration(number: i64, name: &'static str, text: &'static str) -> Migration {
    Migration {
        number,
        name,
        sqlite: text,
        postgres: text,
    }
}

const ONE: Migration = migration(1, "boats", "create table boat (name text primary key)");
const TWO: Migration = migration(
    2,
    "cars",
    "create table car (name text primary key); insert into boat (name) values ('two')",
);
const EDITED: Migration = migration(
    1,
    "boats",
    "create table boat (name text primary key, length_metres bigint)",
);
const BROKEN: Migration = migration(
    3,
    "planes",
    "create table plane (name text primary key); insert into hangar (name) values ('x')",
);
const NONSENSE: Migration = migration(
    1,
    "boats",
    "create table boat (name text primary key); create nonsense",
);

/// Where a test opens its databases.
enum Place {
    Folder(PathBuf),
    Url(String),
}

impl Place {
    async fn open(&self, migrations: &'static [Migration]) -> Result<Database, OpenError> {
        let options = match self {
            Self::Folder(folder) => DatabaseOptions::sqlite(folder.clone()),
            Self::Url(url) => DatabaseOptions::postgres(Secret::new(url.clone())),
        };
        Database::open(options, migrations).await
    }

    /// Why it is refused. Who dropped the folder before gives its lock back when its thread ends.
    async fn refusal(&self, migrations: &'static [Migration]) -> String {
        loop {
            let refused = self.open(migrations).await.err().expect("it is refused");
            let said = refused.to_string();
            if !said.contains("is in use by process") {
                return said;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Everything there is, byte for byte where it is a folder. The lock tells who held it last.
    fn everything(&self) -> BTreeMap<String, Vec<u8>> {
        match self {
            Self::Folder(folder) => files(folder),
            Self::Url(_) => BTreeMap::new(),
        }
    }
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let named = |path: PathBuf| {
        (
            path.file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned(),
            std::fs::read(&path).expect("a file"),
        )
    };
    entries
        .map(named)
        .filter(|(name, _)| name != "lock")
        .collect()
}

async fn boats(database: &Database) -> Vec<String> {
    let rows = database
        .read(|tx| {
            Box::pin(async move {
                tx.query(sql("select name from boat order by name"), &[])
                    .await
            })
        })
        .await
        .expect("boats");
    rows.iter()
        .map(|row| row.text(0).expect("a name").to_owned())
        .collect()
}

async fn buy(database: &Database) {
    let bought = database.write(|tx| {
        Box::pin(async move {
            tx.execute(sql("insert into boat (name) values ('dinghy')"), &[])
                .await
        })
    });
    bought.await.expect("a boat");
}

async fn refusals_leave_everything_as_it_was(place: Place) {
    let database = place.open(&[ONE]).await.expect("a fresh place");
    buy(&database).await;
    let schema = database.schema().await.expect("tables");
    drop(database);
    // Who is refused has waited until the one before was wholly gone.
    place.refusal(&[EDITED]).await;
    let before = place.everything();

    let changed = place.refusal(&[EDITED]).await;
    assert!(
        changed.starts_with("migration 1 (boats) of ") && changed.contains("its checksum differs"),
        "{changed}"
    );
    assert_eq!(place.everything(), before);

    // The second would have run: it is undone with the third.
    let failed = place.refusal(&[ONE, TWO, BROKEN]).await;
    assert!(
        failed.starts_with("migration 3 (planes) of ")
            && failed.contains("failed, nothing was changed: "),
        "{failed}"
    );
    assert!(failed.contains("hangar"), "{failed}");
    assert_eq!(place.everything(), before);

    let database = place
        .open(&[ONE])
        .await
        .expect("the version before opens it still");
    assert_eq!(database.schema().await.expect("tables"), schema);
    assert_eq!(boats(&database).await, ["dinghy"]);
    drop(database);
    place.refusal(&[EDITED]).await;

    let database = place.open(&[ONE, TWO]).await.expect("a newer version");
    assert_eq!(boats(&database).await, ["dinghy", "two"]);
    drop(database);
    place.refusal(&[ONE]).await;
    let before = place.everything();
    let newer = place.refusal(&[ONE]).await;
    assert!(newer.contains("was written by a newer version of refloat: it has migration 2, this version knows up to 1"), "{newer}");
    assert_eq!(place.everything(), before);
    let database = place
        .open(&[ONE, TWO])
        .await
        .expect("the newer version opens it still");
    assert_eq!(boats(&database).await, ["dinghy", "two"]);
}

async fn a_first_start_that_failed_can_be_repeated(place: Place) {
    let failed = place.refusal(&[NONSENSE]).await;
    assert!(failed.starts_with("migration 1 (boats) of "), "{failed}");
    let database = place.open(&[ONE]).await.expect("nothing is in the way");
    assert!(boats(&database).await.is_empty());
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

#[test]
fn on_sqlite() {
    let parent = tempfile::tempdir().expect("a folder");
    let place = |name: &str| Place::Folder(parent.path().join(name));
    runtime().block_on(refusals_leave_everything_as_it_was(place("one")));
    runtime().block_on(a_first_start_that_failed_can_be_repeated(place("two")));
}

#[test]
fn on_postgres() {
    if !require(&[Tool::Postgres]).expect("PostgreSQL") {
        return;
    }
    let cluster = Cluster::start(Durability::Relaxed).expect("a cluster");
    let place = |name: &str| Place::Url(cluster.create_database(name).expect("a database"));
    runtime().block_on(refusals_leave_everything_as_it_was(place("one")));
    runtime().block_on(a_first_start_that_failed_can_be_repeated(place("two")));
}

#[test]
fn two_processes_that_start_at_once_migrate_once() {
    if !require(&[Tool::Postgres]).expect("PostgreSQL") {
        return;
    }
    let cluster = Cluster::start(Durability::Relaxed).expect("a cluster");
    let place = Place::Url(cluster.create_database("shared").expect("a database"));
    runtime().block_on(async {
        let (left, right) = tokio::join!(place.open(&[ONE, TWO]), place.open(&[ONE, TWO]));
        assert_eq!(boats(&left.expect("the first")).await, ["two"]);
        assert_eq!(boats(&right.expect("the second")).await, ["two"]);
    });
}

#[test]
fn a_commit_whose_server_dies_is_looked_up() {
    if !require(&[Tool::Postgres]).expect("PostgreSQL") {
        return;
    }
    let mut cluster = Cluster::start(Durability::Full).expect("a cluster");
    let place = Place::Url(cluster.create_database("shared").expect("a database"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let database = runtime.block_on(place.open(&[ONE])).expect("a database");
    // Writers go on while the server is killed and started again: each ends with a boat, or with an error.
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let database = database.clone();
            runtime.spawn(async move {
                let (mut bought, mut refused) = (Vec::new(), Vec::new());
                for number in 0..200 {
                    let name = format!("{writer}-{number:03}");
                    let insert = name.clone();
                    let done = database.write(move |tx| {
                        let name = insert.clone();
                        Box::pin(async move {
                            tx.execute(sql("insert into boat (name) values ($1)"), &[name.into()])
                                .await
                        })
                    });
                    match done.await {
                        Ok(_) => bought.push(name),
                        Err(error) => refused.push((name, error)),
                    }
                }
                (bought, refused)
            })
        })
        .collect();
    runtime.block_on(async { while boats(&database).await.len() < 100 {} });
    cluster.kill().expect("killed");
    cluster.run().expect("it starts again");
    let mut bought = Vec::new();
    for writer in writers {
        let (ok, refused) = runtime.block_on(writer).expect("no panic");
        bought.extend(ok);
        // Nothing is told to be there already: an operation that committed is not run again.
        assert!(
            refused
                .iter()
                .all(|(_, error)| matches!(error, refloat_database::StoreError::Failed(_))),
            "{refused:?}"
        );
    }
    let there = runtime.block_on(boats(&database));
    assert!(bought.len() > 100, "{}", bought.len());
    assert!(
        bought.iter().all(|name| there.contains(name)),
        "what was acknowledged is there"
    );
}
