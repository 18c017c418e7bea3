use anyhow::{Result, ensure};
use refloat_tests::client::Client;
use refloat_tests::http::Answer;
use refloat_tests::http::Body;
use refloat_tests::probe::{Image, ask, ask_with, push_image};

use crate::scene::{Scene, status};

/// What was revoked or deleted is gone at once, however warm a cache is (distribution CVE-2026-35172, zot
/// CVE-2025-23208).
#[test]
fn class_06_stale_authorization() -> Result<()> {
    let scene = Scene::new()?;
    let (mut alice, mut bob) = scene.clients()?;
    let image = push_image(&mut alice, "alice/boat", "1", 1)?;
    push_image(&mut bob, "bobby/boat", "1", 1)?;
    scene.site.grant("bobby", &[("pull", "alice/**")])?;
    let token = scene
        .site
        .bearer(Some(&scene.bob), "repository:alice/boat:pull")?;
    let mut by_token = scene.site.anonymous()?;
    for _ in 0..3 {
        for answer in reads(&mut bob, None, &image)?.into_iter().chain(reads(
            &mut by_token,
            Some(&token),
            &image,
        )?) {
            status(&answer, 200, "while the grant stands")?;
        }
    }

    scene
        .site
        .administer(&["revoke", "bobby", "pull", "alice/**"])?;
    // The same digests are read where they may be, which would fill a cache that is keyed by digest alone.
    ensure!(bob.pull("bobby/boat", "1")?.is_some());
    for answer in reads(&mut bob, None, &image)?.into_iter().chain(reads(
        &mut by_token,
        Some(&token),
        &image,
    )?) {
        ensure!(
            matches!(answer.status, 401 | 404),
            "after the revocation: {} {}",
            answer.status,
            answer.text()
        );
    }
    Ok(())
}

#[test]
fn class_06_deleted_content_stays_deleted() -> Result<()> {
    let scene = Scene::new()?;
    let (mut alice, mut bob) = scene.clients()?;
    let image = push_image(&mut alice, "alice/boat", "1", 1)?;
    push_image(&mut bob, "bobby/boat", "1", 1)?;
    ensure!(alice.pull("alice/boat", "1")?.is_some());
    alice.delete_manifest("alice/boat", image.digest())?;
    alice.delete_blob("alice/boat", &image.layer.digest)?;
    ensure!(
        bob.pull("bobby/boat", "1")?.is_some(),
        "the same digests in another repository"
    );
    for (what, path) in [
        (
            "the manifest",
            format!("/v2/alice/boat/manifests/{}", image.digest()),
        ),
        ("its tag", "/v2/alice/boat/manifests/1".to_owned()),
        (
            "the layer",
            format!("/v2/alice/boat/blobs/{}", image.layer.digest),
        ),
    ] {
        for method in ["GET", "HEAD"] {
            status(
                &ask(&mut alice, method, &path)?,
                404,
                &format!("{method} of {what} after its deletion"),
            )?;
        }
    }
    Ok(())
}

#[test]
fn class_06_accounts_end_at_once() -> Result<()> {
    let scene = Scene::new()?;
    let (mut alice, _) = scene.clients()?;
    let image = push_image(&mut alice, "alice/boat", "1", 1)?;
    let robot = scene.site.robot("rower", &[("pull", "alice/**")])?;
    let mut by_secret = scene.site.client(&robot)?;
    let token = scene
        .site
        .bearer(Some(&robot), "repository:alice/boat:pull")?;
    let mut by_token = scene.site.anonymous()?;
    for answer in reads(&mut by_secret, None, &image)?
        .into_iter()
        .chain(reads(&mut by_token, Some(&token), &image)?)
    {
        status(&answer, 200, "while the robot exists")?;
    }
    scene.site.administer(&["robot", "delete", "rower"])?;
    for answer in reads(&mut by_secret, None, &image)?
        .into_iter()
        .chain(reads(&mut by_token, Some(&token), &image)?)
    {
        status(&answer, 401, "after the robot is gone")?;
    }
    Ok(())
}

/// Every read of the image.
fn reads(client: &mut Client, token: Option<&str>, image: &Image) -> Result<Vec<Answer>> {
    let authorization = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = authorization
        .iter()
        .map(|value| ("Authorization", value.as_str()))
        .collect();
    let paths = [
        "manifests/1".to_owned(),
        format!("manifests/{}", image.digest()),
        format!("blobs/{}", image.layer.digest),
        "tags/list".to_owned(),
        format!("referrers/{}", image.digest()),
    ];
    let ask = |path: &String| {
        ask_with(
            client,
            "GET",
            &format!("/v2/alice/boat/{path}"),
            &headers,
            Body::Empty,
        )
    };
    paths.iter().map(ask).collect()
}
