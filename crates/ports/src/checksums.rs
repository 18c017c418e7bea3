//! XXH3-64 of each MiB: fast enough to check every byte that is served (DESIGN.md, section 8).

use bytes::Bytes;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// How many bytes one checksum covers; the last one covers the rest.
pub const CHECKSUM_SPAN_BYTES: u64 = 1024 * 1024;

const LENGTH_BYTES: usize = 8;

/// The checksums of a body: 8 bytes little endian per MiB, in order, as rows have them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checksums(Bytes);

impl Checksums {
    /// The checksums of `body`.
    pub fn of(body: &[u8]) -> Self {
        let mut checksummer = Checksummer::new();
        checksummer.update(body);
        checksummer.finish()
    }

    /// Reads the form in rows; `None` if its length is not that of checksums of a body of `size` bytes.
    pub fn from_row(row: Bytes, size: u64) -> Option<Self> {
        let checksums = Self(row);
        checksums.fits(size).then_some(checksums)
    }

    /// The form in rows.
    pub fn to_row(&self) -> Bytes {
        self.0.clone()
    }

    /// Whether these can be the checksums of a body of `size` bytes.
    pub fn fits(&self, size: u64) -> bool {
        size.div_ceil(CHECKSUM_SPAN_BYTES)
            .checked_mul(LENGTH_BYTES as u64)
            == Some(self.0.len() as u64)
    }

    /// Whether `bytes` are the span number `index`, whole.
    pub fn check(&self, index: u64, bytes: &[u8]) -> bool {
        let start = usize::try_from(index)
            .ok()
            .and_then(|index| index.checked_mul(LENGTH_BYTES));
        start
            .and_then(|start| self.0.get(start..start.checked_add(LENGTH_BYTES)?))
            .is_some_and(|expected| expected == xxh3_64(bytes).to_le_bytes())
    }
}

/// Computes checksums while bytes stream by.
#[derive(Clone)]
pub struct Checksummer {
    current: Box<Xxh3>,
    in_span: u64,
    done: Vec<u8>,
}

impl Default for Checksummer {
    fn default() -> Self {
        Self::new()
    }
}

impl Checksummer {
    /// One that has seen nothing yet.
    pub fn new() -> Self {
        Self {
            current: Box::new(Xxh3::new()),
            in_span: 0,
            done: Vec::new(),
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = usize::try_from(CHECKSUM_SPAN_BYTES - self.in_span).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.current.update(now);
            self.in_span += now.len() as u64;
            if self.in_span == CHECKSUM_SPAN_BYTES {
                self.close();
            }
            bytes = later;
        }
    }

    /// The checksums of all bytes taken.
    pub fn finish(mut self) -> Checksums {
        if self.in_span > 0 {
            self.close();
        }
        Checksums(self.done.into())
    }

    fn close(&mut self) {
        self.done
            .extend_from_slice(&self.current.digest().to_le_bytes());
        self.current.reset();
        self.in_span = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_length_give_the_same() {
        let body: Vec<u8> = (0..2_500_000_u32).flat_map(u32::to_le_bytes).collect();
        let whole = Checksums::of(&body);
        assert!(whole.fits(body.len() as u64));
        for piece in [1000, 4096, 999_999, 1_048_576, 3_000_000] {
            let mut checksummer = Checksummer::new();
            body.chunks(piece)
                .for_each(|bytes| checksummer.update(bytes));
            assert_eq!(checksummer.finish(), whole, "{piece}");
        }
        let mib = 1024 * 1024;
        assert!(whole.check(0, &body[..mib]));
        assert!(whole.check(9, &body[9 * mib..]));
        assert!(!whole.check(1, &body[..mib]));
        assert!(!whole.check(10, b""));
        assert!(!whole.check(u64::MAX, b""));
    }

    #[test]
    fn an_empty_body_has_none() {
        assert_eq!(Checksums::of(b""), Checksums::default());
        assert!(Checksums::from_row(Bytes::new(), 0).is_some());
        assert!(Checksums::from_row(Bytes::new(), 1).is_none());
    }
}
