//! Parts of a blob, as `Range: bytes=` names them (RFC 9110, section 14).

use refloat_core::Rejection;
use std::ops::Range;

/// A part of a blob that a caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// From `first` to `last` inclusive, or to the end; a `last` past the end is clamped.
    From {
        /// The first byte.
        first: u64,
        /// The last byte.
        last: Option<u64>,
    },
    /// The last bytes, at most this many.
    Suffix(u64),
}

impl ByteRange {
    /// The bytes meant, of a blob of `size` bytes.
    ///
    /// # Errors
    /// [`Rejection::RangeInvalid`] if there are none.
    pub(super) fn within(self, size: u64) -> Result<Range<u64>, Rejection> {
        let range = match self {
            Self::From { first, last } => {
                let end = last.map_or(size, |last| last.saturating_add(1).min(size));
                first..end
            }
            Self::Suffix(length) => size.saturating_sub(length)..size,
        };
        if range.is_empty() {
            return Err(Rejection::RangeInvalid {
                reason: format!("the range has no byte of a blob of {size} bytes"),
                length: size,
            });
        }
        Ok(range)
    }
}

#[cfg(test)]
mod tests {
    use super::ByteRange;
    use std::ops::Range;

    fn from(first: u64, last: Option<u64>) -> ByteRange {
        ByteRange::From { first, last }
    }

    #[test]
    fn ranges_are_clamped_or_refused() {
        let cases: [(ByteRange, u64, Option<Range<u64>>); 9] = [
            (from(500, Some(1499)), 3000, Some(500..1500)),
            (from(500, None), 3000, Some(500..3000)),
            (ByteRange::Suffix(500), 3000, Some(2500..3000)),
            (ByteRange::Suffix(5000), 3000, Some(0..3000)),
            (from(2000, Some(5000)), 3000, Some(2000..3000)),
            (from(500, Some(0)), 3000, None),
            (from(5000, Some(10_000)), 3000, None),
            (from(0, Some(u64::MAX)), 0, None),
            (ByteRange::Suffix(0), 3000, None),
        ];
        for (range, size, expected) in cases {
            assert_eq!(range.within(size).ok(), expected, "{range:?} of {size}");
        }
    }
}
