//! Opening, the tables, and backups.

use crate::both::{Place, both, on_postgres, on_sqlite, postgres_place, project};
use refloat_core::{Rejection, Secret};
use refloat_store::{Store, StoreError, StoreOptions};

both! {
    async fn the_region_stays(store: TestStore) {
        let region = store.region().clone();
        let store = store.reopen().await;
        assert_eq!(*store.region(), region);
    }

    async fn every_reference_and_index_is_dumped(store: TestStore) {
        let lines = store.database().schema().await.expect("the tables");
        let expected = [
            "record.sequence integer",
            "record.id text not null",
            "record unique (stream, stream_version)",
            "record index record_unnumbered (at, id) where sequence is null",
            "personal references record on delete cascade on update no action (record_id = id)",
            "manifest primary key (repository_id, digest)",
            "manifest_child references manifest on delete no action on update no action (repository_id = repository_id, child = digest)",
            "blob check bytes is null <> storage_key is null",
            "segment.dropped integer not null default 0",
        ];
        for line in expected {
            assert!(lines.iter().any(|found| found == line), "{line} is not in\n{}", lines.join("\n"));
        }
    }
}

#[test]
fn both_trees_of_migrations_make_the_same_tables() {
    let Some(postgres) = postgres_place() else {
        return;
    };
    on_sqlite(async |sqlite| {
        let postgres = Store::open(postgres.options())
            .await
            .expect("a fresh database");
        let (left, right) = (
            sqlite.database().schema().await.expect("tables"),
            postgres.database().schema().await.expect("tables"),
        );
        let only_left: Vec<_> = left.iter().filter(|line| !right.contains(line)).collect();
        let only_right: Vec<_> = right.iter().filter(|line| !left.contains(line)).collect();
        assert!(
            only_left.is_empty() && only_right.is_empty(),
            "only SQLite: {only_left:#?}\nonly PostgreSQL: {only_right:#?}"
        );
        assert!(left.len() > 100, "{left:#?}");
    });
}

#[test]
fn a_second_process_is_refused_by_name() {
    on_sqlite(async |store| {
        let refused = Store::open(store.place().options())
            .await
            .err()
            .expect("in use")
            .to_string();
        assert!(
            refused.contains(&format!("is in use by process {}", std::process::id())),
            "{refused}"
        );
    });
}

#[test]
fn a_backup_is_a_store_of_its_own() {
    on_sqlite(async |store| {
        project(&store, "boats").await;
        let Place::Sqlite(folder) = store.place() else {
            panic!("on SQLite")
        };
        let copy = folder.path().join("copy");
        std::fs::create_dir(&copy).expect("a folder");
        let file = copy.join("refloat.db");
        // Writers go on while it is copied.
        let (copied, ()) = tokio::join!(store.database().back_up(&file), async {
            for number in 0..20 {
                project(&store, &format!("more {number}")).await;
            }
        });
        copied.expect("a backup");
        let refused = store.database().back_up(&file).await;
        assert!(refused.is_err_and(|error| error.to_string().contains("exists already")));
        let restored = Store::open(StoreOptions::Sqlite { folder: copy })
            .await
            .expect("it opens");
        assert_eq!(restored.region(), store.region());
        let rows = crate::both::run(
            &restored,
            "select name from project where name = 'boats'",
            Vec::new(),
        )
        .await
        .expect("rows");
        assert_eq!(rows.len(), 1);
    });
}

#[test]
fn postgres_names_what_it_cannot_do() {
    on_postgres(async |store| {
        let refused = store.database().back_up("/nowhere".as_ref()).await;
        let Err(StoreError::Rejected(Rejection::Unsupported(text))) = refused else {
            panic!("{refused:?}")
        };
        assert!(text.contains("use pg_dump"), "{text}");
        let options = StoreOptions::Postgres {
            url: Secret::new("postgres://me:hunter2@127.0.0.1:1/boats".to_owned()),
        };
        let refused = Store::open(options)
            .await
            .err()
            .expect("nobody listens")
            .to_string();
        assert!(
            refused.contains("boats at 127.0.0.1:1") && !refused.contains("hunter2"),
            "{refused}"
        );
    });
}
