//! Digests: `sha256:<64 hex>` and `sha512:<128 hex>` (image-spec, descriptor.md, section "Digests").

use std::fmt;
use std::str::FromStr;

/// A registered digest algorithm that Refloat computes and accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Algorithm {
    /// The name in front of the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Length of the hash in bytes.
    pub fn length_bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The byte that stands for the algorithm in a row's digest.
    fn row_byte(self) -> u8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        match text {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(DigestError::Algorithm(shorten(text))),
        }
    }
}

/// The content address of a blob or manifest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    // The first `algorithm.length_bytes()` bytes count; the rest are zero.
    hash: [u8; 64],
}

/// Why a text or a row's bytes are not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// There is no colon, or nothing on one side of it.
    #[error("`{0}` is not a digest; write algorithm:hex, for example sha256:e3b0..")]
    Shape(String),
    /// The algorithm is neither sha256 nor sha512.
    #[error("digest algorithm `{0}` is not supported; use sha256 or sha512")]
    Algorithm(String),
    /// The hex part has the wrong length or other characters than 0-9a-f.
    #[error(
        "`{0}` is not a digest: the part after the colon must be lower-case hex of the algorithm's length"
    )]
    Hex(String),
}

fn shorten(text: &str) -> String {
    text.chars().take(100).collect()
}

impl Digest {
    /// The digest of `bytes`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The SHA-256 digest of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(Algorithm::Sha256, bytes)
    }

    /// The algorithm in front of the colon.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw hash.
    pub fn hash(&self) -> &[u8] {
        &self.hash[..self.algorithm.length_bytes()]
    }

    /// The form in rows: one algorithm byte and the raw hash.
    pub fn to_row(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(1 + self.hash().len());
        row.push(self.algorithm.row_byte());
        row.extend_from_slice(self.hash());
        row
    }

    /// Reads the form in rows.
    ///
    /// # Errors
    /// [`DigestError::Shape`] if the bytes were not written by [`Digest::to_row`].
    pub fn from_row(row: &[u8]) -> Result<Self, DigestError> {
        let wrong = || DigestError::Shape(format!("{} bytes in a row", row.len()));
        let (first, hash) = row.split_first().ok_or_else(wrong)?;
        let algorithm = match first {
            1 => Algorithm::Sha256,
            2 => Algorithm::Sha512,
            _ => return Err(wrong()),
        };
        Self::from_hash(algorithm, hash).ok_or_else(wrong)
    }

    /// A digest from its raw hash; `None` if the length is not the algorithm's.
    pub fn from_hash(algorithm: Algorithm, hash: &[u8]) -> Option<Self> {
        if hash.len() != algorithm.length_bytes() {
            return None;
        }
        let mut whole = [0; 64];
        whole[..hash.len()].copy_from_slice(hash);
        Some(Self {
            algorithm,
            hash: whole,
        })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        formatter.write_str(self.algorithm.name())?;
        formatter.write_str(":")?;
        let mut text = String::with_capacity(128);
        for byte in self.hash() {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        formatter.write_str(&text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (name, hex) = text
            .split_once(':')
            .ok_or_else(|| DigestError::Shape(shorten(text)))?;
        if name.is_empty() || hex.is_empty() {
            return Err(DigestError::Shape(shorten(text)));
        }
        let algorithm: Algorithm = name.parse()?;
        let wrong = || DigestError::Hex(shorten(text));
        if hex.len() != algorithm.length_bytes() * 2 {
            return Err(wrong());
        }
        let mut hash = [0_u8; 64];
        for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0]).ok_or_else(wrong)? << 4 | nibble(pair[1]).ok_or_else(wrong)?;
        }
        Ok(Self { algorithm, hash })
    }
}

fn nibble(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Computes a digest while bytes stream by.
#[derive(Clone)]
pub struct Hasher {
    algorithm: Algorithm,
    context: aws_lc_rs::digest::Context,
}

impl Hasher {
    /// A hasher that has seen nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        let kind = match algorithm {
            Algorithm::Sha256 => &aws_lc_rs::digest::SHA256,
            Algorithm::Sha512 => &aws_lc_rs::digest::SHA512,
        };
        Self {
            algorithm,
            context: aws_lc_rs::digest::Context::new(kind),
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// The digest of all bytes taken.
    pub fn finish(self) -> Digest {
        let result = self.context.finish();
        Digest::from_hash(self.algorithm, result.as_ref())
            .expect("the library returns as many bytes as the algorithm has")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn text_and_rows_round_trip() {
        let digest = Digest::sha256(b"");
        assert_eq!(digest.to_string(), EMPTY);
        assert_eq!(EMPTY.parse::<Digest>(), Ok(digest));
        assert_eq!(Digest::from_row(&digest.to_row()), Ok(digest));
        let long = Digest::of(Algorithm::Sha512, b"x");
        assert_eq!(Digest::from_row(&long.to_row()), Ok(long));
        assert_eq!(long.to_string().parse(), Ok(long));
    }

    #[test]
    fn refuses_what_is_not_a_digest() {
        for text in [
            "",
            "sha256",
            "sha256:",
            ":ab",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
        assert!(EMPTY.to_uppercase().parse::<Digest>().is_err());
        assert!(EMPTY.replace('e', "E").parse::<Digest>().is_err());
        assert!(format!("{EMPTY}00").parse::<Digest>().is_err());
        assert!(Digest::from_row(&[9; 33]).is_err());
        assert!(Digest::from_row(&[1; 20]).is_err());
    }
}
