//! Private keys, certificates and password hashes as the functions of charts make them (sprig's `crypto.go`): RSA keys of
//! 2048 bits, certificates for servers and clients, bcrypt.
//!
//! The time and the source of random bits are arguments: what is made here is made for those who answer the questions of a
//! rendering, never by a template. The source serves salts, serial numbers and signatures; a new key is drawn by the
//! cryptographic library.

mod answer;
mod certificate;
mod der;
mod key;
mod password;

pub use answer::answer;
pub use certificate::{Authority, CertificateRequest, Certified, certificate, custom};
pub use key::{Key, private_key};
pub use password::bcrypt_hash;

/// What cannot be made, in the words that a template's error ends with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(pub String);

fn fault(text: impl Into<String>) -> KeyError {
    KeyError(text.into())
}
