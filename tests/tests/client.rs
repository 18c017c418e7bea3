//! The tests' own client against a registry that is not ours: it says what the distribution API says.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use refloat_rig::foreign::{Access, Program, Registry};
use refloat_rig::{Tool, require};
use refloat_tests::client::{Client, Fault, Mount, Upload};
use refloat_tests::content::{Blob, Content, Manifest};
use refloat_tests::http::{Body, Request};

const HERE: &str = "some/image";

#[test]
fn the_client_speaks_to_a_foreign_registry() -> Result<()> {
    if !require(&[Tool::DockerRegistry])? {
        return Ok(());
    }
    let registry = Registry::start(Program::DockerRegistry, &Access::Open)?;
    let mut client = Client::new(registry.address());
    client.ping()?;
    ensure!(client.tags(HERE)?.is_none(), "nothing is there yet");

    let config = Blob::of("{}");
    let layers = [
        Content::new(1, 300_000).blob(),
        Content::new(2, 5).blob(),
        Content::new(3, 2_000_000).blob(),
    ];
    client.push_blob(HERE, &config.digest, &config.bytes)?;
    client.push_blob(HERE, &layers[0].digest, &layers[0].bytes)?;
    let upload = client.begin(HERE)?;
    client.finish(&upload, &layers[1].digest, Body::Streamed(&layers[1].bytes))?;
    in_pieces(&mut client, &layers[2])?;
    ensure!(client.blob_size(HERE, &layers[2].digest)? == Some(2_000_000));

    let manifest = Manifest::image(&config, &layers, "x");
    client.put_manifest(HERE, "1", &manifest)?;
    client.put_manifest(HERE, "2", &manifest)?;
    // This one does not sort them.
    let tags: BTreeSet<String> = client.tags(HERE)?.into_iter().flatten().collect();
    ensure!(tags == ["1", "2"].map(str::to_owned).into(), "{tags:?}");
    ensure!(client.catalog()? == [HERE]);
    ensure!(client.pull(HERE, "1")?.as_deref() == Some(manifest.digest()));
    ensure!(client.pull(HERE, "3")?.is_none());
    ensure!(matches!(
        client.mount("other", &layers[0].digest, HERE)?,
        Mount::Done
    ));

    let missing = Manifest::image(&Blob::of("not pushed"), &[], "x");
    let refused = client.put_manifest(HERE, "4", &missing).err();
    ensure!(
        refused.is_some_and(|fault| fault.is_definite()),
        "a manifest without its blobs was taken"
    );
    client.delete_manifest(HERE, manifest.digest())?;
    ensure!(client.manifest(HERE, manifest.digest())?.is_none());
    Ok(())
}

/// The last piece meets a cut connection: what was acknowledged before it stands.
fn in_pieces(client: &mut Client, blob: &Blob) -> Result<()> {
    let mut upload = client.begin(HERE)?;
    for piece in [&blob.bytes[..500_000], &blob.bytes[500_000..700_000]] {
        upload = client.append(&upload, piece)?;
    }
    let rest = &blob.bytes[700_000..];
    let mut other = client.another();
    let request = Request {
        method: "PATCH",
        target: &upload.location,
        headers: vec![("Content-Range", format!("700000-{}", blob.bytes.len() - 1))],
        body: Body::Cut {
            bytes: rest,
            sent: 0,
        },
    };
    ensure!(
        other.send(request).is_err(),
        "a request that was cut has no answer"
    );
    let stands = client.upload_status(&upload)?;
    let Some(Upload { received, .. }) = stands else {
        anyhow::bail!("the upload is gone");
    };
    ensure!(received == 700_000, "{received} bytes stand");
    Ok(client.finish(&upload, &blob.digest, Body::Whole(rest))?)
}

#[test]
fn nobody_there_is_an_unknown_outcome() -> Result<()> {
    let mut client = Client::new(refloat_rig::network::free_address()?);
    let fault = client.ping().err();
    ensure!(matches!(fault, Some(Fault::Broken(_))), "{fault:?}");
    Ok(())
}
