//! Blobs come in by every way the specification knows.

use crate::support::Rig;
use http::{Method, StatusCode};
use refloat_oci::{Algorithm, Digest};

async fn begin(rig: &Rig, repository: &str) -> String {
    let answer = rig
        .alice(Method::POST, &format!("/v2/{repository}/blobs/uploads/"))
        .send()
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    assert_eq!(answer.header("range"), "0-0");
    assert_eq!(answer.header("content-length"), "0");
    let location = answer.header("location").to_owned();
    assert!(
        location.starts_with(&format!("/v2/{repository}/blobs/uploads/")),
        "{location}"
    );
    assert!(location.ends_with(answer.header("docker-upload-uuid")));
    location
}

#[tokio::test]
async fn a_blob_comes_in_chunks() {
    let rig = Rig::with_alice().await;
    let location = begin(&rig, "apps/web").await;
    let patch = |range: &'static str, bytes: &'static [u8]| {
        rig.alice(Method::PATCH, &location)
            .header("content-range", range)
            .body(bytes)
            .send()
    };
    let first = patch("0-4", b"hello").await;
    assert_eq!(
        (first.status, first.header("range")),
        (StatusCode::ACCEPTED, "0-4")
    );
    let early = patch("7-11", b"world").await;
    assert_eq!(
        (early.status, early.header("range")),
        (StatusCode::RANGE_NOT_SATISFIABLE, "0-4"),
        "{early:?}"
    );
    assert_eq!(early.header("location"), location);
    let unreadable = patch("five to nine", b"world").await;
    assert_eq!(
        (unreadable.status, unreadable.header("range")),
        (StatusCode::RANGE_NOT_SATISFIABLE, "0-4")
    );
    let status = rig.alice(Method::GET, &location).send().await;
    assert_eq!(
        (status.status, status.header("range")),
        (StatusCode::NO_CONTENT, "0-4")
    );
    let stream = rig
        .alice(Method::PATCH, &location)
        .body(" world")
        .send()
        .await;
    assert_eq!(
        (stream.status, stream.header("range")),
        (StatusCode::ACCEPTED, "0-10"),
        "without a range it goes on"
    );
    let digest = Digest::sha256(b"hello world!");
    let done = rig
        .alice(Method::PUT, &format!("{location}?digest={digest}"))
        .header("content-range", "11-11")
        .body("!")
        .send()
        .await;
    assert_eq!(done.status, StatusCode::CREATED, "{done:?}");
    assert_eq!(done.header("docker-content-digest"), digest.to_string());
    assert_eq!(
        done.header("location"),
        format!("/v2/apps/web/blobs/{digest}")
    );
    let blob = rig.alice(Method::GET, done.header("location")).send().await;
    assert_eq!(blob.body, b"hello world!");
    assert_eq!(
        rig.alice(Method::GET, &location).send().await.code(),
        "BLOB_UPLOAD_UNKNOWN"
    );
}

#[tokio::test]
async fn a_blob_comes_in_one_request_or_two() {
    let rig = Rig::with_alice().await;
    rig.push_blob("apps/web", b"").await;
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let bytes = vec![7; 100_000];
        let digest = Digest::of(algorithm, &bytes);
        let begun = rig
            .alice(
                Method::POST,
                &format!(
                    "/v2/apps/web/blobs/uploads/?digest-algorithm={}",
                    algorithm.name()
                ),
            )
            .send()
            .await;
        assert_eq!(begun.status, StatusCode::ACCEPTED, "{begun:?}");
        let path = format!("{}?digest={digest}", begun.header("location"));
        let done = rig
            .alice(Method::PUT, &path)
            .body(bytes.clone())
            .send()
            .await;
        assert_eq!(done.status, StatusCode::CREATED, "{done:?}");
        let blob = rig
            .alice(Method::GET, &format!("/v2/apps/web/blobs/{digest}"))
            .send()
            .await;
        assert_eq!(blob.body, bytes);
    }
}

#[tokio::test]
async fn a_digest_that_is_wrong_is_refused_and_the_upload_stays() {
    let rig = Rig::with_alice().await;
    let location = begin(&rig, "apps/web").await;
    let other = Digest::sha256(b"other");
    let bad = [
        String::new(),
        "?digest=".to_owned(),
        "?digest=sha256:x".to_owned(),
        "?digest=md5:00".to_owned(),
        format!("?digest={other}"),
    ];
    for query in bad {
        let answer = rig
            .alice(Method::PUT, &format!("{location}{query}"))
            .send()
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            "{query}"
        );
    }
    let monolith = rig
        .alice(
            Method::POST,
            &format!("/v2/apps/web/blobs/uploads/?digest={other}"),
        )
        .body("bytes")
        .send()
        .await;
    assert_eq!(
        (monolith.status, monolith.code().as_str()),
        (StatusCode::BAD_REQUEST, "DIGEST_INVALID")
    );
    let unknown = rig
        .alice(
            Method::POST,
            "/v2/apps/web/blobs/uploads/?digest-algorithm=md5",
        )
        .send()
        .await;
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (StatusCode::BAD_REQUEST, "DIGEST_INVALID")
    );
    let status = rig.alice(Method::GET, &location).send().await;
    assert_eq!(status.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_upload_can_be_given_up() {
    let rig = Rig::with_alice().await;
    let location = begin(&rig, "apps/web").await;
    assert_eq!(
        rig.alice(Method::DELETE, &location).send().await.status,
        StatusCode::NO_CONTENT
    );
    for method in [Method::GET, Method::DELETE, Method::PATCH] {
        let answer = rig.alice(method, &location).send().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN")
        );
    }
}

/// Attack class 2: an upload belongs to who began it, in its repository.
#[tokio::test]
async fn uploads_of_others_are_as_absent() {
    let rig = Rig::with_alice().await;
    rig.user("bob", "bob's password").await;
    rig.grant("bob", "pull,push", "apps/**").await;
    let location = begin(&rig, "apps/web").await;
    let absent = "/v2/apps/web/blobs/uploads/upl_01hv3c4rsqcd4x2m6m0k2zr4fp";
    let elsewhere = location.replace("apps/web", "apps/other");
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let bobs = rig
            .ask(method.clone(), &location)
            .basic("bob", "bob's password")
            .send()
            .await;
        let missing = rig
            .ask(method.clone(), absent)
            .basic("bob", "bob's password")
            .send()
            .await;
        assert_eq!(
            (bobs.status, bobs.code()),
            (missing.status, missing.code()),
            "{method}"
        );
        assert_eq!(bobs.status, StatusCode::NOT_FOUND);
        assert_eq!(
            rig.alice(method, &elsewhere).send().await.status,
            StatusCode::NOT_FOUND
        );
    }
    assert_eq!(
        rig.alice(Method::GET, &location).send().await.status,
        StatusCode::NO_CONTENT
    );
}

#[tokio::test]
async fn blobs_are_mounted_or_uploaded() {
    let rig = Rig::with_alice().await;
    let digest = rig.push_blob("apps/one", b"shared").await;
    let rig = &rig;
    let mount = |to: &'static str, query: String| async move {
        rig.alice(
            Method::POST,
            &format!("/v2/apps/{to}/blobs/uploads/?{query}"),
        )
        .send()
        .await
    };
    let done = mount("two", format!("mount={digest}&from=apps/one")).await;
    assert_eq!(done.status, StatusCode::CREATED, "{done:?}");
    assert_eq!(
        done.header("location"),
        format!("/v2/apps/two/blobs/{digest}")
    );
    let other = Digest::sha256(b"nowhere");
    let fall_back = [
        format!("mount={other}&from=apps/one"),
        format!("mount={other}"),
        format!("mount={digest}&from=apps/absent"),
        "mount=x&from=apps/one".to_owned(),
    ];
    for query in fall_back {
        let begun = mount("three", query.clone()).await;
        assert_eq!(begun.status, StatusCode::ACCEPTED, "{query}");
        assert!(
            begun.header("location").contains("/blobs/uploads/upl_"),
            "{query}"
        );
    }
}
