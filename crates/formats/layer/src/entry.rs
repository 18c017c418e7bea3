//! The index itself, as plain data.

use crate::compression::Compression;
use crate::java::Java;
use crate::words::Words;
use refloat_oci::Digest;
use refloat_packages::{Elf, Shebang};
use std::collections::BTreeMap;

/// What is known of one layer. The same uncompressed bytes give the same index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerIndex {
    /// SHA-256 of the uncompressed bytes (image-spec, config.md, "Layer DiffID"). Compare it with the config's.
    pub diff_id: Digest,
    /// Length of the uncompressed bytes.
    pub size_bytes: u64,
    /// How the bytes that were read were compressed; not part of what the layer is.
    pub compression: Compression,
    /// What the layer writes, ascending by path, each path once: the last entry of the archive wins.
    pub entries: Vec<Entry>,
    /// Paths of lower layers that the layer hides, ascending.
    pub whiteouts: Vec<String>,
    /// Directories whose lower contents the layer hides, ascending.
    pub opaques: Vec<String>,
    /// Contents of the few files whose text is judged: package databases, users, os-release, the loader's paths.
    pub kept: BTreeMap<String, Vec<u8>>,
    /// Words that the layer's files contain, to see whether something that is gone is still spoken of.
    pub words: Words,
    /// What runtimes may read in two ways.
    pub oddities: Vec<Oddity>,
}

/// One path that a layer writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path: no slash at either end, no `.` or `..`; the root is the empty path.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Permissions, set-id and sticky bits (12 bits).
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Extended attributes, for example `security.capability`.
    pub xattrs: BTreeMap<String, Vec<u8>>,
    /// The path in the same layer that this is a hard link to; its kind and attributes are copied from there.
    pub hardlink: Option<String>,
}

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File {
        /// Its length in bytes.
        size: u64,
        /// BLAKE3 of its content: collision-safe, and far faster than SHA-256, which all bytes pass already for the
        /// DiffID.
        hash: [u8; 32],
        /// What its content says about what it needs.
        facts: Facts,
    },
    /// A directory.
    Directory,
    /// A symbolic link, with its target as written.
    Symlink(String),
    /// A hard link to a path that this layer does not write before it: a lower layer's file, or nothing.
    LowerHardlink(String),
    /// A character device, major and minor.
    Character(u32, u32),
    /// A block device, major and minor.
    Block(u32, u32),
    /// A named pipe.
    Fifo,
}

impl Kind {
    /// One word for people.
    pub fn word(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Directory => "directory",
            Self::Symlink(_) => "symlink",
            Self::LowerHardlink(_) => "hard link to a lower layer",
            Self::Character(..) => "character device",
            Self::Block(..) => "block device",
            Self::Fifo => "named pipe",
        }
    }
}

/// What a file's content says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    /// Nothing that is judged.
    Plain,
    /// It begins with `#!`.
    Script(Shebang),
    /// A program or library.
    Elf(Box<Elf>),
    /// An archive of other files (zip, jar, wheel, gzip, xz, zstd): what it says is not seen.
    Packed,
    /// A Java archive or class file.
    Java(Java),
    /// It should have been read and could not be; the reason.
    Unread(String),
}

impl Facts {
    /// About how many bytes they take.
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            Self::Plain | Self::Packed | Self::Java(_) => 0,
            Self::Script(shebang) => {
                shebang.interpreter.len() + shebang.argument.as_ref().map_or(0, String::len)
            }
            Self::Elf(elf) => elf.size_bytes(),
            Self::Unread(why) => why.len(),
        }
    }
}

/// Something that runtimes may read in two ways. Such a layer is never proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    /// Where.
    pub path: String,
    /// What.
    pub kind: OddityKind,
}

/// Kinds of [`Oddity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OddityKind {
    /// The path is there twice, as a directory and as something else.
    TwoKinds,
    /// The path is written and hidden by the same layer.
    HiddenAndWritten,
    /// A hard link's header has other attributes than its target.
    LinkAttributes,
    /// A hard link's target is written again after the link.
    LinkTargetRewritten,
    /// Something lies below a path that is no directory in the same layer.
    ParentNotDirectory,
}

impl OddityKind {
    /// One clause for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::TwoKinds => "written twice, as a directory and as something else",
            Self::HiddenAndWritten => "written and hidden by the same layer",
            Self::LinkAttributes => "a hard link with other attributes than its target",
            Self::LinkTargetRewritten => "written again after a hard link to it",
            Self::ParentNotDirectory => "below a path that the same layer makes no directory",
        }
    }
}

impl LayerIndex {
    /// The entry at a path.
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        let at = self
            .entries
            .binary_search_by(|entry| entry.path.as_str().cmp(path))
            .ok()?;
        self.entries.get(at)
    }

    /// Entries below a directory, without itself.
    pub fn below<'a>(&'a self, directory: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries
            .iter()
            .filter(move |entry| crate::path::is_below(&entry.path, directory))
    }
}
