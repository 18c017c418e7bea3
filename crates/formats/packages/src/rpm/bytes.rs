//! Numbers at offsets; everything outside of the bytes is an error.

use super::RpmError;

/// Reads `length` bytes.
pub(super) fn slice<'a>(
    bytes: &'a [u8],
    at: usize,
    length: usize,
    what: &'static str,
) -> Result<&'a [u8], RpmError> {
    let end = at.checked_add(length).ok_or(RpmError::Damaged(what))?;
    bytes.get(at..end).ok_or(RpmError::Damaged(what))
}

/// A number, highest byte first.
pub(super) fn big(
    bytes: &[u8],
    at: usize,
    width: usize,
    what: &'static str,
) -> Result<usize, RpmError> {
    let fold = |value: usize, byte: &u8| (value << 8) | usize::from(*byte);
    Ok(slice(bytes, at, width, what)?.iter().fold(0, fold))
}

/// A number, lowest byte first.
pub(super) fn little(
    bytes: &[u8],
    at: usize,
    width: usize,
    what: &'static str,
) -> Result<usize, RpmError> {
    let fold = |value: usize, byte: &u8| (value << 8) | usize::from(*byte);
    Ok(slice(bytes, at, width, what)?.iter().rev().fold(0, fold))
}
