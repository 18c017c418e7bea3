//! The packed form of an index: one immutable run of bytes per (DiffID, format version).
//!
//! ```text
//! "RLI" version  diff_id  size  compression
//! strings: length and bytes; numbers: LEB128; paths share their beginning with the one before
//! entries  whiteouts  opaques  kept  words  oddities  checksum (first 8 bytes of SHA-256)
//! ```

use crate::compression::Compression;
use crate::entry::{Entry, Facts, Kind, LayerIndex, Oddity, OddityKind};
use crate::java::Java;
use crate::words::Words;
use refloat_oci::{Algorithm, Digest};
use refloat_packages::{Contained, Elf, ElfKind, Import, Shebang, Symbols, VersionNeed};
use std::collections::BTreeMap;

mod wire;

use wire::{Reader, Writer};

/// The version of the packed form and of what is gathered: an index of another version is made anew.
pub const FORMAT_VERSION: u8 = 6;
const MAGIC: &[u8; 3] = b"RLI";
const CHECKSUM_BYTES: usize = 8;

/// Why packed bytes are no index of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackedError {
    /// Another version, or no index at all.
    #[error("no layer index of version {FORMAT_VERSION}; make it anew")]
    Version,
    /// Damaged.
    #[error("the layer index is damaged; make it anew")]
    Damaged,
}

impl LayerIndex {
    /// The packed form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.raw(MAGIC);
        writer.byte(FORMAT_VERSION);
        writer.raw(self.diff_id.hash());
        writer.number(self.size_bytes);
        writer.byte(match self.compression {
            Compression::Plain => 0,
            Compression::Gzip => 1,
            Compression::Zstd => 2,
        });
        writer.length(self.entries.len());
        for entry in &self.entries {
            put_entry(&mut writer, entry);
        }
        writer.reset_path();
        for list in [&self.whiteouts, &self.opaques] {
            writer.length(list.len());
            for path in list {
                writer.path(path);
            }
            writer.reset_path();
        }
        writer.length(self.kept.len());
        for (path, content) in &self.kept {
            writer.text(path);
            writer.bytes(content);
        }
        put_words(&mut writer, &self.words);
        writer.length(self.oddities.len());
        for oddity in &self.oddities {
            writer.text(&oddity.path);
            writer.byte(oddity_byte(oddity.kind));
        }
        let checksum = Digest::sha256(writer.written());
        writer.raw(&checksum.hash()[..CHECKSUM_BYTES]);
        writer.finish()
    }

    /// Reads the packed form.
    ///
    /// # Errors
    /// [`PackedError`] for other versions and for damage: the caller indexes the layer again.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PackedError> {
        if !bytes.starts_with(MAGIC) || bytes.get(MAGIC.len()) != Some(&FORMAT_VERSION) {
            return Err(PackedError::Version);
        }
        let body = bytes
            .len()
            .checked_sub(CHECKSUM_BYTES)
            .ok_or(PackedError::Damaged)?;
        let (body, checksum) = bytes.split_at(body);
        if &Digest::sha256(body).hash()[..CHECKSUM_BYTES] != checksum {
            return Err(PackedError::Damaged);
        }
        let body = body.get(MAGIC.len() + 1..).ok_or(PackedError::Damaged)?;
        read(&mut Reader::new(body)).ok_or(PackedError::Damaged)
    }
}

fn read(reader: &mut Reader<'_>) -> Option<LayerIndex> {
    let diff_id = Digest::from_hash(Algorithm::Sha256, reader.raw(32)?)?;
    let size_bytes = reader.number()?;
    let compression = match reader.byte()? {
        0 => Compression::Plain,
        1 => Compression::Gzip,
        2 => Compression::Zstd,
        _ => return None,
    };
    let entries = reader.list(entry)?;
    reader.reset_path();
    let whiteouts = reader.list(Reader::path)?;
    reader.reset_path();
    let opaques = reader.list(Reader::path)?;
    let kept = reader.list(|reader| Some((reader.text()?, reader.bytes()?.to_vec())))?;
    let words = words(reader)?;
    let oddities = reader.list(|reader| {
        let path = reader.text()?;
        let kind = oddity_kind(reader.byte()?)?;
        Some(Oddity { path, kind })
    })?;
    reader.is_empty().then_some(LayerIndex {
        diff_id,
        size_bytes,
        compression,
        entries,
        whiteouts,
        opaques,
        kept: kept.into_iter().collect(),
        words,
        oddities,
    })
}

fn put_entry(writer: &mut Writer, entry: &Entry) {
    writer.path(&entry.path);
    match &entry.kind {
        Kind::File { size, hash, facts } => {
            writer.byte(0);
            writer.number(*size);
            writer.raw(hash);
            put_facts(writer, facts);
        }
        Kind::Directory => writer.byte(1),
        Kind::Symlink(target) => {
            writer.byte(2);
            writer.text(target);
        }
        Kind::LowerHardlink(target) => {
            writer.byte(3);
            writer.text(target);
        }
        Kind::Character(major, minor) => {
            writer.byte(4);
            writer.number(u64::from(*major));
            writer.number(u64::from(*minor));
        }
        Kind::Block(major, minor) => {
            writer.byte(5);
            writer.number(u64::from(*major));
            writer.number(u64::from(*minor));
        }
        Kind::Fifo => writer.byte(6),
    }
    writer.number(u64::from(entry.mode));
    writer.number(entry.uid);
    writer.number(entry.gid);
    writer.length(entry.xattrs.len());
    for (name, value) in &entry.xattrs {
        writer.text(name);
        writer.bytes(value);
    }
    writer.optional(entry.hardlink.as_deref());
}

fn entry(reader: &mut Reader<'_>) -> Option<Entry> {
    let path = reader.path()?;
    let kind = match reader.byte()? {
        0 => Kind::File {
            size: reader.number()?,
            hash: reader.raw(32)?.try_into().ok()?,
            facts: facts(reader)?,
        },
        1 => Kind::Directory,
        2 => Kind::Symlink(reader.text()?),
        3 => Kind::LowerHardlink(reader.text()?),
        4 => Kind::Character(reader.small()?, reader.small()?),
        5 => Kind::Block(reader.small()?, reader.small()?),
        6 => Kind::Fifo,
        _ => return None,
    };
    let (mode, uid, gid) = (reader.small()?, reader.number()?, reader.number()?);
    let xattrs = reader.list(|reader| Some((reader.text()?, reader.bytes()?.to_vec())))?;
    Some(Entry {
        path,
        kind,
        mode,
        uid,
        gid,
        xattrs: xattrs.into_iter().collect::<BTreeMap<_, _>>(),
        hardlink: reader.optional()?,
    })
}

fn put_facts(writer: &mut Writer, facts: &Facts) {
    match facts {
        Facts::Plain => writer.byte(0),
        Facts::Script(shebang) => {
            writer.byte(1);
            writer.text(&shebang.interpreter);
            writer.optional(shebang.argument.as_deref());
        }
        Facts::Elf(elf) => {
            writer.byte(2);
            put_elf(writer, elf);
        }
        Facts::Packed => writer.byte(3),
        Facts::Java(java) => {
            writer.byte(5);
            writer.number(u64::from(java.class_major));
            for flag in [java.is_archive, java.has_natives, java.is_whole] {
                writer.byte(u8::from(flag));
            }
        }
        Facts::Unread(why) => {
            writer.byte(4);
            writer.text(why);
        }
    }
}

fn facts(reader: &mut Reader<'_>) -> Option<Facts> {
    Some(match reader.byte()? {
        0 => Facts::Plain,
        1 => Facts::Script(Shebang {
            interpreter: reader.text()?,
            argument: reader.optional()?,
        }),
        2 => Facts::Elf(Box::new(elf(reader)?)),
        3 => Facts::Packed,
        5 => Facts::Java(Java {
            class_major: u16::try_from(reader.number()?).ok()?,
            is_archive: reader.byte()? == 1,
            has_natives: reader.byte()? == 1,
            is_whole: reader.byte()? == 1,
        }),
        4 => Facts::Unread(reader.text()?),
        _ => return None,
    })
}

fn put_elf(writer: &mut Writer, elf: &Elf) {
    writer.byte(elf.bits);
    writer.number(u64::from(elf.machine));
    writer.byte(match elf.kind {
        ElfKind::Executable => 0,
        ElfKind::Shared => 1,
        ElfKind::Other => 2,
    });
    writer.optional(elf.interpreter.as_deref());
    writer.optional(elf.soname.as_deref());
    writer.length(elf.needed.len());
    for name in &elf.needed {
        writer.text(name);
    }
    writer.optional(elf.rpath.as_deref());
    writer.optional(elf.runpath.as_deref());
    writer.byte(u8::from(elf.is_dynamic));
    match &elf.symbols {
        None => writer.byte(0),
        Some(symbols) => {
            writer.byte(1);
            put_symbols(writer, symbols);
        }
    }
    writer.length(elf.contains.len());
    for contained in &elf.contains {
        writer.text(&contained.project);
        writer.text(&contained.version);
    }
}

/// Versions come again and again: symbols name them by their place in a list.
fn put_symbols(writer: &mut Writer, symbols: &Symbols) {
    let mut versions: Vec<&str> = symbols
        .imports
        .iter()
        .filter_map(|import| import.version.as_deref())
        .collect();
    versions.sort_unstable();
    versions.dedup();
    writer.length(versions.len());
    for version in &versions {
        writer.text(version);
    }
    writer.length(symbols.imports.len());
    for import in &symbols.imports {
        writer.text(&import.name);
        let place = import
            .version
            .as_deref()
            .and_then(|version| versions.binary_search(&version).ok());
        writer.length(place.map_or(0, |place| place + 1));
    }
    writer.length(symbols.needs.len());
    for need in &symbols.needs {
        writer.text(&need.library);
        writer.text(&need.version);
    }
    writer.length(symbols.versions.len());
    for version in &symbols.versions {
        writer.text(version);
    }
    writer.length(symbols.exports.len());
    let mut last = 0;
    for export in &symbols.exports {
        writer.number(export - last);
        last = *export;
    }
}

fn elf(reader: &mut Reader<'_>) -> Option<Elf> {
    Some(Elf {
        bits: reader.byte()?,
        machine: u16::try_from(reader.number()?).ok()?,
        kind: match reader.byte()? {
            0 => ElfKind::Executable,
            1 => ElfKind::Shared,
            2 => ElfKind::Other,
            _ => return None,
        },
        interpreter: reader.optional()?,
        soname: reader.optional()?,
        needed: reader.list(Reader::text)?,
        rpath: reader.optional()?,
        runpath: reader.optional()?,
        is_dynamic: reader.byte()? == 1,
        symbols: match reader.byte()? {
            0 => None,
            1 => Some(Box::new(symbols(reader)?)),
            _ => return None,
        },
        contains: reader.list(|reader| {
            Some(Contained {
                project: reader.text()?,
                version: reader.text()?,
            })
        })?,
    })
}

fn symbols(reader: &mut Reader<'_>) -> Option<Symbols> {
    let versions = reader.list(Reader::text)?;
    let imports = reader.list(|reader| {
        let name = reader.text()?;
        let version = match usize::try_from(reader.number()?).ok()?.checked_sub(1) {
            None => None,
            Some(place) => Some(versions.get(place)?.clone()),
        };
        Some(Import { name, version })
    })?;
    let needs = reader.list(|reader| {
        Some(VersionNeed {
            library: reader.text()?,
            version: reader.text()?,
        })
    })?;
    let own = reader.list(Reader::text)?;
    let mut last = 0_u64;
    let exports = reader.list(|reader| {
        last = last.checked_add(reader.number()?)?;
        Some(last)
    })?;
    Some(Symbols {
        imports,
        needs,
        versions: own,
        exports,
    })
}

fn put_words(writer: &mut Writer, words: &Words) {
    let Words::Known(hashes) = words else {
        writer.byte(0);
        return;
    };
    writer.byte(1);
    writer.length(hashes.len());
    let mut last = 0;
    for hash in hashes {
        writer.number(u64::from(hash - last));
        last = *hash;
    }
}

fn words(reader: &mut Reader<'_>) -> Option<Words> {
    if reader.byte()? == 0 {
        return Some(Words::Unknown);
    }
    let mut last = 0_u32;
    let hashes = reader.list(|reader| {
        last = last.checked_add(reader.small()?)?;
        Some(last)
    })?;
    Some(Words::Known(hashes))
}

fn oddity_byte(kind: OddityKind) -> u8 {
    match kind {
        OddityKind::TwoKinds => 0,
        OddityKind::HiddenAndWritten => 1,
        OddityKind::LinkAttributes => 2,
        OddityKind::LinkTargetRewritten => 3,
        OddityKind::ParentNotDirectory => 4,
    }
}

fn oddity_kind(byte: u8) -> Option<OddityKind> {
    Some(match byte {
        0 => OddityKind::TwoKinds,
        1 => OddityKind::HiddenAndWritten,
        2 => OddityKind::LinkAttributes,
        3 => OddityKind::LinkTargetRewritten,
        4 => OddityKind::ParentNotDirectory,
        _ => return None,
    })
}
