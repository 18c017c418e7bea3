//! scrypt (RFC 7914) with the one set of parameters that sprig uses: N = 32768, r = 8, p = 2, 64 bytes.

use super::stretched;

/// What one key costs, in steps of a rendering.
pub(super) const STEPS: u64 = 5_000_000;

const COST: usize = 32_768;
/// Words of a block: 128 bytes for each of r = 8.
const WORDS: usize = 256;
const LANES: usize = 2;

type Block = [u32; WORDS];

/// The key of a password and a salt.
pub(super) fn key(password: &[u8], salt: &[u8]) -> [u8; 64] {
    let mut bytes = vec![0; 4 * WORDS * LANES];
    stretched(password, salt, &mut bytes);
    for lane in bytes.chunks_exact_mut(4 * WORDS) {
        let mut block = [0; WORDS];
        for (word, from) in block.iter_mut().zip(lane.chunks_exact(4)) {
            *word = u32::from_le_bytes([from[0], from[1], from[2], from[3]]);
        }
        mix(&mut block);
        for (word, to) in block.iter().zip(lane.chunks_exact_mut(4)) {
            to.copy_from_slice(&word.to_le_bytes());
        }
    }
    let mut out = [0; 64];
    stretched(password, &bytes, &mut out);
    out
}

/// `scryptROMix`
fn mix(block: &mut Block) {
    let mut kept: Vec<Block> = Vec::with_capacity(COST);
    for _ in 0..COST {
        kept.push(*block);
        block_mix(block);
    }
    for _ in 0..COST {
        // The cost is a power of two that 32 bits hold.
        let place = usize::try_from(block[WORDS - 16]).unwrap_or(0) % COST;
        for (word, other) in block.iter_mut().zip(&kept[place]) {
            *word ^= other;
        }
        block_mix(block);
    }
}

/// `scryptBlockMix`
fn block_mix(block: &mut Block) {
    let mut state = [0; 16];
    state.copy_from_slice(&block[WORDS - 16..]);
    let mut out = [0; WORDS];
    for (index, part) in block.chunks_exact(16).enumerate() {
        for (word, other) in state.iter_mut().zip(part) {
            *word ^= other;
        }
        salsa(&mut state);
        let place = index / 2 + index % 2 * (WORDS / 32);
        out[16 * place..16 * (place + 1)].copy_from_slice(&state);
    }
    *block = out;
}

/// Salsa20/8
fn salsa(state: &mut [u32; 16]) {
    let before = *state;
    for _ in 0..4 {
        for [a, b, c, d] in COLUMNS.into_iter().chain(ROWS) {
            quarter(state, a, b, c, d);
        }
    }
    for (word, other) in state.iter_mut().zip(before) {
        *word = word.wrapping_add(other);
    }
}

const COLUMNS: [[usize; 4]; 4] = [[0, 4, 8, 12], [5, 9, 13, 1], [10, 14, 2, 6], [15, 3, 7, 11]];
const ROWS: [[usize; 4]; 4] = [[0, 1, 2, 3], [5, 6, 7, 4], [10, 11, 8, 9], [15, 12, 13, 14]];

fn quarter(state: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
    state[b] ^= state[a].wrapping_add(state[d]).rotate_left(7);
    state[c] ^= state[b].wrapping_add(state[a]).rotate_left(9);
    state[d] ^= state[c].wrapping_add(state[b]).rotate_left(13);
    state[a] ^= state[d].wrapping_add(state[c]).rotate_left(18);
}
