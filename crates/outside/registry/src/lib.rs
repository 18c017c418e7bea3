//! Registries of others over the distribution API: the port [`refloat_ports::Images`] as an HTTP client.
//!
//! ```text
//! Remote (one per host) ─► Session: credentials, tokens, redirects, limits ─► reqwest
//! ```
//! A credential goes to the registry's own host and to a token realm of the same domain, never elsewhere. Redirects
//! are followed by hand, without `Authorization` when they leave the host. Plain HTTP is spoken on loopback only.
//! Every byte that is handed on has been checked against its digest.

mod answer;
mod blobs;
mod challenge;
mod credentials;
mod limits;
mod manifests;
mod realm;
mod referrers;
mod remote;
mod session;
mod tags;
#[cfg(test)]
mod tests;
mod tokens;
mod upload;

pub use credentials::{Credential, CredentialError, CredentialSource, anonymous};
pub use limits::RateLimit;
pub use remote::{Remote, Remotes};
