//! From members of an archive to the index.

use crate::archive::{Archive, Member, What};
use crate::compression::{self, Compression};
use crate::entry::{Entry, Facts, Kind, LayerIndex, Oddity, OddityKind};
use crate::keep::is_kept;
use crate::limits::{
    ELF_BYTES_MAX, ENTRIES_MAX, FACTS_BYTES_MAX, JAR_BYTES_MAX, KEPT_BYTES_MAX,
    KEPT_FILE_BYTES_MAX, ODDITIES_MAX, PATHS_BYTES_MAX, RPM_BYTES_MAX,
};
use crate::words::Gatherer;
use crate::{LayerError, java, path};
use refloat_oci::{Algorithm, Digest, Hasher};
use refloat_packages::{Elf, PackageKind, Shebang, elf, package, rpm};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// The beginning of a file's name that hides the rest of it in lower layers (image-spec, layer.md, "Whiteouts").
const WHITEOUT: &str = ".wh.";
/// The name that hides all lower siblings.
const OPAQUE: &str = ".wh..wh..opq";
/// Names that are AUFS' own and mean nothing.
const AUFS: &str = ".wh..wh.";
/// How much of a file is looked at to tell its kind.
const HEAD_BYTES: usize = 512;
/// What an extended attribute takes beside its bytes.
const XATTR_BYTES: usize = 64;
/// What is kept of the memory for contents from one file to the next.
const HELD_BYTES: usize = 16 * 1024 * 1024;
/// First bytes of files that hold others: zip and jar, gzip, xz, zstd, bzip2.
const PACKED: [&[u8]; 6] = [
    // Windows and .NET programs: their strings have two bytes per character.
    b"MZ\x90\0",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"\xfd7zXZ",
    b"\x28\xb5\x2f\xfd",
    b"BZh",
];

/// Reads a layer from its first byte to its last and says what is in it.
///
/// `media_type` is the manifest's; empty where nobody told it. The result depends on the uncompressed bytes alone, but
/// for [`LayerIndex::compression`]. Nothing is written anywhere.
///
/// # Errors
/// [`LayerError`] for anything that is not a whole, unambiguous, bounded layer.
pub fn index(reader: impl Read, media_type: &str) -> Result<LayerIndex, LayerError> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let found = index_beside(reader, media_type, |bytes| hasher.update(bytes))?;
    Ok(found.complete(hasher.finish()))
}

/// The same without the DiffID, which takes as long as all the rest: `hashing` is handed the uncompressed bytes in order
/// and may hash them on another core.
///
/// # Errors
/// As [`index`].
pub fn index_beside(
    reader: impl Read,
    media_type: &str,
    mut hashing: impl FnMut(&[u8]),
) -> Result<WithoutDiffId, LayerError> {
    let opened = compression::open(reader, media_type)?;
    let mut archive = Archive::new(opened.reader, opened.taken, &mut hashing);
    let mut collector = Collector::new();
    while let Some(member) = archive.next()? {
        collector.take(&mut archive, member)?;
    }
    let mut found = WithoutDiffId {
        size_bytes: archive.finish()?,
        compression: opened.compression,
        collector,
    };
    found.collector.note_conflicts();
    Ok(found)
}

/// An index that waits for its DiffID.
pub struct WithoutDiffId {
    size_bytes: u64,
    compression: Compression,
    collector: Collector,
}

impl WithoutDiffId {
    /// The index, with the SHA-256 of the bytes that were handed out.
    pub fn complete(self, diff_id: Digest) -> LayerIndex {
        let collector = self.collector;
        let mut kept = collector.kept;
        kept.retain(|path, _| {
            let entry = collector.entries.get(path);
            entry.is_some_and(|entry| matches!(entry.kind, Kind::File { .. }))
        });
        LayerIndex {
            diff_id,
            size_bytes: self.size_bytes,
            compression: self.compression,
            entries: with_paths(collector.entries),
            whiteouts: collector.whiteouts.into_iter().collect(),
            opaques: collector.opaques.into_iter().collect(),
            kept,
            words: collector.words.finish(),
            oddities: collector.oddities,
        }
    }
}

fn with_paths(entries: BTreeMap<String, Entry>) -> Vec<Entry> {
    let all = entries.into_iter();
    all.map(|(path, entry)| Entry { path, ..entry }).collect()
}

struct Collector {
    // By path; the path in the entry is empty until the end.
    entries: BTreeMap<String, Entry>,
    whiteouts: BTreeSet<String>,
    opaques: BTreeSet<String>,
    kept: BTreeMap<String, Vec<u8>>,
    kept_bytes: usize,
    // Targets of hard links, to see whether they are written again.
    linked: BTreeSet<String>,
    oddities: Vec<Oddity>,
    words: Gatherer,
    // The content of the present file, where it is needed whole.
    held: Vec<u8>,
    members: usize,
    path_bytes: usize,
    facts_bytes: usize,
}

impl Collector {
    fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
            whiteouts: BTreeSet::new(),
            opaques: BTreeSet::new(),
            kept: BTreeMap::new(),
            kept_bytes: 0,
            linked: BTreeSet::new(),
            oddities: Vec::new(),
            words: Gatherer::new(),
            held: Vec::new(),
            members: 0,
            path_bytes: 0,
            facts_bytes: 0,
        }
    }

    fn take(&mut self, archive: &mut Archive<'_>, member: Member) -> Result<(), LayerError> {
        self.members += 1;
        self.path_bytes += member.path.len() + member.link.len();
        for (name, value) in &member.xattrs {
            self.path_bytes += name.len() + value.len() + XATTR_BYTES;
        }
        if self.members > ENTRIES_MAX {
            return Err(limit("entries", ENTRIES_MAX));
        }
        if self.path_bytes > PATHS_BYTES_MAX {
            return Err(limit("bytes of paths and attributes", PATHS_BYTES_MAX));
        }
        let path = path::normalise(&member.path)?;
        if self.take_whiteout(&path)? {
            return Ok(());
        }
        let mut hardlink = None;
        let kind = match member.what {
            What::File => self.file(archive, &path, member.size)?,
            What::Directory => Kind::Directory,
            What::Symlink => Kind::Symlink(link_target(&member.link)?),
            What::Character => Kind::Character(member.device.0, member.device.1),
            What::Block => Kind::Block(member.device.0, member.device.1),
            What::Fifo => Kind::Fifo,
            What::Hardlink => {
                let target = path::normalise(&member.link)?;
                if let Some(kind) = self.link(&path, &target, &member) {
                    hardlink = Some(target);
                    kind
                } else {
                    Kind::LowerHardlink(target)
                }
            }
        };
        if path.is_empty() && kind != Kind::Directory {
            return Err(LayerError::Path(
                "the root, as something else than a directory".into(),
            ));
        }
        self.put(Entry {
            path,
            kind,
            mode: member.mode,
            uid: member.uid,
            gid: member.gid,
            xattrs: member.xattrs,
            hardlink,
        });
        Ok(())
    }

    /// Notes a whiteout; `false` if the path is none.
    fn take_whiteout(&mut self, path: &str) -> Result<bool, LayerError> {
        if !path.contains(WHITEOUT) {
            return Ok(false);
        }
        let name = path::name(path);
        let directory = path::parent(path).unwrap_or_default();
        if path::ancestors(path).any(|above| path::name(above).starts_with(WHITEOUT)) {
            // AUFS keeps its hard links below such a directory.
            return if path.split('/').any(|segment| segment.starts_with(AUFS)) {
                Ok(true)
            } else {
                Err(LayerError::Path(path.to_owned()))
            };
        }
        if name == OPAQUE {
            self.opaques.insert(directory.to_owned());
            return Ok(true);
        }
        if name.starts_with(AUFS) {
            return Ok(true);
        }
        match name.strip_prefix(WHITEOUT) {
            None => Ok(false),
            Some("" | "." | "..") => Err(LayerError::Path(path.to_owned())),
            Some(hidden) => {
                self.whiteouts.insert(path::join(directory, hidden));
                Ok(true)
            }
        }
    }

    /// What a hard link is, by its target in this layer; none if the target is a lower layer's.
    fn link(&mut self, path: &str, target: &str, member: &Member) -> Option<Kind> {
        let there = self.entries.get(target)?;
        if matches!(there.kind, Kind::Directory | Kind::LowerHardlink(_)) {
            return None;
        }
        let kind = there.kind.clone();
        let is_same =
            there.mode == member.mode && there.uid == member.uid && there.gid == member.gid;
        if !is_same && !matches!(kind, Kind::Symlink(_)) {
            self.odd(path, OddityKind::LinkAttributes);
        }
        if let Some(content) = self.kept.get(target).cloned()
            && is_kept(path)
        {
            self.kept.insert(path.to_owned(), content);
        }
        self.linked.insert(target.to_owned());
        Some(kind)
    }

    fn put(&mut self, mut entry: Entry) {
        if self.linked.contains(&entry.path) {
            self.odd(&entry.path, OddityKind::LinkTargetRewritten);
        }
        let before = self.entries.get(&entry.path).map(|before| &before.kind);
        let is_directory = |kind: &Kind| *kind == Kind::Directory;
        if before.is_some_and(|before| is_directory(before) != is_directory(&entry.kind)) {
            self.odd(&entry.path, OddityKind::TwoKinds);
        }
        // The path is the key alone until all are there.
        let path = std::mem::take(&mut entry.path);
        self.entries.insert(path, entry);
    }

    fn odd(&mut self, path: &str, kind: OddityKind) {
        if self.oddities.len() < ODDITIES_MAX {
            self.oddities.push(Oddity {
                path: path.to_owned(),
                kind,
            });
        }
    }

    fn file(
        &mut self,
        archive: &mut Archive<'_>,
        path: &str,
        size: u64,
    ) -> Result<Kind, LayerError> {
        let mut reading = Reading::new(path, size, self.kept_bytes);
        let words = &mut self.words;
        let read = if let Some(content) = archive.whole()? {
            reading.take(content, words);
            words.end();
            reading.finish(content, words.marks())
        } else {
            self.held.clear();
            let held = &mut self.held;
            archive.content(|chunk| {
                reading.take(chunk, words);
                if reading.is_held() {
                    held.extend_from_slice(chunk);
                }
            })?;
            words.end();
            let read = reading.finish(&self.held, words.marks());
            // Fresh memory is dear; that of ordinary programs is used again.
            self.held.shrink_to(HELD_BYTES);
            read
        };
        let Told {
            hash,
            mut facts,
            kept,
        } = read;
        let facts_bytes = self.facts_bytes + facts.size_bytes();
        if facts_bytes > FACTS_BYTES_MAX {
            facts = Facts::Unread("all programs of the layer say more than is kept".into());
        } else {
            self.facts_bytes = facts_bytes;
        }
        self.kept.remove(path);
        if let Some(kept) = kept {
            self.kept_bytes += kept.len();
            self.kept.insert(path.to_owned(), kept);
        }
        Ok(Kind::File { size, hash, facts })
    }

    fn note_conflicts(&mut self) {
        let mut found = Vec::new();
        for path in &self.whiteouts {
            let is_written = self.entries.contains_key(path)
                || self
                    .entries
                    .range(format!("{path}/")..)
                    .next()
                    .is_some_and(|(next, _)| path::is_below(next, path));
            if is_written {
                found.push((path.clone(), OddityKind::HiddenAndWritten));
            }
        }
        // Neighbours in the order of paths mostly have one parent: it is looked up once.
        let mut last = None;
        for path in self.entries.keys().chain(&self.whiteouts) {
            let parent = path::parent(path);
            let is_wrong = match last {
                Some((known, is_wrong)) if known == parent => is_wrong,
                _ => path::ancestors(path).any(|above| {
                    let entry = self.entries.get(above);
                    entry.is_some_and(|entry| entry.kind != Kind::Directory)
                }),
            };
            last = Some((parent, is_wrong));
            if is_wrong {
                found.push((path.clone(), OddityKind::ParentNotDirectory));
            }
        }
        for (path, kind) in found {
            self.odd(&path, kind);
        }
    }
}

fn limit(what: &'static str, limit: usize) -> LayerError {
    LayerError::Limit {
        what,
        limit: limit as u64,
    }
}

fn link_target(raw: &[u8]) -> Result<String, LayerError> {
    if raw.is_empty() || raw.len() > crate::limits::PATH_BYTES_MAX || raw.contains(&0) {
        return Err(LayerError::Path(path::escaped(&raw[..raw.len().min(200)])));
    }
    Ok(path::escaped(raw))
}

/// How much of a file is looked at to tell text from programs.
const WORDS_HEAD_BYTES: usize = 8192;

/// What a file's first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    NotBegun,
    Elf,
    Packed,
    Jar,
    Other,
}

/// One file on its way.
struct Reading {
    hasher: blake3::Hasher,
    size: u64,
    is_kept: bool,
    is_jar: bool,
    is_rpm: bool,
    content: Content,
    head: [u8; HEAD_BYTES],
    head_bytes: usize,
    unread: Option<String>,
}

/// What a file said.
struct Told {
    hash: [u8; 32],
    facts: Facts,
    kept: Option<Vec<u8>>,
}

impl Reading {
    fn new(path: &str, size: u64, kept_bytes: usize) -> Self {
        let wants = is_kept(path);
        let room = (KEPT_BYTES_MAX - kept_bytes.min(KEPT_BYTES_MAX)) as u64;
        // Of rpm's databases only a summary is kept.
        let is_rpm = package::database_at(path) == Some(PackageKind::Rpm);
        let has_room = if is_rpm {
            size <= RPM_BYTES_MAX
        } else {
            size <= KEPT_FILE_BYTES_MAX && size <= room
        };
        Self {
            hasher: blake3::Hasher::new(),
            size,
            is_kept: wants && has_room,
            is_rpm,
            is_jar: java::is_archive_name(path::name(path)),
            content: Content::NotBegun,
            head: [0; HEAD_BYTES],
            head_bytes: 0,
            unread: (wants && !has_room).then(|| "larger than what is kept".to_owned()),
        }
    }

    fn take(&mut self, chunk: &[u8], words: &mut Gatherer) {
        if chunk.is_empty() {
            return;
        }
        self.hasher.update(chunk);
        if self.content == Content::NotBegun {
            self.begin(chunk);
            words.begin(&chunk[..chunk.len().min(WORDS_HEAD_BYTES)]);
            if self.content == Content::Elf {
                words.watch();
            }
        }
        if !matches!(self.content, Content::Packed | Content::Jar) {
            words.take(chunk);
        }
    }

    /// True if the whole content is asked for at the end.
    fn is_held(&self) -> bool {
        self.is_kept || matches!(self.content, Content::Elf | Content::Jar)
    }

    fn begin(&mut self, chunk: &[u8]) {
        self.head_bytes = chunk.len().min(HEAD_BYTES);
        self.head[..self.head_bytes].copy_from_slice(&chunk[..self.head_bytes]);
        self.content = if chunk.starts_with(elf::MAGIC) {
            Content::Elf
        } else if self.is_jar && chunk.starts_with(b"PK\x03\x04") && self.size <= JAR_BYTES_MAX {
            Content::Jar
        } else if PACKED.iter().any(|magic| chunk.starts_with(magic)) {
            Content::Packed
        } else {
            Content::Other
        };
        if self.content == Content::Elf && self.size > ELF_BYTES_MAX {
            self.content = Content::Other;
            self.unread = Some("a program larger than what is held".into());
        }
    }

    /// What the file says; `content` is all of it where [`Reading::is_held`] asked for it.
    fn finish(mut self, content: &[u8], marks: impl Iterator<Item = &'static str>) -> Told {
        let mut kept = self.is_kept.then(|| content.to_vec());
        if self.is_rpm && self.is_kept {
            match rpm::summary(content) {
                Ok(summary) => kept = Some(summary),
                Err(error) => (kept, self.unread) = (None, Some(error.to_string())),
            }
        }
        let head = &self.head[..self.head_bytes];
        let facts = if let Some(why) = self.unread {
            Facts::Unread(why)
        } else if self.content == Content::Elf {
            match Elf::parse(content) {
                Ok(mut elf) => {
                    elf.contains = elf::marks_in(content, marks);
                    Facts::Elf(Box::new(elf))
                }
                Err(error) => Facts::Unread(error.to_string()),
            }
        } else if self.content == Content::Packed {
            Facts::Packed
        } else if self.content == Content::Jar {
            Facts::Java(java::archive(content))
        } else if let Some(class) = java::class(head) {
            Facts::Java(class)
        } else {
            Shebang::parse(head).map_or(Facts::Plain, Facts::Script)
        };
        Told {
            hash: *self.hasher.finalize().as_bytes(),
            facts,
            kept,
        }
    }
}
