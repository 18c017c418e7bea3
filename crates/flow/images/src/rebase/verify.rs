//! The artifact, not the plan: what was written is read again and compared with what was meant.

use crate::error::ImageError;
use crate::platform::Platform;
use crate::rebase::make::Made;
use crate::walk::walk;
use refloat_oci::{Digest, TagOrDigest};
use refloat_ports::Place;

/// Reads the result by its digest: manifests and configurations byte for byte, layers in order and there.
pub(super) async fn verify(
    to: &Place,
    root: &Digest,
    made: &[(Platform, Made)],
) -> Result<(), ImageError> {
    let wrong = |reason: String| ImageError::Unverified {
        place: to.written.clone(),
        reason,
    };
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
    }
    Ok(())
}
