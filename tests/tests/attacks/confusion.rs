use anyhow::{Context, Result, ensure};
use refloat_tests::client::Client;
use refloat_tests::content::{Algorithm, Blob, INDEX, MANIFEST, digest_of};
use refloat_tests::http::Body;
use refloat_tests::probe::{ask, ask_with, push_image};
use serde_json::{Value, json};

use crate::scene::{Scene, refused, status};

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// Bytes mean one thing to every reader (GHSA-qq97-vm5h-rrhg), and a digest is what the bytes hash to.
#[test]
fn class_11_digest_and_type_confusion() -> Result<()> {
    let scene = Scene::new()?;
    let (mut alice, _) = scene.clients()?;
    let image = push_image(&mut alice, "alice/boat", "1", 1)?;
    let good: Value = serde_json::from_slice(&image.manifest.blob.bytes)?;
    let child = json!([{ "mediaType": MANIFEST, "digest": image.digest(), "size": image.manifest.blob.bytes.len() }]);
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": child });
    let untyped = |value: &Value| without(value, "mediaType");

    for (what, kind, body) in [
        (
            "an image with children",
            MANIFEST,
            with(&good, "manifests", child.clone()),
        ),
        (
            "an image without a type, with children",
            MANIFEST,
            with(&untyped(&good), "manifests", child),
        ),
        (
            "an index with layers",
            INDEX,
            with(&index, "layers", good["layers"].clone()),
        ),
        (
            "an index with a configuration",
            INDEX,
            with(&index, "config", good["config"].clone()),
        ),
        ("an image sent as an index", INDEX, good.clone()),
        ("an index sent as an image", MANIFEST, index.clone()),
        (
            "an untyped index sent as an image",
            MANIFEST,
            untyped(&index),
        ),
        ("an untyped image sent as an index", INDEX, untyped(&good)),
        ("another type within than without", DOCKER, good.clone()),
        (
            "a type that is no text",
            MANIFEST,
            with(&good, "mediaType", json!(["x"])),
        ),
        (
            "another schema",
            MANIFEST,
            with(&good, "schemaVersion", json!(1)),
        ),
        ("no schema", MANIFEST, without(&good, "schemaVersion")),
        (
            "layers that are no list",
            MANIFEST,
            with(&good, "layers", json!({})),
        ),
        (
            "a size that is negative",
            MANIFEST,
            resized(&good, &json!(-1)),
        ),
        (
            "a size that is text",
            MANIFEST,
            resized(&good, &json!("3000")),
        ),
        (
            "a digest of an unknown kind",
            MANIFEST,
            redigested(&good, "md5:d41d8cd98f00b204e9800998ecf8427e"),
        ),
        (
            "a digest in capitals",
            MANIFEST,
            redigested(&good, &image.layer.digest.to_uppercase()),
        ),
        (
            "a digest that climbs",
            MANIFEST,
            redigested(&good, "sha256:../../../../etc/passwd"),
        ),
        ("a list", MANIFEST, json!([good])),
        ("nothing", MANIFEST, Value::Null),
    ] {
        refused(
            &put(&mut alice, "2", kind, body.to_string().as_bytes())?,
            what,
        )?;
    }
    ensure!(
        alice.manifest("alice/boat", "2")?.is_none(),
        "one of them was stored"
    );
    digests(&mut alice, &image.manifest.blob.bytes)?;
    kept_verbatim(&mut alice, &good)
}

fn put(
    client: &mut Client,
    reference: &str,
    kind: &str,
    bytes: &[u8],
) -> Result<refloat_tests::http::Answer> {
    let target = format!("/v2/alice/boat/manifests/{reference}");
    ask_with(
        client,
        "PUT",
        &target,
        &[("Content-Type", kind)],
        Body::Whole(bytes),
    )
}

/// A push by digest is a claim that is checked, in every spelling.
fn digests(alice: &mut Client, bytes: &[u8]) -> Result<()> {
    let right = digest_of(Algorithm::Sha256, bytes);
    let wrong = digest_of(Algorithm::Sha256, b"something else");
    status(&put(alice, &wrong, MANIFEST, bytes)?, 400, "another digest")?;
    refused(
        &put(alice, &right.to_uppercase(), MANIFEST, bytes)?,
        "the digest in capitals",
    )?;
    refused(
        &put(alice, &right[..70], MANIFEST, bytes)?,
        "a part of the digest",
    )?;
    refused(
        &put(alice, &format!("{right}00"), MANIFEST, bytes)?,
        "more than the digest",
    )?;
    refused(
        &put(alice, &right.replace("sha256", "sha512"), MANIFEST, bytes)?,
        "another algorithm",
    )?;
    let blob = Blob::of(*b"ballast");
    let upload = alice.begin("alice/boat")?;
    let claim = alice.finish(&upload, &wrong, Body::Whole(&blob.bytes));
    ensure!(
        claim
            .as_ref()
            .is_err_and(|fault| fault.status() == Some(400)),
        "a blob under another digest: {claim:?}"
    );
    ensure!(alice.blob_size("alice/boat", &wrong)?.is_none());
    // A blob is no manifest, though the digest is right.
    alice.push_blob("alice/boat", &right, bytes)?;
    alice.push_blob("alice/hull", &right, bytes)?;
    status(
        &ask(alice, "GET", &format!("/v2/alice/hull/manifests/{right}"))?,
        404,
        "a blob asked for as a manifest",
    )
}

/// Odd but valid bytes come back as they went in, under their own type, whatever the reader accepts.
fn kept_verbatim(alice: &mut Client, good: &Value) -> Result<()> {
    let odd = format!(
        " \n{}\t\n",
        with(
            good,
            "\u{fc}n\u{0}known",
            json!({ "b": 1.0, "a": [1e2, "\\/"] })
        )
    );
    let pushed = put(alice, "odd", MANIFEST, odd.as_bytes())?;
    status(&pushed, 201, "odd bytes")?;
    for accept in [MANIFEST, DOCKER, INDEX, "*/*", "text/html"] {
        let answer = ask_with(
            alice,
            "GET",
            "/v2/alice/boat/manifests/odd",
            &[("Accept", accept)],
            Body::Empty,
        )?;
        if answer.status == 200 {
            ensure!(
                answer.body == odd.as_bytes(),
                "accepting {accept} changed the bytes"
            );
            let kind = answer.header("content-type").context("no type")?;
            ensure!(
                kind == MANIFEST,
                "accepting {accept} changed the type to {kind}"
            );
        }
    }
    let served = alice.manifest("alice/boat", "odd")?.context("it is gone")?;
    ensure!(served.bytes == odd.as_bytes());
    Ok(())
}

fn with(value: &Value, field: &str, new: Value) -> Value {
    let mut value = value.clone();
    value[field] = new;
    value
}

fn without(value: &Value, field: &str) -> Value {
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.remove(field);
    }
    value
}

fn resized(good: &Value, size: &Value) -> Value {
    let mut value = good.clone();
    value["layers"][0]["size"] = size.clone();
    value
}

fn redigested(good: &Value, digest: &str) -> Value {
    let mut value = good.clone();
    value["layers"][0]["digest"] = json!(digest);
    value
}
