//! What was pushed comes back as it was: manifests, blobs, lists, referrers.

use crate::support::{IMAGE, Rig};
use http::{Method, StatusCode};
use refloat_oci::Digest;
use serde_json::json;

#[tokio::test]
async fn manifests_come_back_byte_for_byte() {
    let rig = Rig::with_alice().await;
    let (digest, bytes) = rig.push_image("apps/web", "1.0", b"layer").await;
    for reference in ["1.0".to_owned(), digest.to_string()] {
        let path = format!("/v2/apps/web/manifests/{reference}");
        for method in [Method::GET, Method::HEAD] {
            let answer = rig
                .alice(method.clone(), &path)
                .header("accept", "application/x-nothing")
                .send()
                .await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            assert_eq!(answer.header("content-type"), IMAGE);
            assert_eq!(answer.header("content-length"), bytes.len().to_string());
            assert_eq!(answer.header("docker-content-digest"), digest.to_string());
            assert_eq!(answer.header("etag"), format!("\"{digest}\""));
            assert_eq!(
                answer.header("docker-distribution-api-version"),
                "registry/2.0"
            );
            assert_eq!(
                answer.body,
                if method == Method::GET {
                    bytes.clone()
                } else {
                    Vec::new()
                }
            );
        }
        let known = rig
            .alice(Method::GET, &path)
            .header("if-none-match", &format!("\"{digest}\""))
            .send()
            .await;
        assert_eq!(
            (known.status, known.body.len()),
            (StatusCode::NOT_MODIFIED, 0)
        );
    }
    let missing = rig
        .alice(Method::GET, "/v2/apps/web/manifests/2.0")
        .send()
        .await;
    assert_eq!(
        (missing.status, missing.code().as_str()),
        (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN")
    );
    let deleted = rig
        .alice(Method::DELETE, &format!("/v2/apps/web/manifests/{digest}"))
        .send()
        .await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED, "{deleted:?}");
    for reference in ["1.0".to_owned(), digest.to_string()] {
        let gone = rig
            .alice(Method::GET, &format!("/v2/apps/web/manifests/{reference}"))
            .send()
            .await;
        assert_eq!(gone.status, StatusCode::NOT_FOUND, "{reference}");
    }
}

#[tokio::test]
async fn one_push_moves_many_tags() {
    let rig = Rig::with_alice().await;
    let (digest, bytes) = rig.push_image("apps/web", "1.0", b"layer").await;
    let tags: Vec<_> = (0..12).map(|number| format!("t{number:02}")).collect();
    let path = format!("/v2/apps/web/manifests/{digest}?tag={}", tags.join("&tag="));
    let pushed = rig
        .alice(Method::PUT, &path)
        .header("content-type", IMAGE)
        .body(bytes.clone())
        .send()
        .await;
    assert_eq!(pushed.status, StatusCode::CREATED, "{pushed:?}");
    let told: Vec<_> = pushed
        .headers
        .get_all("oci-tag")
        .iter()
        .map(|tag| tag.to_str().expect("text"))
        .collect();
    assert_eq!(told, tags);
    assert_eq!(
        pushed.header("location"),
        format!("/v2/apps/web/manifests/{digest}")
    );
    let listed = rig
        .alice(Method::GET, "/v2/apps/web/tags/list?n=5")
        .send()
        .await;
    assert_eq!(
        listed.json(),
        json!({"name": "apps/web", "tags": ["1.0", "t00", "t01", "t02", "t03"]})
    );
    assert_eq!(
        listed.header("link"),
        "</v2/apps/web/tags/list?n=5&last=t03>; rel=\"next\""
    );
    let mut seen = Vec::new();
    let mut next = "/v2/apps/web/tags/list?n=5".to_owned();
    while !next.is_empty() {
        let page = rig.alice(Method::GET, &next).send().await;
        seen.extend(
            page.json()["tags"]
                .as_array()
                .expect("tags")
                .iter()
                .map(|tag| tag.as_str().expect("text").to_owned()),
        );
        next = page
            .header("link")
            .trim_start_matches('<')
            .split('>')
            .next()
            .unwrap_or("")
            .to_owned();
    }
    assert_eq!(seen.len(), 13);
    assert!(seen.is_sorted());
    let nothing = rig
        .alice(Method::GET, "/v2/apps/web/tags/list?n=0")
        .send()
        .await;
    assert_eq!(
        (nothing.json()["tags"].clone(), nothing.header("link")),
        (json!([]), "")
    );
    let too_many = format!("/v2/apps/web/manifests/{digest}?{}", "tag=x&".repeat(101));
    assert_eq!(
        rig.alice(Method::PUT, &too_many)
            .body(bytes)
            .send()
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn manifests_up_to_the_cap_are_taken() {
    let rig = Rig::with_alice().await;
    let config = rig.push_blob("apps/web", b"{}").await;
    let annotations: serde_json::Map<_, _> = (0..390)
        .map(|number| (format!("k{number}"), json!("x".repeat(10_000))))
        .collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "annotations": annotations, "layers": [],
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2},
    });
    let large = manifest.to_string();
    assert!(large.len() > 3_900_000);
    let taken = rig
        .alice(Method::PUT, "/v2/apps/web/manifests/large")
        .header("content-type", IMAGE)
        .body(large.clone())
        .send()
        .await;
    assert_eq!(taken.status, StatusCode::CREATED, "{taken:?}");
    let back = rig
        .alice(Method::GET, "/v2/apps/web/manifests/large")
        .send()
        .await;
    assert!(back.body == large.as_bytes());
    let refused = rig
        .alice(Method::PUT, "/v2/apps/web/manifests/huge")
        .body(vec![b' '; 4 * 1024 * 1024 + 1])
        .send()
        .await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    let missing = Digest::sha256(b"missing");
    let refers = large.replace(&config.to_string(), &missing.to_string());
    let refused = rig
        .alice(Method::PUT, "/v2/apps/web/manifests/x")
        .header("content-type", IMAGE)
        .body(refers)
        .send()
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN")
    );
}

#[tokio::test]
async fn blobs_come_back_whole_or_in_part() {
    let rig = Rig::with_alice().await;
    let bytes: Vec<u8> = (0..2000_u32)
        .map(|number| u8::try_from(number % 251).expect("small"))
        .collect();
    let digest = rig.push_blob("apps/web", &bytes).await;
    let path = format!("/v2/apps/web/blobs/{digest}");
    let head = rig.alice(Method::HEAD, &path).send().await;
    assert_eq!(
        (head.header("content-length"), head.body.len()),
        ("2000", 0)
    );
    assert_eq!(head.header("accept-ranges"), "bytes");
    let part = |range: &'static str| rig.alice(Method::GET, &path).header("range", range).send();
    for (range, first, last) in [
        ("bytes=500-1499", 500, 1499),
        ("bytes=500-", 500, 1999),
        ("bytes=-500", 1500, 1999),
        ("bytes=1000-5000", 1000, 1999),
    ] {
        let answer = part(range).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(
            answer.header("content-range"),
            format!("bytes {first}-{last}/2000"),
            "{range}"
        );
        assert_eq!(
            answer.header("content-length"),
            (last - first + 1).to_string(),
            "{range}"
        );
        assert_eq!(answer.body, bytes[first..=last], "{range}");
        assert_eq!(answer.header("docker-content-digest"), digest.to_string());
    }
    for range in ["bytes=500-0", "bytes=5000-10000"] {
        let answer = part(range).await;
        assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!(answer.header("content-range"), "bytes */2000", "{range}");
    }
    let several = part("bytes=0-1,5-6").await;
    assert_eq!((several.status, several.body.len()), (StatusCode::OK, 2000));
    let known = rig
        .alice(Method::GET, &path)
        .header("if-none-match", &format!("\"{digest}\""))
        .send()
        .await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);
    assert_eq!(
        rig.alice(Method::DELETE, &path).send().await.status,
        StatusCode::ACCEPTED
    );
    assert_eq!(
        rig.alice(Method::GET, &path).send().await.code(),
        "BLOB_UNKNOWN"
    );
}

#[tokio::test]
async fn a_blob_in_use_is_not_deleted() {
    let rig = Rig::with_alice().await;
    rig.push_image("apps/web", "1.0", b"layer").await;
    let path = format!("/v2/apps/web/blobs/{}", Digest::sha256(b"layer"));
    let answer = rig.alice(Method::DELETE, &path).send().await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED")
    );
    assert_eq!(
        rig.alice(Method::GET, &path).send().await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn referrers_are_always_an_index() {
    let rig = Rig::with_alice().await;
    let (subject, bytes) = rig.push_image("apps/web", "1.0", b"layer").await;
    let config = Digest::sha256(b"{}");
    for kind in ["application/x+one", "application/x+two"] {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": IMAGE, "artifactType": kind, "layers": [], "annotations": {"k": kind},
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2},
            "subject": {"mediaType": IMAGE, "digest": subject, "size": bytes.len()},
        });
        let digest = Digest::sha256(manifest.to_string().as_bytes());
        let path = format!("/v2/apps/web/manifests/{digest}");
        let pushed = rig
            .alice(Method::PUT, &path)
            .header("content-type", IMAGE)
            .body(manifest.to_string())
            .send()
            .await;
        assert_eq!(pushed.status, StatusCode::CREATED, "{pushed:?}");
        assert_eq!(pushed.header("oci-subject"), subject.to_string());
    }
    let path = format!("/v2/apps/web/referrers/{subject}");
    let all = rig.alice(Method::GET, &path).send().await;
    assert_eq!(
        all.header("content-type"),
        "application/vnd.oci.image.index.v1+json"
    );
    assert_eq!(all.json()["manifests"].as_array().map(Vec::len), Some(2));
    assert_eq!(all.header("oci-filters-applied"), "");
    // The plus sign as clients send it: encoded or not.
    for filter in ["application/x%2Bone", "application/x+one"] {
        let one = rig
            .alice(Method::GET, &format!("{path}?artifactType={filter}"))
            .send()
            .await;
        let found = one.json()["manifests"].clone();
        assert_eq!(found.as_array().map(Vec::len), Some(1), "{filter}");
        assert_eq!(found[0]["artifactType"], "application/x+one");
        assert_eq!(found[0]["annotations"], json!({"k": "application/x+one"}));
        assert_eq!(one.header("oci-filters-applied"), "artifactType");
    }
    let page = rig.alice(Method::GET, &format!("{path}?n=1")).send().await;
    let next = page
        .header("link")
        .trim_start_matches('<')
        .split('>')
        .next()
        .expect("a link")
        .to_owned();
    let second = rig.alice(Method::GET, &next).send().await;
    assert_eq!(second.header("link"), "");
    assert_ne!(
        page.json()["manifests"][0]["digest"],
        second.json()["manifests"][0]["digest"]
    );
    let nobody = rig
        .alice(
            Method::GET,
            &format!("/v2/apps/web/referrers/{}", Digest::sha256(b"x")),
        )
        .send()
        .await;
    assert_eq!(
        (nobody.status, nobody.json()["manifests"].clone()),
        (StatusCode::OK, json!([]))
    );
    let bad = rig
        .alice(Method::GET, "/v2/apps/web/referrers/sha256:x")
        .send()
        .await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn methods_that_are_not_there_say_which_are() {
    let rig = Rig::with_alice().await;
    for shape in refloat_registry::SHAPES {
        let path = crate::access::path_of(shape.pattern, "apps/web");
        let answer = rig.alice(Method::OPTIONS, &path).send().await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.header("allow"), shape.allow(), "{path}");
        assert_eq!(answer.code(), "UNSUPPORTED");
    }
}
