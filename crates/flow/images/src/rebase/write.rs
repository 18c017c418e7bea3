//! Writing what was judged: blobs, manifests, the index, the provenance; read again; the tag last.
//!
//! Until the last step the result is reachable by its digest only. Every step may be repeated: the bytes are always the same.

use crate::cache::IndexCache;
use crate::error::ImageError;
use crate::observe::Observer;
use crate::rebase::judge::{Judged, PlatformJudged};
use crate::rebase::make::{self, Inputs, Made, Replaced};
use crate::rebase::{Destination, RebaseDone, copy, provenance, verify};
use bytes::Bytes;
use refloat_oci::{Digest, TagOrDigest};
use refloat_ports::Place;
use refloat_verdict::Tier;
use serde_json::Value;

/// Writes the result of a verdict. The caller has decided that the verdict is good enough.
///
/// # Errors
/// [`ImageError`]; no tag has moved then.
pub async fn write(
    judged: &Judged,
    destination: &Destination,
    cache: &dyn IndexCache,
    observer: &Observer,
) -> Result<RebaseDone, ImageError> {
    let to = &destination.place;
    let mut replaced = Vec::new();
    let mut made = Vec::new();
    for platform in &judged.platforms {
        let Some(image) = make_one(judged, platform, destination)? else {
            replaced.push(kept(platform));
            continue;
        };
        put_one(judged, &image, to, observer).await?;
        replaced.push(Replaced {
            old: platform.image.manifest.digest,
            digest: image.digest,
            size: image.manifest.len(),
            media_type: image.media_type.to_owned(),
            base: platform.onto.as_ref().map(|onto| onto.manifest.digest),
        });
        made.push((platform.platform.clone(), image));
    }
    let (bytes, media_type) = root(judged, &replaced, &made, destination)?;
    let digest = Digest::sha256(&bytes);
    if judged.image.is_index() {
        carry_kept(judged, to, observer).await?;
        let target = TagOrDigest::Digest(digest);
        to.images
            .put_manifest(&to.repository, &target, media_type, bytes.clone())
            .await?;
        refloat_fail::point("patch.index_put")?;
    }
    let result = provenance::Subject {
        digest,
        size: bytes.len(),
        media_type: media_type.to_owned(),
    };
    let sealed = provenance::seal(judged, &result, to).await?;
    refloat_fail::point("patch.provenance_put")?;
    verify::verify(judged, to, &digest, &made, (cache, observer)).await?;
    let was_there = name(&bytes, media_type, &digest, destination).await?;
    Ok(RebaseDone {
        digest,
        media_type: media_type.to_owned(),
        provenance: sealed.provenance,
        verdict: sealed.verdict,
        was_there,
    })
}

/// The result's image of a platform; `None` where nothing changes.
fn make_one(
    judged: &Judged,
    platform: &PlatformJudged,
    destination: &Destination,
) -> Result<Option<Made>, ImageError> {
    if platform.verdict.tier == Tier::Unchanged {
        return Ok(None);
    }
    let (Some(base), Some(new)) = (&platform.base, &platform.onto) else {
        let text = format!(
            "{}: {} has no base to move",
            judged.image.place.written, platform.platform
        );
        return Err(ImageError::Unsupported(text));
    };
    let inputs = Inputs {
        app: &platform.image,
        old: &base.image,
        new,
        new_root: judged.onto.root.digest,
    };
    make::make(&inputs, destination).map(Some)
}

fn kept(platform: &PlatformJudged) -> Replaced {
    let manifest = &platform.image.manifest;
    Replaced {
        old: manifest.digest,
        digest: manifest.digest,
        size: manifest.bytes.len(),
        media_type: manifest.media_type.clone(),
        base: None,
    }
}

async fn put_one(
    judged: &Judged,
    image: &Made,
    to: &Place,
    observer: &Observer,
) -> Result<(), ImageError> {
    for (position, layer) in image.layers.iter().enumerate() {
        let from = if position < image.from_base {
            &judged.onto.place
        } else {
            &judged.image.place
        };
        copy::layer(layer, from, to, observer).await?;
    }
    copy::bytes(&image.config, to).await?;
    refloat_fail::point("patch.blobs_put")?;
    let target = TagOrDigest::Digest(image.digest);
    to.images
        .put_manifest(
            &to.repository,
            &target,
            image.media_type,
            image.manifest.clone(),
        )
        .await?;
    refloat_fail::point("patch.manifest_put")?;
    Ok(())
}

/// The bytes that the result's name will stand for.
fn root(
    judged: &Judged,
    replaced: &[Replaced],
    made: &[(crate::Platform, Made)],
    destination: &Destination,
) -> Result<(Bytes, &'static str), ImageError> {
    if !judged.image.is_index() {
        let (_, image) = made
            .first()
            .ok_or_else(|| ImageError::Unsupported("nothing changes".to_owned()))?;
        return Ok((image.manifest.clone(), image.media_type));
    }
    let old: Value = serde_json::from_slice(&judged.image.root.bytes).map_err(|error| {
        crate::walk::damaged(
            &judged.image.place,
            judged.image.root.digest,
            error.to_string(),
        )
    })?;
    Ok(make::index(&old, replaced, destination))
}

/// Platforms that do not change are carried along, where the result goes to another repository.
async fn carry_kept(judged: &Judged, to: &Place, observer: &Observer) -> Result<(), ImageError> {
    let from = &judged.image.place;
    let unchanged = judged
        .platforms
        .iter()
        .filter(|platform| platform.verdict.tier == Tier::Unchanged);
    for platform in unchanged {
        let manifest = &platform.image.manifest;
        let target = TagOrDigest::Digest(manifest.digest);
        if to.images.resolve(&to.repository, &target).await?.is_some() {
            continue;
        }
        for layer in &platform.image.layers {
            copy::layer(layer, from, to, observer).await?;
        }
        copy::bytes(&config_bytes(from, &platform.image.document).await?, to).await?;
        to.images
            .put_manifest(
                &to.repository,
                &target,
                &manifest.media_type,
                manifest.bytes.clone(),
            )
            .await?;
    }
    Ok(())
}

async fn config_bytes(from: &Place, document: &Value) -> Result<Bytes, ImageError> {
    use futures_util::StreamExt;
    let missing = || ImageError::Absent(format!("the configuration of {}", from.written));
    let digest: Digest = document["config"]["digest"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(missing)?;
    let mut read = from
        .images
        .blob(&from.repository, &digest)
        .await?
        .ok_or_else(missing)?;
    let mut all = Vec::new();
    while let Some(frame) = read.stream.next().await {
        all.extend_from_slice(&frame.map_err(|error| crate::walk::broken(from, digest, &error))?);
    }
    Ok(all.into())
}

/// Moves the tag; whether it stood there already.
async fn name(
    bytes: &Bytes,
    media_type: &str,
    digest: &Digest,
    destination: &Destination,
) -> Result<bool, ImageError> {
    let Some(tag) = &destination.tag else {
        return Ok(false);
    };
    let to = &destination.place;
    let target = TagOrDigest::Tag(tag.clone());
    let now = to.images.resolve(&to.repository, &target).await?;
    if now.is_some_and(|now| now.digest == *digest) {
        return Ok(true);
    }
    to.images
        .put_manifest(&to.repository, &target, media_type, bytes.clone())
        .await?;
    refloat_fail::point("patch.tag_put")?;
    Ok(false)
}
