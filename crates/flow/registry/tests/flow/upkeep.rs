//! Upkeep: jobs by time, by what happened, by a person; the scrub.

use crate::site::{Process, Site, caller, close, image, name, push_blob, push_manifest, reference};
use refloat_core::JobId;
use refloat_core::job::JobState;
use refloat_flow::Upkeep;
use refloat_flow::upkeep::Counts;
use refloat_oci::Digest;
use refloat_ports::suite::sample;
use refloat_store::jobs::{self, Job, JobFilter};
use refloat_store::log::SegmentKey;
use std::sync::Arc;

fn upkeep() -> Upkeep {
    let key = SegmentKey::generate()
        .and_then(|document| SegmentKey::from_pkcs8(&document))
        .expect("a key");
    Upkeep::new("test".to_owned(), Arc::new(key))
}

async fn all_jobs(process: &Process) -> Vec<Job> {
    let jobs = process
        .store
        .read(|tx| Box::pin(async move { jobs::list(tx, &JobFilter::default(), None, 100).await }));
    jobs.await.expect("a list")
}

/// Waits until the job is done and tells what it did.
async fn done(process: &Process, id: &JobId) -> Counts {
    loop {
        let committed = process.store.committed();
        let report = process.job_report(&caller(), id).await.expect("a report");
        match report.job.progress.state {
            JobState::Done { .. } => return report.counts.expect("it ran here"),
            JobState::Waiting { .. } | JobState::Running { .. } => committed.await,
            JobState::Dead { .. } | JobState::Cancelled { .. } => panic!("{report:?}"),
        }
    }
}

#[tokio::test]
async fn a_person_asks_and_sees_what_was_done() {
    let (site, repository) = (Site::new().without_grace(), name("apps/web"));
    let registry = site.open().await;
    registry.start_upkeep(&upkeep());
    push_blob(&registry, &repository, &sample(100_000)).await;
    let id = registry.request_scrub(&caller()).await.expect("a job");
    let counts = done(&registry, &id).await;
    assert_eq!(
        (counts.examined, counts.bytes, counts.damaged),
        (1, 100_000, 0),
        "{counts:?}"
    );
    let id = registry.request_collection(&caller()).await.expect("a job");
    done(&registry, &id).await;
    assert!(site.files().is_empty());
    close(registry).await;
}

#[tokio::test]
async fn a_deleted_manifest_makes_a_collection_due_once() {
    let (site, repository) = (Site::new(), name("apps/web"));
    let registry = site.open().await;
    let config = sample(100);
    push_blob(&registry, &repository, &config).await;
    let bytes = image(&config, &[]);
    let pushed = push_manifest(&registry, &repository, reference("v1"), &bytes)
        .await
        .expect("pushed");
    registry.start_upkeep(&upkeep());
    let manifest = reference(&pushed.digest.to_string());
    registry
        .delete_manifest(&caller(), &repository, &manifest)
        .await
        .expect("deleted");
    let job = loop {
        let committed = registry.store.committed();
        let of_react = all_jobs(&registry)
            .await
            .into_iter()
            .find(|job| job.consumer == "react" && job.kind == "gc");
        match of_react {
            Some(job) => break job,
            None => committed.await,
        }
    };
    assert_eq!(job.command, "collect");
    assert!(job.cause.starts_with("rec_"), "{}", job.cause);
    assert!(
        matches!(job.progress.state, JobState::Waiting { .. }),
        "it is due after the grace"
    );
    close(registry).await;
    // The next process reads on from the cursor, and makes the same job at most once.
    let registry = site.open().await;
    registry.start_upkeep(&upkeep());
    let id = registry.request_collection(&caller()).await.expect("a job");
    done(&registry, &id).await;
    let of_react = all_jobs(&registry)
        .await
        .into_iter()
        .filter(|job| job.consumer == "react" && job.kind == "gc")
        .count();
    assert_eq!(of_react, 1);
    close(registry).await;
}

#[tokio::test]
async fn the_clock_makes_its_jobs_and_they_are_done() {
    let site = Site::new();
    let registry = site.open().await;
    registry.start_upkeep(&upkeep());
    loop {
        let committed = registry.store.committed();
        let jobs: Vec<_> = all_jobs(&registry)
            .await
            .into_iter()
            .filter(|job| job.consumer == "clock")
            .collect();
        let finished = jobs
            .iter()
            .filter(|job| matches!(job.progress.state, JobState::Done { .. }))
            .count();
        if finished == 3 {
            break;
        }
        committed.await;
    }
    close(registry).await;
}

#[tokio::test]
async fn the_scrub_finds_what_rots() {
    let (site, repository) = (Site::new(), name("apps/web"));
    let registry = site.open().await;
    let digest = push_blob(&registry, &repository, &sample(2_000_000)).await;
    push_blob(&registry, &repository, &sample(500_000)).await;
    push_blob(&registry, &repository, &sample(500)).await;
    let file = site
        .files()
        .into_iter()
        .find(|file| std::fs::read(file).is_ok_and(|bytes| bytes.len() == 2_000_000));
    let file = file.expect("its file");
    let mut bytes = std::fs::read(&file).expect("the file");
    bytes[1_500_000] ^= 4;
    std::fs::write(&file, bytes).expect("written");
    let stop = registry.tasks().stop_signal();
    let before = registry.store.read(|tx| {
        let now = tx.now();
        Box::pin(async move { Ok(now) })
    });
    let before = before.await.expect("the time");
    let counts = registry
        .scrub(before, &stop, |_| {})
        .await
        .expect("scrubbed");
    assert_eq!(
        (counts.examined, counts.bytes, counts.damaged),
        (3, 2_500_500, 1),
        "{counts:?}"
    );
    let damaged = registry
        .store
        .read(|tx| Box::pin(refloat_store::scrub::damaged(tx, None, 10)));
    let damaged: Vec<Digest> = damaged
        .await
        .expect("a list")
        .into_iter()
        .map(|(digest, _)| digest)
        .collect();
    assert_eq!(damaged, [digest]);
    close(registry).await;
}
