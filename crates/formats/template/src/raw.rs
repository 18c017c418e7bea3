//! Bytes that are no UTF-8, in texts that must be.
//!
//! Go's strings are bytes; ours are not. Such a byte stands in a text as a letter of the last private plane, is told
//! apart again where bytes count (`b64enc`, checksums, lengths), and becomes U+FFFD where text leaves templates, as it
//! does in Go's JSON.

use std::borrow::Cow;

/// The letter of byte 0; only those of 0x80 and above are used.
const FIRST: u32 = 0x0010_ff00;
/// What the UTF-8 of these letters begins with.
const LEAD: [u8; 2] = [0xf4, 0x8f];

fn letter(byte: u8) -> char {
    char::from_u32(FIRST + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The byte that a letter stands for.
pub(crate) fn byte(letter: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(letter).checked_sub(FIRST)?).ok()?;
    (byte >= 0x80).then_some(byte)
}

/// True if some letters stand for bytes.
pub(crate) fn has_bytes(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| pair == LEAD) && text.chars().any(|c| byte(c).is_some())
}

/// A text of any bytes.
pub(crate) fn text(bytes: Vec<u8>) -> String {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return text,
        Err(error) => error.into_bytes(),
    };
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|byte| letter(*byte)));
    }
    out
}

/// The bytes of a text.
pub(crate) fn bytes(text: &str) -> Cow<'_, [u8]> {
    if !has_bytes(text) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut out = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match byte(letter) {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(out)
}

/// As Go's JSON shows it.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !has_bytes(text) {
        return Cow::Borrowed(text);
    }
    let replaced = text.chars().map(|letter| match byte(letter) {
        Some(_) => char::REPLACEMENT_CHARACTER,
        None => letter,
    });
    Cow::Owned(replaced.collect())
}

#[cfg(test)]
mod tests {
    use super::{bytes, shown, text};

    #[test]
    fn any_bytes_come_back() {
        let all: Vec<u8> = (0..=255).chain("é世\u{10ff7f}".bytes()).collect();
        let kept = text(all.clone());
        assert_eq!(*bytes(&kept), *all);
        assert_eq!(
            shown(&text(vec![b'a', 0xff, 0xe4, b'b'])),
            "a\u{fffd}\u{fffd}b"
        );
        assert_eq!(shown("plain é"), "plain é");
    }
}
