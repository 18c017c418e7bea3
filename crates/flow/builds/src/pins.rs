//! Pinning: what each name of a Dockerfile is now, and that nothing in it would run by itself.

use crate::{Builds, transient};
use futures_util::StreamExt as _;
use refloat_core::Rejection;
use refloat_dockerfile::Edge;
use refloat_flow::{Caller, FlowError};
use refloat_oci::{Digest, Location, ManifestView, Reference, RepositoryName, TagOrDigest};
use refloat_ports::ImagesError;
use serde_json::Value;

/// The longest configuration of an image that is read, in bytes.
const CONFIG_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Why a base cannot be used.
pub(crate) enum PinError {
    /// It is not there, may not be read, or is no image that can be built on: the run fails.
    Refused(String),
    /// The world.
    Failed(FlowError),
}

impl From<FlowError> for PinError {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Rejected(rejection) => Self::Refused(rejection.to_string()),
            FlowError::Failed(_) => Self::Failed(error),
        }
    }
}

impl From<ImagesError> for PinError {
    fn from(error: ImagesError) -> Self {
        match error {
            ImagesError::Failed(failure) => Self::Failed(failure.into()),
            other => Self::Refused(other.to_string()),
        }
    }
}

impl Builds {
    /// The digest that a reference names now.
    pub(crate) async fn resolve(&self, reference: &Reference) -> Result<Digest, PinError> {
        let gone = || PinError::Refused(format!("{reference} is not there"));
        let Some(target) = reference.target() else {
            return Err(gone());
        };
        if let TagOrDigest::Digest(digest) = target {
            return Ok(digest);
        }
        if self.is_own(&reference.registry) {
            let manifest = self
                .inner
                .registry
                .get_manifest(&Caller::system(), &reference.repository, &target)
                .await;
            return match manifest {
                Ok(manifest) => Ok(manifest.digest),
                Err(FlowError::Rejected(_)) => Err(gone()),
                Err(error) => Err(error.into()),
            };
        }
        let place = self
            .inner
            .places
            .open(&Location::Registry(reference.clone()))
            .await?;
        let found = place.images.resolve(&place.repository, &target).await?;
        Ok(found.ok_or_else(gone)?.digest)
    }

    /// Refuses a base whose configuration has triggers: the builder would run them, and nobody could tell what they stand on.
    pub(crate) async fn refuse_triggers(
        &self,
        edge: &Edge,
        pinned: &Reference,
    ) -> Result<(), PinError> {
        let Some(config) = self.config(pinned, edge.platform.as_deref()).await? else {
            return Ok(());
        };
        match config["config"]["OnBuild"].as_array() {
            Some(triggers) if !triggers.is_empty() => Err(PinError::Refused(format!(
                "unsupported: ONBUILD in the base (line {}); build {} on an image without triggers",
                edge.line, edge.written
            ))),
            _ => Ok(()),
        }
    }

    /// The configuration of an image for a platform; `None` if it is none for it, which the builder will say better.
    async fn config(
        &self,
        image: &Reference,
        platform: Option<&str>,
    ) -> Result<Option<Value>, PinError> {
        let Some(digest) = image.digest else {
            return Ok(None);
        };
        let mut bytes = self.manifest(image, digest).await?;
        let mut view = view(&bytes)?;
        if !view.children.is_empty() {
            let index: Value = serde_json::from_slice(&bytes)
                .map_err(|error| PinError::Refused(format!("{image}: {error}")))?;
            let Some(child) = child(&index, platform) else {
                return Ok(None);
            };
            bytes = self.manifest(image, child).await?;
            view = self::view(&bytes)?;
        }
        let Some(config) = view.config else {
            return Ok(None);
        };
        let bytes = self.blob(image, &config.digest).await?;
        Ok(serde_json::from_slice(&bytes).ok())
    }

    async fn manifest(&self, image: &Reference, digest: Digest) -> Result<Vec<u8>, PinError> {
        let target = TagOrDigest::Digest(digest);
        if self.is_own(&image.registry) {
            let found = self
                .inner
                .registry
                .get_manifest(&Caller::system(), &image.repository, &target)
                .await?;
            return Ok(found.bytes.to_vec());
        }
        let place = self
            .inner
            .places
            .open(&Location::Registry(image.clone()))
            .await?;
        let found = place.images.manifest(&place.repository, &target).await?;
        let found = found.ok_or_else(|| PinError::Refused(format!("{image} is not there")))?;
        Ok(found.bytes.to_vec())
    }

    async fn blob(&self, image: &Reference, digest: &Digest) -> Result<Vec<u8>, PinError> {
        let mut stream = if self.is_own(&image.registry) {
            let repository: &RepositoryName = &image.repository;
            let opened = self
                .inner
                .registry
                .open_blob(&Caller::system(), repository, digest, None)
                .await?;
            opened.stream
        } else {
            let place = self
                .inner
                .places
                .open(&Location::Registry(image.clone()))
                .await?;
            let found = place.images.blob(&place.repository, digest).await?;
            found
                .ok_or_else(|| {
                    PinError::Refused(format!("the configuration of {image} is not there"))
                })?
                .stream
        };
        let mut bytes = Vec::new();
        while let Some(part) = stream.next().await {
            bytes.extend_from_slice(&part.map_err(|error| PinError::Failed(transient(error)))?);
            if bytes.len() > CONFIG_MAX_BYTES {
                let limit_bytes = CONFIG_MAX_BYTES as u64;
                let error = Rejection::TooLarge {
                    what: "the configuration of a base",
                    limit_bytes,
                };
                return Err(PinError::Refused(error.to_string()));
            }
        }
        Ok(bytes)
    }
}

fn view(bytes: &[u8]) -> Result<ManifestView, PinError> {
    ManifestView::parse(bytes, None).map_err(|error| PinError::Refused(error.to_string()))
}

/// The manifest of an index for a platform.
fn child(index: &Value, platform: Option<&str>) -> Option<Digest> {
    let wanted: refloat_dockerfile::Platform = platform?.parse().ok()?;
    let found = index["manifests"].as_array()?.iter().find(|entry| {
        let of = |key: &str| entry["platform"][key].as_str().unwrap_or_default();
        let text = match of("variant") {
            "" => format!("{}/{}", of("os"), of("architecture")),
            variant => format!("{}/{}/{variant}", of("os"), of("architecture")),
        };
        text.parse::<refloat_dockerfile::Platform>()
            .is_ok_and(|found| found == wanted)
    });
    found?["digest"].as_str()?.parse().ok()
}
