//! Reading an image far enough to know its layers: manifests and configurations, no layer.

use crate::{Patches, image_error, operation};
use refloat_cascade::chain::chains;
use refloat_core::ProjectId;
use refloat_flow::{Because, FlowError};
use refloat_images::{BASE_DIGEST, BASE_INDEX, BASE_NAME, ImageError, PlatformImage, walk};
use refloat_oci::{Digest, RegistryHost, RepositoryName, TagOrDigest};
use refloat_ports::{ImagesError, Place};
use refloat_store_patches::images::{self, KnownImage, KnownPlatform, Step};
use refloat_store_patches::{By, edges};
use serde_json::Value;
use std::sync::Arc;

/// The most bytes of one step of a history that are kept.
const STEP_MAX_CHARS: usize = 240;

impl Patches {
    /// Reads an image and keeps what it is made of, unless that was done before; `false` if it is no image, or not there.
    pub(crate) async fn read(
        &self,
        registry: Option<&RegistryHost>,
        repository: &RepositoryName,
        digest: Digest,
        by: &By,
    ) -> Result<bool, FlowError> {
        let host = registry.map_or(String::new(), ToString::to_string);
        let name = repository.clone();
        let known = self.store().read(operation!(
            tx,
            [host, name],
            images::is_known(tx, &host, &name, &digest).await
        ));
        if known.await? {
            return Ok(true);
        }
        let place = self
            .place(
                registry,
                repository,
                TagOrDigest::Digest(digest),
                Because::default(),
            )
            .await
            .map_err(crate::place_error)?;
        let Some(image) = known_image(registry, &place).await? else {
            return Ok(false);
        };
        let (image, by, own) = (Arc::new(image), by.clone(), self.host().clone());
        let kept = self.store().write(operation!(tx, [image, by, own], {
            images::put(tx, &image).await?;
            refloat_fail::point("index.read")?;
            edges::settle(tx, &image, &own, &by).await
        }));
        kept.await?;
        Ok(true)
    }

    /// The project that owns a repository of ours, otherwise the default one.
    pub(crate) async fn project_of(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<ProjectId>, FlowError> {
        let name = repository.clone();
        let found = self.store().read(operation!(
            tx,
            [name],
            refloat_store_patches::bases::project_of(tx, &name).await
        ));
        Ok(found.await?)
    }
}

/// What is known of an image after reading it; `None` if it is none or went away.
async fn known_image(
    registry: Option<&RegistryHost>,
    place: &Place,
) -> Result<Option<KnownImage>, FlowError> {
    let tree = match walk(place).await {
        Ok(tree) => tree,
        // Charts and other artifacts stand on nothing; what is damaged or incomplete can be no base either.
        Err(
            error @ (ImageError::NotAnImage { .. }
            | ImageError::Absent(_)
            | ImageError::Missing { .. }
            | ImageError::Damaged { .. }
            | ImageError::Unsupported(_)
            | ImageError::Place(ImagesError::Damaged(_) | ImagesError::Unsupported(_))),
        ) if registry.is_none() || !is_broken(&error) => {
            tracing::debug!(image = %place.written, %error, "not read as an image");
            return Ok(None);
        }
        Err(error) => return Err(image_error(error)),
    };
    Ok(Some(KnownImage {
        registry: registry.cloned(),
        repository: place.repository.clone(),
        digest: tree.root.digest,
        platforms: tree.platforms.iter().map(platform).collect(),
    }))
}

/// Whether it could be an image, were it all there. We take in no such thing; a foreign registry may have it for a while.
fn is_broken(error: &ImageError) -> bool {
    matches!(
        error,
        ImageError::Missing { .. }
            | ImageError::Damaged { .. }
            | ImageError::Place(ImagesError::Damaged(_))
    )
}

fn platform(image: &PlatformImage) -> KnownPlatform {
    let annotated = |key: &str| {
        image
            .annotation(key)
            .and_then(|text| text.parse::<Digest>().ok())
    };
    let config = image.document["config"]["digest"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or(image.manifest.digest);
    let history = image.config["history"].as_array().into_iter().flatten();
    let problem = image
        .diff_ids
        .is_empty()
        .then(|| "it has no layers".to_owned());
    KnownPlatform {
        digest: image.manifest.digest,
        platform: image.platform.to_string(),
        config,
        chains: chains(&image.diff_ids),
        history: history.map(step).collect(),
        base_name: image.annotation(BASE_NAME).map(str::to_owned),
        base_digest: annotated(BASE_INDEX).or_else(|| annotated(BASE_DIGEST)),
        problem,
    }
}

fn step(entry: &Value) -> Step {
    let by = entry["created_by"].as_str().unwrap_or_default();
    Step {
        by: by.chars().take(STEP_MAX_CHARS).collect(),
        layer: entry["empty_layer"].as_bool() != Some(true),
    }
}
