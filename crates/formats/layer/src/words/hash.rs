//! Hashes of words, and the set of them.

/// Longer words are cut.
pub(super) const WORD_BYTES_MAX: usize = 96;
/// An odd number without a pattern (the golden ratio's digits): what multiplies in most hashes of short texts.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash of a word, cut at the longest length that is kept. Never 0.
pub(super) fn word_hash(word: &[u8]) -> u32 {
    let word = &word[..word.len().min(WORD_BYTES_MAX)];
    let (groups, rest) = word.as_chunks::<8>();
    let mut hash = Hash::of(word.len());
    for group in groups {
        hash.take(u64::from_le_bytes(*group));
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        hash.take(u64::from_le_bytes(last));
    }
    hash.finish()
}

/// The hash of a word within a chunk, without a copy where eight bytes can be read from its start: nearly always.
#[inline]
pub(super) fn at(chunk: &[u8], start: usize, length: usize) -> u32 {
    let rest = &chunk[start..];
    match rest.first_chunk::<8>() {
        Some(first) if length < 8 => {
            let mut hash = Hash::of(length);
            hash.take(u64::from_le_bytes(*first) & ((1 << (8 * length)) - 1));
            hash.finish()
        }
        _ => word_hash(&rest[..length]),
    }
}

struct Hash(u64);

impl Hash {
    #[inline]
    fn of(length: usize) -> Self {
        Self(length as u64)
    }

    #[inline]
    fn take(&mut self, group: u64) {
        let mixed = (self.0 ^ group).wrapping_mul(MULTIPLIER);
        self.0 = mixed ^ (mixed >> 32);
    }

    #[inline]
    fn finish(self) -> u32 {
        let mixed = self.0.wrapping_mul(MULTIPLIER);
        u32::try_from(mixed >> 32).unwrap_or_default().max(1)
    }
}

/// Places for hashes seen lately: most words come again at once, and these stay next to the processor.
const RECENT: usize = 1 << 12;
/// Places of the table at the beginning.
const TABLE: usize = 1 << 12;

/// Hashes that wait for the table.
const WAITING: usize = 64;

/// A set of hashes: a table with open addressing, at most half full; 0 is an empty place.
///
/// The table is larger than what is near the processor. New hashes wait until there are some, so that their places are
/// fetched at once instead of one after the other.
pub(super) struct Seen {
    recent: Box<[u32; RECENT]>,
    waiting: [u32; WAITING],
    waiting_count: usize,
    table: Vec<u32>,
    count: usize,
}

impl Seen {
    pub fn new() -> Self {
        Self {
            recent: Box::new([0; RECENT]),
            waiting: [0; WAITING],
            waiting_count: 0,
            table: vec![0; TABLE],
            count: 0,
        }
    }

    #[inline]
    pub fn insert(&mut self, hash: u32) {
        let place = &mut self.recent[hash as usize % RECENT];
        if *place != hash {
            *place = hash;
            self.waiting[self.waiting_count % WAITING] = hash;
            self.waiting_count += 1;
            if self.waiting_count == WAITING {
                self.take_waiting();
            }
        }
    }

    /// How many there are.
    pub fn count(&mut self) -> usize {
        self.take_waiting();
        self.count
    }

    #[inline(never)]
    fn take_waiting(&mut self) {
        let waiting = &self.waiting[..self.waiting_count];
        if 2 * (self.count + waiting.len()) > self.table.len() {
            let mut larger = vec![0; 4 * self.table.len()];
            for known in self.table.iter().filter(|known| **known != 0) {
                put(&mut larger, *known);
            }
            self.table = larger;
        }
        let mask = self.table.len() - 1;
        let mut there = [0; WAITING];
        for (there, hash) in there.iter_mut().zip(waiting) {
            *there = self.table[*hash as usize & mask];
        }
        for (there, hash) in there.iter().zip(waiting) {
            if there != hash && put(&mut self.table, *hash) {
                self.count += 1;
            }
        }
        self.waiting_count = 0;
    }

    /// All of them, ascending.
    pub fn sorted(mut self) -> Vec<u32> {
        self.take_waiting();
        let mut all = self.table;
        all.retain(|known| *known != 0);
        all.sort_unstable();
        all
    }
}

/// Puts a hash into a table that has room; `false` if it is there already.
fn put(table: &mut [u32], hash: u32) -> bool {
    let mask = table.len() - 1;
    let mut at = hash as usize & mask;
    loop {
        let there = table[at];
        if there == hash {
            return false;
        }
        if there == 0 {
            table[at] = hash;
            return true;
        }
        at = (at + 1) & mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_one_hash_wherever_it_stands() {
        let text = b"a_word_of_some_length_and_more_than_that_0123456789_0123456789_0123456789_0123456789_0123456789_x y";
        for start in 0..text.len() {
            for end in start + 1..=text.len() {
                let word = &text[start..end];
                assert_eq!(at(text, start, word.len()), word_hash(word));
                assert_eq!(at(word, 0, word.len()), word_hash(word));
            }
        }
        assert_ne!(word_hash(b"ab"), word_hash(b"ab\0"));
    }

    #[test]
    fn a_set_grows() {
        let mut seen = Seen::new();
        for turn in 0..2 {
            for number in 1..100_000_u32 {
                seen.insert(number.wrapping_mul(0x9e37_79b1));
            }
            assert_eq!(seen.count(), 99_999, "{turn}");
        }
        let all = seen.sorted();
        assert!(all.is_sorted() && all.len() == 99_999);
    }
}
