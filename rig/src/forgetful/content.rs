//! The bytes of one file, twice, and the writes between the two.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::seed::Seed;

/// The unit in which content is shared between its versions.
const PAGE: usize = 4096;

/// What a disk writes whole: a torn write ends at such a boundary.
const SECTOR: u64 = 512;

type Page = Arc<[u8; PAGE]>;

/// One version of a file. Pages that were never written are holes and read as zeros.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    size: u64,
    pages: BTreeMap<u64, Page>,
}

/// One thing that happened to a file and is not durable yet.
#[derive(Debug, Clone)]
enum Change {
    /// Bytes were written; the pages are whole, as they stood right after it. They are
    /// shared with the content, so that a large unsynced file is not held twice.
    Write {
        offset: u64,
        length: usize,
        pages: Vec<(u64, Page)>,
    },
    Resize(u64),
}

/// A file's content as programs see it and as it lies on the disk.
#[derive(Debug, Default)]
pub(super) struct FileBytes {
    current: Content,
    durable: Content,
    pending: Vec<Change>,
}

impl FileBytes {
    pub(super) fn size(&self) -> u64 {
        self.current.size
    }

    pub(super) fn read(&self, offset: u64, length: usize) -> Vec<u8> {
        self.current.read(offset, length)
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let pages = self.current.write(offset, bytes);
        let length = bytes.len();
        self.pending.push(Change::Write {
            offset,
            length,
            pages,
        });
    }

    pub(super) fn resize(&mut self, size: u64) {
        self.current.resize(size);
        self.pending.push(Change::Resize(size));
    }

    /// fsync: everything that happened is on the disk.
    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            self.durable.apply(&change);
        }
    }

    /// A failed fsync: the kernel drops what it could not write and believes it clean.
    pub(super) fn lose_pending(&mut self) {
        self.pending.clear();
    }

    /// A power cut; `drawn` says which of the pending changes had reached the disk.
    pub(super) fn cut(&mut self, drawn: Option<&mut Seed>) {
        let pending = std::mem::take(&mut self.pending);
        if let Some(seed) = drawn {
            // Some files were written back whole, some not at all, most in part.
            let keep_of_four = seed.below(5);
            for change in pending {
                if seed.below(4) < keep_of_four {
                    self.durable.apply_by_chance(&change, seed);
                }
            }
        }
        self.current = self.durable.clone();
    }
}

impl Content {
    fn read(&self, offset: u64, length: usize) -> Vec<u8> {
        let end = self.size.min(offset.saturating_add(length as u64));
        let mut bytes = vec![0; usize_of(end.saturating_sub(offset))];
        let length = bytes.len();
        for part in parts(offset, length) {
            if let Some(page) = self.pages.get(&part.page) {
                bytes[part.outer.clone()].copy_from_slice(&page[part.inner()]);
            }
        }
        bytes
    }

    /// Writes, and returns the pages that changed.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> Vec<(u64, Page)> {
        let mut written = Vec::new();
        for part in parts(offset, bytes.len()) {
            let page = self
                .pages
                .entry(part.page)
                .or_insert_with(|| Arc::new([0; PAGE]));
            Arc::make_mut(page)[part.inner()].copy_from_slice(&bytes[part.outer.clone()]);
            written.push((part.page, Arc::clone(page)));
        }
        self.size = self.size.max(offset + bytes.len() as u64);
        written
    }

    fn resize(&mut self, size: u64) {
        if size < self.size {
            let first_whole = size.div_ceil(PAGE as u64);
            self.pages.split_off(&first_whole);
            // Behind its end a file must read as zeros if it grows again.
            if let Some(page) = self.pages.get_mut(&(size / PAGE as u64)) {
                Arc::make_mut(page)[usize_of(size % PAGE as u64)..].fill(0);
            }
        }
        self.size = size;
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Write {
                offset,
                length,
                pages,
            } => {
                for (index, page) in pages {
                    self.pages.insert(*index, Arc::clone(page));
                }
                self.size = self.size.max(offset + *length as u64);
            }
            Change::Resize(size) => self.resize(*size),
        }
    }

    /// As [`Content::apply`], but earlier changes may be missing: only the bytes of this
    /// one are taken, and of a write perhaps only a part.
    fn apply_by_chance(&mut self, change: &Change, seed: &mut Seed) {
        match change {
            Change::Write {
                offset,
                length,
                pages,
            } => {
                let source = Content {
                    size: offset + *length as u64,
                    pages: pages.iter().cloned().collect(),
                };
                let (from, to) = torn(*offset, source.size, seed);
                self.write(from, &source.read(from, usize_of(to - from)));
            }
            Change::Resize(size) => self.resize(*size),
        }
    }
}

/// What of a write from `start` to `end` was written: usually all of it, sometimes what
/// lies before or behind a boundary of sectors.
fn torn(start: u64, end: u64, seed: &mut Seed) -> (u64, u64) {
    let first_boundary = start / SECTOR + 1;
    let boundaries = (end.saturating_sub(1) / SECTOR + 1).saturating_sub(first_boundary);
    if boundaries == 0 || !seed.one_in(3) {
        return (start, end);
    }
    let at = (first_boundary + seed.below(boundaries)) * SECTOR;
    if seed.one_in(2) {
        (start, at)
    } else {
        (at, end)
    }
}

/// The part of a range that lies in one page.
struct Part {
    page: u64,
    /// Where in the page it begins.
    start: usize,
    /// Where in the whole range it lies.
    outer: std::ops::Range<usize>,
}

impl Part {
    fn inner(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.outer.len()
    }
}

fn parts(offset: u64, length: usize) -> impl Iterator<Item = Part> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == length {
            return None;
        }
        let at = offset + done as u64;
        let start = usize_of(at % PAGE as u64);
        let take = (PAGE - start).min(length - done);
        let outer = done..done + take;
        done += take;
        Some(Part {
            page: at / PAGE as u64,
            start,
            outer,
        })
    })
}

/// Sizes of what lies in memory fit.
fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random writes, resizes and syncs against a plain vector.
    #[test]
    fn it_is_a_file_and_a_sync_makes_all_of_it_durable() {
        let mut seed = Seed::new(11);
        let mut file = FileBytes::default();
        let mut model: Vec<u8> = Vec::new();
        let mut durable: Vec<u8> = Vec::new();
        for _ in 0..2000 {
            match seed.below(10) {
                0 => {
                    let size = usize_of(seed.below(40_000));
                    model.resize(size, 0);
                    file.resize(size as u64);
                }
                1 => {
                    durable.clone_from(&model);
                    file.sync();
                }
                2 if seed.one_in(4) => {
                    model.clone_from(&durable);
                    file.cut(None);
                }
                _ => {
                    let offset = usize_of(seed.below(30_000));
                    let mut bytes = vec![0; usize_of(seed.below(9000))];
                    seed.fill(&mut bytes);
                    let end = offset + bytes.len();
                    if !bytes.is_empty() {
                        model.resize(model.len().max(end), 0);
                        model[offset..end].copy_from_slice(&bytes);
                        file.write(offset as u64, &bytes);
                    }
                }
            }
            assert_eq!(file.size(), model.len() as u64);
            assert!(file.read(0, model.len() + 5) == model);
        }
    }

    /// Whatever is drawn, a sector is either old or new, never something else.
    #[test]
    fn by_chance_a_sector_is_old_or_new() {
        for number in 0..200 {
            let mut file = FileBytes::default();
            file.write(0, &[1; 8192]);
            file.sync();
            file.write(100, &[2; 5000]);
            file.write(6000, &[3; 2000]);
            let new = file.read(0, 8192);
            file.cut(Some(&mut Seed::new(number)));
            let after = file.read(0, 9000);
            assert_eq!(after.len(), 8192);
            for (index, sector) in after.chunks(usize_of(SECTOR)).enumerate() {
                let at = index * usize_of(SECTOR);
                let fresh = &new[at..at + sector.len()];
                // A sector touched by both writes may have one of them only.
                let possible = sector.iter().zip(fresh).all(|(a, b)| a == b || *a == 1);
                assert!(possible, "seed {number}, sector {index}");
            }
        }
    }
}
