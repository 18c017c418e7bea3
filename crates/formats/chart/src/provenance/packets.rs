//! Packets of OpenPGP, without what is in them (RFC 4880, section 4).

use super::ProvenanceError;

/// A packet.
pub(super) struct Packet<'a> {
    /// What it is.
    pub(super) tag: u8,
    /// Its body.
    pub(super) body: &'a [u8],
}

/// Takes bytes apart into packets.
pub(super) fn split(mut bytes: &[u8]) -> Result<Vec<Packet<'_>>, ProvenanceError> {
    let mut packets = Vec::new();
    while let [head, rest @ ..] = bytes {
        if head & 0x80 == 0 {
            return Err(malformed("these are no OpenPGP packets"));
        }
        let (tag, length, rest) = if head & 0x40 == 0 {
            let (length, rest) = old_length(head & 3, rest)?;
            (head >> 2 & 0x0f, length, rest)
        } else {
            let (length, rest) = new_length(rest)?;
            (head & 0x3f, length, rest)
        };
        let body = rest.get(..length).ok_or_else(cut)?;
        bytes = &rest[length..];
        packets.push(Packet { tag, body });
    }
    Ok(packets)
}

fn old_length(kind: u8, bytes: &[u8]) -> Result<(usize, &[u8]), ProvenanceError> {
    let width = match kind {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => return Err(malformed("a packet of no given length")),
    };
    let length = number(bytes.get(..width).ok_or_else(cut)?);
    Ok((length, &bytes[width..]))
}

/// The length of a packet or subpacket (section 4.2.2, without partial lengths, and 5.2.3.1).
pub(super) fn new_length(bytes: &[u8]) -> Result<(usize, &[u8]), ProvenanceError> {
    match bytes {
        [first @ 0..=191, rest @ ..] => Ok((usize::from(*first), rest)),
        [first @ 192..=223, second, rest @ ..] => {
            let length = (usize::from(*first) - 192) * 256 + usize::from(*second) + 192;
            Ok((length, rest))
        }
        [255, rest @ ..] => {
            let length = number(rest.get(..4).ok_or_else(cut)?);
            Ok((length, &rest[4..]))
        }
        [224..=254, ..] => Err(malformed("a packet in parts")),
        _ => Err(cut()),
    }
}

/// Big endian.
pub(super) fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |all, byte| all << 8 | usize::from(*byte))
}

/// A number of any size (section 3.2): without leading zeros, and what follows it.
pub(super) fn integer(bytes: &[u8]) -> Result<(&[u8], &[u8]), ProvenanceError> {
    let bits = number(bytes.get(..2).ok_or_else(cut)?);
    let length = bits.div_ceil(8);
    let value = bytes.get(2..2 + length).ok_or_else(cut)?;
    Ok((value, &bytes[2 + length..]))
}

pub(super) fn malformed(reason: &str) -> ProvenanceError {
    ProvenanceError::Malformed(format!("openpgp: {reason}"))
}

pub(super) fn cut() -> ProvenanceError {
    malformed("a packet ends early")
}
