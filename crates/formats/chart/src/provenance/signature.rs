//! Signatures of version 4 (RFC 4880, section 5.2).

use super::ProvenanceError;
use super::packets::{cut, integer, malformed, new_length, number, split};

/// A signature and what it says of itself.
pub(super) struct Signature {
    /// What it is for: 0 and 1 are texts, 0x10 to 0x13 names, 0x18 subkeys, 0x20 and 0x28 revocations.
    pub(super) kind: u8,
    /// The key's algorithm.
    pub(super) algorithm: u8,
    /// The hash.
    pub(super) hash: u8,
    /// Seconds since 1970.
    pub(super) made_seconds: u64,
    /// For how long it holds, in seconds.
    pub(super) lasts_seconds: Option<u64>,
    /// For how long the key that it is about holds.
    pub(super) key_lasts_seconds: Option<u64>,
    /// What the key that it is about is for.
    pub(super) key_flags: Option<u8>,
    /// Whose key made it: the last eight bytes of the fingerprint.
    pub(super) issuer: Option<Vec<u8>>,
    /// What is hashed behind the text.
    pub(super) trailer: Vec<u8>,
    /// Its numbers, or its bytes.
    pub(super) values: Vec<Vec<u8>>,
}

/// Signatures among packets; others are passed over.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Signature>, ProvenanceError> {
    let packets = split(bytes)?;
    let signatures = packets.iter().filter(|packet| packet.tag == 2);
    let signatures: Vec<_> = signatures
        .map(|packet| parse(packet.body))
        .collect::<Result<_, _>>()?;
    if signatures.is_empty() {
        return Err(ProvenanceError::NoSignature);
    }
    Ok(signatures)
}

/// One signature.
pub(super) fn parse(body: &[u8]) -> Result<Signature, ProvenanceError> {
    let [version, kind, algorithm, hash, high, low, rest @ ..] = body else {
        return Err(cut());
    };
    if *version != 4 {
        let what = format!("a signature of version {version}");
        return Err(ProvenanceError::Unsupported(what));
    }
    let hashed_length = number(&[*high, *low]);
    let hashed = rest.get(..hashed_length).ok_or_else(cut)?;
    let rest = &rest[hashed_length..];
    let open_length = number(rest.get(..2).ok_or_else(cut)?);
    let open = rest.get(2..2 + open_length).ok_or_else(cut)?;
    // Two bytes of the hash follow, which prove nothing.
    let numbers = rest.get(4 + open_length..).ok_or_else(cut)?;
    let head = &body[..6 + hashed_length];
    let mut trailer = head.to_vec();
    trailer.extend([4, 0xff]);
    let length = u32::try_from(head.len()).map_err(|_| malformed("a signature is too large"))?;
    trailer.extend(length.to_be_bytes());
    let mut signature = Signature {
        kind: *kind,
        algorithm: *algorithm,
        hash: *hash,
        made_seconds: 0,
        lasts_seconds: None,
        key_lasts_seconds: None,
        key_flags: None,
        issuer: None,
        trailer,
        values: values(*algorithm, numbers)?,
    };
    // The issuer may stand outside of what is hashed: it only says which key to try.
    signature.subpackets(open, Trust::IssuerOnly)?;
    signature.subpackets(hashed, Trust::All)?;
    Ok(signature)
}

fn values(algorithm: u8, mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, ProvenanceError> {
    if algorithm == 27 {
        return Ok(vec![bytes.to_vec()]);
    }
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let (value, rest) = integer(bytes)?;
        values.push(value.to_vec());
        bytes = rest;
    }
    Ok(values)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    IssuerOnly,
    All,
}

impl Signature {
    fn subpackets(&mut self, mut bytes: &[u8], trust: Trust) -> Result<(), ProvenanceError> {
        while !bytes.is_empty() {
            let (length, rest) = new_length(bytes)?;
            let body = rest.get(..length).ok_or_else(cut)?;
            bytes = &rest[length..];
            let [kind, body @ ..] = body else {
                return Err(cut());
            };
            let seconds = || u64::try_from(number(body)).unwrap_or(u64::MAX);
            match (kind & 0x7f, trust) {
                (16, _) if body.len() == 8 => self.issuer = Some(body.to_vec()),
                (33, _) if body.len() == 21 => self.issuer = Some(body[13..].to_vec()),
                (_, Trust::IssuerOnly) => {}
                (2, _) if body.len() == 4 => self.made_seconds = seconds(),
                (3, _) if body.len() == 4 => self.lasts_seconds = lasting(seconds()),
                (9, _) if body.len() == 4 => self.key_lasts_seconds = lasting(seconds()),
                (27, _) => self.key_flags = body.first().copied(),
                // What must be understood and is not makes the whole signature worthless.
                (20, _) if kind & 0x80 != 0 => {
                    return Err(ProvenanceError::Invalid("it has a critical notation"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether it holds at an instant.
    pub(super) fn holds(&self, now_seconds: u64) -> bool {
        let end = self.lasts_seconds.map(|lasts| self.made_seconds + lasts);
        end.is_none_or(|end| now_seconds < end)
    }
}

/// Zero means for ever.
fn lasting(seconds: u64) -> Option<u64> {
    (seconds != 0).then_some(seconds)
}
