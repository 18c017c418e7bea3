//! Opens files of age (age-encryption.org/v1) with X25519 identities, in their armor. Only files of one chunk: a data key has
//! 32 bytes.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use std::fmt;

/// What an identity begins with.
const PREFIX: &str = "AGE-SECRET-KEY-";
/// The most identities that are tried.
const IDENTITIES_MAX: usize = 64;
const FIRST_LINE: &str = "age-encryption.org/v1";
/// The characters of Bech32 by their value (BIP 173).
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Private keys; nothing of them is ever shown.
#[derive(Default)]
pub struct Identities(Vec<PrivateKey>);

impl fmt::Debug for Identities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "({} identities)", self.0.len())
    }
}

/// A text that holds no identities. It never quotes the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// A line that is none.
    #[error(
        "line {0} of the age identities is none of the form AGE-SECRET-KEY-1..; keys of plugins and SSH are not supported"
    )]
    Line(usize),
    /// None, or too many.
    #[error("there are 1 to {IDENTITIES_MAX} age identities in a file")]
    Count,
}

impl Identities {
    /// Reads the lines of a key file; empty lines and those with `#` are left out.
    ///
    /// # Errors
    /// [`IdentityError`] names the line.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            keys.push(identity(line).ok_or(IdentityError::Line(index + 1))?);
        }
        if keys.is_empty() || keys.len() > IDENTITIES_MAX {
            return Err(IdentityError::Count);
        }
        Ok(Self(keys))
    }

    /// The content of an armored file; `None` if no identity opens it or it is damaged.
    pub(crate) fn open(&self, armored: &str) -> Option<Vec<u8>> {
        let bytes = dearmored(armored)?;
        let header = Header::read(&bytes)?;
        let keys = self.0.iter();
        let file_key = keys.flat_map(|key| header.stanzas.iter().map(move |stanza| (key, stanza)));
        let mut file_keys = file_key.filter_map(|(key, stanza)| stanza.unwrap(key));
        let file_key = file_keys.next()?;
        let mac = hmac::Key::new(hmac::HMAC_SHA256, &derived(&file_key, &[], b"header")?);
        hmac::verify(&mac, header.signed, &header.mac).ok()?;
        let (nonce, chunk) = header.payload.split_at_checked(16)?;
        let key = derived(&file_key, nonce, b"payload")?;
        // The nonce of the first chunk, which is the last one: counter 0, flag 1.
        let mut counter = [0; 12];
        counter[11] = 1;
        opened(&key, counter, chunk)
    }
}

fn identity(line: &str) -> Option<PrivateKey> {
    let (prefix, data) = line.rsplit_once('1')?;
    if prefix != PREFIX {
        return None;
    }
    let value = |letter: u8| {
        BECH32
            .iter()
            .position(|known| *known == letter.to_ascii_lowercase())
    };
    let letters: Option<Vec<u8>> = data
        .bytes()
        .map(|letter| value(letter).and_then(|value| u8::try_from(value).ok()))
        .collect();
    let letters = letters?;
    if !checksum_fits(prefix, &letters) {
        return None;
    }
    let (mut bytes, mut buffer, mut bits) = (Vec::with_capacity(32), 0_u32, 0);
    for letter in &letters[..letters.len() - 6] {
        buffer = (buffer << 5) | u32::from(*letter);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).unwrap_or_default());
        }
        buffer &= (1 << bits) - 1;
    }
    if bytes.len() != 32 || buffer != 0 {
        return None;
    }
    PrivateKey::from_private_key(&X25519, &bytes).ok()
}

/// The checksum of Bech32 (BIP 173), over the prefix in small letters.
fn checksum_fits(prefix: &str, letters: &[u8]) -> bool {
    const GENERATOR: [u32; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    if letters.len() < 6 {
        return false;
    }
    let prefix = prefix.to_ascii_lowercase();
    let high = prefix.bytes().map(|byte| byte >> 5);
    let low = prefix.bytes().map(|byte| byte & 31);
    let all = high.chain([0]).chain(low).chain(letters.iter().copied());
    let mut sum = 1_u32;
    for value in all {
        let top = sum >> 25;
        sum = ((sum & 0x01ff_ffff) << 5) ^ u32::from(value);
        for (bit, generator) in GENERATOR.iter().enumerate() {
            if (top >> bit) & 1 == 1 {
                sum ^= generator;
            }
        }
    }
    sum == 1
}

fn dearmored(text: &str) -> Option<Vec<u8>> {
    let inner = text
        .trim()
        .strip_prefix("-----BEGIN AGE ENCRYPTED FILE-----")?
        .strip_suffix("-----END AGE ENCRYPTED FILE-----")?;
    let joined: String = inner.split_ascii_whitespace().collect();
    STANDARD.decode(joined).ok()
}

struct Header<'a> {
    stanzas: Vec<Stanza>,
    /// What the MAC covers.
    signed: &'a [u8],
    mac: Vec<u8>,
    payload: &'a [u8],
}

/// The file key, wrapped for one recipient.
struct Stanza {
    share: Vec<u8>,
    body: Vec<u8>,
}

impl<'a> Header<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut at = 0;
        let mut line = || {
            let rest = &bytes[at..];
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let start = at;
            at += end + 1;
            Some((start, std::str::from_utf8(&rest[..end]).ok()?))
        };
        if line()?.1 != FIRST_LINE {
            return None;
        }
        let mut stanzas = Vec::new();
        let mut next = line()?;
        loop {
            let (start, text) = next;
            if let Some(mac) = text.strip_prefix("--- ") {
                let mac = STANDARD_NO_PAD.decode(mac).ok()?;
                return Some(Self {
                    stanzas,
                    signed: &bytes[..start + 3],
                    mac,
                    payload: &bytes[at..],
                });
            }
            let arguments: Vec<&str> = text.strip_prefix("-> ")?.split(' ').collect();
            let mut body = String::new();
            // A body ends with a line of fewer than 64 columns.
            loop {
                let (_, text) = line()?;
                body += text;
                if text.len() < 64 {
                    break;
                }
            }
            if let ["X25519", share] = arguments.as_slice() {
                stanzas.push(Stanza {
                    share: STANDARD_NO_PAD.decode(share).ok()?,
                    body: STANDARD_NO_PAD.decode(&body).ok()?,
                });
            }
            next = line()?;
        }
    }
}

impl Stanza {
    fn unwrap(&self, key: &PrivateKey) -> Option<Vec<u8>> {
        let public = key.compute_public_key().ok()?;
        let mut salt = self.share.clone();
        salt.extend_from_slice(public.as_ref());
        let peer = UnparsedPublicKey::new(&X25519, &self.share);
        let wrap_key = agree(key, peer, (), |shared| {
            derived(shared, &salt, b"age-encryption.org/v1/X25519").ok_or(())
        });
        let file_key = opened(&wrap_key.ok()?, [0; 12], &self.body)?;
        (file_key.len() == 16).then_some(file_key)
    }
}

struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

fn derived(secret: &[u8], salt: &[u8], info: &[u8]) -> Option<[u8; 32]> {
    let extracted = Salt::new(HKDF_SHA256, salt).extract(secret);
    let info = [info];
    let expanded = extracted.expand(&info, Bytes32).ok()?;
    let mut key = [0; 32];
    expanded.fill(&mut key).ok()?;
    Some(key)
}

fn opened(key: &[u8], nonce: [u8; 12], sealed: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).ok()?);
    let mut buffer = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let length = key
        .open_in_place(nonce, Aad::empty(), &mut buffer)
        .ok()?
        .len();
    buffer.truncate(length);
    Some(buffer)
}
