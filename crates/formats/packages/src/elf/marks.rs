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
/// Marks of one file; more are not told.
const FOUND_MAX: usize = 32;

/// Words of the marks: a file without any of them has no marks.
pub const MARK_WORDS: [&str; 6] = [
    "OpenSSL", "deflate", "inflate", "libpng", "libcurl", "SQLite",
];

/// Finds the marks in a file, in one pass.
pub fn marks_in(bytes: &[u8]) -> Vec<Contained> {
    let mut found = BTreeSet::new();
    for (at, byte) in bytes.iter().enumerate() {
        if !IS_BEGINNING[usize::from(*byte)] {
            continue;
        }
        let rest = &bytes[at..];
        for mark in &MARKS {
            let version = rest
                .strip_prefix(mark.before)
                .and_then(|rest| version(rest, mark.after));
            if let Some(version) = version {
                let project = mark.project.to_owned();
                found.insert(Contained { project, version });
            }
        }
        if found.len() >= FOUND_MAX {
            break;
        }
    }
    found.into_iter().collect()
}

/// First bytes of marks.
static IS_BEGINNING: [bool; 256] = {
    let mut table = [false; 256];
    let mut mark = 0;
    while mark < MARKS.len() {
        table[MARKS[mark].before[0] as usize] = true;
        mark += 1;
    }
    table
};

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
