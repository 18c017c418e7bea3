use anyhow::{Context, Result, ensure};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use refloat_tests::client::Client;
use refloat_tests::http::Body;
use refloat_tests::probe::{ask_with, push_image};
use refloat_tests::site::{Site, Wire};
use serde_json::{Value, json};

use crate::scene::{ALL, Scene, status};

/// A key of the attacker's choice.
const KEY: &[u8] = b"a key that the attacker has chosen";

/// Only tokens that this server signed, for itself, still valid and unaltered, open anything (distribution
/// CVE-2025-24976).
#[test]
fn class_07_forged_tokens() -> Result<()> {
    let scene = Scene::new()?;
    let (mut alice, _) = scene.clients()?;
    push_image(&mut alice, "alice/boat", "1", 1)?;
    let genuine = scene
        .site
        .bearer(Some(&scene.alice), "repository:alice/boat:pull,push")?;
    let mut client = scene.site.anonymous()?;
    status(&read(&mut client, &genuine)?, 200, "the genuine token")?;

    let [header, claims, signature] = parts(&genuine)?;
    for (what, token) in forgeries(
        &decoded(&header)?,
        &decoded(&claims)?,
        &signature,
        [&header, &claims],
    ) {
        let answer = read(&mut client, &token)?;
        ensure!(
            (400..=401).contains(&answer.status),
            "{what}: {} {}",
            answer.status,
            answer.text()
        );
    }
    status(
        &read(&mut client, &genuine)?,
        200,
        "the genuine token, still",
    )
}

/// Every forged token and what is wrong with it.
fn forgeries(
    header: &Value,
    claims: &Value,
    signature: &str,
    written: [&str; 2],
) -> Vec<(String, String)> {
    let mut forged = Vec::new();
    let mut add = |what: &str, token: String| forged.push((what.to_owned(), token));
    for algorithm in ["none", "None", "NONE", ""] {
        let header = encoded(&with(header, "alg", json!(algorithm)));
        add(
            "alg none without a signature",
            format!("{header}.{}.", written[1]),
        );
        add(
            "alg none with the old signature",
            format!("{header}.{}.{signature}", written[1]),
        );
    }
    for algorithm in ["HS256", "HS384", "HS512", "RS256", "ES256", "EdDSA"] {
        let header = with(header, "alg", json!(algorithm));
        add(
            &format!("{algorithm} by another key"),
            signed(&header, claims),
        );
    }
    let symmetric = json!({ "kty": "oct", "k": BASE64.encode(KEY), "alg": "HS256" });
    for (field, value) in [
        ("jwk", symmetric),
        ("jku", json!("http://127.0.0.1:1/keys")),
        ("x5u", json!("http://127.0.0.1:1/chain")),
        ("x5c", json!([BASE64.encode(KEY)])),
        ("kid", json!("another")),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("' union select 'x' --")),
        ("crit", json!(["exp"])),
    ] {
        let header = with(header, field, value);
        add(
            &format!("{field} of the attacker's"),
            signed(&header, claims),
        );
        add(
            &format!("{field} added to a signed token"),
            format!("{}.{}.{signature}", encoded(&header), written[1]),
        );
    }
    for (field, value) in [
        ("sub", json!("admin")),
        ("aud", json!("another")),
        ("iss", json!("another")),
        ("exp", json!(4_102_444_800_u64)),
        ("exp", json!(1)),
        ("nbf", json!(0)),
        (
            "access",
            json!([{ "type": "repository", "name": "alice/boat", "actions": ["*"] }]),
        ),
        ("administrator", json!(true)),
    ] {
        let claims = with(claims, field, value);
        add(
            &format!("{field} altered"),
            format!("{}.{}.{signature}", written[0], encoded(&claims)),
        );
        add(
            &format!("{field} altered and signed anew"),
            signed(header, &claims),
        );
    }
    add("no signature", format!("{}.{}.", written[0], written[1]));
    add(
        "half a signature",
        format!(
            "{}.{}.{}",
            written[0],
            written[1],
            &signature[..signature.len() / 2]
        ),
    );
    add("two parts", written.join("."));
    add(
        "four parts",
        format!("{}.{}.{signature}.{signature}", written[0], written[1]),
    );
    add("nothing", String::new());
    forged
}

/// A token of another server is signed well, by somebody else.
#[test]
fn class_07_tokens_of_another_server() -> Result<()> {
    let scene = Scene::new()?;
    let (mut alice, _) = scene.clients()?;
    push_image(&mut alice, "alice/boat", "1", 1)?;
    let other = Site::start(Wire::Http)?;
    let same_name = other.user("alice", &[(ALL, "alice/**")])?;
    let foreign = other.bearer(Some(&same_name), "repository:alice/boat:pull")?;
    let answer = read(&mut scene.site.anonymous()?, &foreign)?;
    status(&answer, 401, "a token of another server")
}

fn read(client: &mut Client, token: &str) -> Result<refloat_tests::http::Answer> {
    let authorization = format!("Bearer {token}");
    ask_with(
        client,
        "GET",
        "/v2/alice/boat/manifests/1",
        &[("Authorization", &authorization)],
        Body::Empty,
    )
}

fn parts(token: &str) -> Result<[String; 3]> {
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts
        .try_into()
        .ok()
        .context("the token has not three parts")
}

fn decoded(part: &str) -> Result<Value> {
    Ok(serde_json::from_slice(&BASE64.decode(part)?)?)
}

fn encoded(value: &Value) -> String {
    BASE64.encode(value.to_string())
}

fn with(value: &Value, field: &str, new: Value) -> Value {
    let mut value = value.clone();
    value[field] = new;
    value
}

/// The token, signed with the attacker's key.
fn signed(header: &Value, claims: &Value) -> String {
    let content = format!("{}.{}", encoded(header), encoded(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
    let signature = BASE64.encode(hmac::sign(&key, content.as_bytes()));
    format!("{content}.{signature}")
}
