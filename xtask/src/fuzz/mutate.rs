//! Mutations: what breaks readers is mostly a number in the wrong place.

/// A generator of numbers: one seed and case, one sequence (SplitMix64).
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub fn new(seed: u64, case: u64) -> Self {
        let mut random = Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ case,
        };
        random.state = random.next();
        random
    }

    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.state;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        let limit = limit.max(1) as u64;
        usize::try_from(self.next() % limit).unwrap_or_default()
    }
}

/// Numbers at which arithmetic goes wrong.
const NUMBERS: [u64; 14] = [
    0,
    1,
    2,
    7,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_fff0,
    0xffff_ffff_ffff_ffff,
];
/// The most bytes of a case.
const CASE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One of the seeds, changed in up to eight places. One case in thirty is left as it is.
pub(super) fn mutated(random: &mut Random, seeds: &[Vec<u8>], words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    if random.below(30) == 0 {
        return bytes;
    }
    for _ in 0..=random.below(8) {
        change(random, &mut bytes, seeds, words);
    }
    bytes.truncate(CASE_BYTES_MAX);
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[&[u8]]) {
    let at = place(random, bytes.len());
    match random.below(9) {
        0 => bytes.truncate(at),
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        2..=4 => {
            let number = NUMBERS[random.below(NUMBERS.len())];
            let width = 1 << random.below(4);
            let number = if random.below(2) == 0 {
                number.to_le_bytes()[..width].to_vec()
            } else {
                number.to_be_bytes()[8 - width..].to_vec()
            };
            for (place, byte) in bytes.iter_mut().skip(at).zip(number) {
                *place = byte;
            }
        }
        5 => {
            let end = (at + random.below(600)).min(bytes.len());
            bytes.drain(at..end);
        }
        6 => {
            let end = (at + random.below(600)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            let to = place(random, bytes.len());
            bytes.splice(to..to, piece);
        }
        7 => {
            let other = &seeds[random.below(seeds.len())];
            let from = random.below(other.len());
            let end = (from + random.below(2000)).min(other.len());
            bytes.splice(at..at, other[from..end].iter().copied());
        }
        _ => {
            if !words.is_empty() {
                let word = words[random.below(words.len())];
                bytes.splice(at..at, word.iter().copied());
            }
        }
    }
}

/// Heads and tails are where formats keep their numbers.
fn place(random: &mut Random, length: usize) -> usize {
    match random.below(4) {
        0 => random.below(length.min(600)),
        1 => length - random.below(length.min(600)).min(length),
        _ => random.below(length),
    }
    .min(length)
}
