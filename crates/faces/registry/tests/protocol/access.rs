//! Who is answered what, over every route: the matrix is made from the face's own table.

use crate::support::{Answer, Rig};
use http::{Method, StatusCode};
use refloat_oci::Digest;
use refloat_registry::{Need, SHAPES};

/// A path of this shape in `repository`, with parts that exist nowhere.
pub fn path_of(pattern: &str, repository: &str) -> String {
    pattern
        .replace("{name}", repository)
        .replace("{reference}", "absent")
        .replace("{digest}", &Digest::sha256(b"absent").to_string())
        .replace("{id}", "upl_01hv3c4rsqcd4x2m6m0k2zr4fp")
}

/// What the answer tells, but for the repository's name.
fn told(answer: &Answer, repository: &str) -> String {
    format!("{:?}", answer.told()).replace(repository, "NAME")
}

#[tokio::test]
async fn absent_and_forbidden_are_the_same_answer() {
    let rig = Rig::with_alice().await;
    rig.user("bob", "bob's password").await;
    rig.push_image("apps/secret", "1.0", b"layer").await;
    for shape in SHAPES {
        for (method, need) in shape.methods {
            if need.action().is_none() {
                continue;
            }
            let ask = |repository: &'static str, who: &'static str| {
                let ask = rig.ask(method.clone(), &path_of(shape.pattern, repository));
                let ask = if who.is_empty() {
                    ask
                } else {
                    ask.basic(who, "bob's password")
                };
                async move { told(&ask.send().await, repository) }
            };
            for who in ["", "bob"] {
                let forbidden = ask("apps/secret", who).await;
                assert_eq!(
                    forbidden,
                    ask("apps/absent", who).await,
                    "{method} {} {who}",
                    shape.pattern
                );
                // A manifest without bytes is told so wherever it goes.
                let expected = match (who, method == Method::PUT) {
                    ("", _) => "(401",
                    (_, true) => "(40",
                    (_, false) => "(404",
                };
                assert!(
                    forbidden.starts_with(expected),
                    "{method} {} {who}: {forbidden}",
                    shape.pattern
                );
            }
        }
    }
}

#[tokio::test]
async fn what_exists_is_hidden_from_who_may_not_pull() {
    let rig = Rig::with_alice().await;
    rig.user("bob", "bob's password").await;
    rig.grant("bob", "pull,push", "bobs/**").await;
    let (digest, _) = rig.push_image("apps/secret", "1.0", b"layer").await;
    let layer = Digest::sha256(b"layer");
    let paths = [
        "/v2/apps/secret/manifests/1.0".to_owned(),
        format!("/v2/apps/secret/manifests/{digest}"),
        format!("/v2/apps/secret/blobs/{layer}"),
        format!("/v2/bobs/own/blobs/{layer}"),
        "/v2/apps/secret/tags/list".to_owned(),
        format!("/v2/apps/secret/referrers/{digest}"),
    ];
    for path in paths {
        let answer = rig
            .ask(Method::GET, &path)
            .basic("bob", "bob's password")
            .send()
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let mount = format!("/v2/bobs/own/blobs/uploads/?mount={layer}&from=apps/secret");
    let mounted = rig
        .ask(Method::POST, &mount)
        .basic("bob", "bob's password")
        .send()
        .await;
    assert_eq!(
        mounted.status,
        StatusCode::ACCEPTED,
        "an upload, as if the blob were nowhere"
    );
    let catalog = rig
        .ask(Method::GET, "/v2/_catalog")
        .basic("bob", "bob's password")
        .send()
        .await;
    assert!(
        !catalog.json().to_string().contains("apps/secret"),
        "{catalog:?}"
    );
    let own = rig.alice(Method::GET, "/v2/_catalog").send().await;
    assert_eq!(
        own.json()["repositories"],
        serde_json::json!(["apps/secret"])
    );
}

#[tokio::test]
async fn who_may_pull_is_told_what_is_missing() {
    let rig = Rig::with_alice().await;
    rig.user("bob", "bob's password").await;
    rig.grant("bob", "pull", "apps/**").await;
    rig.push_image("apps/web", "1.0", b"layer").await;
    for shape in SHAPES {
        for (method, need) in shape.methods {
            if !matches!(need, Need::Push | Need::Delete) {
                continue;
            }
            let answer = rig
                .ask(method.clone(), &path_of(shape.pattern, "apps/web"))
                .basic("bob", "bob's password")
                .send()
                .await;
            // An upload that is not there, a manifest without bytes or a wrong digest may be said first: none of them is bob's to do.
            assert!(
                answer.status.is_client_error(),
                "{method} {}: {answer:?}",
                shape.pattern
            );
            assert_ne!(
                answer.status,
                StatusCode::UNAUTHORIZED,
                "{method} {}",
                shape.pattern
            );
        }
    }
    let begin = rig
        .ask(Method::POST, "/v2/apps/web/blobs/uploads/")
        .basic("bob", "bob's password")
        .send()
        .await;
    assert_eq!(
        (begin.status, begin.code().as_str()),
        (StatusCode::FORBIDDEN, "DENIED")
    );
}

#[tokio::test]
async fn what_everybody_may_pull_needs_no_account() {
    let rig = Rig::with_alice().await;
    rig.grant("anonymous", "pull", "apps/open").await;
    let (_, bytes) = rig.push_image("apps/open", "1.0", b"layer").await;
    rig.push_image("apps/closed", "1.0", b"layer").await;
    let open = rig
        .ask(Method::GET, "/v2/apps/open/manifests/1.0")
        .send()
        .await;
    assert_eq!((open.status, open.body), (StatusCode::OK, bytes));
    let push = rig
        .ask(Method::POST, "/v2/apps/open/blobs/uploads/")
        .send()
        .await;
    assert_eq!(push.status, StatusCode::UNAUTHORIZED);
    let closed = rig
        .ask(Method::GET, "/v2/apps/closed/manifests/1.0")
        .send()
        .await;
    assert_eq!(closed.status, StatusCode::UNAUTHORIZED);
    let base = rig.ask(Method::GET, "/v2/").send().await;
    assert_eq!(base.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        base.header("www-authenticate"),
        "Bearer realm=\"https://registry.example.com/token\",service=\"registry.example.com\""
    );
    let token = rig.ask(Method::GET, "/token?service=registry.example.com&scope=repository:apps/open:pull&scope=registry:catalog:*").send().await;
    let token = token.json()["token"]
        .as_str()
        .expect("a token for nobody")
        .to_owned();
    assert_eq!(
        rig.ask(Method::GET, "/v2/")
            .bearer(&token)
            .send()
            .await
            .status,
        StatusCode::OK
    );
    assert_eq!(
        rig.ask(Method::GET, "/v2/apps/open/manifests/1.0")
            .bearer(&token)
            .send()
            .await
            .status,
        StatusCode::OK
    );
    let catalog = rig
        .ask(Method::GET, "/v2/_catalog")
        .bearer(&token)
        .send()
        .await;
    assert_eq!(
        catalog.json()["repositories"],
        serde_json::json!(["apps/open"])
    );
    rig.revoke("anonymous", "pull", "apps/open").await;
    assert_eq!(
        rig.ask(Method::GET, "/v2/apps/open/manifests/1.0")
            .bearer(&token)
            .send()
            .await
            .status,
        StatusCode::UNAUTHORIZED
    );
}

/// Links come from the configured URL, whatever `Host` a client sends.
#[tokio::test]
async fn the_host_of_a_request_changes_nothing() {
    let rig = Rig::with_alice().await;
    let ask = |host: &'static str| {
        rig.ask(Method::GET, "/v2/apps/web/tags/list")
            .header("host", host)
            .header("x-forwarded-host", host)
            .send()
    };
    let (one, other) = (
        ask("registry.example.com").await,
        ask("attacker.example.com").await,
    );
    assert_eq!(one.told(), other.told());
    let begun = rig
        .alice(Method::POST, "/v2/apps/web/blobs/uploads/")
        .header("host", "attacker.example.com")
        .send()
        .await;
    assert!(begun.header("location").starts_with("/v2/apps/web/"));
}
