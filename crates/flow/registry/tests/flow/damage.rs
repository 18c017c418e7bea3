//! Bytes that rot: never served whole, found, and healed by whoever sends them again.

use crate::site::{Process, Site, caller, close, name, pull_blob, pulls, push_blob};
use futures_util::StreamExt;
use refloat_core::event::{AuditEvent, Event};
use refloat_core::{Failure, Rejection};
use refloat_flow::{ByteRange, FlowError};
use refloat_oci::Digest;
use refloat_ports::suite::sample;
use refloat_store::log::{Filter, read_after};
use std::fs;
use std::path::Path;

fn flip(file: &Path, position: usize) {
    let mut bytes = fs::read(file).expect("the file");
    bytes[position] ^= 1;
    fs::write(file, bytes).expect("written");
}

async fn found(process: &Process) -> Vec<Digest> {
    let page = process.store.read(|tx| {
        let filter = Filter::all().types("audit.*").expect("types");
        Box::pin(async move { read_after(tx, 0, &filter, 100).await })
    });
    let records = page.await.expect("a page").records;
    let digest = |event| match event {
        Some(Event::Audit(AuditEvent::DamageFound { digest, .. })) => Some(digest),
        _ => None,
    };
    records
        .iter()
        .filter_map(|record| digest(record.event()))
        .collect()
}

#[tokio::test]
async fn a_damaged_blob_is_never_served_whole_and_heals() {
    let (site, repository, bytes) = (Site::new(), name("apps/web"), sample(3_500_000));
    let registry = site.open().await;
    let digest = push_blob(&registry, &repository, &bytes).await;
    let [file] = &site.files()[..] else {
        panic!("one file")
    };
    flip(file, 2_200_000);
    // A part beside the damage, in its MiB, opens and gives nothing; one in another MiB is good.
    let range = |first, last| {
        Some(ByteRange::From {
            first,
            last: Some(last),
        })
    };
    let good = registry
        .open_blob(&caller(), &repository, &digest, range(10, 20))
        .await
        .expect("good bytes");
    assert_eq!(
        refloat_ports::suite::drain(good.stream).await.0,
        &bytes[10..21]
    );
    let mut bad = registry
        .open_blob(&caller(), &repository, &digest, range(2_100_000, 2_100_010))
        .await
        .expect("opens");
    assert!(
        bad.stream.next().await.expect("an answer").is_err(),
        "no byte of a bad MiB"
    );
    assert_eq!(
        found(&registry).await,
        [digest],
        "the finding is in the log, once"
    );
    // From now on it is known, and refused at once.
    let refused = pull_blob(&registry, &repository, &digest).await;
    assert!(
        matches!(refused, Err(FlowError::Failed(Failure::Damaged(_)))),
        "it is refused"
    );
    let refused = registry.head_blob(&caller(), &repository, &digest).await;
    assert!(
        matches!(
            refused,
            Err(FlowError::Rejected(Rejection::BlobUnknown { .. }))
        ),
        "{refused:?}"
    );
    push_blob(&registry, &repository, &bytes).await;
    assert!(pulls(&registry, &repository, &digest, &bytes).await);
    close(registry).await;
}

#[tokio::test]
async fn whatever_is_done_to_a_file_no_wrong_body_is_complete() {
    let (repository, bytes) = (name("apps/web"), sample(2_300_000));
    for kind in ["first", "last", "cut", "longer", "gone", "other"] {
        let site = Site::new();
        let registry = site.open().await;
        let digest = push_blob(&registry, &repository, &bytes).await;
        let [file] = &site.files()[..] else {
            panic!("one file")
        };
        match kind {
            "first" => flip(file, 0),
            "last" => flip(file, bytes.len() - 1),
            "cut" => fs::write(file, &bytes[..2_200_000]).expect("written"),
            "longer" => fs::write(file, [&bytes[..], b"x"].concat()).expect("written"),
            "gone" => fs::remove_file(file).expect("removed"),
            _ => fs::write(file, sample(2_300_001).slice(1..)).expect("written"),
        }
        let answer = pull_blob(&registry, &repository, &digest).await;
        assert!(
            matches!(
                answer,
                Ok(None) | Err(FlowError::Failed(Failure::Damaged(_)))
            ),
            "{kind}: a whole body"
        );
        push_blob(&registry, &repository, &bytes).await;
        assert!(
            pulls(&registry, &repository, &digest, &bytes).await,
            "{kind} heals"
        );
        close(registry).await;
    }
}

#[tokio::test]
async fn a_reader_who_goes_away_disturbs_nobody() {
    let (site, repository, bytes) = (Site::new(), name("apps/web"), sample(5_000_000));
    let registry = site.open().await;
    let digest = push_blob(&registry, &repository, &bytes).await;
    for parts in 0..4 {
        let mut blob = registry
            .open_blob(&caller(), &repository, &digest, None)
            .await
            .expect("opens");
        for _ in 0..parts {
            blob.stream
                .next()
                .await
                .expect("a part")
                .expect("good bytes");
        }
    }
    assert!(pulls(&registry, &repository, &digest, &bytes).await);
    close(registry).await;
}
