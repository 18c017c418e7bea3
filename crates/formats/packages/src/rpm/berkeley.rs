//! Berkeley DB's hash tables, as rpm wrote them until 4.16 (Berkeley DB: `dbinc/db_page.h`): pages of pairs, large values
//! on chains of overflow pages. The order of keys does not matter here, so that pages are read from first to last.

use super::bytes::{big, little, slice};
use super::{Blobs, HEADER_BYTES_MAX, RpmError};

const HASH_MAGIC: usize = 0x0006_1561;
const HASH_UNSORTED: usize = 2;
const HASH: usize = 13;
const OVERFLOW: usize = 7;
const HEAD_BYTES: usize = 26;
const ITEM_INLINE: usize = 1;
const ITEM_ELSEWHERE: usize = 3;

pub(super) fn is_database(bytes: &[u8]) -> bool {
    [little, big]
        .iter()
        .any(|read| read(bytes, 12, 4, "") == Ok(HASH_MAGIC))
}

/// The values of all pairs but the first key's, which counts packages.
pub(super) fn blobs(bytes: &[u8]) -> Result<Vec<Vec<u8>>, RpmError> {
    let read = if little(bytes, 12, 4, "the head") == Ok(HASH_MAGIC) {
        little
    } else {
        big
    };
    let size = read(bytes, 20, 4, "the page size")?;
    if !(512..=65_536).contains(&size) || !size.is_power_of_two() {
        return Err(RpmError::Damaged("the page size"));
    }
    let file = File { bytes, size, read };
    let pages = read(bytes, 32, 4, "the last page")?.saturating_add(1);
    if pages > bytes.len() / size {
        return Err(RpmError::Damaged("fewer pages than its head says"));
    }
    let mut blobs = Blobs::of(bytes);
    let mut budget = pages;
    for number in 1..pages {
        let page = file.page(number)?;
        if !matches!(page[25].into(), HASH | HASH_UNSORTED) {
            continue;
        }
        let count = read(page, 20, 2, "a page")?;
        for pair in 0..count / 2 {
            let offset = |item: usize| read(page, HEAD_BYTES + 2 * item, 2, "an item");
            let (key, value) = (offset(2 * pair)?, offset(2 * pair + 1)?);
            // Values lie before their keys, which lie before what came earlier.
            let key_end = if pair == 0 {
                size
            } else {
                offset(2 * pair - 1)?
            };
            if is_counter(slice(page, key, key_end.saturating_sub(key), "a key")?) {
                continue;
            }
            let value = file.value(page, value, key, &mut budget)?;
            blobs.admit(value.len())?;
            blobs.found.push(value);
        }
    }
    Ok(blobs.found)
}

/// The key 0 holds the highest number given.
fn is_counter(key: &[u8]) -> bool {
    key.split_first()
        .is_some_and(|(_, number)| number == [0; 4])
}

struct File<'a> {
    bytes: &'a [u8],
    size: usize,
    read: fn(&[u8], usize, usize, &'static str) -> Result<usize, RpmError>,
}

impl<'a> File<'a> {
    fn page(&self, number: usize) -> Result<&'a [u8], RpmError> {
        let at = number
            .checked_mul(self.size)
            .ok_or(RpmError::Damaged("a page number"))?;
        slice(self.bytes, at, self.size, "a page")
    }

    fn value(
        &self,
        page: &[u8],
        at: usize,
        end: usize,
        budget: &mut usize,
    ) -> Result<Vec<u8>, RpmError> {
        match big(page, at, 1, "an item")? {
            ITEM_INLINE => {
                let length = end
                    .checked_sub(at + 1)
                    .ok_or(RpmError::Damaged("an item"))?;
                Ok(slice(page, at + 1, length, "an item")?.to_vec())
            }
            ITEM_ELSEWHERE => {
                let mut next = (self.read)(page, at + 4, 4, "an item")?;
                let length = (self.read)(page, at + 8, 4, "an item")?;
                if length > HEADER_BYTES_MAX {
                    return Err(RpmError::TooLarge);
                }
                let mut value = Vec::new();
                while next != 0 {
                    *budget = budget
                        .checked_sub(1)
                        .ok_or(RpmError::Damaged("a value with a loop"))?;
                    let page = self.page(next)?;
                    if usize::from(page[25]) != OVERFLOW {
                        return Err(RpmError::Damaged("a page of another kind"));
                    }
                    let here = (self.read)(page, 22, 2, "a page")?;
                    value.extend_from_slice(slice(page, HEAD_BYTES, here, "a page")?);
                    if value.len() > length {
                        return Err(RpmError::Damaged("a value of another length"));
                    }
                    next = (self.read)(page, 16, 4, "a page")?;
                }
                if value.len() == length {
                    Ok(value)
                } else {
                    Err(RpmError::Damaged("a value of another length"))
                }
            }
            _ => Err(RpmError::Damaged("an item of an unknown kind")),
        }
    }
}
