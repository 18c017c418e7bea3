use anyhow::{Result, ensure};
use refloat_tests::client::Client;
use refloat_tests::content::Content;
use refloat_tests::http::Body;
use refloat_tests::probe::{ask, ask_with};

use crate::scene::{ALL, Scene, status};

/// An upload belongs to who began it, in the repository it was begun in (Quay CVE-2026-32589).
#[test]
fn class_02_upload_session_of_somebody_else() -> Result<()> {
    let scene = Scene::new()?;
    let (mut alice, mut bob) = scene.clients()?;
    let carol = scene.site.user("carol", &[(ALL, "alice/**")])?;
    let mut carol = scene.site.client(&carol)?;
    let content = Content::new(1, 100_000).blob();
    let upload = alice.begin("alice/boat")?;
    let upload = alice.append(&upload, &content.bytes[..60_000])?;
    let elsewhere = |repository: &str| {
        upload
            .location
            .replace("/alice/boat/", &format!("/{repository}/"))
    };

    for (who, location) in [
        ("at her address", upload.location.clone()),
        ("elsewhere", elsewhere("bobby/boat")),
    ] {
        steal(&mut bob, &location, &content.digest, &format!("bob, {who}"))?;
    }
    for (who, location) in [
        ("at her address", upload.location.clone()),
        ("elsewhere", elsewhere("alice/hull")),
    ] {
        steal(
            &mut carol,
            &location,
            &content.digest,
            &format!("carol, who may push there, {who}"),
        )?;
    }
    steal(
        &mut alice,
        &elsewhere("alice/hull"),
        &content.digest,
        "alice herself, below another repository",
    )?;
    let anonymous = ask(&mut scene.site.anonymous()?, "GET", &upload.location)?;
    status(&anonymous, 401, "nobody at all")?;

    let untouched = alice.upload_status(&upload)?;
    ensure!(
        untouched.is_some_and(|upload| upload.received == 60_000),
        "somebody moved the upload"
    );
    alice.finish(
        &upload,
        &content.digest,
        Body::Whole(&content.bytes[60_000..]),
    )?;
    ensure!(alice.blob("alice/boat", &content.digest)?.is_some());
    Ok(())
}

/// Every verb on the session is answered as for a session that never was.
fn steal(client: &mut Client, location: &str, digest: &str, who: &str) -> Result<()> {
    let joint = if location.contains('?') { '&' } else { '?' };
    let finish = format!("{location}{joint}digest={digest}");
    let bytes = [("Content-Type", "application/octet-stream")];
    for (method, target, body) in [
        ("GET", location, Body::Empty),
        ("PATCH", location, Body::Whole(b"poison")),
        ("PUT", &finish, Body::Whole(b"poison")),
        ("DELETE", location, Body::Empty),
    ] {
        let answer = ask_with(client, method, target, &bytes, body)?;
        status(&answer, 404, &format!("{method} by {who}"))?;
    }
    Ok(())
}
