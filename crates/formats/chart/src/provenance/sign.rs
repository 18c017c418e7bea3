//! Makes a provenance file: the text that helm signs, signed in the clear by a secret key (helm, pkg/provenance/sign.go).
//!
//! Like helm, the primary key signs. Its passphrase and its numbers live for one call; time and random bits are arguments.

use super::armor;
use super::keyring::{Curve, Kind, fingerprint};
use super::packets::{integer, number, split};
use super::secret;
use super::{KEYRING_MAX_BYTES, ProvenanceError};
use crate::chart::Chart;
use aws_lc_rs::rand::SecureRandom;
use aws_lc_rs::signature::{
    self as lc, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use aws_lc_rs::{digest, error::Unspecified};
use refloat_oci::{Algorithm, Digest};

/// A signature over a text whose lines end in CR LF.
const OVER_TEXT: u8 = 1;
const SHA256: u8 = 8;
const SHA384: u8 = 9;
const SHA512: u8 = 10;

/// Keys that sign.
pub struct SecretKeyring {
    owners: Vec<Owner>,
}

struct Owner {
    identities: Vec<String>,
    fingerprint: Vec<u8>,
    algorithm: u8,
    public: Kind,
    /// What follows the public numbers: maybe encrypted.
    secret: Vec<u8>,
}

impl std::fmt::Debug for SecretKeyring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "({} secret keys)", self.owners.len())
    }
}

impl SecretKeyring {
    /// Reads exported secret keys, binary or armored.
    ///
    /// # Errors
    /// [`ProvenanceError`]
    pub fn parse(bytes: &[u8]) -> Result<Self, ProvenanceError> {
        if bytes.len() > KEYRING_MAX_BYTES {
            let reason = format!("a keyring is at most {KEYRING_MAX_BYTES} bytes");
            return Err(ProvenanceError::Malformed(reason));
        }
        if bytes.get(8..12) == Some(b"KBXf") {
            let what = "a keybox; export the keys with `gpg --export-secret-keys > secring.gpg`";
            return Err(ProvenanceError::Unsupported(what.to_owned()));
        }
        let unarmored = std::str::from_utf8(bytes).ok().and_then(armor::unarmored);
        let bytes = unarmored.as_deref().unwrap_or(bytes);
        let mut owners: Vec<Owner> = Vec::new();
        for packet in split(bytes)? {
            match (packet.tag, owners.last_mut()) {
                (5, _) => owners.push(Owner::parse(packet.body)?),
                (13, Some(owner)) => {
                    let name = String::from_utf8_lossy(packet.body).into_owned();
                    owner.identities.push(name);
                }
                _ => {}
            }
        }
        Ok(Self { owners })
    }

    /// The one key that has this in a name, or is called exactly so.
    fn find(&self, name: &str) -> Result<&Owner, ProvenanceError> {
        let has = |owner: &&Owner| owner.identities.iter().any(|one| one.contains(name));
        let is = |owner: &&Owner| owner.identities.iter().any(|one| one == name);
        if let Some(owner) = self.owners.iter().find(is) {
            return Ok(owner);
        }
        let mut found = self.owners.iter().filter(has);
        match (found.next(), found.next()) {
            (Some(owner), None) => Ok(owner),
            (None, _) => Err(ProvenanceError::Key(format!(
                "no secret key of the keyring contains {name:?} in its name"
            ))),
            (Some(_), Some(_)) => Err(ProvenanceError::Key(format!(
                "more than one secret key contains {name:?} in its name"
            ))),
        }
    }
}

impl Owner {
    fn parse(body: &[u8]) -> Result<Self, ProvenanceError> {
        let [4, _, _, _, _, algorithm, rest @ ..] = body else {
            let what = "a secret key that is not of version 4".to_owned();
            return Err(ProvenanceError::Unsupported(what));
        };
        let (public, secret) = Kind::parse(*algorithm, rest)?;
        let length = body.len() - secret.len();
        Ok(Self {
            identities: Vec::new(),
            fingerprint: fingerprint(&body[..length])?,
            algorithm: *algorithm,
            public,
            secret: secret.to_vec(),
        })
    }
}

/// The provenance file of an archive: `name` is its file's, `key` a part of the signer's name, `now_seconds` since 1970.
///
/// # Errors
/// [`ProvenanceError`]; none holds a secret.
pub fn sign(
    chart: &Chart,
    archive: &[u8],
    name: &str,
    signer: &Signer<'_>,
    now_seconds: u64,
) -> Result<String, ProvenanceError> {
    let owner = signer.keyring.find(signer.key)?;
    let hash = Digest::of(Algorithm::Sha256, archive);
    let text = format!(
        "{}\n\n...\nfiles:\n  {name}: {hash}\n",
        chart.metadata.to_yaml().trim_end_matches('\n')
    );
    let lines: Vec<&str> = text.trim_end_matches('\n').split('\n').collect();
    let trimmed = lines
        .iter()
        .map(|line| line.trim_end_matches([' ', '\t', '\r']));
    let canonical = trimmed.collect::<Vec<_>>().join("\r\n");
    let hash_id = owner.public.hash_id();
    let packet = packet(owner, signer, hash_id, canonical.as_bytes(), now_seconds)?;
    let escaped = lines.iter().map(|line| match line.strip_prefix('-') {
        Some(_) => format!("- {line}\n"),
        None => format!("{line}\n"),
    });
    Ok(format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: {}\n\n{}{}",
        match hash_id {
            SHA256 => "SHA256",
            SHA384 => "SHA384",
            _ => "SHA512",
        },
        escaped.collect::<String>(),
        armor::armored("SIGNATURE", &packet)
    ))
}

/// Who signs, and what that takes.
pub struct Signer<'a> {
    /// Secret keys.
    pub keyring: &'a SecretKeyring,
    /// A part of the name of the key that signs; empty if there is one key only.
    pub key: &'a str,
    /// What opens it, if it is encrypted.
    pub passphrase: Option<&'a [u8]>,
    /// Random bits, which some signatures need.
    pub random: &'a dyn SecureRandom,
}

/// A signature packet of version 4.
fn packet(
    owner: &Owner,
    signer: &Signer<'_>,
    hash_id: u8,
    text: &[u8],
    now_seconds: u64,
) -> Result<Vec<u8>, ProvenanceError> {
    let made = u32::try_from(now_seconds).unwrap_or(u32::MAX);
    let mut hashed = vec![5, 2];
    hashed.extend(made.to_be_bytes());
    hashed.extend([22, 33, 4]);
    hashed.extend(&owner.fingerprint);
    let mut body = vec![4, OVER_TEXT, owner.algorithm, hash_id];
    body.extend(u16::try_from(hashed.len()).unwrap_or(0).to_be_bytes());
    body.extend(&hashed);
    let mut message = text.to_vec();
    message.extend(&body);
    message.extend([4, 0xff]);
    message.extend(u32::try_from(body.len()).unwrap_or(0).to_be_bytes());
    let sum = digest::digest(algorithm(hash_id), &message);
    let issuer = &owner.fingerprint[owner.fingerprint.len() - 8..];
    body.extend([0, 10, 9, 16]);
    body.extend(issuer);
    body.extend(&sum.as_ref()[..2]);
    let numbers = secret::numbers(&owner.secret, signer.passphrase)?;
    for value in owner
        .public
        .sign(&numbers, &message, sum.as_ref(), signer.random)?
    {
        body.extend(value);
    }
    let mut packet = vec![0xc2, 255];
    packet.extend(u32::try_from(body.len()).unwrap_or(0).to_be_bytes());
    packet.extend(body);
    Ok(packet)
}

fn algorithm(hash_id: u8) -> &'static digest::Algorithm {
    match hash_id {
        SHA256 => &digest::SHA256,
        SHA384 => &digest::SHA384,
        _ => &digest::SHA512,
    }
}

impl Kind {
    /// The hash that a signature of this key is made over.
    fn hash_id(&self) -> u8 {
        match self {
            Self::Ecdsa {
                curve: Curve::P256, ..
            } => SHA256,
            Self::Ecdsa {
                curve: Curve::P384, ..
            } => SHA384,
            Self::Rsa { .. } | Self::Ed25519(_) | Self::Ecdsa { .. } | Self::Other(_) => SHA512,
        }
    }

    /// The numbers of a signature as a packet holds them.
    fn sign(
        &self,
        secret: &[u8],
        message: &[u8],
        sum: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Vec<Vec<u8>>, ProvenanceError> {
        let unusable = |_: Unspecified| ProvenanceError::Key("the key cannot sign".to_owned());
        match self {
            Self::Rsa { modulus, exponent } => {
                let der = secret::rsa_der(modulus, exponent, secret)?;
                let key = RsaKeyPair::from_der(&der)
                    .map_err(|error| ProvenanceError::Key(format!("the RSA key: {error}")))?;
                let mut value = vec![0; key.public_modulus_len()];
                key.sign(&lc::RSA_PKCS1_SHA512, random, message, &mut value)
                    .map_err(unusable)?;
                Ok(vec![whole(&value)])
            }
            Self::Ed25519(public) => {
                let (seed, _) = integer(secret)?;
                let seed = secret::padded(seed, 32);
                let key = Ed25519KeyPair::from_seed_and_public_key(&seed, public)
                    .map_err(|error| ProvenanceError::Key(format!("the Ed25519 key: {error}")))?;
                let value = key.sign(sum);
                let (r, s) = value.as_ref().split_at(32);
                Ok(vec![whole(r), whole(s)])
            }
            Self::Ecdsa { curve, point } => {
                let (algorithm, width) = curve.signing()?;
                let (scalar, _) = integer(secret)?;
                let scalar = secret::padded(scalar, width);
                let key = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &scalar, point)
                    .map_err(|error| ProvenanceError::Key(format!("the ECDSA key: {error}")))?;
                debug_assert!(!key.public_key().as_ref().is_empty());
                let value = key.sign(random, message).map_err(unusable)?;
                let (r, s) = value.as_ref().split_at(width);
                Ok(vec![whole(r), whole(s)])
            }
            Self::Other(algorithm) => Err(ProvenanceError::Unsupported(format!(
                "a secret key of algorithm {algorithm}; sign with gpg"
            ))),
        }
    }
}

impl Curve {
    fn signing(self) -> Result<(&'static EcdsaSigningAlgorithm, usize), ProvenanceError> {
        match self {
            Self::P256 => Ok((&lc::ECDSA_P256_SHA256_FIXED_SIGNING, 32)),
            Self::P384 => Ok((&lc::ECDSA_P384_SHA384_FIXED_SIGNING, 48)),
            Self::P521 => Ok((&lc::ECDSA_P521_SHA512_FIXED_SIGNING, 66)),
            Self::Other => Err(ProvenanceError::Unsupported(
                "a secret key of this curve; sign with gpg".to_owned(),
            )),
        }
    }
}

/// A number without leading zeros, behind its length in bits.
fn whole(value: &[u8]) -> Vec<u8> {
    let start = value.iter().position(|byte| *byte != 0);
    let value = &value[start.unwrap_or(value.len())..];
    let first = value
        .first()
        .map_or(0, |byte| 8 - byte.leading_zeros() as usize);
    let bits = value.len().saturating_sub(1) * 8 + first;
    let mut bytes = u16::try_from(bits).unwrap_or(0).to_be_bytes().to_vec();
    bytes.extend(value);
    debug_assert_eq!(number(&bytes[..2]), bits);
    bytes
}
