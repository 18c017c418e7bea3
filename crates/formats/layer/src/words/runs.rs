//! Runs of letters, digits and underscores in bytes, 64 bytes at once: whether a byte belongs to a word is a bit.

const BLOCK: usize = 64;

const fn word_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the loop ends at 256")]
        let character = byte as u8;
        table[byte] = character.is_ascii_alphanumeric() || character == b'_';
        byte += 1;
    }
    table
}

/// Which bytes belong to words.
pub(super) static IS_WORD: [bool; 256] = word_bytes();

/// Where the first byte is that belongs to no word; the length if there is none.
pub(super) fn first_other(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|byte| !IS_WORD[usize::from(*byte)])
        .unwrap_or(bytes.len())
}

/// Tells each run of at least `shortest` bytes (2 to 4) that ends within the bytes: its start and length. The start of
/// a run that reaches to their end is returned.
#[inline]
pub(super) fn each(
    bytes: &[u8],
    shortest: usize,
    mut tell: impl FnMut(usize, usize),
) -> Option<usize> {
    let mut open = None;
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (number, block) in blocks.iter().enumerate() {
        one(mask(block), number * BLOCK, shortest, &mut open, &mut tell);
    }
    let base = bytes.len() - rest.len();
    for (at, byte) in rest.iter().enumerate() {
        if IS_WORD[usize::from(*byte)] {
            open = open.or(Some(base + at));
        } else if let Some(start) = open.take()
            && base + at - start >= shortest
        {
            tell(start, base + at - start);
        }
    }
    open
}

/// One block, whose bits of words are `mask`.
#[inline]
fn one(
    mut mask: u64,
    base: usize,
    shortest: usize,
    open: &mut Option<usize>,
    tell: &mut impl FnMut(usize, usize),
) {
    if let Some(start) = *open {
        let more = mask.trailing_ones();
        if more == 64 {
            return;
        }
        let length = base + more as usize - start;
        if length >= shortest {
            tell(start, length);
        }
        *open = None;
        mask &= u64::MAX << more;
    }
    let reaching = mask.leading_ones();
    if reaching > 0 {
        *open = Some(base + BLOCK - reaching as usize);
        if reaching == 64 {
            return;
        }
        mask &= u64::MAX >> reaching;
    }
    // Where a run of the shortest length fits: binaries are full of shorter ones.
    let mut starts = mask & (mask >> 1);
    if shortest > 2 {
        starts &= starts >> (shortest - 2);
    }
    while starts != 0 {
        let start = starts.trailing_zeros();
        let length = (mask >> start).trailing_ones();
        tell(base + start as usize, length as usize);
        // The highest bit is no part of a run any more.
        starts &= u64::MAX << (start + length);
    }
}

/// A bit for each byte, the first one lowest. Written so that the compiler can compare many bytes at once.
#[inline]
fn mask(block: &[u8; BLOCK]) -> u64 {
    let mut is_word = [0_u8; BLOCK];
    for (is_word, byte) in is_word.iter_mut().zip(block) {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let digit = byte.wrapping_sub(b'0') < 10;
        *is_word = u8::from(letter) | u8::from(digit) | u8::from(*byte == b'_');
    }
    let mut mask = 0;
    for (place, group) in is_word.as_chunks::<8>().0.iter().enumerate() {
        // Eight bytes of 0 or 1 become eight bits in the highest byte of the product.
        let bits = u64::from_le_bytes(*group).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= bits << (8 * place);
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slowly(bytes: &[u8], shortest: usize) -> (Vec<(usize, usize)>, Option<usize>) {
        let mut found = Vec::new();
        let mut open = None;
        for (at, byte) in bytes.iter().enumerate() {
            if byte.is_ascii_alphanumeric() || *byte == b'_' {
                open = open.or(Some(at));
            } else if let Some(start) = open.take() {
                found.push((start, at - start));
            }
        }
        found.retain(|(_, length)| *length >= shortest);
        (found, open)
    }

    #[test]
    fn runs_are_those_of_the_slow_way() {
        let every: Vec<u8> = (0..=255)
            .flat_map(|byte| [byte, b'x', b'y', b'z', b'_'])
            .collect();
        let mut state = 1_u32;
        let mut random = |count: usize, alphabet: &[u8]| -> Vec<u8> {
            let mut draw = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                alphabet[(state >> 16) as usize % alphabet.len()]
            };
            (0..count).map(|_| draw()).collect()
        };
        let mut cases = vec![every.clone(), vec![b'a'; 300], Vec::new()];
        for length in [1, 63, 64, 65, 127, 128, 129, 1000] {
            for alphabet in [
                &b"a "[..],
                b"aaaaaaaaa ",
                b"abc_09 -",
                b"a       \0",
                &every,
            ] {
                cases.push(random(length, alphabet));
            }
        }
        for case in cases {
            for shortest in 2..=4 {
                let mut found = Vec::new();
                let open = each(&case, shortest, |start, length| found.push((start, length)));
                assert_eq!(
                    (found, open),
                    slowly(&case, shortest),
                    "{shortest} {case:?}"
                );
            }
        }
    }
}
