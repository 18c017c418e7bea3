//! The dynamic symbols of an ELF file: what it takes from others and what it gives them, with versions (System V gABI
//! chapter 5, "Symbol Table"; GNU symbol versioning: `.gnu.version`, `.gnu.version_r`, `.gnu.version_d`).
//!
//! Names of what is given are kept as hashes: a library gives thousands and each is only ever looked up. Names of what
//! is taken are kept as they are, since a verdict names what is missing.

use super::{DT_STRSZ, DT_STRTAB, ElfError, File, Segment, text};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The most symbols of one file; with more, its symbols are not known.
pub const SYMBOLS_MAX: usize = 400_000;
/// The most bytes of names of one kind, of symbols that a file takes or of versions; with more, its symbols are not known:
/// texts may lie in each other, so that a small file can name many.
pub const IMPORT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The most versions of one file: their number has 16 bits, two of them are taken.
const VERSIONS_MAX: usize = 0x7ffe;

const DT_HASH: u64 = 4;
const DT_SYMTAB: u64 = 6;
const DT_GNU_HASH: u64 = 0x6fff_fef5;
const DT_VERSYM: u64 = 0x6fff_fff0;
const DT_VERDEF: u64 = 0x6fff_fffc;
const DT_VERDEFNUM: u64 = 0x6fff_fffd;
const DT_VERNEED: u64 = 0x6fff_fffe;
const DT_VERNEEDNUM: u64 = 0x6fff_ffff;
const SHT_DYNSYM: u32 = 11;
/// Set in an index into the versions: not the one that programs get which are linked today.
const VERSION_HIDDEN: u16 = 0x8000;
const VERSION_WEAK: u16 = 2;

/// What a file takes and gives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbols {
    /// Symbols that others must give, ascending; weak ones are left out: the loader does without them.
    pub imports: Vec<Import>,
    /// Versions that needed libraries must define, ascending; weak ones are left out.
    pub needs: Vec<VersionNeed>,
    /// Versions that this file defines, ascending; its own name is left out.
    pub versions: Vec<String>,
    /// Symbols that it gives: 48 bits of the name's hash, 16 bits for the version (0: none, else 1 + its place in
    /// `versions`), ascending.
    pub exports: Vec<u64>,
}

/// One symbol that a file takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Import {
    /// Its name, as linked: mangled.
    pub name: String,
    /// Its version, if one was linked.
    pub version: Option<String>,
}

impl std::fmt::Display for Import {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.version {
            Some(version) => write!(formatter, "{}@{version}", self.name),
            None => formatter.write_str(&self.name),
        }
    }
}

/// A version of a needed library.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VersionNeed {
    /// The library, as DT_NEEDED names it.
    pub library: String,
    /// The version, for example `GLIBC_2.34`.
    pub version: String,
}

impl Symbols {
    /// True if the file gives the symbol. A version counts only where the file has versions at all, as for the loader.
    pub fn gives(&self, wanted: &Import) -> bool {
        let name = name_bits(&wanted.name);
        let Some(version) = wanted
            .version
            .as_ref()
            .filter(|_| !self.versions.is_empty())
        else {
            let first = self.exports.partition_point(|export| *export < name);
            return self
                .exports
                .get(first)
                .is_some_and(|export| export >> 16 == name >> 16);
        };
        let Ok(place) = self.versions.binary_search(version) else {
            return false;
        };
        self.exports
            .binary_search(&(name | (place as u64 + 1)))
            .is_ok()
    }

    /// True if the file defines the version.
    pub fn defines(&self, version: &str) -> bool {
        self.versions
            .binary_search_by(|known| known.as_str().cmp(version))
            .is_ok()
    }

    /// What it gives, as (bits of the name, version).
    pub fn given(&self) -> impl Iterator<Item = (u64, Option<&str>)> {
        self.exports.iter().map(|export| {
            let place = usize::try_from(export & 0xffff).unwrap_or_default();
            let version = place.checked_sub(1).and_then(|at| self.versions.get(at));
            (export >> 16, version.map(String::as_str))
        })
    }

    /// True if `later` gives everything that this one gives: nothing that was linked against this can miss a symbol.
    pub fn is_kept_by(&self, later: &Self) -> bool {
        if self.versions == later.versions {
            return self
                .exports
                .iter()
                .all(|export| later.exports.binary_search(export).is_ok());
        }
        let all: BTreeSet<_> = later.given().collect();
        self.given().all(|export| all.contains(&export))
    }
}

/// The bits by which [`Symbols::given`] tells names apart.
pub fn name_hash(name: &str) -> u64 {
    name_bits(name) >> 16
}

/// A hash of the name, the low 16 bits free for the version. Eight bytes at once: libraries have tens of thousands.
fn name_bits(name: &str) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, group: u64| {
        let mixed = (hash ^ group).wrapping_mul(MULTIPLIER);
        mixed ^ (mixed >> 32)
    };
    let (groups, rest) = name.as_bytes().as_chunks::<8>();
    let mut hash = name.len() as u64;
    for group in groups {
        hash = mix(hash, u64::from_le_bytes(*group));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(mix(hash, u64::from_le_bytes(last)), 0) << 16
}

/// The places of the tables, as `.dynamic` says.
struct Tables<'f, 'a> {
    file: &'f File<'a>,
    segments: &'f [Segment],
    entries: &'f [(u64, u64)],
    strings: &'a [u8],
}

/// Reads the symbols; none if the file has no table of them, or too many.
pub(super) fn read(
    file: &File<'_>,
    segments: &[Segment],
    entries: &[(u64, u64)],
) -> Result<Option<Symbols>, ElfError> {
    let value = |tag: u64| entries.iter().find(|entry| entry.0 == tag).map(|it| it.1);
    let (Some(symbols), Some(strings), Some(size)) =
        (value(DT_SYMTAB), value(DT_STRTAB), value(DT_STRSZ))
    else {
        return Ok(None);
    };
    let start = offset_of(segments, strings)?;
    let tables = Tables {
        file,
        segments,
        entries,
        strings: file.slice(start, size, "string table")?,
    };
    let count = tables.count(symbols, strings)?;
    if count > SYMBOLS_MAX {
        return Ok(None);
    }
    let (needed, needs) = tables.needs()?;
    let defined = tables.definitions()?;
    tables.symbols(symbols, count, &needed, needs, &defined)
}

fn offset_of(segments: &[Segment], address: u64) -> Result<u64, ElfError> {
    segments
        .iter()
        .filter(|segment| segment.kind == super::PT_LOAD)
        .find_map(|segment| segment.offset_of(address))
        .ok_or(ElfError::Bounds("a table outside all segments"))
}

fn plus(at: u64, more: u64) -> Result<u64, ElfError> {
    at.checked_add(more).ok_or(ElfError::Bounds("a table"))
}

impl<'a> Tables<'_, 'a> {
    fn value(&self, tag: u64) -> Option<u64> {
        let mut found = self.entries.iter().filter(|entry| entry.0 == tag);
        found.next().map(|entry| entry.1)
    }

    fn offset(&self, tag: u64) -> Result<Option<u64>, ElfError> {
        self.value(tag)
            .map(|address| offset_of(self.segments, address))
            .transpose()
    }

    fn name(&self, at: u64) -> Result<Cow<'a, str>, ElfError> {
        let rest = usize::try_from(at)
            .ok()
            .and_then(|at| self.strings.get(at..));
        text(rest.ok_or(ElfError::Bounds("a name"))?, "a name")
    }

    fn entry_bytes(&self) -> u64 {
        if self.file.is_64 { 24 } else { 16 }
    }

    /// How many symbols there are. No table says so itself: the hash tables know, or the section headers, or what
    /// follows in the file.
    fn count(&self, symbols: u64, strings: u64) -> Result<usize, ElfError> {
        const WHAT: &str = "hash table";
        let count = if let Some(at) = self.offset(DT_HASH)? {
            u64::from(self.file.u32(plus(at, 4)?, WHAT)?)
        } else if let Some(count) = self.by_gnu_hash()? {
            count
        } else if let Some(count) = self.by_section() {
            count
        } else {
            strings.saturating_sub(symbols) / self.entry_bytes()
        };
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// The last symbol of the last chain; none if there are no chains, since then nothing is said.
    fn by_gnu_hash(&self) -> Result<Option<u64>, ElfError> {
        const WHAT: &str = "GNU hash table";
        let Some(at) = self.offset(DT_GNU_HASH)? else {
            return Ok(None);
        };
        let word = |at: u64| self.file.u32(at, WHAT).map(u64::from);
        let (buckets, first, bloom) = (word(at)?, word(plus(at, 4)?)?, word(plus(at, 8)?)?);
        if buckets > SYMBOLS_MAX as u64 || bloom > SYMBOLS_MAX as u64 {
            return Ok(Some(u64::MAX));
        }
        let width = if self.file.is_64 { 8 } else { 4 };
        let table = plus(at, 16 + bloom * width)?;
        let mut last = 0;
        for bucket in 0..buckets {
            last = last.max(word(plus(table, 4 * bucket)?)?);
        }
        if last == 0 {
            return Ok(None);
        }
        if last < first {
            return Err(ElfError::Bounds(WHAT));
        }
        let chains = plus(table, 4 * buckets)?;
        while last < SYMBOLS_MAX as u64 {
            if word(plus(chains, 4 * (last - first))?)? & 1 == 1 {
                return Ok(Some(last + 1));
            }
            last += 1;
        }
        Ok(Some(u64::MAX))
    }

    fn by_section(&self) -> Option<u64> {
        const WHAT: &str = "section headers";
        let file = self.file;
        let (table, size, count) = if file.is_64 {
            (file.word(40, WHAT), file.u16(58, WHAT), file.u16(60, WHAT))
        } else {
            (file.word(32, WHAT), file.u16(46, WHAT), file.u16(48, WHAT))
        };
        let (table, size, count) = (table.ok()?, size.ok()?, count.ok()?);
        (0..u64::from(count)).find_map(|index| {
            let at = table.checked_add(index * u64::from(size))?;
            if file.u32(at.checked_add(4)?, WHAT).ok()? != SHT_DYNSYM {
                return None;
            }
            let field = if file.is_64 { 32 } else { 20 };
            let bytes = file.word(at.checked_add(field)?, WHAT).ok()?;
            Some(bytes / self.entry_bytes())
        })
    }

    /// Versions of others: by the index that symbols use, and the list.
    fn needs(&self) -> Result<(BTreeMap<u16, String>, BTreeSet<VersionNeed>), ElfError> {
        const WHAT: &str = "needed versions";
        let (mut by_index, mut list) = (BTreeMap::new(), BTreeSet::new());
        let Some(mut at) = self.offset(DT_VERNEED)? else {
            return Ok((by_index, list));
        };
        let files = self.value(DT_VERNEEDNUM).unwrap_or_default();
        let (mut seen, mut bytes) = (0, 0);
        for _ in 0..files.min(VERSIONS_MAX as u64) {
            let library = self
                .name(u64::from(self.file.u32(plus(at, 4)?, WHAT)?))?
                .into_owned();
            let mut entry = plus(at, u64::from(self.file.u32(plus(at, 8)?, WHAT)?))?;
            for _ in 0..self.file.u16(plus(at, 2)?, WHAT)? {
                seen += 1;
                if seen > VERSIONS_MAX {
                    return Err(ElfError::Bounds(WHAT));
                }
                let flags = self.file.u16(plus(entry, 4)?, WHAT)?;
                let index = self.file.u16(plus(entry, 6)?, WHAT)? & !VERSION_HIDDEN;
                let version = self
                    .name(u64::from(self.file.u32(plus(entry, 8)?, WHAT)?))?
                    .into_owned();
                bytes += library.len() + 2 * version.len();
                if bytes > IMPORT_BYTES_MAX {
                    return Err(ElfError::Bounds(WHAT));
                }
                by_index.insert(index, version.clone());
                if flags & VERSION_WEAK == 0 {
                    list.insert(VersionNeed {
                        library: library.clone(),
                        version,
                    });
                }
                let next = self.file.u32(plus(entry, 12)?, WHAT)?;
                if next == 0 {
                    break;
                }
                entry = plus(entry, u64::from(next))?;
            }
            let next = self.file.u32(plus(at, 12)?, WHAT)?;
            if next == 0 {
                break;
            }
            at = plus(at, u64::from(next))?;
        }
        Ok((by_index, list))
    }

    /// Its own versions by index, without the one that is its name.
    fn definitions(&self) -> Result<BTreeMap<u16, String>, ElfError> {
        const WHAT: &str = "defined versions";
        const BASE: u16 = 1;
        let mut found = BTreeMap::new();
        let Some(mut at) = self.offset(DT_VERDEF)? else {
            return Ok(found);
        };
        let count = self.value(DT_VERDEFNUM).unwrap_or_default();
        let mut bytes = 0;
        for _ in 0..count.min(VERSIONS_MAX as u64) {
            let flags = self.file.u16(plus(at, 2)?, WHAT)?;
            let index = self.file.u16(plus(at, 4)?, WHAT)? & !VERSION_HIDDEN;
            let names = plus(at, u64::from(self.file.u32(plus(at, 12)?, WHAT)?))?;
            if flags & BASE == 0 {
                let name = self.name(u64::from(self.file.u32(names, WHAT)?))?;
                bytes += name.len();
                if bytes > IMPORT_BYTES_MAX {
                    return Err(ElfError::Bounds(WHAT));
                }
                found.insert(index, name.into_owned());
            }
            let next = self.file.u32(plus(at, 16)?, WHAT)?;
            if next == 0 {
                break;
            }
            at = plus(at, u64::from(next))?;
        }
        Ok(found)
    }

    fn symbols(
        &self,
        address: u64,
        count: usize,
        needed: &BTreeMap<u16, String>,
        needs: BTreeSet<VersionNeed>,
        defined: &BTreeMap<u16, String>,
    ) -> Result<Option<Symbols>, ElfError> {
        const WHAT: &str = "symbol table";
        let table = offset_of(self.segments, address)?;
        let indexes = self.offset(DT_VERSYM)?;
        let mut versions: Vec<String> = defined.values().cloned().collect();
        versions.sort();
        versions.dedup();
        let mut found = Symbols {
            needs: needs.into_iter().collect(),
            versions,
            ..Symbols::default()
        };
        if count < 2 {
            return Ok(Some(found));
        }
        // Each table is looked for once, not for each symbol. The first symbol is none.
        let entry_bytes = self.entry_bytes();
        let table = self.file.slice(table, count as u64 * entry_bytes, WHAT)?;
        let entry_bytes = usize::try_from(entry_bytes).unwrap_or(usize::MAX);
        let indexes = indexes
            .map(|at| self.file.slice(at, 2 * count as u64, WHAT))
            .transpose()?;
        let (info_at, other_at, section_at) = if self.file.is_64 {
            (4, 5, 6)
        } else {
            (12, 13, 14)
        };
        let is_little = self.file.is_little;
        let mut import_bytes = 0;
        for (number, entry) in table.chunks_exact(entry_bytes).enumerate().skip(1) {
            let (info, other) = (entry[info_at], entry[other_at]);
            let section = u16_in(entry, section_at, is_little);
            let index = indexes.map_or(1, |indexes| u16_in(indexes, 2 * number, is_little));
            // Binding: 1 global, 2 weak, 10 unique. Visibility: 0 default, 3 protected.
            let (binding, is_visible) = (info >> 4, matches!(other & 3, 0 | 3));
            let is_import = section == 0;
            if !matches!(binding, 1 | 2 | 10) || !is_visible || (is_import && binding == 2) {
                continue;
            }
            let name = self.name(u64::from(u32_in(entry, 0, is_little)))?;
            let index = index & !VERSION_HIDDEN;
            if is_import {
                let version = needed.get(&index).cloned();
                import_bytes += name.len() + version.as_ref().map_or(0, String::len);
                if import_bytes > IMPORT_BYTES_MAX {
                    return Ok(None);
                }
                found.imports.push(Import {
                    name: name.into_owned(),
                    version,
                });
            } else if index != 0 || indexes.is_none() {
                let place = defined
                    .get(&index)
                    .and_then(|version| found.versions.binary_search(version).ok());
                found
                    .exports
                    .push(name_bits(&name) | place.map_or(0, |place| place as u64 + 1));
            }
        }
        found.imports.sort_unstable();
        found.imports.dedup();
        found.exports.sort_unstable();
        found.exports.dedup();
        Ok(Some(found))
    }
}

/// Two bytes of a table whose length was checked.
#[inline]
fn u16_in(table: &[u8], at: usize, is_little: bool) -> u16 {
    let bytes = [table[at], table[at + 1]];
    if is_little {
        u16::from_le_bytes(bytes)
    } else {
        u16::from_be_bytes(bytes)
    }
}

/// Four of them.
#[inline]
fn u32_in(table: &[u8], at: usize, is_little: bool) -> u32 {
    let bytes = [table[at], table[at + 1], table[at + 2], table[at + 3]];
    if is_little {
        u32::from_le_bytes(bytes)
    } else {
        u32::from_be_bytes(bytes)
    }
}
