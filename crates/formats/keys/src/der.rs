//! As much of DER and PEM as certificates need.

use crate::{KeyError, fault};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BITS: u8 = 0x03;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const OBJECT: u8 = 0x06;
pub(crate) const UTF8: u8 = 0x0c;
/// Letters to a line of PEM.
const LINE: usize = 64;

/// A value with its tag and length.
pub(crate) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let bytes = content.len().to_be_bytes();
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(7);
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let count = u8::try_from(bytes.len() - first).unwrap_or(8);
            out.push(0x80 | count);
            out.extend_from_slice(&bytes[first..]);
        }
    }
    out.extend_from_slice(content);
    out
}

/// Values one behind the other, in one.
pub(crate) fn all(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    tagged(tag, &parts.concat())
}

/// A value that was cut off: its tag, its content, the whole of it, what follows.
pub(crate) type Cut<'a> = (u8, &'a [u8], &'a [u8], &'a [u8]);

/// Cuts the first value off.
pub(crate) fn cut(bytes: &[u8]) -> Option<Cut<'_>> {
    let (tag, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = if *length < 0x80 {
        (usize::from(*length), rest)
    } else {
        let count = usize::from(*length & 0x7f);
        if count > 4 {
            return None;
        }
        let (length, rest) = rest.split_at_checked(count)?;
        let read = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        (length.iter().fold(0, read), rest)
    };
    let (content, after) = rest.split_at_checked(length)?;
    let whole = &bytes[..bytes.len() - after.len()];
    Some((*tag, content, whole, after))
}

/// The content of a private key in PKCS #8.
pub(crate) fn inside_pkcs8(bytes: &[u8]) -> Option<&[u8]> {
    let (_, inner, _, _) = cut(bytes)?;
    let (_, _, _, rest) = cut(inner)?;
    let (_, _, _, rest) = cut(rest)?;
    let (tag, key, _, _) = cut(rest)?;
    (tag == OCTETS).then_some(key)
}

/// A block of PEM.
pub(crate) fn to_pem(label: &str, bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let lines = text.as_bytes().chunks(LINE);
    let lines: String = lines
        .map(|line| format!("{}\n", String::from_utf8_lossy(line)))
        .collect();
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}

/// The first block of PEM: its label and content.
pub(crate) fn from_pem(text: &str) -> Result<(String, Vec<u8>), KeyError> {
    let none = || fault("no PEM data in input");
    let (_, rest) = text.split_once("-----BEGIN ").ok_or_else(none)?;
    let (label, rest) = rest.split_once("-----").ok_or_else(none)?;
    let (body, _) = rest
        .split_once(&format!("-----END {label}-----"))
        .ok_or_else(none)?;
    let body: String = body
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    let bytes = STANDARD.decode(body).map_err(|_| none())?;
    Ok((label.to_owned(), bytes))
}
