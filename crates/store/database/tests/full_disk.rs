//! A full disk: nothing is acknowledged, nothing acknowledged is lost, and it works again when there is room.

use refloat_core::Failure;
use refloat_database::{Database, DatabaseOptions, Migration, StoreError, sql};
use refloat_rig::requirement::require_root;
use refloat_rig::tmpfs::Mount;
use std::fs::File;
use std::io::Write;
use std::path::Path;

const DISK_BYTES: u64 = 8 * 1024 * 1024;
const TABLES: &[Migration] = &[Migration {
    number: 1,
    name: "cargo",
    sqlite: "create table cargo (name text primary key, bytes blob not null) strict",
    postgres: "",
}];

async fn load(database: &Database, name: &str) -> Result<(), StoreError> {
    let name = name.to_owned();
    let done = database.write(move |tx| {
        let name = name.clone();
        Box::pin(async move {
            let text = sql("insert into cargo (name, bytes) values ($1, $2)");
            tx.execute(text, &[name.into(), vec![7; 50_000].into()])
                .await?;
            Ok(())
        })
    });
    done.await
}

async fn names(database: &Database) -> Vec<String> {
    let text = sql("select name from cargo order by name");
    let rows = database
        .read(move |tx| Box::pin(async move { tx.query(text, &[]).await }))
        .await
        .expect("reads go on");
    rows.iter()
        .map(|row| row.text(0).expect("a name").to_owned())
        .collect()
}

/// Takes all the room that is left.
fn fill(path: &Path) {
    let mut ballast = File::create(path).expect("a file");
    while ballast.write_all(&[0; 4096]).is_ok() {}
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    if !require_root().expect("root") {
        return;
    }
    let disk = Mount::new(DISK_BYTES).expect("a disk");
    let options = || DatabaseOptions::sqlite(disk.join("data"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let database = Database::open(options(), TABLES).await.expect("a database");
        let mut loaded = Vec::new();
        for round in 0..3 {
            let before = format!("{round} before");
            load(&database, &before).await.expect("there is room");
            loaded.push(before);
            fill(&disk.join("ballast"));
            // Side by side, so that one commit is to hold several.
            let tried: Vec<_> = (0..8)
                .map(|number| {
                    let database = database.clone();
                    let name = format!("{round} full {number}");
                    tokio::spawn(async move { (load(&database, &name).await, name) })
                })
                .collect();
            let mut refused = 0;
            for one in tried {
                match one.await.expect("no panic") {
                    (Ok(()), name) => loaded.push(name),
                    (Err(error), _) => {
                        assert!(
                            matches!(error, StoreError::Failed(Failure::Full(_))),
                            "{error:?}"
                        );
                        refused += 1;
                    }
                }
            }
            assert!(refused > 0, "the disk was full");
            loaded.sort();
            assert_eq!(names(&database).await, loaded);
            std::fs::remove_file(disk.join("ballast")).expect("room again");
            let after = format!("{round} nafter");
            load(&database, &after)
                .await
                .expect("it works again by itself");
            loaded.push(after);
        }
        drop(database);
        loaded.sort();
        let database = Database::open(options(), TABLES)
            .await
            .expect("it opens again");
        assert_eq!(names(&database).await, loaded);
    });
}
