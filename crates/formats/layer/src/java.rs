//! Java archives and class files: for which Java they were compiled, and whether they bring native parts (JAR file
//! specification; JVM specification, 4.1: the class file's `major_version`).
//!
//! The central directory decides, as for the JVM. Archives in archives are looked into; what cannot be is said.

use crate::limits::{JAR_DEPTH_MAX, JAR_INFLATED_BYTES_MAX, JAR_MEMBERS_MAX, JAR_NESTED_BYTES_MAX};
use flate2::{Decompress, FlushDecompress};

/// What an archive or a class file asks of the JVM.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Java {
    /// The highest `major_version` of its classes (61 for Java 17), 0 without any. Classes for newer JVMs only
    /// (`META-INF/versions`, `module-info`) do not count.
    pub class_major: u16,
    /// It is an archive; otherwise one class file.
    pub is_archive: bool,
    /// It brings libraries that are bound to a machine and a C library.
    pub has_natives: bool,
    /// Everything in it could be looked at.
    pub is_whole: bool,
}

/// First bytes of a class file.
pub(crate) const CLASS_MAGIC: &[u8] = b"\xca\xfe\xba\xbe";
/// Majors of class files; fat programs of macOS have the same first bytes and a small number here.
const MAJORS: std::ops::RangeInclusive<u16> = 45..=120;
const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;

/// True if a zip file of this name is for Java.
pub(crate) fn is_archive_name(name: &str) -> bool {
    matches!(suffix(name), "jar" | "war" | "ear")
}

fn suffix(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, suffix)| suffix)
}

/// A class file by its first bytes.
pub(crate) fn class(head: &[u8]) -> Option<Java> {
    Some(Java {
        class_major: major(head)?,
        is_archive: false,
        has_natives: false,
        is_whole: true,
    })
}

fn major(head: &[u8]) -> Option<u16> {
    let bytes = head.strip_prefix(CLASS_MAGIC)?.get(2..4)?;
    let major = u16::from_be_bytes([bytes[0], bytes[1]]);
    MAJORS.contains(&major).then_some(major)
}

/// A whole archive.
pub(crate) fn archive(bytes: &[u8]) -> Java {
    let mut looking = Looking {
        found: Java {
            is_archive: true,
            is_whole: true,
            ..Java::default()
        },
        inflater: Decompress::new(false),
        members_left: JAR_MEMBERS_MAX,
        bytes_left: JAR_INFLATED_BYTES_MAX,
    };
    if looking.archive(bytes, 0).is_none() {
        looking.found.is_whole = false;
    }
    looking.found
}

struct Looking {
    found: Java,
    inflater: Decompress,
    members_left: usize,
    bytes_left: usize,
}

struct Member<'a> {
    name: &'a [u8],
    method: u16,
    size: usize,
    packed: &'a [u8],
}

impl Looking {
    /// None if the archive is damaged or passes a limit.
    fn archive(&mut self, bytes: &[u8], depth: usize) -> Option<()> {
        let from = bytes
            .len()
            .saturating_sub(END_BYTES + usize::from(u16::MAX));
        let tail = &bytes[from..];
        let end = tail.windows(END.len()).rposition(|window| window == END)?;
        let end = tail.get(end..)?;
        let (count, mut at) = (u16_at(end, 10)?, u32_at(end, 16)?);
        if count == u16::MAX || at == usize::try_from(u32::MAX).ok()? {
            // The 64-bit form.
            return None;
        }
        for _ in 0..count {
            self.members_left = self.members_left.checked_sub(1)?;
            let header = bytes.get(at..)?;
            if !header.starts_with(CENTRAL) {
                return None;
            }
            let lengths = [
                u16_at(header, 28)?,
                u16_at(header, 30)?,
                u16_at(header, 32)?,
            ];
            let member = member(bytes, header)?;
            self.member(&member, depth)?;
            at += 46
                + lengths
                    .iter()
                    .map(|length| usize::from(*length))
                    .sum::<usize>();
        }
        Some(())
    }

    fn member(&mut self, member: &Member<'_>, depth: usize) -> Option<()> {
        let name = String::from_utf8_lossy(member.name);
        let file = name.rsplit('/').next().unwrap_or_default();
        match suffix(file) {
            "class" if file != "module-info.class" && !name.starts_with("META-INF/versions/") => {
                let head = self.content(member, 8)?;
                let major = major(&head)?;
                self.found.class_major = self.found.class_major.max(major);
            }
            "so" | "jnilib" => self.found.has_natives = true,
            _ if is_archive_name(file) => {
                if depth >= JAR_DEPTH_MAX || member.size > JAR_NESTED_BYTES_MAX {
                    return None;
                }
                self.bytes_left = self.bytes_left.checked_sub(member.size)?;
                let nested = self.content(member, member.size)?;
                self.archive(&nested, depth + 1)?;
            }
            _ => {}
        }
        Some(())
    }

    /// The first `wanted` bytes of a member.
    fn content(&mut self, member: &Member<'_>, wanted: usize) -> Option<Vec<u8>> {
        match member.method {
            0 => Some(member.packed.get(..wanted)?.to_vec()),
            8 => {
                let mut out = vec![0; wanted];
                self.inflater.reset(false);
                self.inflater
                    .decompress(member.packed, &mut out, FlushDecompress::None)
                    .ok()?;
                let length = usize::try_from(self.inflater.total_out()).ok()?;
                (length >= wanted).then_some(out)
            }
            _ => None,
        }
    }
}

fn member<'a>(bytes: &'a [u8], header: &'a [u8]) -> Option<Member<'a>> {
    let local = bytes.get(u32_at(header, 42)?..)?;
    if !local.starts_with(LOCAL) {
        return None;
    }
    let start = 30 + usize::from(u16_at(local, 26)?) + usize::from(u16_at(local, 28)?);
    let packed = local.get(start..)?;
    Some(Member {
        name: header.get(46..46 + usize::from(u16_at(header, 28)?))?,
        method: u16_at(header, 10)?,
        size: u32_at(header, 24)?,
        packed: packed.get(..u32_at(header, 20)?)?,
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes([bytes[0], bytes[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).ok()
}
