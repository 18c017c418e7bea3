//! Numbering by several processes at once.

use crate::both::{both, on_postgres, project};
use crate::log::{append, intact, record};
use refloat_store::{Store, log};
use std::time::Duration;

both! {
    async fn concurrent_appends_come_out_dense_and_chained(store: TestStore) {
        let project = project(&store, "boats").await;
        let writers = (0..8).map(|writer| {
            let (store, project) = (Store::clone(&store), project.clone());
            tokio::spawn(async move {
                for number in 0..25 {
                    // Some share a stream, some do not.
                    append(&store, vec![record(&project, &format!("s{}", writer % 3), number), record(&project, &format!("own{writer}"), number)]).await;
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        let (left, right) = (Store::clone(&store), Store::clone(&store));
        let numbering = tokio::spawn(async move { keep_numbered(&left).await });
        let racing = tokio::spawn(async move { keep_numbered(&right).await });
        for writer in writers {
            writer.await.expect("a writer");
        }
        store.numbered().await;
        numbering.abort();
        racing.abort();
        let intact = intact(&store).await;
        assert_eq!((intact.first_sequence, intact.last_sequence), (1, 400));
        let text = "select count(*) from record one join record next on next.stream = one.stream \
                    and next.stream_version = one.stream_version + 1 where next.sequence < one.sequence";
        let rows = store.run(text, Vec::new()).await.expect("rows");
        assert_eq!(rows[0].int(0), Ok(0), "a stream's records are numbered in their order");
    }
}

/// What the executor of each process does.
async fn keep_numbered(store: &Store) {
    loop {
        log::number(store).await.expect("numbering works");
        tokio::task::yield_now().await;
    }
}

#[test]
fn two_processes_number_one_log() {
    on_postgres(async |store| {
        let project = project(&store, "boats").await;
        let other = store.again().await;
        let (left, right) = (Store::clone(&store), other.clone());
        let numbering =
            tokio::spawn(async move { tokio::join!(keep_numbered(&left), keep_numbered(&right)) });
        let fill = async |store: &Store, stream: &str| {
            for number in 0..40 {
                append(store, vec![record(&project, stream, number)]).await;
            }
        };
        tokio::join!(fill(&store, "left"), fill(&other, "right"));
        store.numbered().await;
        numbering.abort();
        assert_eq!(intact(&other).await.last_sequence, 80);
    });
}

#[test]
fn a_holder_stopped_in_its_middle_stops_nobody_for_long() {
    on_postgres(async |store| {
        let project = project(&store, "boats").await;
        append(&store, vec![record(&project, "a", 1)]).await;
        // A process that took the numbering lock and a stream's row, and then was stopped.
        let stopped = store.again().await;
        let (reached, waits) = tokio::sync::oneshot::channel();
        let reached = std::sync::Mutex::new(Some(reached));
        let holder = tokio::spawn(async move {
            stopped
                .write(move |tx| {
                    let reached = reached.lock().expect("one run at a time").take();
                    Box::pin(async move {
                        let lock =
                            refloat_store::sql("select pg_try_advisory_xact_lock(7298350147264)");
                        tx.query(lock, &[]).await?;
                        tx.execute(
                            refloat_store::sql("update stream set version = version"),
                            &[],
                        )
                        .await?;
                        let Some(reached) = reached else {
                            return Ok(());
                        };
                        let _ = reached.send(());
                        std::future::pending::<()>().await;
                        Ok(())
                    })
                })
                .await
        });
        waits.await.expect("it holds the lock");
        assert_eq!(log::number(&store).await, Ok(0), "somebody else is at it");
        let began = std::time::Instant::now();
        append(&store, vec![record(&project, "a", 2)]).await;
        store.numbered().await;
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(intact(&store).await.last_sequence, 2);
        holder.abort();
    });
}
