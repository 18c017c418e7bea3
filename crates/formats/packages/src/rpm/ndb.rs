//! rpm's own container (rpm: `lib/backend/ndb/rpmpkg.c`): pages of slots at the beginning, blobs in blocks of 16 bytes.

use super::bytes::{little, slice};
use super::{Blobs, RpmError};

const MAGIC: &[u8] = b"RpmP";
const SLOT: &[u8] = b"Slot";
const BLOB: &[u8] = b"BlbS";
const PAGE_BYTES: usize = 4096;
const SLOT_BYTES: usize = 16;
const BLOCK_BYTES: usize = 16;
/// The file's head takes the place of two slots.
const HEAD_SLOTS: usize = 2;

pub(super) fn is_database(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// All blobs.
pub(super) fn blobs(bytes: &[u8]) -> Result<Vec<Vec<u8>>, RpmError> {
    if little(bytes, 4, 4, "the head")? != 0 {
        return Err(RpmError::Unknown);
    }
    let pages = little(bytes, 12, 4, "the head")?;
    let length = pages
        .checked_mul(PAGE_BYTES)
        .ok_or(RpmError::Damaged("the head"))?;
    let slots = slice(bytes, 0, length, "the slots")?;
    let mut blobs = Blobs::of(bytes);
    for slot in slots.chunks_exact(SLOT_BYTES).skip(HEAD_SLOTS) {
        if !slot.starts_with(SLOT) {
            return Err(RpmError::Damaged("a slot"));
        }
        let number = little(slot, 4, 4, "a slot")?;
        let at = little(slot, 8, 4, "a slot")?;
        if at == 0 {
            continue;
        }
        let blob = slice(bytes, at * BLOCK_BYTES, BLOCK_BYTES, "a blob")?;
        if !blob.starts_with(BLOB) || little(blob, 4, 4, "a blob")? != number {
            return Err(RpmError::Damaged("a blob"));
        }
        let length = little(blob, 12, 4, "a blob")?;
        blobs.admit(length)?;
        let content = slice(bytes, at * BLOCK_BYTES + BLOCK_BYTES, length, "a blob")?;
        blobs.found.push(content.to_vec());
    }
    Ok(blobs.found)
}
