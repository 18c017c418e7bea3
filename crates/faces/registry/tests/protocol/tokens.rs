//! Signing in: passwords, robots, bearer and refresh tokens, and what ends them.

use crate::support::Rig;
use http::{Method, StatusCode};

const WEB: &str = "/v2/apps/web/manifests/1.0";

async fn status(rig: &Rig, token: &str, path: &str) -> StatusCode {
    rig.ask(Method::GET, path).bearer(token).send().await.status
}

#[tokio::test]
async fn a_client_asks_is_challenged_and_gets_in() {
    let rig = Rig::with_alice().await;
    rig.push_image("apps/web", "1.0", b"layer").await;
    let first = rig.ask(Method::GET, WEB).send().await;
    assert_eq!(
        (first.status, first.code().as_str()),
        (StatusCode::UNAUTHORIZED, "UNAUTHORIZED")
    );
    let challenge = "Bearer realm=\"https://registry.example.com/token\",service=\"registry.example.com\",scope=\"repository:apps/web:pull\"";
    assert_eq!(first.header("www-authenticate"), challenge);
    let token = rig
        .token("alice", "alice's password", "repository:apps/web:pull")
        .await;
    assert_eq!(status(&rig, &token, WEB).await, StatusCode::OK);
    assert_eq!(status(&rig, &token, "/v2/").await, StatusCode::OK);
    // What was not asked for is not opened, and the client is told what to ask for.
    let push = rig
        .ask(Method::POST, "/v2/apps/web/blobs/uploads/")
        .bearer(&token)
        .send()
        .await;
    assert_eq!(push.status, StatusCode::UNAUTHORIZED);
    let wanted = push.header("www-authenticate");
    assert!(
        wanted.contains("scope=\"repository:apps/web:pull,push\",error=\"insufficient_scope\""),
        "{wanted}"
    );
    assert_eq!(
        status(&rig, &token, "/v2/_catalog").await,
        StatusCode::UNAUTHORIZED
    );
    let wider = rig
        .token(
            "alice",
            "alice's password",
            "repository:apps/web:pull,push&scope=registry:catalog:*",
        )
        .await;
    let push = rig
        .ask(Method::POST, "/v2/apps/web/blobs/uploads/")
        .bearer(&wider)
        .send()
        .await;
    assert_eq!(push.status, StatusCode::ACCEPTED);
    assert_eq!(status(&rig, &wider, "/v2/_catalog").await, StatusCode::OK);
}

#[tokio::test]
async fn a_token_grants_nothing() {
    let rig = Rig::with_alice().await;
    rig.user("bob", "bob's password").await;
    rig.push_image("apps/web", "1.0", b"layer").await;
    let token = rig
        .token(
            "bob",
            "bob's password",
            "repository:apps/web:pull,push,delete,*",
        )
        .await;
    assert_eq!(
        status(&rig, &token, WEB).await,
        StatusCode::NOT_FOUND,
        "asked for, and not allowed"
    );
    rig.grant("bob", "pull", "apps/web").await;
    assert_eq!(status(&rig, &token, WEB).await, StatusCode::OK);
    let push = rig
        .ask(Method::POST, "/v2/apps/web/blobs/uploads/")
        .bearer(&token)
        .send()
        .await;
    assert_eq!(push.status, StatusCode::FORBIDDEN);
    rig.revoke("bob", "pull", "apps/web").await;
    assert_eq!(
        status(&rig, &token, WEB).await,
        StatusCode::NOT_FOUND,
        "at once"
    );
}

#[tokio::test]
async fn wrong_credentials_are_never_anonymous() {
    let rig = Rig::with_alice().await;
    rig.grant("anonymous", "pull", "apps/web").await;
    rig.push_image("apps/web", "1.0", b"layer").await;
    assert_eq!(
        rig.ask(Method::GET, WEB).send().await.status,
        StatusCode::OK
    );
    let mut told = Vec::new();
    for (name, password) in [
        ("alice", "wrong"),
        ("nobody", "alice's password"),
        ("", ""),
        ("alice", ""),
    ] {
        for path in [WEB, "/v2/", "/token?service=registry.example.com"] {
            let answer = rig
                .ask(Method::GET, path)
                .basic(name, password)
                .send()
                .await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name} {path}");
            told.push((path, answer.told()));
        }
    }
    for (path, answer) in &told {
        let same = told
            .iter()
            .filter(|(other, _)| other == path)
            .all(|(_, other)| other == answer);
        assert!(same, "who exists is not told: {path}");
    }
    for token in ["", "x", "a.b.c", "rft_unknown"] {
        assert_eq!(
            status(&rig, token, WEB).await,
            StatusCode::UNAUTHORIZED,
            "{token}"
        );
    }
}

#[tokio::test]
async fn robots_sign_in_with_their_token() {
    let rig = Rig::with_alice().await;
    rig.push_image("apps/web", "1.0", b"layer").await;
    let secret = rig.robot("ci").await;
    rig.grant("ci", "pull", "apps/**").await;
    let rig = &rig;
    let basic = |name: &'static str, secret: String| async move {
        rig.ask(Method::GET, WEB)
            .basic(name, &secret)
            .send()
            .await
            .status
    };
    assert_eq!(basic("ci", secret.clone()).await, StatusCode::OK);
    assert_eq!(
        basic("alice", secret.clone()).await,
        StatusCode::UNAUTHORIZED,
        "a token is its own account's"
    );
    assert_eq!(
        status(rig, &secret, WEB).await,
        StatusCode::OK,
        "as a bearer token too"
    );
    let bearer = rig.token("ci", &secret, "repository:apps/web:pull").await;
    assert_eq!(status(rig, &bearer, WEB).await, StatusCode::OK);
    rig.revoke_tokens().await;
    assert_eq!(basic("ci", secret.clone()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(rig, &secret, WEB).await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        status(rig, &bearer, WEB).await,
        StatusCode::UNAUTHORIZED,
        "made with the revoked one"
    );
}

#[tokio::test]
async fn a_narrow_token_stays_narrow() {
    let rig = Rig::with_alice().await;
    rig.push_image("apps/web", "1.0", b"layer").await;
    rig.push_image("apps/other", "1.0", b"layer").await;
    let robot = rig.account("robot", "ci", None).await;
    rig.grant("ci", "pull,push", "apps/**").await;
    let secret = rig
        .long_token(
            &robot,
            Some("[{\"pattern\":\"apps/web\",\"actions\":\"pull\"}]"),
        )
        .await;
    let bearer = rig
        .token(
            "ci",
            &secret,
            "repository:apps/web:pull,push&scope=repository:apps/other:pull",
        )
        .await;
    for other in ["/v2/apps/other/manifests/1.0"] {
        assert_eq!(
            rig.ask(Method::GET, other)
                .basic("ci", &secret)
                .send()
                .await
                .status,
            StatusCode::NOT_FOUND
        );
        assert_eq!(status(&rig, &bearer, other).await, StatusCode::NOT_FOUND);
    }
    assert_eq!(status(&rig, &bearer, WEB).await, StatusCode::OK);
    let push = rig
        .ask(Method::POST, "/v2/apps/web/blobs/uploads/")
        .bearer(&bearer)
        .send()
        .await;
    assert_eq!(push.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_deleted_account_and_an_old_password_open_nothing() {
    let rig = Rig::with_alice().await;
    rig.push_image("apps/web", "1.0", b"layer").await;
    rig.user("bob", "bob's password").await;
    rig.grant("bob", "pull", "apps/**").await;
    let basic = |password: &'static str| async {
        rig.ask(Method::GET, WEB)
            .basic("bob", password)
            .send()
            .await
            .status
    };
    let token = rig
        .token("bob", "bob's password", "repository:apps/web:pull")
        .await;
    assert_eq!(
        (
            basic("bob's password").await,
            status(&rig, &token, WEB).await
        ),
        (StatusCode::OK, StatusCode::OK)
    );
    rig.set_password("bob", "another password").await;
    assert_eq!(basic("bob's password").await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        status(&rig, &token, WEB).await,
        StatusCode::UNAUTHORIZED,
        "made with the old password"
    );
    let token = rig
        .token("bob", "another password", "repository:apps/web:pull")
        .await;
    assert_eq!(
        (
            basic("another password").await,
            status(&rig, &token, WEB).await
        ),
        (StatusCode::OK, StatusCode::OK)
    );
    rig.delete_account("bob").await;
    assert_eq!(basic("another password").await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&rig, &token, WEB).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_form_of_oauth_is_spoken() {
    let rig = Rig::with_alice().await;
    rig.push_image("apps/web", "1.0", b"layer").await;
    let post = |form: String| {
        let kind = "application/x-www-form-urlencoded";
        rig.ask(Method::POST, "/token")
            .header("content-type", kind)
            .body(form)
            .send()
    };
    let common = "service=registry.example.com&client_id=test&scope=repository%3Aapps%2Fweb%3Apull";
    let form = format!(
        "grant_type=password&username=alice&password=alice%27s+password&access_type=offline&{common}"
    );
    let answer = post(form).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let answer = answer.json();
    assert_eq!(
        (&answer["token"], &answer["expires_in"]),
        (&answer["access_token"], &serde_json::json!(300))
    );
    assert_eq!(
        status(&rig, answer["access_token"].as_str().expect("a token"), WEB).await,
        StatusCode::OK
    );
    let refresh = answer["refresh_token"]
        .as_str()
        .expect("a refresh token")
        .to_owned();
    let again = post(format!(
        "grant_type=refresh_token&refresh_token={refresh}&{common}"
    ))
    .await;
    let token = again.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    assert_eq!(status(&rig, &token, WEB).await, StatusCode::OK);
    // A refresh token opens the token service only.
    assert_eq!(status(&rig, &refresh, WEB).await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        rig.ask(Method::GET, WEB)
            .basic("alice", &refresh)
            .send()
            .await
            .status,
        StatusCode::UNAUTHORIZED
    );
    rig.revoke_tokens().await;
    assert_eq!(status(&rig, &token, WEB).await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        post(format!(
            "grant_type=refresh_token&refresh_token={refresh}&{common}"
        ))
        .await
        .status,
        StatusCode::UNAUTHORIZED
    );
    for (form, expected) in [
        (
            "grant_type=password&username=alice&password=wrong",
            StatusCode::UNAUTHORIZED,
        ),
        (
            "grant_type=authorization_code",
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        ("username=alice", StatusCode::BAD_REQUEST),
        (
            "grant_type=password&username=alice&password=alice%27s+password&service=other",
            StatusCode::BAD_REQUEST,
        ),
    ] {
        assert_eq!(post(form.to_owned()).await.status, expected, "{form}");
    }
    assert_eq!(
        post("x".repeat(20_000)).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn a_bearer_token_makes_no_other() {
    let rig = Rig::with_alice().await;
    let token = rig
        .token("alice", "alice's password", "repository:apps/web:pull")
        .await;
    let answer = rig
        .ask(Method::GET, "/token?scope=repository:apps/web:pull")
        .bearer(&token)
        .send()
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.header("www-authenticate").starts_with("Basic "));
}

#[tokio::test]
async fn wrong_tries_run_out_per_address() {
    let rig = Rig::with_alice().await;
    let attacker = [203, 0, 113, 7];
    let mut last = StatusCode::UNAUTHORIZED;
    for _ in 0..60 {
        let answer = rig
            .ask(Method::GET, "/v2/")
            .basic("alice", "guess")
            .from(attacker)
            .send()
            .await;
        last = answer.status;
        if last == StatusCode::TOO_MANY_REQUESTS {
            assert_ne!(answer.header("retry-after"), "");
            break;
        }
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        rig.alice(Method::GET, "/v2/").send().await.status,
        StatusCode::OK,
        "others are not concerned"
    );
    let known = rig.alice(Method::GET, "/v2/").from(attacker).send().await;
    assert_eq!(
        known.status,
        StatusCode::OK,
        "nor who was verified a moment ago"
    );
}
