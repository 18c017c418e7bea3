//! What an ELF file asks of the tree it runs in: its interpreter, what it needs and where it looks (System V gABI,
//! chapters 4 and 5; both byte orders and word sizes).
//!
//! Every offset is checked: a file that points outside itself is an error, not a program without needs.

mod marks;
mod symbols;

pub use marks::{Contained, MARK_WORDS, marks_in};
pub use symbols::{IMPORT_BYTES_MAX, Import, SYMBOLS_MAX, Symbols, VersionNeed, name_hash};

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The most entries of `.dynamic` and program headers that are read.
const ENTRIES_MAX: usize = 65_536;
/// The longest name or path.
const TEXT_BYTES_MAX: usize = 4096;
/// The first bytes of every ELF file.
pub const MAGIC: &[u8; 4] = b"\x7fELF";

/// What kind of ELF file it is (`e_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ElfKind {
    /// A program at a fixed address.
    Executable,
    /// A library, or a position-independent program.
    Shared,
    /// An object file, a core, anything else that is not loaded.
    Other,
}

/// The facts of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elf {
    /// 32 or 64.
    pub bits: u8,
    /// `e_machine`, 62 for x86-64, 183 for aarch64.
    pub machine: u16,
    /// Its kind.
    pub kind: ElfKind,
    /// The loader: PT_INTERP.
    pub interpreter: Option<String>,
    /// Its own name: DT_SONAME.
    pub soname: Option<String>,
    /// Libraries it needs: DT_NEEDED, in order.
    pub needed: Vec<String>,
    /// DT_RPATH, as written.
    pub rpath: Option<String>,
    /// DT_RUNPATH, as written.
    pub runpath: Option<String>,
    /// It has a dynamic section; without one it is static.
    pub is_dynamic: bool,
    /// What it takes from others and gives them; none where it does not say, or says too much: nothing is known then.
    pub symbols: Option<Box<Symbols>>,
    /// Libraries whose code it holds, by the marks that they leave (`openssl 3.0.11`), ascending. Left empty by
    /// [`Elf::parse`]: see [`marks_in`].
    pub contains: Vec<Contained>,
}

/// Why an ELF file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// The magic is missing.
    #[error("no ELF file")]
    Magic,
    /// A class or byte order that is not defined.
    #[error("an ELF file of unknown class or byte order")]
    Ident,
    /// Something points outside the file.
    #[error("the ELF file points outside itself: {0}")]
    Bounds(&'static str),
}

impl Elf {
    /// Reads a whole file.
    ///
    /// # Errors
    /// [`ElfError`] if it is none, or damaged.
    pub fn parse(bytes: &[u8]) -> Result<Self, ElfError> {
        if !bytes.starts_with(MAGIC) {
            return Err(ElfError::Magic);
        }
        let file = File::open(bytes)?;
        let segments = file.segments()?;
        let mut elf = Self {
            bits: if file.is_64 { 64 } else { 32 },
            machine: file.u16(18, "machine")?,
            kind: match file.u16(16, "type")? {
                2 => ElfKind::Executable,
                3 => ElfKind::Shared,
                _ => ElfKind::Other,
            },
            interpreter: None,
            soname: None,
            needed: Vec::new(),
            rpath: None,
            runpath: None,
            is_dynamic: false,
            symbols: None,
            contains: Vec::new(),
        };
        for segment in &segments {
            if segment.kind == PT_INTERP {
                let bytes = file.slice(segment.offset, segment.file_size, "interpreter")?;
                elf.interpreter = Some(text(bytes, "interpreter")?.into_owned());
            }
        }
        if let Some(dynamic) = segments.iter().find(|segment| segment.kind == PT_DYNAMIC) {
            elf.is_dynamic = true;
            elf.read_dynamic(&file, dynamic, &segments)?;
        }
        Ok(elf)
    }

    /// About how many bytes these facts take.
    pub fn size_bytes(&self) -> usize {
        const EACH: usize = 48;
        let texts = [&self.interpreter, &self.soname, &self.rpath, &self.runpath];
        let own = texts.into_iter().flatten().chain(&self.needed);
        let mut bytes = own.map(|text| EACH + text.len()).sum::<usize>();
        if let Some(symbols) = &self.symbols {
            let imports = symbols.imports.iter().map(|import| {
                2 * EACH + import.name.len() + import.version.as_ref().map_or(0, String::len)
            });
            let needs = symbols
                .needs
                .iter()
                .map(|need| 2 * EACH + need.library.len() + need.version.len());
            let versions = symbols.versions.iter().map(|version| EACH + version.len());
            bytes += imports.chain(needs).chain(versions).sum::<usize>();
            bytes += 8 * symbols.exports.len();
        }
        EACH + bytes
    }

    fn read_dynamic(
        &mut self,
        file: &File<'_>,
        dynamic: &Segment,
        segments: &[Segment],
    ) -> Result<(), ElfError> {
        // A file of debug symbols keeps the header but not the bytes: p_filesz is 0 or the segment is NOBITS.
        let entries = file.dynamic_entries(dynamic)?;
        let value = |tag: u64| {
            entries
                .iter()
                .find(|entry| entry.0 == tag)
                .map(|entry| entry.1)
        };
        let Some(address) = value(DT_STRTAB) else {
            return if entries.iter().any(|entry| entry.0 == DT_NEEDED) {
                Err(ElfError::Bounds("no string table"))
            } else {
                Ok(())
            };
        };
        let size = value(DT_STRSZ).ok_or(ElfError::Bounds("string table without a size"))?;
        let start = segments
            .iter()
            .filter(|segment| segment.kind == PT_LOAD)
            .find_map(|segment| segment.offset_of(address))
            .ok_or(ElfError::Bounds("string table outside all segments"))?;
        let table = file.slice(start, size, "string table")?;
        let name = |offset: u64| {
            let offset = usize::try_from(offset).map_err(|_| ElfError::Bounds("a name"))?;
            text(
                table.get(offset..).ok_or(ElfError::Bounds("a name"))?,
                "a name",
            )
            .map(Cow::into_owned)
        };
        self.symbols = symbols::read(file, segments, &entries)?.map(Box::new);
        let mut bytes = 0;
        for (tag, value) in entries {
            match tag {
                DT_NEEDED => {
                    let name = name(value)?;
                    bytes += name.len();
                    if bytes > IMPORT_BYTES_MAX {
                        return Err(ElfError::Bounds("names of libraries"));
                    }
                    self.needed.push(name);
                }
                DT_SONAME => self.soname = Some(name(value)?),
                DT_RPATH => self.rpath = Some(name(value)?),
                DT_RUNPATH => self.runpath = Some(name(value)?),
                _ => {}
            }
        }
        Ok(())
    }
}

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;

struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    file_size: u64,
}

impl Segment {
    /// Where in the file an address lies.
    fn offset_of(&self, address: u64) -> Option<u64> {
        let into = address.checked_sub(self.address)?;
        (into < self.file_size).then(|| self.offset.checked_add(into))?
    }
}

struct File<'a> {
    bytes: &'a [u8],
    is_64: bool,
    is_little: bool,
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, ElfError> {
        let is_64 = match bytes.get(4) {
            Some(1) => false,
            Some(2) => true,
            _ => return Err(ElfError::Ident),
        };
        let is_little = match bytes.get(5) {
            Some(1) => true,
            Some(2) => false,
            _ => return Err(ElfError::Ident),
        };
        Ok(Self {
            bytes,
            is_64,
            is_little,
        })
    }

    fn slice(&self, offset: u64, length: u64, what: &'static str) -> Result<&'a [u8], ElfError> {
        let start = usize::try_from(offset).map_err(|_| ElfError::Bounds(what))?;
        let length = usize::try_from(length).map_err(|_| ElfError::Bounds(what))?;
        let end = start.checked_add(length).ok_or(ElfError::Bounds(what))?;
        self.bytes.get(start..end).ok_or(ElfError::Bounds(what))
    }

    fn unsigned(&self, offset: u64, length: u64, what: &'static str) -> Result<u64, ElfError> {
        let bytes = self.slice(offset, length, what)?;
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Ok(if self.is_little {
            bytes.iter().rev().fold(0, fold)
        } else {
            bytes.iter().fold(0, fold)
        })
    }

    fn u16(&self, offset: u64, what: &'static str) -> Result<u16, ElfError> {
        let value = self.unsigned(offset, 2, what)?;
        u16::try_from(value).map_err(|_| ElfError::Bounds(what))
    }

    fn u32(&self, offset: u64, what: &'static str) -> Result<u32, ElfError> {
        let value = self.unsigned(offset, 4, what)?;
        u32::try_from(value).map_err(|_| ElfError::Bounds(what))
    }

    fn word(&self, offset: u64, what: &'static str) -> Result<u64, ElfError> {
        self.unsigned(offset, if self.is_64 { 8 } else { 4 }, what)
    }

    fn segments(&self) -> Result<Vec<Segment>, ElfError> {
        const WHAT: &str = "program headers";
        let (table, entry_size, count) = if self.is_64 {
            (
                self.word(32, WHAT)?,
                self.u16(54, WHAT)?,
                self.u16(56, WHAT)?,
            )
        } else {
            (
                self.word(28, WHAT)?,
                self.u16(42, WHAT)?,
                self.u16(44, WHAT)?,
            )
        };
        let mut segments = Vec::new();
        for index in 0..usize::from(count).min(ENTRIES_MAX) {
            let step = u64::try_from(index)
                .unwrap_or(u64::MAX)
                .saturating_mul(u64::from(entry_size));
            let at = table.checked_add(step).ok_or(ElfError::Bounds(WHAT))?;
            let field = |from_64: u64, from_32: u64| {
                at.checked_add(if self.is_64 { from_64 } else { from_32 })
                    .ok_or(ElfError::Bounds(WHAT))
            };
            segments.push(Segment {
                kind: self.u32(at, WHAT)?,
                offset: self.word(field(8, 4)?, WHAT)?,
                address: self.word(field(16, 8)?, WHAT)?,
                file_size: self.word(field(32, 16)?, WHAT)?,
            });
        }
        Ok(segments)
    }

    fn dynamic_entries(&self, dynamic: &Segment) -> Result<Vec<(u64, u64)>, ElfError> {
        const WHAT: &str = "dynamic section";
        let width: u64 = if self.is_64 { 8 } else { 4 };
        let mut entries = Vec::new();
        let mut at = dynamic.offset;
        let end = dynamic
            .offset
            .checked_add(dynamic.file_size)
            .ok_or(ElfError::Bounds(WHAT))?;
        while at < end && entries.len() < ENTRIES_MAX {
            let tag = self.word(at, WHAT)?;
            let value = self.word(at.saturating_add(width), WHAT)?;
            if tag == 0 {
                break;
            }
            entries.push((tag, value));
            at = at.saturating_add(2 * width);
        }
        Ok(entries)
    }
}

fn text<'a>(bytes: &'a [u8], what: &'static str) -> Result<Cow<'a, str>, ElfError> {
    let bytes = &bytes[..bytes.len().min(TEXT_BYTES_MAX)];
    let end = memchr::memchr(0, bytes).ok_or(ElfError::Bounds(what))?;
    Ok(String::from_utf8_lossy(&bytes[..end]))
}

#[cfg(test)]
mod tests;
