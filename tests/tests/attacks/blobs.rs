use anyhow::{Result, ensure};
use refloat_tests::client::Mount;
use refloat_tests::content::{Algorithm, Blob, Manifest, digest_of};
use refloat_tests::http::Body;
use refloat_tests::probe::{ask, ask_with, indistinguishable, push_image};

use crate::scene::{Scene, refused, status};

/// A digest that is known elsewhere opens nothing (zot CVE-2024-39897).
#[test]
fn class_01_blob_read_across_repositories() -> Result<()> {
    let scene = Scene::new()?;
    let (mut alice, mut bob) = scene.clients()?;
    let secret = push_image(&mut alice, "alice/boat", "1", 1)?;
    // A repository of bob's own exists, so that nothing below fails for that reason alone.
    push_image(&mut bob, "bobby/boat", "1", 2)?;
    let layer = &secret.layer.digest;
    let absent = digest_of(Algorithm::Sha256, b"nobody ever pushed this");

    for method in ["GET", "HEAD"] {
        for (forbidden, missing) in [("alice/boat", "alice/none"), ("alice/boat", "nobody/non")] {
            let there = ask(&mut bob, method, &format!("/v2/{forbidden}/blobs/{layer}"))?;
            let not_there = ask(&mut bob, method, &format!("/v2/{missing}/blobs/{layer}"))?;
            status(&there, 404, "a foreign blob")?;
            indistinguishable((&not_there, missing), (&there, forbidden))?;
        }
        let guessed = ask(&mut bob, method, &format!("/v2/bobby/boat/blobs/{layer}"))?;
        let unknown = ask(&mut bob, method, &format!("/v2/bobby/boat/blobs/{absent}"))?;
        status(&guessed, 404, "a foreign blob in a repository of his own")?;
        indistinguishable((&unknown, &absent), (&guessed, layer))?;
    }

    for from in ["alice/boat", "bobby/boat"] {
        ensure!(
            matches!(bob.mount("bobby/boat", layer, from)?, Mount::Upload(_)),
            "mounted from {from}"
        );
    }
    let anywhere = ask(
        &mut bob,
        "POST",
        &format!("/v2/bobby/boat/blobs/uploads/?mount={layer}"),
    )?;
    status(&anywhere, 202, "a mount from nowhere in particular")?;
    // An upload that claims the digest without having the bytes finds no shortcut.
    let claim = ask_with(
        &mut bob,
        "POST",
        &format!("/v2/bobby/boat/blobs/uploads/?digest={layer}"),
        &[],
        Body::Empty,
    )?;
    refused(&claim, "a claim without bytes, in one request")?;
    let upload = bob.begin("bobby/boat")?;
    let claim = bob.finish(&upload, layer, Body::Empty);
    ensure!(
        claim
            .as_ref()
            .is_err_and(refloat_tests::client::Fault::is_definite),
        "a claim without bytes: {claim:?}"
    );
    let config = Blob::of(*b"{}");
    bob.push_blob("bobby/boat", &config.digest, &config.bytes)?;
    let borrowing = Manifest::image(&config, std::slice::from_ref(&secret.layer), "borrowed");
    let put = bob.put_manifest("bobby/boat", "borrowed", &borrowing);
    ensure!(
        put.as_ref()
            .is_err_and(refloat_tests::client::Fault::is_definite),
        "a manifest over a foreign layer: {put:?}"
    );
    ensure!(
        bob.blob_size("bobby/boat", layer)?.is_none(),
        "the foreign layer became a member"
    );

    // Whoever has the bytes may push them, and then reads his own copy.
    bob.push_blob("bobby/boat", layer, &secret.layer.bytes)?;
    ensure!(bob.blob("bobby/boat", layer)?.is_some());
    status(
        &ask(&mut bob, "GET", &format!("/v2/alice/boat/blobs/{layer}"))?,
        404,
        "hers is still hers",
    )
}
