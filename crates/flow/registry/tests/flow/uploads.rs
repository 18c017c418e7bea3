//! Uploads: resumed, refused, broken, repeated.

use crate::site::{Site, caller, close, empty, name, pulls};
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use refloat_core::{Rejection, UploadId};
use refloat_flow::{
    BeginUpload, Begun, ByteRange, ContentRange, FlowError, Mount, Registry, UploadStatus,
};
use refloat_oci::{Algorithm, Digest, RepositoryName};
use refloat_ports::ByteStream;
use refloat_ports::suite::{body, broken_body, sample};
use tokio::sync::mpsc;

async fn begin(registry: &Registry, repository: &RepositoryName) -> UploadId {
    match registry
        .begin_upload(&caller(), repository, BeginUpload::default())
        .await
        .expect("an upload")
    {
        Begun::Started(UploadStatus { id, received: 0 }) => id,
        other => panic!("{other:?}"),
    }
}

async fn append(
    registry: &Registry,
    repository: &RepositoryName,
    id: &UploadId,
    first: u64,
    bytes: &Bytes,
) -> Result<UploadStatus, FlowError> {
    let length = bytes.len() as u64;
    let range = ContentRange {
        first,
        last: first + length - 1,
    };
    registry
        .append_upload(
            &caller(),
            repository,
            id,
            Some(range),
            Some(length),
            body(bytes, 30_000),
        )
        .await
}

async fn finish(
    registry: &Registry,
    repository: &RepositoryName,
    id: &UploadId,
    bytes: ByteStream,
    digest: Digest,
) -> Result<Digest, FlowError> {
    registry
        .finish_upload(&caller(), repository, id, None, None, bytes, digest)
        .await
}

fn rejected<T: std::fmt::Debug>(answer: Result<T, FlowError>) -> Rejection {
    match answer.expect_err("a rejection") {
        FlowError::Rejected(rejection) => rejection,
        FlowError::Failed(failure) => panic!("{failure}"),
    }
}

#[tokio::test]
async fn an_upload_goes_on_in_the_next_process() {
    let (site, repository, bytes) = (Site::new(), name("apps/web"), sample(3_000_000));
    let registry = site.open().await;
    let id = begin(&registry, &repository).await;
    let status = append(&registry, &repository, &id, 0, &bytes.slice(..1_000_000))
        .await
        .expect("appended");
    assert_eq!(status.received, 1_000_000);
    close(registry).await;
    let registry = site.open().await;
    let status = registry
        .upload_status(&caller(), &repository, &id)
        .await
        .expect("it is there");
    assert_eq!(status.received, 1_000_000);
    append(
        &registry,
        &repository,
        &id,
        1_000_000,
        &bytes.slice(1_000_000..2_000_000),
    )
    .await
    .expect("appended");
    let digest = Digest::sha256(&bytes);
    finish(
        &registry,
        &repository,
        &id,
        body(&bytes.slice(2_000_000..), 9999),
        digest,
    )
    .await
    .expect("finished");
    assert!(pulls(&registry, &repository, &digest, &bytes).await);
    let gone = rejected(registry.upload_status(&caller(), &repository, &id).await);
    assert!(matches!(gone, Rejection::UploadUnknown(_)));
    close(registry).await;
}

#[tokio::test]
async fn every_size_and_algorithm_comes_back() {
    let (site, repository) = (Site::new(), name("apps/web"));
    let registry = site.open().await;
    for length in [0, 1, 65_536, 65_537, 2_500_000] {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let bytes = sample(length);
            let digest = Digest::of(algorithm, &bytes);
            // In one request, in POST and PUT, and in POST, PATCH and PUT.
            let whole = body(&bytes, 40_000);
            registry
                .put_blob(&caller(), &repository, Some(length as u64), whole, digest)
                .await
                .expect("one request");
            assert!(pulls(&registry, &repository, &digest, &bytes).await);
            registry
                .delete_blob(&caller(), &repository, &digest)
                .await
                .expect("deleted");
            let id = begin(&registry, &repository).await;
            finish(&registry, &repository, &id, body(&bytes, 40_000), digest)
                .await
                .expect("post and put");
            assert!(pulls(&registry, &repository, &digest, &bytes).await);
            registry
                .delete_blob(&caller(), &repository, &digest)
                .await
                .expect("deleted");
            if length == 0 {
                continue;
            }
            let id = begin(&registry, &repository).await;
            append(&registry, &repository, &id, 0, &bytes)
                .await
                .expect("patch");
            finish(&registry, &repository, &id, empty(), digest)
                .await
                .expect("put");
            assert!(pulls(&registry, &repository, &digest, &bytes).await);
            let info = registry
                .head_blob(&caller(), &repository, &digest)
                .await
                .expect("it is there");
            assert_eq!((info.digest, info.size), (digest, length as u64));
        }
    }
    close(registry).await;
}

#[tokio::test]
async fn chunks_out_of_order_are_refused_and_change_nothing() {
    let (site, repository, bytes) = (Site::new(), name("apps/web"), sample(200_000));
    let registry = site.open().await;
    let id = begin(&registry, &repository).await;
    append(&registry, &repository, &id, 0, &bytes.slice(..100_000))
        .await
        .expect("appended");
    for first in [0, 50_000, 100_001] {
        let refused =
            rejected(append(&registry, &repository, &id, first, &bytes.slice(..10)).await);
        assert!(
            matches!(
                refused,
                Rejection::RangeInvalid {
                    length: 100_000,
                    ..
                }
            ),
            "{first}: {refused}"
        );
    }
    let short = ContentRange {
        first: 100_000,
        last: 100_009,
    };
    let long = body(&bytes.slice(..20), 20);
    let refused = rejected(
        registry
            .append_upload(&caller(), &repository, &id, Some(short), None, long)
            .await,
    );
    assert!(matches!(refused, Rejection::SizeInvalid(_)), "{refused}");
    assert_eq!(
        registry
            .upload_status(&caller(), &repository, &id)
            .await
            .expect("it is there")
            .received,
        100_000
    );
    let digest = Digest::sha256(&bytes);
    finish(
        &registry,
        &repository,
        &id,
        body(&bytes.slice(100_000..), 999),
        digest,
    )
    .await
    .expect("finished");
    close(registry).await;
}

#[tokio::test]
async fn a_wrong_digest_leaves_the_upload_as_it_was() {
    let (site, repository) = (Site::new(), name("apps/web"));
    let registry = site.open().await;
    for length in [1000, 500_000] {
        let bytes = sample(length);
        let (digest, wrong) = (Digest::sha256(&bytes), Digest::sha256(b"other"));
        let refused = rejected(
            registry
                .put_blob(&caller(), &repository, None, body(&bytes, 999), wrong)
                .await,
        );
        assert!(matches!(refused, Rejection::DigestInvalid(_)), "{refused}");
        let id = begin(&registry, &repository).await;
        let refused = rejected(finish(&registry, &repository, &id, body(&bytes, 999), wrong).await);
        assert!(matches!(refused, Rejection::DigestInvalid(_)), "{refused}");
        assert_eq!(
            registry
                .upload_status(&caller(), &repository, &id)
                .await
                .expect("it is there")
                .received,
            0
        );
        append(&registry, &repository, &id, 0, &bytes)
            .await
            .expect("appended");
        let refused = rejected(finish(&registry, &repository, &id, empty(), wrong).await);
        assert!(matches!(refused, Rejection::DigestInvalid(_)), "{refused}");
        let unread = rejected(registry.head_blob(&caller(), &repository, &wrong).await);
        assert!(matches!(unread, Rejection::BlobUnknown { .. }), "{unread}");
        finish(&registry, &repository, &id, empty(), digest)
            .await
            .expect("finished");
    }
    close(registry).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_kept_as_far_as_it_came() {
    let (site, repository, bytes) = (Site::new(), name("apps/web"), sample(500_000));
    let registry = site.open().await;
    let id = begin(&registry, &repository).await;
    let broken = broken_body(&bytes.slice(..300_000));
    registry
        .append_upload(&caller(), &repository, &id, None, None, broken)
        .await
        .expect_err("it broke off");
    assert_eq!(
        registry
            .upload_status(&caller(), &repository, &id)
            .await
            .expect("it is there")
            .received,
        300_000
    );
    // In the last request it counts for nothing: the client would send all of it again.
    let broken = broken_body(&bytes.slice(300_000..400_000));
    finish(&registry, &repository, &id, broken, Digest::sha256(&bytes))
        .await
        .expect_err("it broke off");
    assert_eq!(
        registry
            .upload_status(&caller(), &repository, &id)
            .await
            .expect("it is there")
            .received,
        300_000
    );
    let digest = Digest::sha256(&bytes);
    finish(
        &registry,
        &repository,
        &id,
        body(&bytes.slice(300_000..), 999),
        digest,
    )
    .await
    .expect("finished");
    assert!(pulls(&registry, &repository, &digest, &bytes).await);
    close(registry).await;
}

/// A body that is fed by the test.
fn fed() -> (mpsc::UnboundedSender<Bytes>, ByteStream) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let body = stream::unfold(
        receiver,
        |mut receiver: mpsc::UnboundedReceiver<Bytes>| async {
            receiver.recv().await.map(|part| (Ok(part), receiver))
        },
    );
    (sender, Box::pin(body))
}

#[tokio::test]
async fn one_request_at_a_time_writes_an_upload() {
    let (site, repository, bytes) = (Site::new(), name("apps/web"), sample(1_600_000));
    let registry = site.open().await;
    let id = begin(&registry, &repository).await;
    let (feed, slow) = fed();
    let (first, other, at) = (registry.clone(), repository.clone(), id.clone());
    let first = tokio::spawn(async move {
        first
            .append_upload(&caller(), &other, &at, None, None, slow)
            .await
    });
    feed.send(bytes.slice(..1_200_000))
        .expect("the body is read");
    // The level waited for: the upload's bytes begin to appear, so the first request has it.
    while !site.uploads_have_bytes() {
        tokio::task::yield_now().await;
    }
    let refused = rejected(append(&registry, &repository, &id, 0, &bytes).await);
    assert!(matches!(refused, Rejection::Conflict(_)), "{refused}");
    let refused =
        rejected(finish(&registry, &repository, &id, empty(), Digest::sha256(&bytes)).await);
    assert!(matches!(refused, Rejection::Conflict(_)), "{refused}");
    feed.send(bytes.slice(1_200_000..))
        .expect("the body is read");
    drop(feed);
    assert_eq!(
        first.await.expect("no panic").expect("appended").received,
        1_600_000
    );
    finish(&registry, &repository, &id, empty(), Digest::sha256(&bytes))
        .await
        .expect("finished");
    close(registry).await;
}

#[tokio::test]
async fn many_at_once_leave_one_order() {
    let (site, repository, bytes) = (Site::new(), name("apps/web"), sample(100_000));
    let registry = site.open().await;
    let id = begin(&registry, &repository).await;
    let mut writers = Vec::new();
    for _ in 0..8 {
        let (registry, repository, id, bytes) = (
            registry.clone(),
            repository.clone(),
            id.clone(),
            bytes.clone(),
        );
        writers.push(tokio::spawn(async move {
            append(&registry, &repository, &id, 0, &bytes).await.is_ok()
        }));
    }
    let mut taken = 0;
    for writer in writers {
        taken += usize::from(writer.await.expect("no panic"));
    }
    assert_eq!(taken, 1, "one of the same chunks is taken");
    finish(&registry, &repository, &id, empty(), Digest::sha256(&bytes))
        .await
        .expect("finished");
    close(registry).await;
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_the_upload_resumable() {
    let (site, repository, bytes) = (Site::new(), name("apps/web"), sample(1_600_000));
    let registry = site.open().await;
    let id = begin(&registry, &repository).await;
    let (feed, slow) = fed();
    let who = caller();
    let mut request = Box::pin(registry.append_upload(&who, &repository, &id, None, None, slow));
    feed.send(bytes.slice(..1_200_000))
        .expect("the body is read");
    while !site.uploads_have_bytes() {
        assert!(
            (&mut request).now_or_never().is_none(),
            "the body has not ended"
        );
        tokio::task::yield_now().await;
    }
    drop(request);
    drop(feed);
    let received = loop {
        let status = registry
            .upload_status(&caller(), &repository, &id)
            .await
            .expect("it is there");
        if status.received > 0 {
            break status.received;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(received, 1_200_000, "the work went on without its caller");
    let digest = Digest::sha256(&bytes);
    loop {
        // The task lets go of the upload just after its offset is recorded.
        match finish(
            &registry,
            &repository,
            &id,
            body(&bytes.slice(1_200_000..), 999),
            digest,
        )
        .await
        {
            Err(FlowError::Rejected(Rejection::Conflict(_))) => tokio::task::yield_now().await,
            other => break other.map(drop).expect("finished"),
        }
    }
    assert!(pulls(&registry, &repository, &digest, &bytes).await);
    close(registry).await;
}

#[tokio::test]
async fn a_blob_is_mounted_or_sent() {
    let (site, from, to) = (Site::new(), name("apps/web"), name("apps/api"));
    let registry = site.open().await;
    let bytes = sample(100_000);
    let digest = crate::site::push_blob(&registry, &from, &bytes).await;
    let mount = |digest| BeginUpload {
        mount: Some(Mount {
            digest,
            from: Some(from.clone()),
        }),
        algorithm: None,
    };
    let unread = rejected(registry.head_blob(&caller(), &to, &digest).await);
    assert!(
        matches!(
            unread,
            Rejection::RepositoryUnknown(_) | Rejection::BlobUnknown { .. }
        ),
        "{unread}"
    );
    let begun = registry
        .begin_upload(&caller(), &to, mount(digest))
        .await
        .expect("mounted");
    assert_eq!(begun, Begun::Mounted(digest));
    assert!(pulls(&registry, &to, &digest, &bytes).await);
    let absent = registry
        .begin_upload(&caller(), &to, mount(Digest::sha256(b"absent")))
        .await
        .expect("begun");
    assert!(matches!(absent, Begun::Started(_)));
    close(registry).await;
}

#[tokio::test]
async fn a_cancelled_upload_is_unknown() {
    let (site, repository) = (Site::new(), name("apps/web"));
    let registry = site.open().await;
    let id = begin(&registry, &repository).await;
    append(&registry, &repository, &id, 0, &sample(1000))
        .await
        .expect("appended");
    registry
        .cancel_upload(&caller(), &repository, &id)
        .await
        .expect("cancelled");
    for answer in [
        registry
            .upload_status(&caller(), &repository, &id)
            .await
            .map(drop),
        registry.cancel_upload(&caller(), &repository, &id).await,
        append(&registry, &repository, &id, 0, &sample(1000))
            .await
            .map(drop),
        registry
            .upload_status(&caller(), &name("apps/api"), &id)
            .await
            .map(drop),
    ] {
        assert!(matches!(
            rejected(answer),
            Rejection::UploadUnknown(_) | Rejection::RepositoryUnknown(_)
        ));
    }
    close(registry).await;
}

#[tokio::test]
async fn a_range_is_a_part_of_the_blob() {
    let (site, repository) = (Site::new(), name("apps/web"));
    let registry = site.open().await;
    for length in [3000_usize, 2_500_000] {
        let bytes = sample(length);
        let digest = crate::site::push_blob(&registry, &repository, &bytes).await;
        let range = ByteRange::From {
            first: 500,
            last: Some(1499),
        };
        let part = registry
            .open_blob(&caller(), &repository, &digest, Some(range))
            .await
            .expect("a part");
        assert_eq!(
            (part.first, part.length, part.size),
            (500, 1000, length as u64)
        );
        let (read, error) = refloat_ports::suite::drain(part.stream).await;
        assert!(error.is_none() && read == bytes[500..1500]);
        let outside = ByteRange::From {
            first: length as u64,
            last: None,
        };
        let refused = rejected(
            registry
                .open_blob(&caller(), &repository, &digest, Some(outside))
                .await
                .map(|_| ()),
        );
        assert!(
            matches!(refused, Rejection::RangeInvalid { .. }),
            "{refused}"
        );
    }
    close(registry).await;
}

#[tokio::test]
async fn a_short_upload_needs_no_file_until_it_grows() {
    let (site, repository, bytes) = (Site::new(), name("apps/web"), sample(200_000));
    let registry = site.open().await;
    for ends in [
        vec![20_000, 40_000],
        vec![1, 65_536],
        vec![65_536, 65_537],
        vec![30_000, 100_000, 100_001, 200_000],
    ] {
        let id = begin(&registry, &repository).await;
        let mut start = 0;
        for end in &ends {
            let part = bytes.slice(start..*end);
            let status = append(&registry, &repository, &id, start as u64, &part)
                .await
                .expect("appended");
            assert_eq!(status.received, *end as u64);
            assert_eq!(site.uploads() == 0, *end <= 65_536, "{end}");
            let again = rejected(append(&registry, &repository, &id, start as u64, &part).await);
            assert!(matches!(again, Rejection::RangeInvalid { .. }), "{again}");
            start = *end;
        }
        let whole = bytes.slice(..start);
        let digest = Digest::sha256(&whole);
        let wrong = finish(&registry, &repository, &id, empty(), Digest::sha256(b"x")).await;
        assert!(matches!(rejected(wrong), Rejection::DigestInvalid(_)));
        finish(&registry, &repository, &id, empty(), digest)
            .await
            .expect("finished");
        assert!(pulls(&registry, &repository, &digest, &whole).await);
    }
    close(registry).await;
}

#[tokio::test]
async fn what_a_broken_body_left_of_a_short_upload_is_kept() {
    let (site, repository, bytes) = (Site::new(), name("apps/web"), sample(3000));
    let registry = site.open().await;
    let id = begin(&registry, &repository).await;
    append(&registry, &repository, &id, 0, &bytes.slice(..1000))
        .await
        .expect("appended");
    let broken = broken_body(&bytes.slice(1000..2000));
    rejected(
        registry
            .append_upload(&caller(), &repository, &id, None, None, broken)
            .await,
    );
    close(registry).await;
    let registry = site.open().await;
    let status = registry
        .upload_status(&caller(), &repository, &id)
        .await
        .expect("it is there");
    assert_eq!(status.received, 2000);
    let digest = Digest::sha256(&bytes);
    let rest = body(&bytes.slice(2000..), 99);
    finish(&registry, &repository, &id, rest, digest)
        .await
        .expect("finished");
    assert!(pulls(&registry, &repository, &digest, &bytes).await);
    close(registry).await;
}
