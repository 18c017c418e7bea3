//! Foreign registries for the server's own work: opened with the credentials of the project `default` that are for their host.

use refloat_core::Secret;
use refloat_oci::{Location, RegistryHost, TagOrDigest};
use refloat_ports::{Images, ImagesError, ImagesResult, Place, Places};
use refloat_remote::{Credential, CredentialError, Remotes};
use refloat_store::Store;
use refloat_store::secrets::MasterKey;
use refloat_store_builds::for_host;
use std::sync::Arc;

/// Registries of others. Files of the server's machine are nobody's business here.
pub(crate) struct ForeignPlaces {
    remotes: Remotes,
}

impl ForeignPlaces {
    /// Foreign registries, opened by what documents say.
    ///
    /// # Errors
    /// If the system has no certificates to trust.
    pub(crate) fn new(store: Store, master: MasterKey) -> Result<Self, refloat_core::Failure> {
        let runtime = tokio::runtime::Handle::current();
        let source = Arc::new(move |host: &RegistryHost| {
            let (master, host) = (master.clone(), host.to_string());
            let found = runtime.block_on(store.read(move |tx| {
                let (master, host) = (master.clone(), host.clone());
                Box::pin(async move {
                    let project = refloat_store::projects::default_project();
                    for_host(tx, &master, &project, &host).await
                })
            }));
            let found = found.map_err(|error| CredentialError(error.to_string()))?;
            Ok(found.map(|opens| match opens.username {
                Some(username) => Credential::Password {
                    username,
                    password: opens.value,
                },
                None => Credential::Token(Secret::new(opens.value.expose().clone())),
            }))
        });
        Ok(Self {
            remotes: Remotes::new(source)?,
        })
    }
}

impl Places for ForeignPlaces {
    fn open<'a>(&'a self, location: &'a Location) -> ImagesResult<'a, Place> {
        Box::pin(async move {
            let Location::Registry(reference) = location else {
                return Err(ImagesError::Unsupported(format!("{location} on a server")));
            };
            let latest = || "latest".parse().ok().map(TagOrDigest::Tag);
            let images: Arc<dyn Images> = self.remotes.of(&reference.registry);
            Ok(Place {
                images,
                repository: reference.repository.clone(),
                target: reference.target().or_else(latest),
                written: reference.to_string(),
            })
        })
    }
}
