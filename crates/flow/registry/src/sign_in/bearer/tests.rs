//! The attack class "keys chosen by the attacker": every token here is one that some registry once took.

use super::*;
use refloat_core::PrincipalKind;
use serde_json::{Value, json};

fn key() -> SigningKey {
    SigningKey {
        id: "key-1".to_owned(),
        bytes: Secret::new(vec![7; 32]),
    }
}

fn names() -> TokenNames {
    TokenNames {
        issuer: "https://registry.example.com".to_owned(),
        service: "registry.example.com".to_owned(),
    }
}

fn alice() -> Principal {
    let id = "usr_01hv3c4rsqcd4x2m6m0k2zr4fp".parse().expect("an id");
    Principal {
        id: Some(id),
        kind: PrincipalKind::User,
        name: "alice".to_owned(),
        administrator: false,
        scopes: None,
    }
}

fn header() -> Value {
    json!({"typ": "JWT", "alg": "HS256", "kid": "key-1"})
}

fn claims() -> Value {
    let now = now_seconds();
    json!({
        "iss": "https://registry.example.com", "aud": "registry.example.com", "sub": "usr_01hv3c4rsqcd4x2m6m0k2zr4fp",
        "iat": now, "nbf": now, "exp": now + 300, "jti": "x",
        "access": [{"type": "repository", "name": "apps/web", "actions": ["pull"]}],
    })
}

/// A token of any header and claims, signed by `secret`.
fn signed(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
    let signature = aws_lc_rs::hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

fn with(value: &Value, name: &str, changed: Value) -> Value {
    let mut value = value.clone();
    value[name] = changed;
    value
}

fn without(value: &Value, name: &str) -> Value {
    let mut value = value.clone();
    value.as_object_mut().expect("an object").remove(name);
    value
}

#[test]
fn an_issued_token_says_what_was_asked() {
    let bearers = Bearers::new(&key(), names());
    let asked = Asked::parse("repository:apps/web:pull,push registry:catalog:*");
    let issued = bearers
        .issue(&alice(), Some(Credential::Password("x".to_owned())), &asked)
        .expect("a token");
    let claims = bearers.open(issued.token.expose()).expect("our own token");
    assert_eq!(claims.asked(), asked);
    assert_eq!(claims.principal_id(), alice().id);
    assert_eq!(claims.exp, issued.issued_at_seconds + 300);
    let nobodys = bearers
        .issue(&Principal::anonymous(), None, &asked)
        .expect("a token");
    assert_eq!(
        bearers
            .open(nobodys.token.expose())
            .expect("our own token")
            .principal_id(),
        None
    );
}

#[test]
fn the_corpus_is_built_on_a_token_that_opens() {
    let bearers = Bearers::new(&key(), names());
    assert!(
        bearers
            .open(&signed(&header(), &claims(), &[7; 32]))
            .is_ok()
    );
}

#[test]
fn a_header_that_is_not_exactly_ours_opens_nothing() {
    let bearers = Bearers::new(&key(), names());
    let jwk =
        json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode([9; 32]), "alg": "HS256", "kid": "key-1"});
    let headers = [
        with(&header(), "alg", json!("none")),
        with(&header(), "alg", json!("None")),
        with(&header(), "alg", json!("HS384")),
        with(&header(), "alg", json!("HS512")),
        with(&header(), "alg", json!("RS256")),
        with(&header(), "alg", json!("ES256")),
        with(&header(), "alg", json!("EdDSA")),
        with(&header(), "alg", json!(null)),
        without(&header(), "alg"),
        with(&header(), "kid", json!("key-2")),
        with(&header(), "kid", json!("../../dev/null")),
        without(&header(), "kid"),
        without(&header(), "typ"),
        with(&header(), "jwk", jwk),
        with(&header(), "jku", json!("https://attacker.example.com/keys")),
        with(
            &header(),
            "x5u",
            json!("https://attacker.example.com/chain"),
        ),
        with(&header(), "x5c", json!(["MIIB"])),
        with(&header(), "x5t", json!("x")),
        with(&header(), "x5t#S256", json!("x")),
        with(&header(), "crit", json!(["b64"])),
        with(&header(), "b64", json!(false)),
        with(&header(), "zip", json!("DEF")),
        with(&header(), "enc", json!("A256GCM")),
        with(&header(), "extra", json!(1)),
        json!([]),
        json!("HS256"),
    ];
    for header in headers {
        // Signed with the right key, the attacker's, and an empty one: the header alone condemns it.
        for secret in [&[7; 32][..], &[9; 32], &[]] {
            assert_eq!(
                bearers.open(&signed(&header, &claims(), secret)),
                Err(NotOurs),
                "{header}"
            );
        }
    }
}

#[test]
fn claims_that_are_not_ours_open_nothing() {
    let bearers = Bearers::new(&key(), names());
    let now = now_seconds();
    let cases = [
        with(&claims(), "iss", json!("https://other.example.com")),
        with(
            &claims(),
            "iss",
            json!(["https://registry.example.com", "https://other.example.com"]),
        ),
        without(&claims(), "iss"),
        with(&claims(), "aud", json!("other.example.com")),
        with(
            &claims(),
            "aud",
            json!("registry.example.com.attacker.example.com"),
        ),
        with(
            &claims(),
            "aud",
            json!(["registry.example.com", "other.example.com"]),
        ),
        without(&claims(), "aud"),
        with(&claims(), "exp", json!(now - 1)),
        with(&claims(), "exp", json!(now + 86400)),
        with(&claims(), "exp", json!("never")),
        with(&claims(), "exp", json!(-1)),
        without(&claims(), "exp"),
        with(&claims(), "nbf", json!(now + 100)),
        without(&claims(), "nbf"),
        with(&claims(), "sub", json!("admin")),
        without(&claims(), "sub"),
        with(&claims(), "access", json!({"type": "repository"})),
        without(&claims(), "access"),
        with(&claims(), "administrator", json!(true)),
    ];
    for claims in cases {
        assert_eq!(
            bearers.open(&signed(&header(), &claims, &[7; 32])),
            Err(NotOurs),
            "{claims}"
        );
    }
}

#[test]
fn a_changed_byte_opens_nothing() {
    let bearers = Bearers::new(&key(), names());
    let token = signed(&header(), &claims(), &[7; 32]);
    for index in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).expect("text");
        assert_eq!(bearers.open(&changed), Err(NotOurs), "byte {index}");
    }
    for cut in 0..token.len() {
        assert_eq!(bearers.open(&token[..cut]), Err(NotOurs));
    }
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let padded = format!("{token}=");
    let twice = format!("{token}.{signature}");
    let newline = format!("{token}\n");
    let unsigned = format!("{message}.");
    for changed in [
        padded,
        twice,
        newline,
        unsigned,
        "a".repeat(TOKEN_MAX_BYTES + 1),
    ] {
        assert_eq!(bearers.open(&changed), Err(NotOurs), "{changed}");
    }
}

#[test]
fn another_key_or_place_opens_nothing() {
    let token = signed(&header(), &claims(), &[7; 32]);
    let other = SigningKey {
        id: "key-1".to_owned(),
        bytes: Secret::new(vec![8; 32]),
    };
    assert_eq!(Bearers::new(&other, names()).open(&token), Err(NotOurs));
    let elsewhere = TokenNames {
        service: "other.example.com".to_owned(),
        ..names()
    };
    assert_eq!(Bearers::new(&key(), elsewhere).open(&token), Err(NotOurs));
}
