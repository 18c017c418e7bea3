//! The collection against pushes: what is acknowledged stays, what nothing uses goes.

use crate::site::{
    Process, Site, caller, close, image, name, pulls, push_blob, push_manifest, reference,
};
use bytes::Bytes;
use refloat_core::Rejection;
use refloat_flow::{BeginUpload, Begun, FlowError};
use refloat_oci::{Digest, RepositoryName};
use refloat_ports::suite::{body, sample};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[tokio::test]
async fn what_nothing_uses_goes_and_what_is_used_stays() {
    let (site, repository) = (Site::new().without_grace(), name("apps/web"));
    let registry = site.open().await;
    let (used, unused, small) = (sample(200_000), sample(300_000), sample(100));
    for bytes in [&used, &unused, &small] {
        push_blob(&registry, &repository, bytes).await;
    }
    let manifest = image(&small, &[&used]);
    push_manifest(&registry, &repository, reference("v1"), &manifest)
        .await
        .expect("pushed");
    let begun = registry
        .begin_upload(&caller(), &repository, BeginUpload::default())
        .await
        .expect("begun");
    let Begun::Started(upload) = begun else {
        panic!("{begun:?}")
    };
    let some = body(&sample(1000), 100);
    registry
        .append_upload(&caller(), &repository, &upload.id, None, None, some)
        .await
        .expect("appended");
    assert_eq!(site.files().len(), 2);
    let dry = registry.collectable(&caller()).await.expect("counted");
    assert_eq!((dry.members, dry.blobs), (1, 1), "{dry:?}");
    let counts = registry.collect_all().await;
    assert_eq!(
        (counts.blobs, counts.files, counts.bytes),
        (1, 1, 300_000),
        "{counts:?}"
    );
    assert_eq!(site.files().len(), 1);
    assert!(pulls(&registry, &repository, &Digest::sha256(&used), &used).await);
    assert_eq!(
        registry
            .upload_status(&caller(), &repository, &upload.id)
            .await
            .expect("it is there")
            .received,
        1000
    );
    registry
        .delete_manifest(
            &caller(),
            &repository,
            &reference(&Digest::sha256(&manifest).to_string()),
        )
        .await
        .expect("deleted");
    registry
        .cancel_upload(&caller(), &repository, &upload.id)
        .await
        .expect("cancelled");
    registry.collect_all().await;
    assert!(
        site.files().is_empty() && !site.uploads_have_bytes(),
        "nothing is left"
    );
    let gone = registry
        .head_blob(&caller(), &repository, &Digest::sha256(&used))
        .await;
    assert!(
        matches!(
            gone,
            Err(FlowError::Rejected(Rejection::BlobUnknown { .. }))
        ),
        "{gone:?}"
    );
    close(registry).await;
}

/// Bodies that all pushers fight over.
fn hot(number: usize) -> Bytes {
    let mut bytes = sample(70_000).to_vec();
    bytes[0] = u8::try_from(number).expect("few");
    bytes.into()
}

const HOT: usize = 12;

struct Race {
    process: Process,
    repository: RepositoryName,
    over: AtomicBool,
    acknowledged: AtomicU64,
    refused: AtomicU64,
}

/// Pushes an image over two hot blobs; if that is acknowledged, all of it must be there. Then it is deleted.
async fn push_and_check(race: &Race, number: usize) {
    let (one, two) = (hot(number % HOT), hot((number * 7 + 1) % HOT));
    for bytes in [&one, &two] {
        // As clients do: what is there is not sent.
        if race
            .process
            .head_blob(&caller(), &race.repository, &Digest::sha256(bytes))
            .await
            .is_err()
        {
            push_blob(&race.process, &race.repository, bytes).await;
        }
    }
    let mut manifest = image(&one, &[&two]).to_vec();
    // Its own manifest, which nobody else deletes.
    manifest.extend(std::iter::repeat_n(b' ', number));
    let manifest = Bytes::from(manifest);
    let tag = reference(&format!("t{}", number % 5));
    match push_manifest(&race.process, &race.repository, tag, &manifest).await {
        Ok(done) => {
            race.acknowledged.fetch_add(1, Ordering::SeqCst);
            for bytes in [&one, &two] {
                let digest = Digest::sha256(bytes);
                let whole = pulls(&race.process, &race.repository, &digest, bytes).await;
                assert!(whole, "{digest} of an acknowledged manifest");
            }
            let name = reference(&done.digest.to_string());
            let _ = race
                .process
                .delete_manifest(&caller(), &race.repository, &name)
                .await;
        }
        Err(FlowError::Rejected(Rejection::ManifestReferencesUnknown { .. })) => {
            race.refused.fetch_add(1, Ordering::SeqCst);
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn collection_without_grace_never_takes_what_was_acknowledged() {
    let (site, repository) = (Site::new().without_grace(), name("apps/web"));
    let race = Arc::new(Race {
        process: site.open().await,
        repository,
        over: AtomicBool::new(false),
        acknowledged: AtomicU64::new(0),
        refused: AtomicU64::new(0),
    });
    let mut collectors = Vec::new();
    for _ in 0..2 {
        let race = Arc::clone(&race);
        collectors.push(tokio::spawn(async move {
            let mut collected = 0;
            while !race.over.load(Ordering::SeqCst) {
                collected += race.process.collect_all().await.blobs;
            }
            collected
        }));
    }
    let mut pushers = Vec::new();
    for pusher in 0..6 {
        let race = Arc::clone(&race);
        pushers.push(tokio::spawn(async move {
            for round in 0..40 {
                push_and_check(&race, pusher * 1000 + round).await;
            }
        }));
    }
    for pusher in pushers {
        pusher.await.expect("no acknowledged image is corrupt");
    }
    race.over.store(true, Ordering::SeqCst);
    let mut collected = 0;
    for collector in collectors {
        collected += collector.await.expect("no panic");
    }
    assert!(
        race.acknowledged.load(Ordering::SeqCst) > 20,
        "pushes were acknowledged"
    );
    assert!(collected > 20, "blobs were collected meanwhile");
    let race = Arc::into_inner(race).expect("all tasks have ended");
    race.process.collect_all().await;
    close(race.process).await;
}
