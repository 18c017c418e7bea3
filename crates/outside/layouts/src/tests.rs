//! The suite on a folder, and what other programs' forms of the same image give.

use crate::{Layout, open, repository};
use anyhow::{Context, Result};
use refloat_oci::{Location, TagOrDigest};
use refloat_ports::{Images, ImagesError, Place, images_suite, suite};
use refloat_rig::image::Image;

#[tokio::test]
async fn a_folder_keeps_the_contract() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let layout = Layout::create(folder.path())?;
    images_suite::run(&layout, &repository(), &repository()).await;
    let left = std::fs::read_dir(folder.path().join("blobs/sha256"))?;
    let names = left.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names = names.collect::<Result<Vec<String>>>()?;
    assert!(
        names.iter().all(|name| !name.starts_with('.')),
        "no drafts stay: {names:?}"
    );
    Ok(())
}

async fn opened(written: &str) -> Result<Place, ImagesError> {
    let location = Location::parse(written, None).expect("a location");
    Ok(open(&location).await?.expect("it is in files"))
}

/// The manifest's digest and the bytes of every layer.
async fn read(place: &Place) -> Result<(String, Vec<Vec<u8>>)> {
    let target = place.target.as_ref().context("a target")?;
    let manifest = place
        .images
        .manifest(&place.repository, target)
        .await?
        .context("a manifest")?;
    let document: serde_json::Value = serde_json::from_slice(&manifest.bytes)?;
    let mut layers = Vec::new();
    for layer in document["layers"].as_array().context("layers")? {
        let digest = layer["digest"].as_str().context("a digest")?.parse()?;
        let blob = place
            .images
            .blob(&place.repository, &digest)
            .await?
            .context("a layer")?;
        let (bytes, error) = suite::drain(blob.stream).await;
        assert!(error.is_none(), "{error:?}");
        layers.push(bytes);
    }
    Ok((manifest.digest.to_string(), layers))
}

#[tokio::test]
async fn every_form_of_an_image_is_read() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let image = Image::random(7, &[3_000, 400_000])?;
    image.write_layout(&at("layout"), "1")?;
    Image::random(8, &[10])?.write_layout(&at("layout"), "2")?;
    image.write_oci_archive(&at("oci.tar"), "1")?;
    image.write_docker_archive(&at("docker.tar"), "rig/random:1")?;
    let shown = folder.path().display();
    let layers: Vec<Vec<u8>> = image
        .layers()
        .iter()
        .map(|layer| layer.bytes().to_vec())
        .collect();
    for written in [
        format!("oci:{shown}/layout:1"),
        format!("oci:{shown}/layout@{}", image.digest()),
        format!("oci-archive:{shown}/oci.tar:1"),
        format!("oci-archive:{shown}/oci.tar"),
    ] {
        let (digest, read) = read(&opened(&written).await?).await?;
        assert_eq!(digest, image.digest(), "{written}");
        assert!(read == layers, "{written} has the layers");
    }
    let mut digests = Vec::new();
    for written in [
        format!("docker-archive:{shown}/docker.tar"),
        format!("docker-archive:{shown}/docker.tar:rig/random:1"),
        format!("docker-archive:{shown}/docker.tar:1"),
    ] {
        let (digest, read) = read(&opened(&written).await?).await?;
        assert_eq!(read.len(), 2, "{written}");
        digests.push(digest);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "the made manifest is always the same");
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let shown = folder.path().display();
    Image::random(1, &[10])?.write_layout(&folder.path().join("two"), "1")?;
    Image::random(2, &[10])?.write_layout(&folder.path().join("two"), "2")?;
    for (written, word) in [
        (format!("oci:{shown}/nowhere:1"), "nowhere"),
        (format!("oci:{shown}/two"), "several"),
        (format!("oci-archive:{shown}/no.tar:1"), "no.tar"),
        (
            format!("docker-archive:{shown}/two/index.json"),
            "index.json",
        ),
    ] {
        let Err(error) = opened(&written).await else {
            panic!("{written} opened");
        };
        assert!(error.to_string().contains(word), "{written}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_cut_blob_is_no_blob() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let image = Image::random(3, &[100_000])?;
    image.write_layout(folder.path(), "1")?;
    let layer = image.layers()[0].digest().to_owned();
    let path = folder.path().join("blobs").join(layer.replace(':', "/"));
    let whole = std::fs::read(&path)?;
    std::fs::write(&path, &whole[..50_000])?;
    let layout = Layout::open(folder.path())?;
    let blob = layout
        .blob(&repository(), &layer.parse()?)
        .await?
        .context("a file")?;
    let (_, error) = suite::drain(blob.stream).await;
    assert!(error.is_some(), "the digest is checked");
    let target = TagOrDigest::Tag("absent".parse()?);
    assert_eq!(layout.resolve(&repository(), &target).await?, None);
    Ok(())
}
