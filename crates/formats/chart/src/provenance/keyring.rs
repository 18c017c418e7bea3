//! Keyrings: public keys, what they are called, and which of them made a signature (RFC 4880, section 5.5).
//!
//! A keyring is the user's own file and trusted: names and subkeys are taken as they stand in it. What can only take trust
//! away is heeded: a revocation, an end of validity, a subkey that is not for signing.

use super::packets::{Packet, cut, integer, malformed, number, split};
use super::secret::padded;
use super::signature::{Signature, parse};
use super::{KEYRING_MAX_BYTES, ProvenanceError, armor};
use aws_lc_rs::signature as lc;
use aws_lc_rs::{digest, signature::UnparsedPublicKey};

/// Public keys.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    owners: Vec<Owner>,
}

/// One person's keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Owner {
    /// Names, in the order of the keyring.
    pub(super) identities: Vec<String>,
    /// Of the primary key.
    pub(super) fingerprint: String,
    keys: Vec<Key>,
}

#[derive(Debug, Clone)]
struct Key {
    fingerprint: Vec<u8>,
    made_seconds: u64,
    lasts_seconds: Option<u64>,
    revoked: bool,
    signs: bool,
    kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Ed25519(Vec<u8>),
    Ecdsa { curve: Curve, point: Vec<u8> },
    Other(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
    Other,
}

impl Keyring {
    /// Reads exported keys, binary or armored.
    ///
    /// # Errors
    /// [`ProvenanceError`]
    pub fn parse(bytes: &[u8]) -> Result<Self, ProvenanceError> {
        if bytes.len() > KEYRING_MAX_BYTES {
            let reason = format!("a keyring is at most {KEYRING_MAX_BYTES} bytes");
            return Err(ProvenanceError::Malformed(reason));
        }
        if bytes.get(8..12) == Some(b"KBXf") {
            let what = "a keybox; export the keys with `gpg --export > keyring.gpg`";
            return Err(ProvenanceError::Unsupported(what.to_owned()));
        }
        let unarmored = std::str::from_utf8(bytes).ok().and_then(armor::unarmored);
        let bytes = unarmored.as_deref().unwrap_or(bytes);
        let mut owners: Vec<Owner> = Vec::new();
        for packet in split(bytes)? {
            place(&packet, &mut owners)?;
        }
        Ok(Self { owners })
    }

    /// Whose key made one of the signatures over a text.
    pub(super) fn signer(
        &self,
        signatures: &[Signature],
        text: &[u8],
        now_seconds: u64,
    ) -> Result<Owner, ProvenanceError> {
        let mut wrong = ProvenanceError::UnknownKey;
        for signature in signatures {
            for owner in &self.owners {
                let primary_revoked = owner.keys.first().is_some_and(|key| key.revoked);
                for key in owner.keys.iter().filter(|key| key.is_of(signature)) {
                    match key.check(signature, text, now_seconds) {
                        Ok(()) if primary_revoked => {
                            wrong = ProvenanceError::Invalid("the key is revoked");
                        }
                        Ok(()) => return Ok(owner.clone()),
                        Err(error) => wrong = error,
                    }
                }
            }
        }
        Err(wrong)
    }
}

/// Adds what a packet says to the keys so far.
fn place(packet: &Packet<'_>, owners: &mut Vec<Owner>) -> Result<(), ProvenanceError> {
    match packet.tag {
        // Secret keys begin with the public ones.
        5 | 6 => {
            let key = Key::parse(packet.body)?;
            owners.push(Owner {
                fingerprint: hex(&key.fingerprint),
                keys: vec![key],
                identities: Vec::new(),
            });
        }
        7 | 14 => {
            if let Some(owner) = owners.last_mut() {
                let mut key = Key::parse(packet.body)?;
                // A subkey signs if its binding says so.
                key.signs = false;
                owner.keys.push(key);
            }
        }
        13 => {
            if let Some(owner) = owners.last_mut() {
                let name = String::from_utf8_lossy(packet.body).into_owned();
                owner.identities.push(name);
            }
        }
        2 => {
            // Signatures of others may be of any kind; those of the owner are of version 4.
            if let (Some(owner), Ok(signature)) = (owners.last_mut(), parse(packet.body)) {
                owner.said(&signature);
            }
        }
        _ => {}
    }
    Ok(())
}

impl Owner {
    /// Takes what a signature in the keyring says of the key before it.
    fn said(&mut self, signature: &Signature) {
        let [primary, ..] = self.keys.as_mut_slice() else {
            return;
        };
        let own = primary.is_of(signature);
        match signature.kind {
            0x20 if own => primary.revoked = true,
            0x10..=0x13 if own => {
                primary.lasts_seconds = signature.key_lasts_seconds;
                if let Some(flags) = signature.key_flags {
                    primary.signs = flags & 0x02 != 0;
                }
            }
            0x18 if own && self.keys.len() > 1 => {
                if let Some(key) = self.keys.last_mut() {
                    key.lasts_seconds = signature.key_lasts_seconds;
                    key.signs = signature.key_flags.is_some_and(|flags| flags & 0x02 != 0);
                }
            }
            0x28 if own && self.keys.len() > 1 => {
                if let Some(key) = self.keys.last_mut() {
                    key.revoked = true;
                }
            }
            _ => {}
        }
    }
}

impl Key {
    fn parse(body: &[u8]) -> Result<Self, ProvenanceError> {
        let [version, a, b, c, d, algorithm, rest @ ..] = body else {
            return Err(cut());
        };
        if *version != 4 {
            let what = format!("a key of version {version}");
            return Err(ProvenanceError::Unsupported(what));
        }
        let (kind, rest) = Kind::parse(*algorithm, rest)?;
        Ok(Self {
            fingerprint: fingerprint(&body[..body.len() - rest.len()])?,
            made_seconds: u64::try_from(number(&[*a, *b, *c, *d])).unwrap_or(0),
            lasts_seconds: None,
            revoked: false,
            signs: true,
            kind,
        })
    }

    fn is_of(&self, signature: &Signature) -> bool {
        let issuer = signature.issuer.as_deref();
        issuer.is_some_and(|issuer| self.fingerprint.ends_with(issuer))
    }

    fn check(
        &self,
        signature: &Signature,
        text: &[u8],
        now_seconds: u64,
    ) -> Result<(), ProvenanceError> {
        if !matches!(signature.kind, 0 | 1) {
            return Err(ProvenanceError::Invalid("it is not over a text"));
        }
        if !self.kind.is_of(signature.algorithm) {
            return Err(ProvenanceError::Invalid("it is of another algorithm"));
        }
        let mut message = text.to_vec();
        message.extend(&signature.trailer);
        if !self.kind.verifies(signature, &message)? {
            return Err(ProvenanceError::Invalid(
                "the text or the key is another one",
            ));
        }
        if self.revoked {
            return Err(ProvenanceError::Invalid("the key is revoked"));
        }
        if !self.signs {
            return Err(ProvenanceError::Invalid("the key is not for signing"));
        }
        let end = self.lasts_seconds.map(|lasts| self.made_seconds + lasts);
        if end.is_some_and(|end| now_seconds >= end) {
            return Err(ProvenanceError::Invalid("the key has expired"));
        }
        if !signature.holds(now_seconds) {
            return Err(ProvenanceError::Invalid("it has expired"));
        }
        Ok(())
    }
}

impl Kind {
    /// The public numbers of a key, and what follows them.
    pub(super) fn parse(algorithm: u8, bytes: &[u8]) -> Result<(Self, &[u8]), ProvenanceError> {
        match algorithm {
            1 | 3 => {
                let (modulus, rest) = integer(bytes)?;
                let (exponent, rest) = integer(rest)?;
                let kind = Self::Rsa {
                    modulus: modulus.to_vec(),
                    exponent: exponent.to_vec(),
                };
                Ok((kind, rest))
            }
            19 | 22 => {
                let (oid, rest) = curve(bytes)?;
                let (point, rest) = integer(rest)?;
                let kind = match oid {
                    // 1.3.6.1.4.1.11591.15.1, its point behind a byte 0x40.
                    [0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1] => {
                        Self::Ed25519(point.get(1..).unwrap_or_default().to_vec())
                    }
                    _ => Self::Ecdsa {
                        curve: Curve::of(oid),
                        point: point.to_vec(),
                    },
                };
                Ok((kind, rest))
            }
            27 => {
                let key = bytes.get(..32).ok_or_else(cut)?;
                Ok((Self::Ed25519(key.to_vec()), &bytes[32..]))
            }
            // Their numbers are not looked at; a fingerprint over more than them belongs to no signature.
            other => Ok((Self::Other(other), &[])),
        }
    }

    /// Whether a signature's algorithm is this key's.
    fn is_of(&self, algorithm: u8) -> bool {
        match self {
            Self::Rsa { .. } => matches!(algorithm, 1 | 3),
            Self::Ed25519(_) => matches!(algorithm, 22 | 27),
            Self::Ecdsa { .. } => algorithm == 19,
            Self::Other(other) => algorithm == *other,
        }
    }

    fn verifies(&self, signature: &Signature, message: &[u8]) -> Result<bool, ProvenanceError> {
        let values = signature.values.as_slice();
        match self {
            Self::Rsa { modulus, exponent } => {
                let [value] = values else {
                    return Err(cut());
                };
                let algorithm = match signature.hash {
                    8 => &lc::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
                    9 => &lc::RSA_PKCS1_2048_8192_SHA384,
                    10 => &lc::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
                    other => return Err(hash(other)),
                };
                let key = lc::RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                };
                let value = padded(value, modulus.len());
                Ok(key.verify(algorithm, message, &value).is_ok())
            }
            Self::Ed25519(key) => {
                let value = match values {
                    [whole] => whole.clone(),
                    [r, s] => [padded(r, 32), padded(s, 32)].concat(),
                    _ => return Err(cut()),
                };
                let hashed = hashed(signature.hash, message)?;
                let key = UnparsedPublicKey::new(&lc::ED25519, key);
                Ok(key.verify(&hashed, &value).is_ok())
            }
            Self::Ecdsa { curve, point } => {
                let [r, s] = values else {
                    return Err(cut());
                };
                let (algorithm, width) = curve.algorithm(signature.hash)?;
                let value = [padded(r, width), padded(s, width)].concat();
                let key = UnparsedPublicKey::new(algorithm, point);
                Ok(key.verify(message, &value).is_ok())
            }
            Self::Other(algorithm) => Err(ProvenanceError::Unsupported(format!(
                "a key of algorithm {algorithm}"
            ))),
        }
    }
}

impl Curve {
    fn of(oid: &[u8]) -> Self {
        match oid {
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7] => Self::P256,
            [0x2b, 0x81, 4, 0, 0x22] => Self::P384,
            [0x2b, 0x81, 4, 0, 0x23] => Self::P521,
            _ => Self::Other,
        }
    }

    fn algorithm(
        self,
        hash_id: u8,
    ) -> Result<(&'static lc::EcdsaVerificationAlgorithm, usize), ProvenanceError> {
        match (self, hash_id) {
            (Self::P256, 8) => Ok((&lc::ECDSA_P256_SHA256_FIXED, 32)),
            (Self::P384, 9) => Ok((&lc::ECDSA_P384_SHA384_FIXED, 48)),
            (Self::P521, 10) => Ok((&lc::ECDSA_P521_SHA512_FIXED, 66)),
            (Self::Other, _) => Err(ProvenanceError::Unsupported(
                "a key of this curve".to_owned(),
            )),
            (_, other) => Err(hash(other)),
        }
    }
}

/// The fingerprint of the public part of a key.
pub(super) fn fingerprint(public: &[u8]) -> Result<Vec<u8>, ProvenanceError> {
    let mut hashed = vec![0x99];
    let length = u16::try_from(public.len()).map_err(|_| malformed("a key is too large"))?;
    hashed.extend(length.to_be_bytes());
    hashed.extend(public);
    let fingerprint = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &hashed);
    Ok(fingerprint.as_ref().to_vec())
}

fn curve(bytes: &[u8]) -> Result<(&[u8], &[u8]), ProvenanceError> {
    let [length, rest @ ..] = bytes else {
        return Err(cut());
    };
    let length = usize::from(*length);
    let oid = rest.get(..length).ok_or_else(cut)?;
    Ok((oid, &rest[length..]))
}

fn hashed(id: u8, message: &[u8]) -> Result<Vec<u8>, ProvenanceError> {
    let algorithm = match id {
        8 => &digest::SHA256,
        9 => &digest::SHA384,
        10 => &digest::SHA512,
        other => return Err(hash(other)),
    };
    Ok(digest::digest(algorithm, message).as_ref().to_vec())
}

/// SHA-1 and MD5 among them: they prove nothing any more.
fn hash(id: u8) -> ProvenanceError {
    ProvenanceError::Unsupported(format!("a signature by hash {id} for this key"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
