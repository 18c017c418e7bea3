//! Private keys.

use crate::der::{self, BITS, OBJECT, SEQUENCE, all, tagged};
use crate::{KeyError, fault};
use aws_lc_rs::encoding::{AsDer as _, EcPrivateKeyRfc5915Der, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SecureRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};

/// A key that signs, and its PEM.
pub struct Key {
    kind: Kind,
    pem: String,
}

enum Kind {
    Rsa(rsa::KeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

fn broken<E>(what: &'static str) -> impl Fn(E) -> KeyError {
    move |_| fault(format!("error generating {what} key"))
}

/// `genPrivateKey`: PEM of a new key of `kind`.
///
/// # Errors
/// It cannot be made.
pub fn private_key(kind: &str) -> Result<String, KeyError> {
    match kind {
        "" | "rsa" => Key::rsa(KeySize::Rsa4096).map(|key| key.pem),
        "ecdsa" => Key::ecdsa().map(|key| key.pem),
        "ed25519" => Key::ed25519().map(|key| key.pem),
        "dsa" => Err(fault(
            "DSA keys are not made: nothing takes them any more; use `ecdsa`",
        )),
        other => Ok(format!("Unknown type {other}")),
    }
}

impl Key {
    /// The key of a certificate for which none is given: RSA, 2048 bits.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new() -> Result<Self, KeyError> {
        Self::rsa(KeySize::Rsa2048)
    }

    fn rsa(size: KeySize) -> Result<Self, KeyError> {
        let pair = rsa::KeyPair::generate(size).map_err(broken("rsa"))?;
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(broken("rsa"))?;
        let inner = der::inside_pkcs8(pkcs8.as_ref()).ok_or_else(|| broken("rsa")(()))?;
        Ok(Self {
            pem: der::to_pem("RSA PRIVATE KEY", inner),
            kind: Kind::Rsa(pair),
        })
    }

    fn ecdsa() -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING);
        let pair = pair.map_err(broken("ecdsa"))?;
        let inner: EcPrivateKeyRfc5915Der<'_> =
            pair.private_key().as_der().map_err(broken("ecdsa"))?;
        Ok(Self {
            pem: der::to_pem("EC PRIVATE KEY", inner.as_ref()),
            kind: Kind::Ecdsa(pair),
        })
    }

    fn ed25519() -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(broken("ed25519"))?;
        let pkcs8 = pair.to_pkcs8v1().map_err(broken("ed25519"))?;
        Ok(Self {
            pem: der::to_pem("PRIVATE KEY", pkcs8.as_ref()),
            kind: Kind::Ed25519(pair),
        })
    }

    /// Reads PEM in PKCS #1, SEC 1 or PKCS #8.
    ///
    /// # Errors
    /// It is none of them.
    pub fn read(pem: &str) -> Result<Self, KeyError> {
        let (label, bytes) = der::from_pem(pem)?;
        let rsa = |pair: Result<rsa::KeyPair, _>| pair.ok().map(Kind::Rsa);
        let alg = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let kind = match label.as_str() {
            "RSA PRIVATE KEY" => rsa(rsa::KeyPair::from_der(&bytes)),
            "EC PRIVATE KEY" => {
                let pair = EcdsaKeyPair::from_private_key_der(alg, &bytes);
                pair.ok().map(Kind::Ecdsa)
            }
            "PRIVATE KEY" => rsa(rsa::KeyPair::from_pkcs8(&bytes))
                .or_else(|| {
                    let pair = EcdsaKeyPair::from_pkcs8(alg, &bytes);
                    pair.ok().map(Kind::Ecdsa)
                })
                .or_else(|| {
                    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes);
                    pair.ok().map(Kind::Ed25519)
                }),
            other => {
                let words = format!("no private key data in PEM block of type {other}");
                return Err(fault(words));
            }
        };
        let kind = kind.ok_or_else(|| fault(format!("parsing the {label} from PEM")))?;
        Ok(Self {
            kind,
            pem: der::to_pem(&label, &bytes),
        })
    }

    /// Its PEM, as it was given or made.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// `SubjectPublicKeyInfo`
    pub(crate) fn public(&self) -> Result<Vec<u8>, KeyError> {
        let unknown = |_| fault("error retrieving public key from signee key");
        let der: PublicKeyX509Der<'_> = match &self.kind {
            Kind::Rsa(pair) => pair.public_key().as_der().map_err(unknown)?,
            Kind::Ecdsa(pair) => pair.public_key().as_der().map_err(unknown)?,
            Kind::Ed25519(pair) => {
                let key = [&[0], pair.public_key().as_ref()].concat();
                return Ok(all(SEQUENCE, &[&self.algorithm(), &tagged(BITS, &key)]));
            }
        };
        Ok(der.as_ref().to_vec())
    }

    /// `AlgorithmIdentifier` of its signatures.
    pub(crate) fn algorithm(&self) -> Vec<u8> {
        let name = |name: &[u8]| tagged(OBJECT, name);
        match &self.kind {
            Kind::Rsa(_) => all(SEQUENCE, &[&name(RSA_SHA256), &[5, 0]]),
            Kind::Ecdsa(_) => all(SEQUENCE, &[&name(ECDSA_SHA256)]),
            Kind::Ed25519(_) => all(SEQUENCE, &[&name(ED25519)]),
        }
    }

    pub(crate) fn sign(
        &self,
        message: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Vec<u8>, KeyError> {
        let failed = |_| fault("error creating certificate: it cannot be signed");
        match &self.kind {
            Kind::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, random, message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            Kind::Ecdsa(pair) => {
                let signature = pair.sign(random, message).map_err(failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Kind::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}
