//! SQLite's file format, as far as one table of blobs needs it (sqlite.org, "Database File Format"): the schema, the
//! table's b-tree, records with overflow pages. What is only in a write-ahead log is not seen: who has one beside the
//! database does not know it.

use super::bytes::{big, slice};
use super::{Blobs, RpmError};

const MAGIC: &[u8] = b"SQLite format 3\0";
const TABLE_INTERIOR: usize = 5;
const TABLE_LEAF: usize = 13;
/// Deeper trees do not come about.
const DEPTH_MAX: usize = 20;

pub(super) fn is_database(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The blobs of the table `Packages`.
pub(super) fn blobs(bytes: &[u8]) -> Result<Vec<Vec<u8>>, RpmError> {
    let size = match big(bytes, 16, 2, "the page size")? {
        1 => 65_536,
        size if size >= 512 && size.is_power_of_two() => size,
        _ => return Err(RpmError::Damaged("the page size")),
    };
    let reserved = big(bytes, 20, 1, "the page size")?;
    let pages = bytes.len() / size;
    let usable = size.checked_sub(reserved).filter(|usable| *usable >= 480);
    let file = File {
        bytes,
        size,
        usable: usable.ok_or(RpmError::Damaged("the page size"))?,
    };
    let mut schema = Blobs::of(bytes);
    file.rows(1, 0, &mut { pages }, &mut schema)?;
    let mut root = None;
    for row in &schema.found {
        // type, name, tbl_name, rootpage, sql
        let columns = columns(row)?;
        if columns.len() >= 4 && columns[0].1 == b"table" && columns[1].1 == b"Packages" {
            root = Some(number(columns[3])?);
        }
    }
    let root = root.ok_or(RpmError::Damaged("no table Packages"))?;
    drop(schema);
    let mut rows = Blobs::of(bytes);
    file.rows(root, 0, &mut { pages }, &mut rows)?;
    // Each row goes before the next one is copied.
    let blob = |row: Vec<u8>| {
        let columns = columns(&row)?;
        let (_, blob) = columns
            .get(1)
            .ok_or(RpmError::Damaged("a row of Packages"))?;
        Ok(blob.to_vec())
    };
    rows.found.into_iter().map(blob).collect()
}

struct File<'a> {
    bytes: &'a [u8],
    size: usize,
    usable: usize,
}

impl<'a> File<'a> {
    fn page(&self, number: usize) -> Result<&'a [u8], RpmError> {
        let at = number
            .checked_sub(1)
            .and_then(|before| before.checked_mul(self.size))
            .ok_or(RpmError::Damaged("a page number"))?;
        slice(self.bytes, at, self.size, "a page")
    }

    /// The payloads of a table, in order. `budget`: pages that may still be visited; a loop uses it up.
    fn rows(
        &self,
        number: usize,
        depth: usize,
        budget: &mut usize,
        found: &mut Blobs,
    ) -> Result<(), RpmError> {
        *budget = budget
            .checked_sub(1)
            .filter(|_| depth < DEPTH_MAX)
            .ok_or(RpmError::Damaged("a tree of pages with a loop"))?;
        let page = self.page(number)?;
        let head = if number == 1 { 100 } else { 0 };
        let kind = big(page, head, 1, "a page")?;
        let cells = big(page, head + 3, 2, "a page")?;
        let pointers = head + if kind == TABLE_INTERIOR { 12 } else { 8 };
        for cell in 0..cells {
            let at = big(page, pointers + 2 * cell, 2, "a cell")?;
            match kind {
                TABLE_INTERIOR => {
                    self.rows(big(page, at, 4, "a cell")?, depth + 1, budget, found)?;
                }
                TABLE_LEAF => {
                    let payload = self.payload(page, at, budget, found)?;
                    found.found.push(payload);
                }
                _ => return Err(RpmError::Damaged("a page of another kind")),
            }
        }
        if kind == TABLE_INTERIOR {
            self.rows(big(page, head + 8, 4, "a page")?, depth + 1, budget, found)?;
        }
        Ok(())
    }

    fn payload(
        &self,
        page: &[u8],
        at: usize,
        budget: &mut usize,
        found: &mut Blobs,
    ) -> Result<Vec<u8>, RpmError> {
        let (length, at) = varint(page, at)?;
        let (_, at) = varint(page, at)?;
        found.admit(length)?;
        // "Cell payload overflow": how much of it is on this page.
        let most = self.usable - 35;
        if length <= most {
            return Ok(slice(page, at, length, "a row")?.to_vec());
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let part = least + (length - least) % (self.usable - 4);
        let here = if part <= most { part } else { least };
        let mut payload = slice(page, at, here, "a row")?.to_vec();
        let mut next = big(page, at + here, 4, "a row")?;
        while payload.len() < length {
            *budget = budget
                .checked_sub(1)
                .ok_or(RpmError::Damaged("a row with a loop"))?;
            let page = self.page(next)?;
            let here = (length - payload.len()).min(self.usable - 4);
            payload.extend_from_slice(slice(page, 4, here, "a row")?);
            next = big(page, 0, 4, "a row")?;
        }
        Ok(payload)
    }
}

/// A variable-length integer and where it ends.
fn varint(bytes: &[u8], mut at: usize) -> Result<(usize, usize), RpmError> {
    let mut value = 0_usize;
    for turn in 0..9 {
        let byte = big(bytes, at, 1, "a number")?;
        at += 1;
        if turn == 8 {
            return Ok((value.wrapping_shl(8) | byte, at));
        }
        value = value.wrapping_shl(7) | (byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok((value, at))
}

/// The columns of a record: serial type and bytes.
fn columns(row: &[u8]) -> Result<Vec<(usize, &[u8])>, RpmError> {
    let (head, mut at) = varint(row, 0)?;
    let mut body = head;
    let mut columns = Vec::new();
    while at < head {
        let (kind, next) = varint(row, at)?;
        at = next;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return Err(RpmError::Damaged("a column of an unknown type")),
            _ => (kind - 12) / 2,
        };
        columns.push((kind, slice(row, body, length, "a column")?));
        body = body
            .checked_add(length)
            .ok_or(RpmError::Damaged("a column"))?;
    }
    Ok(columns)
}

fn number((kind, bytes): (usize, &[u8])) -> Result<usize, RpmError> {
    match kind {
        9 => Ok(1),
        1..=6 => big(bytes, 0, bytes.len(), "a number"),
        _ => Err(RpmError::Damaged("a page number")),
    }
}
