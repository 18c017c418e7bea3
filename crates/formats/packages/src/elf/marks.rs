//! Marks that libraries leave in programs that hold their code: version texts that the library prints or forbids to
//! remove. They show what a change of the base's package cannot reach.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a program holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Contained {
    /// The library's project: `openssl`.
    pub project: String,
    /// Its version, as upstream writes it.
    pub version: String,
}

/// A mark: the project, what stands before the version, what must stand after it.
struct Mark {
    project: &'static str,
    before: &'static [u8],
    after: &'static [u8],
}

/// All marks. Each is the library's own text, unchanged since years: `OpenSSL_version`, `deflate_copyright`,
/// `png_get_copyright`, `BZ2_bzlibVersion`, the user agent of curl's library, expat's and zstd's versions have none.
const MARKS: [Mark; 6] = [
    Mark {
        project: "openssl",
        before: b"OpenSSL ",
        after: b" ",
    },
    Mark {
        project: "zlib",
        before: b"deflate ",
        after: b" Copyright ",
    },
    Mark {
        project: "zlib",
        before: b"inflate ",
        after: b" Copyright ",
    },
    Mark {
        project: "libpng",
        before: b"libpng version ",
        after: b"",
    },
    Mark {
        project: "curl",
        before: b"libcurl/",
        after: b"\0",
    },
    Mark {
        project: "sqlite",
        before: b"SQLite version ",
        after: b"\0",
    },
];
/// The longest version that is believed.
const VERSION_BYTES_MAX: usize = 24;
/// Marks of one kind in one file; more are not told.
const FOUND_MAX: usize = 32;

/// Words of the marks: a file without one of them has no mark that begins with it.
pub const MARK_WORDS: [&str; 6] = [
    "OpenSSL", "deflate", "inflate", "libpng", "libcurl", "SQLite",
];

/// Finds the marks in a file that begin with one of the words: the first [`FOUND_MAX`] of each kind.
pub fn marks_in<'w>(bytes: &[u8], words: impl Iterator<Item = &'w str>) -> Vec<Contained> {
    let mut found = BTreeSet::new();
    for mark in words.filter_map(|word| {
        MARKS
            .iter()
            .find(|mark| mark.before.starts_with(word.as_bytes()))
    }) {
        let versions = memchr::memmem::find_iter(bytes, mark.before)
            .filter_map(|at| version(&bytes[at + mark.before.len()..], mark.after));
        let mut of_mark = BTreeSet::new();
        for version in versions {
            of_mark.insert(version);
            if of_mark.len() >= FOUND_MAX {
                break;
            }
        }
        found.extend(of_mark.into_iter().map(|version| Contained {
            project: mark.project.to_owned(),
            version,
        }));
    }
    found.into_iter().collect()
}

/// A version of at least two numbers, with what must follow it.
fn version(from: &[u8], after: &[u8]) -> Option<String> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'.';
    let length = from
        .iter()
        .take(VERSION_BYTES_MAX + 1)
        .take_while(|byte| is_part(byte))
        .count();
    let version = &from[..length];
    let is_version = length <= VERSION_BYTES_MAX
        && version.first().is_some_and(u8::is_ascii_digit)
        && version.contains(&b'.')
        && from[length..].starts_with(after);
    is_version.then(|| String::from_utf8_lossy(version).into_owned())
}
