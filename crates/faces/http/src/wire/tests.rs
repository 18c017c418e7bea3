use super::*;
use http_body_util::BodyExt as _;
use refloat_oci::{Digest, RepositoryName};

fn repository() -> RepositoryName {
    "apps/web".parse().expect("a name")
}

/// Every rejection with what `/v2` and `/api` answer. The match below makes the compiler ask for new ones.
fn table() -> Vec<(Rejection, u16, &'static str, u16)> {
    let text = String::new;
    let unknown = Rejection::ManifestReferencesUnknown {
        repository: repository(),
        missing: vec![Digest::sha256(b"")],
    };
    let manifest = Rejection::ManifestUnknown {
        repository: text(),
        reference: text(),
    };
    let blob = Rejection::BlobUnknown {
        repository: text(),
        digest: text(),
    };
    vec![
        (Rejection::Unauthenticated, 401, "UNAUTHORIZED", 401),
        (Rejection::Denied(text()), 403, "DENIED", 403),
        (
            Rejection::RepositoryUnknown(text()),
            404,
            "NAME_UNKNOWN",
            404,
        ),
        (manifest, 404, "MANIFEST_UNKNOWN", 404),
        (blob, 404, "BLOB_UNKNOWN", 404),
        (unknown, 404, "MANIFEST_BLOB_UNKNOWN", 404),
        (
            Rejection::ManifestInvalid(text()),
            400,
            "MANIFEST_INVALID",
            400,
        ),
        (Rejection::NameInvalid(text()), 400, "NAME_INVALID", 400),
        (Rejection::DigestInvalid(text()), 400, "DIGEST_INVALID", 400),
        (Rejection::SizeInvalid(text()), 400, "SIZE_INVALID", 400),
        (
            Rejection::UploadUnknown(text()),
            404,
            "BLOB_UPLOAD_UNKNOWN",
            404,
        ),
        (
            Rejection::UploadInvalid(text()),
            400,
            "BLOB_UPLOAD_INVALID",
            400,
        ),
        (
            Rejection::RangeInvalid {
                reason: text(),
                length: 7,
            },
            416,
            "BLOB_UPLOAD_INVALID",
            416,
        ),
        (
            Rejection::TooLarge {
                what: "manifest",
                limit_bytes: 4,
            },
            413,
            "SIZE_INVALID",
            413,
        ),
        (Rejection::InUse(text()), 405, "UNSUPPORTED", 409),
        (Rejection::Immutable(text()), 403, "DENIED", 409),
        (Rejection::Conflict(text()), 409, "CONFLICT", 409),
        (
            Rejection::NotFound {
                kind: "user",
                name: text(),
            },
            404,
            "NAME_UNKNOWN",
            404,
        ),
        (Rejection::Invalid(text()), 400, "INVALID", 400),
        (Rejection::Unsupported(text()), 405, "UNSUPPORTED", 400),
        (Rejection::TooMany(text()), 429, "TOOMANYREQUESTS", 429),
    ]
}

async fn body(response: Response) -> Value {
    let declared: usize = response.headers()[CONTENT_LENGTH]
        .to_str()
        .expect("text")
        .parse()
        .expect("a number");
    let bytes = response
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    assert_eq!(bytes.len(), declared);
    serde_json::from_slice(&bytes).expect("JSON")
}

#[tokio::test]
async fn every_rejection_has_its_answers() {
    for (rejection, status, code, api) in table() {
        let error = FlowError::Rejected(rejection.clone());
        let response = registry_error(&error, Some("Bearer realm=\"x\""));
        assert_eq!(response.status().as_u16(), status, "{rejection:?}");
        assert_eq!(
            response.headers().contains_key(WWW_AUTHENTICATE),
            status == 401,
            "{rejection:?}"
        );
        assert_eq!(
            response.headers().contains_key(RETRY_AFTER),
            status == 429,
            "{rejection:?}"
        );
        assert_eq!(
            response.headers().contains_key(CONTENT_RANGE),
            status == 416,
            "{rejection:?}"
        );
        let answered = body(response).await;
        assert_eq!(answered["errors"][0]["code"], code, "{rejection:?}");
        assert_eq!(answered["errors"][0]["message"], rejection.to_string());
        let response = api_error(&error);
        assert_eq!(response.status().as_u16(), api, "{rejection:?}");
        assert_eq!(body(response).await["error"]["code"], rejection.code());
    }
}

#[test]
fn the_table_has_every_rejection() {
    let codes: std::collections::BTreeSet<_> = table().iter().map(|row| row.0.code()).collect();
    assert_eq!(codes.len(), table().len(), "each row is another rejection");
    assert_eq!(codes.len(), 21, "a new rejection needs its row here");
}

#[tokio::test]
async fn failures_do_not_tell_their_text() {
    let secret = "/var/lib/secret-path";
    let cases = [
        (Failure::Transient(secret.into()), 503, true),
        (Failure::Full(secret.into()), 507, false),
        (Failure::Damaged(secret.into()), 503, true),
        (Failure::Terminal(secret.into()), 500, false),
    ];
    for (failure, status, retry) in cases {
        let error = FlowError::Failed(failure);
        for response in [registry_error(&error, None), api_error(&error)] {
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers().contains_key(RETRY_AFTER), retry);
            assert!(!body(response).await.to_string().contains(secret));
        }
    }
}
