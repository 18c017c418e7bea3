//! The credential of a registry, for the parts of the binary that speak to it themselves.

use crate::docker::{self, Config, Credential};
use crate::error::CliError;
use refloat_oci::RegistryHost;
use std::fmt;

/// What opens a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum HostCredential {
    /// A name with a password, or with a long-lived token in its place.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: String,
    },
    /// A token alone.
    Token(String),
}

impl fmt::Debug for HostCredential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(secret)")
    }
}

/// What `login` has kept for a host. For `server`, the configured one, the account of the environment comes first, as for
/// every other verb; without a configured server that account is for loopback alone, so that it never reaches a stranger.
/// It may start a credential helper, so it is called on a thread that may block.
///
/// # Errors
/// If docker's configuration or a helper cannot be read.
pub fn credential_of(
    host: &RegistryHost,
    server: Option<&RegistryHost>,
) -> Result<Option<HostCredential>, CliError> {
    let ours = server.map_or_else(|| host.is_loopback(), |server| server == host);
    let found = match docker::from_environment().filter(|_| ours) {
        Some(found) => Some(found),
        None => match Config::load()?.get(host)? {
            Some(found) => Some(found),
            // What `helm registry login` has kept.
            None => Config::load_of_helm()?.get(host)?,
        },
    };
    Ok(found.map(|credential| match credential {
        Credential::Password { username, password } => HostCredential::Password {
            username,
            password: password.expose().to_owned(),
        },
        Credential::Token(token) => HostCredential::Token(token.expose().to_owned()),
    }))
}
