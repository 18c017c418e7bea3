//! The artifact, not the plan: what was written is read again, indexed and judged, and compared with what was meant.

use crate::cache::IndexCache;
use crate::error::ImageError;
use crate::facts::facts;
use crate::observe::Observer;
use crate::platform::Platform;
use crate::rebase::judge::{Judged, PlatformJudged, verdict_on};
use crate::rebase::make::Made;
use crate::walk::{PlatformImage, walk};
use refloat_oci::{Digest, TagOrDigest};
use refloat_ports::Place;
use refloat_verdict::JudgeInput;
use std::sync::Arc;

/// Reads the result by its digest: manifests and configurations byte for byte, layers in order and there, and what is in
/// them as it was judged.
pub(super) async fn verify(
    judged: &Judged,
    to: &Place,
    root: &Digest,
    made: &[(Platform, Made)],
    known: (&dyn IndexCache, &Observer),
) -> Result<(), ImageError> {
    let wrong = |reason: String| unverified(to, reason);
    let place = Place {
        target: Some(TagOrDigest::Digest(*root)),
        ..to.clone()
    };
    let tree = walk(&place).await?;
    for (platform, meant) in made {
        let read = tree
            .platform(platform)
            .ok_or_else(|| wrong(format!("it has no {platform}")))?;
        if read.manifest.bytes != meant.manifest {
            return Err(wrong(format!("the manifest of {platform} has other bytes")));
        }
        let config = read.document["config"]["digest"]
            .as_str()
            .unwrap_or_default();
        if config != meant.config_digest.to_string() {
            return Err(wrong(format!("the configuration of {platform} is another")));
        }
        for layer in &read.layers {
            if !to.images.mount(&to.repository, &layer.digest, None).await? {
                return Err(wrong(format!("layer {} is not there", layer.digest)));
            }
        }
        let of_platform = judged.platforms.iter().find(|it| it.platform == *platform);
        if let Some(of_platform) = of_platform {
            promises(of_platform, read, to, known).await?;
        }
    }
    Ok(())
}

/// The layers that were written are those that were judged, by what is in them: the verdict on them is the same.
async fn promises(
    judged: &PlatformJudged,
    read: &PlatformImage,
    to: &Place,
    known: (&dyn IndexCache, &Observer),
) -> Result<(), ImageError> {
    let Some(input) = &judged.input else {
        return Ok(());
    };
    let wrong = |reason: &str| unverified(to, format!("{}: {reason}", judged.platform));
    let mut result = facts(to, read, known.0, known.1).await?;
    if let Some((position, why)) = result.unread.first() {
        return Err(wrong(&format!(
            "its layer {position} cannot be indexed: {why}"
        )));
    }
    let own = input
        .app
        .layers
        .get(input.old_base.layers.len()..)
        .ok_or_else(|| wrong("its base was not indexed whole"))?;
    let below = input.new_base.layers.len();
    let meant = input.new_base.layers.iter().chain(own);
    if !meant
        .map(|layer| layer.diff_id)
        .eq(result.diff_ids.iter().copied())
    {
        return Err(wrong(
            "its layers are not the new base's with its own on top",
        ));
    }
    let mut again = JudgeInput::clone(input);
    let mut app = again.old_base.layers.clone();
    app.extend(result.layers.split_off(below));
    again.app.layers = app;
    again.new_base.layers = result.layers;
    let verdict = verdict_on(Arc::new(again), to).await?;
    if verdict == judged.verdict {
        return Ok(());
    }
    Err(wrong(
        "what is in its layers is judged otherwise than before it was written",
    ))
}

fn unverified(to: &Place, reason: String) -> ImageError {
    ImageError::Unverified {
        place: to.written.clone(),
        reason,
    }
}
