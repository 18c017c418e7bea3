use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use http::Method;
use refloat_api::ROUTES;
use refloat_tests::client::Client;
use refloat_tests::http::Answer;
use refloat_tests::probe::{ask, push_image};

use crate::scene::Scene;

/// What breaks out of a text in some language or other.
const POISONS: [&str; 16] = [
    "'",
    "''",
    "' or '1'='1",
    "' or 1=1 --",
    "'; drop table manifest; --",
    "\" or \"\"=\"",
    "1 union select password_hash from principal",
    "') union select name, password_hash from principal --",
    "%",
    "_",
    "\\",
    "$1",
    "?1",
    "\u{0}",
    "../../../../etc/passwd",
    "\r\nX-Injected: yes",
];

/// No parameter and no name reaches the database as anything but a value (Harbor CVE-2019-19026, CVE-2024-22261).
#[test]
fn class_12_injection_by_parameter_and_name() -> Result<()> {
    let scene = Scene::new()?;
    let (mut alice, mut bob) = scene.clients()?;
    let image = push_image(&mut alice, "alice/boat", "1", 1)?;
    push_image(&mut bob, "bobby/boat", "1", 2)?;
    let mut admin = scene.site.client(&scene.site.admin()?)?;
    let digest = image.digest();
    for poison in POISONS {
        let poison = escaped(poison);
        for target in registry_targets(&poison, digest) {
            let answer = harmless(&mut bob, &target)?;
            ensure!(
                !contains(&answer, "alice"),
                "GET {target} tells of alice: {}",
                answer.text()
            );
        }
        for target in api_targets(&poison) {
            let answer = harmless(&mut bob, &target)?;
            ensure!(
                !contains(&answer, "alice/boat"),
                "GET {target} tells of alice: {}",
                answer.text()
            );
            let answer = harmless(&mut admin, &target)?;
            ensure!(
                !contains(&answer, "$argon2"),
                "GET {target} tells a password's hash"
            );
        }
    }
    // `last` is a place in the order of names, whatever is in it.
    let listed = ask(
        &mut bob,
        "GET",
        &format!("/v2/_catalog?last={}", escaped("a' or '1'='1")),
    )?;
    ensure!(
        listed.status == 400 || contains(&listed, "bobby/boat"),
        "{}",
        listed.text()
    );
    ensure!(
        alice.pull("alice/boat", "1")?.as_deref() == Some(digest),
        "the content suffered"
    );
    ensure!(
        bob.pull("bobby/boat", "1")?.is_some(),
        "the content suffered"
    );
    scene.site.administer(&["audit", "verify"]).map(drop)
}

fn registry_targets(poison: &str, digest: &str) -> Vec<String> {
    [
        "/v2/_catalog?n=POISON",
        "/v2/_catalog?last=POISON",
        "/v2/bobby/boat/tags/list?n=POISON",
        "/v2/bobby/boat/tags/list?last=POISON",
        "/v2/bobby/boat/tags/list?POISON=1",
        "/v2/bobby/boat/referrers/DIGEST?artifactType=POISON",
        "/v2/bobby/boat/referrers/POISON",
        "/v2/bobby/boat/manifests/POISON",
        "/v2/bobby/boat/blobs/POISON",
        "/v2/bobby/boat/blobs/uploads/POISON",
        "/v2/bobby/POISON/tags/list",
        "/v2/POISON/boat/manifests/1",
        "/token?service=POISON",
        "/token?scope=POISON",
        "/token?scope=repository:POISON:pull",
        "/token?scope=repository:bobby/boat:POISON",
        "/token?account=POISON&client_id=POISON",
    ]
    .iter()
    .map(|target| target.replace("POISON", poison).replace("DIGEST", digest))
    .collect()
}

/// Every parameter of every route that only reads, as the router has them, and some that it does not have.
fn api_targets(poison: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for route in ROUTES.iter().filter(|route| route.method == Method::GET) {
        let known = route
            .query
            .iter()
            .map(|parameter| parameter.name)
            .filter(|name| *name != "wait_seconds");
        let parameters: Vec<&str> = known.chain(["sort", "order", "filter", "q"]).collect();
        for poisoned in &parameters {
            let others = [
                ("repository", "bobby/boat"),
                ("tag", "1"),
                ("kind", "Project"),
            ];
            let others = others
                .iter()
                .filter(|(name, _)| name != poisoned && parameters.contains(name));
            let others: String = others
                .map(|(name, value)| format!("&{name}={value}"))
                .collect();
            targets.push(format!("/api/v1{}?{poisoned}={poison}{others}", route.path));
        }
        targets.push(format!("/api/v1{}/{poison}", route.path));
    }
    targets
}

/// A request that must be answered, and not by a failure.
fn harmless(client: &mut Client, target: &str) -> Result<Answer> {
    let answer = ask(client, "GET", target).with_context(|| format!("GET {target}"))?;
    ensure!(
        answer.status < 500,
        "GET {target}: {} {}",
        answer.status,
        answer.text()
    );
    ensure!(
        answer.header("x-injected").is_none(),
        "GET {target} wrote a header"
    );
    Ok(answer)
}

fn contains(answer: &Answer, word: &str) -> bool {
    String::from_utf8_lossy(&answer.body).contains(word)
}

/// Percent-encoded, every byte that is not a letter or digit.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _written = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}
