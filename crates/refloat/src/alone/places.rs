//! What people write, opened: registries with their credentials, layouts and archives.

use super::failed::of_place;
use refloat_cli::credentials::{HostCredential, credential_of};
use refloat_cli::error::CliError;
use refloat_core::Secret;
use refloat_layouts::Layout;
use refloat_oci::{Location, RegistryHost, TagOrDigest};
use refloat_ports::{Images, ImagesResult, Place, Places};
use refloat_remote::{Credential, CredentialError, CredentialSource, Remotes};
use std::path::Path;
use std::sync::Arc;

/// Docker's tag where none is written.
const LATEST: &str = "latest";

/// Places for one call of the command line.
pub(crate) struct AlonePlaces {
    remotes: Remotes,
    server: Option<RegistryHost>,
}

/// A place, and how it was written.
pub(crate) struct Opened {
    pub(crate) place: Place,
    pub(crate) location: Location,
}

impl AlonePlaces {
    pub(crate) fn new(server: Option<RegistryHost>) -> Result<Self, CliError> {
        let remotes = Remotes::new(credentials(server.clone())).map_err(|failure| {
            CliError::failed(
                "tls",
                failure.to_string(),
                "check the system's certificates",
            )
        })?;
        Ok(Self { remotes, server })
    }

    /// Opens what was typed.
    pub(crate) async fn named(&self, text: &str) -> Result<Opened, CliError> {
        let location = Location::parse(text, self.server.as_ref())?;
        let place = self
            .open(&location)
            .await
            .map_err(|error| of_place(&error))?;
        Ok(Opened { place, location })
    }

    /// The same for what will be written: a layout is made where there is none.
    pub(crate) async fn to_write(&self, text: &str) -> Result<Opened, CliError> {
        let location = Location::parse(text, self.server.as_ref())?;
        match &location {
            Location::Layout(file) => {
                Layout::create(Path::new(&file.path)).map_err(|error| of_place(&error))?;
            }
            Location::Registry(_) => {}
            Location::OciArchive(_) | Location::DockerArchive(_) => {
                return Err(CliError::unsupported(&format!(
                    "writing into the archive `{text}`"
                )));
            }
        }
        let place = self
            .open(&location)
            .await
            .map_err(|error| of_place(&error))?;
        Ok(Opened { place, location })
    }
}

impl Places for AlonePlaces {
    fn open<'a>(&'a self, location: &'a Location) -> ImagesResult<'a, Place> {
        Box::pin(async move {
            if let Some(place) = refloat_layouts::open(location).await? {
                return Ok(place);
            }
            let Location::Registry(reference) = location else {
                unreachable!("every other form is a file, which was opened");
            };
            let latest = || LATEST.parse().ok().map(TagOrDigest::Tag);
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

/// Docker's configuration and its helpers, and the environment's account for the configured server.
fn credentials(server: Option<RegistryHost>) -> CredentialSource {
    Arc::new(move |host| {
        let found =
            credential_of(host, server.as_ref()).map_err(|error| CredentialError(error.message))?;
        Ok(found.map(|credential| match credential {
            HostCredential::Password { username, password } => Credential::Password {
                username,
                password: Secret::new(password),
            },
            HostCredential::Token(token) => Credential::Token(Secret::new(token)),
        }))
    })
}
