//! Manifests: verbatim, all or nothing, and never older than the last commit.

use crate::site::{
    MANIFEST, Site, caller, close, image, name, push_blob, push_manifest, reference,
};
use bytes::Bytes;
use refloat_core::Rejection;
use refloat_flow::{FlowError, Page, PutManifest};
use refloat_oci::{Algorithm, Digest};
use refloat_ports::suite::sample;

fn rejected<T: std::fmt::Debug>(answer: Result<T, FlowError>) -> Rejection {
    match answer.expect_err("a rejection") {
        FlowError::Rejected(rejection) => rejection,
        FlowError::Failed(failure) => panic!("{failure}"),
    }
}

#[tokio::test]
async fn a_manifest_comes_back_byte_for_byte_by_tag_and_digest() {
    let (site, repository) = (Site::new(), name("apps/web"));
    let registry = site.open().await;
    let (config, layer) = (sample(100), sample(80_000));
    push_blob(&registry, &repository, &config).await;
    push_blob(&registry, &repository, &layer).await;
    // Spaces and order of the client's own.
    let bytes = Bytes::from([b"  ".as_slice(), &image(&config, &[&layer]), b"\n\n"].concat());
    let done = push_manifest(&registry, &repository, reference("v1"), &bytes)
        .await
        .expect("pushed");
    assert_eq!(done.digest, Digest::sha256(&bytes));
    assert_eq!(
        done.tags
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["v1"]
    );
    for _ in 0..2 {
        for name in ["v1".to_owned(), done.digest.to_string()] {
            let read = registry
                .get_manifest(&caller(), &repository, &reference(&name))
                .await
                .expect("it is there");
            assert_eq!(
                (read.digest, &*read.media_type, read.bytes),
                (done.digest, MANIFEST, bytes.clone())
            );
        }
    }
    close(registry).await;
}

#[tokio::test]
async fn a_tag_that_moved_is_never_served_as_it_was() {
    let (site, repository) = (Site::new(), name("apps/web"));
    let registry = site.open().await;
    let config = sample(100);
    push_blob(&registry, &repository, &config).await;
    for round in 0..20 {
        let bytes = Bytes::from([&image(&config, &[])[..], &vec![b' '; round]].concat());
        push_manifest(&registry, &repository, reference("latest"), &bytes)
            .await
            .expect("pushed");
        let read = registry
            .get_manifest(&caller(), &repository, &reference("latest"))
            .await
            .expect("it is there");
        assert_eq!(read.bytes, bytes, "the push was acknowledged");
    }
    registry
        .untag(&caller(), &repository, "latest".parse().expect("a tag"))
        .await
        .expect("untagged");
    let gone = rejected(
        registry
            .get_manifest(&caller(), &repository, &reference("latest"))
            .await,
    );
    assert!(matches!(gone, Rejection::ManifestUnknown { .. }), "{gone}");
    close(registry).await;
}

type Case = (&'static str, PutManifest, fn(&Rejection) -> bool);

#[tokio::test]
async fn what_is_not_a_manifest_is_refused() {
    let (site, repository) = (Site::new(), name("apps/web"));
    let registry = site.open().await;
    let config = sample(100);
    push_blob(&registry, &repository, &config).await;
    let good = image(&config, &[]);
    let put = |reference: &str, content_type: &str, bytes: &Bytes| PutManifest {
        reference: crate::site::reference(reference),
        tags: Vec::new(),
        content_type: Some(content_type.to_owned()),
        bytes: bytes.clone(),
    };
    let caller = caller();
    let index = "application/vnd.oci.image.index.v1+json";
    let wrong = Digest::sha256(b"other").to_string();
    let missing = image(&sample(101), &[]);
    let huge = Bytes::from(vec![b' '; 4 * 1024 * 1024 + 1]);
    let cases: [Case; 5] = [
        ("type", put("v1", index, &good), |wrong| {
            matches!(wrong, Rejection::ManifestInvalid(_))
        }),
        ("digest", put(&wrong, MANIFEST, &good), |wrong| {
            matches!(wrong, Rejection::DigestInvalid(_))
        }),
        ("missing", put("v1", MANIFEST, &missing), |wrong| {
            matches!(wrong, Rejection::ManifestReferencesUnknown { .. })
        }),
        ("huge", put("v1", MANIFEST, &huge), |wrong| {
            matches!(wrong, Rejection::TooLarge { .. })
        }),
        (
            "json",
            put("v1", MANIFEST, &Bytes::from_static(b"{")),
            |wrong| matches!(wrong, Rejection::ManifestInvalid(_)),
        ),
    ];
    for (case, put, expected) in cases {
        let refused = rejected(registry.put_manifest(&caller, &repository, put).await);
        assert!(expected(&refused), "{case}: {refused}");
    }
    let listed = registry
        .list_tags(
            &caller,
            &repository,
            Page {
                after: None,
                limit: 10,
            },
        )
        .await
        .expect("a list");
    assert!(listed.items.is_empty(), "nothing of them is visible");
    close(registry).await;
}

#[tokio::test]
async fn sha512_names_a_manifest_too() {
    let (site, repository) = (Site::new(), name("apps/web"));
    let registry = site.open().await;
    let config = sample(100);
    push_blob(&registry, &repository, &config).await;
    let bytes = image(&config, &[]);
    let digest = Digest::of(Algorithm::Sha512, &bytes);
    let done = push_manifest(
        &registry,
        &repository,
        reference(&digest.to_string()),
        &bytes,
    )
    .await
    .expect("pushed");
    assert_eq!(done.digest, digest);
    let read = registry
        .get_manifest(&caller(), &repository, &reference(&digest.to_string()))
        .await
        .expect("it is there");
    assert_eq!(read.bytes, bytes);
    close(registry).await;
}

#[tokio::test]
async fn lists_page_by_their_last_key() {
    let (site, repository) = (Site::new(), name("apps/web"));
    let registry = site.open().await;
    let config = sample(100);
    push_blob(&registry, &repository, &config).await;
    let bytes = image(&config, &[]);
    for tag in ["b", "a", "c", "B"] {
        push_manifest(&registry, &repository, reference(tag), &bytes)
            .await
            .expect("pushed");
    }
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let page = Page {
            after: after.clone(),
            limit: 3,
        };
        let listed = registry
            .list_tags(&caller(), &repository, page)
            .await
            .expect("a list");
        after = listed.items.last().cloned();
        seen.extend(listed.items.iter().map(ToString::to_string));
        if !listed.more {
            break;
        }
    }
    assert_eq!(seen, ["B", "a", "b", "c"]);
    let all = registry
        .catalog(
            &caller(),
            Page {
                after: None,
                limit: 10,
            },
        )
        .await
        .expect("a list");
    assert_eq!(all.items, std::slice::from_ref(&repository));
    let subject = Digest::sha256(&bytes);
    let none = registry
        .referrers(&caller(), &repository, &subject, None, None, 10)
        .await
        .expect("a list");
    assert!(none.descriptors.is_empty() && none.next.is_none());
    let newest = Page {
        after: None,
        limit: 1,
    };
    let history = registry
        .tag_history(&caller(), &repository, "a".parse().expect("a tag"), newest)
        .await
        .expect("a list");
    assert_eq!(
        (history.items.len(), history.items[0].digest, history.more),
        (1, Some(subject), false)
    );
    close(registry).await;
}
