//! Registries by their name as this server knows them: its own in this process, all others by the port.

use crate::OwnImages;
use refloat_cascade::name::is_own;
use refloat_flow::{Because, Caller, Registry};
use refloat_oci::{Location, Reference, RegistryHost, RepositoryName, TagOrDigest};
use refloat_ports::{ImagesError, ImagesResult, Place, Places};
use std::sync::Arc;

/// Every registry.
#[derive(Clone)]
pub struct ServerPlaces {
    own: Arc<OwnImages>,
    host: RegistryHost,
    foreign: Arc<dyn Places>,
}

impl ServerPlaces {
    /// Our own registry under `host`, and whatever `foreign` opens.
    pub fn new(registry: Registry, host: RegistryHost, foreign: Arc<dyn Places>) -> Self {
        Self {
            own: Arc::new(OwnImages::new(registry, Caller::system())),
            host,
            foreign,
        }
    }
}

impl Places for ServerPlaces {
    fn open<'a>(&'a self, location: &'a Location) -> ImagesResult<'a, Place> {
        Box::pin(async move {
            match location {
                Location::Registry(reference) if is_own(&reference.registry, &self.host) => {
                    Ok(Place {
                        images: Arc::clone(&self.own) as _,
                        repository: reference.repository.clone(),
                        target: reference.target(),
                        written: reference.to_string(),
                    })
                }
                Location::Registry(_) => self.foreign.open(location).await,
                Location::Layout(_) | Location::OciArchive(_) | Location::DockerArchive(_) => {
                    Err(ImagesError::Unsupported(format!(
                        "{location} is a file; the server reads no files"
                    )))
                }
            }
        })
    }
}

impl crate::Patches {
    /// A repository of our own (`None`) or a foreign registry, at a tag or digest; writes carry `because`.
    pub(crate) async fn place(
        &self,
        registry: Option<&RegistryHost>,
        repository: &RepositoryName,
        target: TagOrDigest,
        because: Because,
    ) -> Result<Place, ImagesError> {
        let host = registry.unwrap_or(self.host());
        let (tag, digest) = match &target {
            TagOrDigest::Tag(tag) => (Some(tag.clone()), None),
            TagOrDigest::Digest(digest) => (None, Some(*digest)),
        };
        let reference = Reference {
            registry: host.clone(),
            repository: repository.clone(),
            tag,
            digest,
        };
        if registry.is_none() {
            let caller = Caller {
                because,
                ..Caller::system()
            };
            let images = OwnImages::new(self.parts().registry.clone(), caller);
            return Ok(Place {
                images: Arc::new(images),
                repository: repository.clone(),
                target: Some(target),
                written: reference.to_string(),
            });
        }
        self.parts()
            .places
            .open(&Location::Registry(reference))
            .await
    }
}
