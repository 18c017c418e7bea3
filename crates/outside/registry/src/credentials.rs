//! What opens a registry, and where it comes from.

use refloat_core::Secret;
use refloat_oci::RegistryHost;
use std::sync::Arc;

/// What opens a registry.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A name with a password, or with a long-lived token in its place.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: Secret<String>,
    },
    /// An identity token: exchanged at the registry's realm for a bearer token (docker's `identitytoken`).
    Token(Secret<String>),
}

/// Why there is no credential where one is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CredentialError(pub String);

/// Looks up the credential of a host; `None` means anonymous. It may block (helper programs): it is called on a
/// blocking thread, once per host.
pub type CredentialSource =
    Arc<dyn Fn(&RegistryHost) -> Result<Option<Credential>, CredentialError> + Send + Sync>;

/// No credentials for anybody.
pub fn anonymous() -> CredentialSource {
    Arc::new(|_| Ok(None))
}
