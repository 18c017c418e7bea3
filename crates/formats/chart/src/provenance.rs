//! Provenance files: who packaged a chart, and that it is still the same (helm, pkg/provenance; RFC 4880, RFC 9580).
//!
//! ```text
//! -----BEGIN PGP SIGNED MESSAGE-----     Chart.yaml, a line `...`, `files: {NAME.tgz: sha256:HEX}`
//! -----BEGIN PGP SIGNATURE-----          a signature over that text by a key of the keyring
//! ```
//! Only what is needed to check: keys and signatures of version 4, RSA, Ed25519 and ECDSA, SHA-2. The signature is checked
//! by aws-lc; what is not known is refused by name.

mod armor;
mod keyring;
mod packets;
mod secret;
mod sign;
mod signature;

pub use keyring::Keyring;
pub use sign::{SecretKeyring, Signer, sign};

use refloat_oci::{Algorithm, Digest};
use refloat_template::{Value, yaml};

/// The largest provenance file that is looked at.
pub const PROVENANCE_MAX_BYTES: usize = 10 * 1024 * 1024;
/// The largest keyring that is looked at.
pub const KEYRING_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Who signed, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Names of the key's owner, in the order of the keyring.
    pub identities: Vec<String>,
    /// The primary key's fingerprint, upper-case hex.
    pub fingerprint: String,
    /// `sha256:HEX` of the archive.
    pub hash: String,
}

/// Why an archive is not proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProvenanceError {
    /// No signed text.
    #[error("signature block not found")]
    NoSignature,
    /// A signature or keyring that cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// A kind of key, hash or keyring that is not built.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// No key of the keyring made the signature.
    #[error("openpgp: signature made by unknown entity")]
    UnknownKey,
    /// The signature is not of this text, or the key may not have made it.
    #[error("openpgp: invalid signature: {0}")]
    Invalid(&'static str),
    /// No key signs, or it cannot.
    #[error("{0}")]
    Key(String),
    /// The signed text does not speak of the archive.
    #[error("provenance does not contain a SHA for a file named {0:?}")]
    OtherFile(String),
    /// The archive is another one.
    #[error("sha256 sum does not match for {name}: {signed:?} != {found:?}")]
    OtherHash {
        /// The archive's file name.
        name: String,
        /// What was signed.
        signed: String,
        /// What there is.
        found: String,
    },
}

/// Checks an archive against its provenance file. `now_seconds` is since 1970.
///
/// # Errors
/// [`ProvenanceError`].
pub fn verify(
    archive: &[u8],
    file_name: &str,
    provenance: &[u8],
    keyring: &Keyring,
    now_seconds: u64,
) -> Result<Verification, ProvenanceError> {
    if provenance.len() > PROVENANCE_MAX_BYTES {
        let reason = format!("a provenance file is at most {PROVENANCE_MAX_BYTES} bytes");
        return Err(ProvenanceError::Malformed(reason));
    }
    let text = std::str::from_utf8(provenance).map_err(|_| ProvenanceError::NoSignature)?;
    let signed = armor::signed(text).ok_or(ProvenanceError::NoSignature)?;
    let signatures = signature::read(&signed.signature)?;
    let owner = keyring.signer(&signatures, &signed.canonical, now_seconds)?;
    let hash = Digest::of(Algorithm::Sha256, archive).to_string();
    match file_hash(&signed.text, file_name)? {
        None => Err(ProvenanceError::OtherFile(file_name.to_owned())),
        Some(found) if found != hash => Err(ProvenanceError::OtherHash {
            name: file_name.to_owned(),
            signed: found,
            found: hash,
        }),
        Some(_) => Ok(Verification {
            identities: owner.identities,
            fingerprint: owner.fingerprint,
            hash,
        }),
    }
}

/// The hash that a signed text gives for a file.
fn file_hash(text: &str, name: &str) -> Result<Option<String>, ProvenanceError> {
    let malformed = |reason: &str| ProvenanceError::Malformed(reason.to_owned());
    let mut parts = text.split("\n...\n");
    let sums = parts.nth(1);
    let sums = sums.ok_or_else(|| malformed("message block must have at least two parts"))?;
    let value = yaml::read(sums).map_err(|error| malformed(&error.to_string()))?;
    let files = value.as_map().and_then(|map| map.get("files"));
    let found = files.as_ref().and_then(Value::as_map);
    let found = found.and_then(|files| files.get(name));
    Ok(found.and_then(|hash| hash.as_str().map(str::to_owned)))
}

#[cfg(test)]
mod tests;
