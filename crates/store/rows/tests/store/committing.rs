//! What a commit means: all of an operation or nothing, for each of those that share one.

use crate::both::{both, on_postgres, on_sqlite, project, run};
use crate::log::{intact, record};
use refloat_core::Rejection;
use refloat_store::{Dialect, Store, StoreError, cursors, log, sql};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes one row; the operation fails if `poisoned`.
async fn put(store: &Store, key: String, poisoned: bool) -> Result<(), StoreError> {
    let done = store.write(move |tx| {
        let key = key.clone();
        Box::pin(async move {
            tx.execute(
                sql("insert into meta (key, value) values ($1, 'x')"),
                &[key.as_str().into()],
            )
            .await?;
            if poisoned {
                return Err(Rejection::Denied(key).into());
            }
            Ok(())
        })
    });
    done.await
}

both! {
    async fn what_is_acknowledged_survives_and_what_is_refused_does_not(store: TestStore) {
        let writers: Vec<_> = (0..64)
            .map(|number| {
                let store = Store::clone(&store);
                tokio::spawn(async move { put(&store, format!("key {number:02}"), number % 7 == 3).await })
            })
            .collect();
        let mut expected = Vec::new();
        for (number, writer) in writers.into_iter().enumerate() {
            let key = format!("key {number:02}");
            match writer.await.expect("no panic") {
                Ok(()) => expected.push(key),
                Err(error) => assert_eq!(error, Rejection::Denied(key).into()),
            }
        }
        assert_eq!(expected.len(), 64 - 9);
        let store = store.reopen().await;
        let rows = store.run("select key from meta where key like 'key %' order by key", Vec::new()).await.expect("rows");
        let found: Vec<_> = rows.iter().map(|row| row.text(0).expect("a key").to_owned()).collect();
        assert_eq!(found, expected);
    }

    async fn an_operation_that_panics_takes_nobody_with_it(store: TestStore) {
        let bug = Store::clone(&store);
        let bug = tokio::spawn(async move {
            let done = bug.write(|tx| {
                Box::pin(async move {
                    tx.execute(sql("insert into meta (key, value) values ('bug', 'x')"), &[]).await?;
                    assert!(!matches!(tx.dialect(), Dialect::Sqlite | Dialect::Postgres), "a bug");
                    Ok(())
                })
            });
            done.await
        });
        put(&store, "sound".to_owned(), false).await.expect("the writer lives");
        assert!(bug.await.expect_err("the bug stays a bug").is_panic());
        put(&store, "after".to_owned(), false).await.expect("the writer lives on");
        let rows = store.run("select key from meta where key in ('bug', 'sound', 'after') order by key", Vec::new()).await.expect("rows");
        assert_eq!(rows.len(), 2, "{rows:?}");
    }

    async fn errors_are_told_by_what_they_mean(store: TestStore) {
        put(&store, "key".to_owned(), false).await.expect("the first");
        assert!(matches!(put(&store, "key".to_owned(), false).await, Err(StoreError::Unique(_))));
        let orphan = store.run("insert into project_prefix (prefix, project_id) values ('a', 'nobody')", Vec::new()).await;
        assert!(matches!(orphan, Err(StoreError::ForeignKey(_))), "{orphan:?}");
        let project = project(&store, "boats").await;
        store.run("insert into project_member (project_id, subject, actions) values ($1, 'x', 1)", vec![project.as_str().into()]).await.expect("a member");
        store.run("insert into principal (id, project_id, kind, name, created_at) values ('p', $1, 'user', 'al', 0)", vec![project.as_str().into()]).await.expect("an account");
        let held = store.run("delete from project where id = $1", vec![project.as_str().into()]).await;
        assert!(matches!(held, Err(StoreError::ForeignKey(_))), "something still points there: {held:?}");
        let wrong = store.run("select nothing from nowhere", Vec::new()).await;
        assert!(matches!(wrong, Err(StoreError::Failed(_))), "{wrong:?}");
    }

    async fn parameters_may_come_in_any_order_and_twice(store: TestStore) {
        let values = vec!["late".into(), "early".into(), 3_i64.into()];
        store.run("insert into meta (key, value) values ($2, $1 || $2 || cast(cast($3 as bigint) as text))", values).await.expect("a row");
        let rows = store.run("select value from meta where key = $1", vec!["early".into()]).await.expect("a row");
        assert_eq!(rows[0].text(0), Ok("lateearly3"));
        let missing = store.run("select $1 || $2", vec!["one".into()]).await;
        assert!(missing.is_err(), "{missing:?}");
    }

    async fn values_come_back_as_they_went_in(store: TestStore) {
        let project = project(&store, "boats").await;
        let bytes: Vec<u8> = (0..=255).collect();
        let text = "quote ' and \u{1f6a2} and\nline";
        store.run(
            "insert into secret (id, project_id, purpose, wrapped_key, ciphertext, created_at) values ('s', $1, $2, $3, $4, $5)",
            vec![project.as_str().into(), text.into(), bytes.clone().into(), Vec::new().into(), i64::MIN.into()],
        ).await.expect("a row");
        let rows = store.run("select purpose, wrapped_key, ciphertext, created_at from secret", Vec::new()).await.expect("a row");
        assert_eq!((rows[0].text(0), rows[0].bytes(1), rows[0].bytes(2), rows[0].int(3)), (Ok(text), Ok(bytes.into()), Ok(Vec::new().into()), Ok(i64::MIN)));
    }

    async fn a_reader_does_not_write(store: TestStore) {
        let refused = store.read(|tx| Box::pin(async move { tx.execute(sql("delete from meta"), &[]).await })).await;
        assert!(refused.is_err(), "{refused:?}");
    }

    async fn a_commit_wakes_who_waits(store: TestStore) {
        let committed = store.committed();
        put(&store, "key".to_owned(), false).await.expect("a commit");
        committed.await;
    }

    async fn nothing_committed_wakes_nobody(store: TestStore) {
        let committed = store.committed();
        put(&store, "key".to_owned(), true).await.expect_err("refused");
        store.write(|tx| Box::pin(cursors::position(tx, "x"))).await.expect("a look");
        store.numbered().await;
        let woken = futures_util::future::select(Box::pin(committed), Box::pin(std::future::ready(()))).await;
        assert!(matches!(woken, futures_util::future::Either::Right(_)));
    }

    async fn histories_of_streams_are_those_of_the_model(store: TestStore) {
        use proptest::prelude::*;
        let project = project(&store, "boats").await;
        let handle = tokio::runtime::Handle::current();
        let inner = Store::clone(&store);
        let ran = std::thread::spawn(move || {
            let mut runner = proptest::test_runner::TestRunner::new_with_rng(
                ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() },
                proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
            );
            let versions = std::cell::RefCell::new(std::collections::BTreeMap::<u8, i64>::new());
            // Each transaction: appends to streams, each expecting what it says or nothing.
            let append = (0..4_u8, proptest::option::of(-1..2_i64));
            runner.run(&proptest::collection::vec(append, 1..6), |appends| {
                let mut wanted = versions.borrow().clone();
                let mut fits = true;
                let mut records = Vec::new();
                for (stream, offset) in appends {
                    let version = wanted.entry(stream).or_insert(0);
                    // Expected versions below 0 do not exist.
                    let expected_version = offset.map(|offset| (*version + offset).max(0));
                    fits &= expected_version.is_none_or(|expected| expected == *version);
                    *version += 1;
                    records.push(refloat_core::NewRecord { expected_version, ..record(&project, &stream.to_string(), 0) });
                }
                let result = handle.block_on(crate::log::try_append(&inner, records));
                prop_assert_eq!(result.is_ok(), fits, "{:?}", result);
                if fits {
                    versions.replace(wanted);
                }
                Ok(())
            }).expect("the model agrees");
            versions.into_inner()
        });
        let versions = tokio::task::spawn_blocking(move || ran.join()).await.expect("joined").expect("no panic");
        store.numbered().await;
        let rows = store.run("select name, version from stream where name like 'test/%' order by name", Vec::new()).await.expect("rows");
        let found: Vec<_> = rows.iter().map(|row| (row.text(0).expect("a name").to_owned(), row.int(1).expect("a version"))).collect();
        let expected: Vec<_> = versions.iter().filter(|(_, version)| **version > 0).map(|(name, version)| (format!("test/{name}"), *version)).collect();
        assert_eq!(found, expected);
        assert_eq!(intact(&store).await.last_sequence, expected.iter().map(|(_, version)| version).sum::<i64>());
    }
}

#[test]
fn the_generation_grows_before_the_caller_is_answered() {
    on_sqlite(async |store| {
        let before = store.generation().expect("SQLite has one");
        put(&store, "a".to_owned(), false).await.expect("a commit");
        let after = store.generation().expect("SQLite has one");
        assert!(after > before);
        put(&store, "b".to_owned(), true)
            .await
            .expect_err("refused");
        store
            .read(|tx| Box::pin(cursors::position(tx, "x")))
            .await
            .expect("a read");
        assert_eq!(store.generation(), Some(after), "nothing changed");
    });
}

#[test]
fn an_operation_that_collides_runs_again() {
    on_postgres(async |store| {
        assert_eq!(store.generation(), None, "other processes commit too");
        run(
            &store,
            "insert into meta (key, value) values ('left', '0'), ('right', '0')",
            Vec::new(),
        )
        .await
        .expect("rows");
        let runs = Arc::new(AtomicU64::new(0));
        let meet = Arc::new(tokio::sync::Barrier::new(2));
        // Each takes the other's row second: a deadlock, of which the server undoes one.
        let both = ["left", "right"].map(|first| {
            let second = if first == "left" { "right" } else { "left" };
            let (store, runs) = (Store::clone(&store), Arc::clone(&runs));
            let meet = Arc::clone(&meet);
            tokio::spawn(async move {
                store
                    .write(move |tx| {
                        let is_first = runs.fetch_add(1, Ordering::SeqCst) < 2;
                        let meet = Arc::clone(&meet);
                        Box::pin(async move {
                            let text = sql("update meta set value = cast(cast(value as bigint) + 1 as text) where key = $1");
                            tx.execute(text, &[first.into()]).await?;
                            if is_first {
                                meet.wait().await;
                            }
                            tx.execute(text, &[second.into()]).await
                        })
                    })
                    .await
            })
        });
        for one in both {
            one.await.expect("no panic").expect("it commits in the end");
        }
        let rows = run(
            &store,
            "select value from meta where key in ('left', 'right')",
            Vec::new(),
        )
        .await
        .expect("rows");
        assert!(rows.iter().all(|row| row.text(0) == Ok("2")), "{rows:?}");
        assert!(runs.load(Ordering::SeqCst) >= 3, "one of them ran again");
    });
}

#[test]
fn an_operation_that_is_given_up_leaves_no_transaction_behind() {
    on_postgres(async |store| {
        let (reached, waits) = tokio::sync::oneshot::channel();
        let reached = std::sync::Mutex::new(Some(reached));
        let given_up = Store::clone(&store);
        let given_up = tokio::spawn(async move {
            given_up
                .write(move |tx| {
                    let reached = reached.lock().expect("one run").take();
                    Box::pin(async move {
                        tx.execute(
                            sql("insert into meta (key, value) values ('lost', 'x')"),
                            &[],
                        )
                        .await?;
                        let _ = reached.expect("one run").send(());
                        std::future::pending::<Result<(), StoreError>>().await
                    })
                })
                .await
        });
        waits.await.expect("it is in its middle");
        given_up.abort();
        // The row's lock is free as soon as the connection is closed, and the row never was.
        put(&store, "lost".to_owned(), false)
            .await
            .expect("the key is free");
        let _ = log::number(&store).await.expect("numbering works");
    });
}
