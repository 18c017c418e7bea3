//! Paths as indexes have them: `usr/bin/env`; the root is empty.

use crate::LayerError;
use crate::limits::{PATH_BYTES_MAX, PATH_DEPTH_MAX};
use std::fmt::Write as _;

/// A path of an archive in the form of the index: `./`, doubled and trailing slashes are gone. Bytes that are no
/// UTF-8 are written as U+FFFD and two hex digits, so that two such paths stay two.
///
/// # Errors
/// [`LayerError::Path`] for `..`, a NUL, or what is longer than a cap.
pub fn normalise(raw: &[u8]) -> Result<String, LayerError> {
    let wrong = || LayerError::Path(escaped(&raw[..raw.len().min(200)]));
    if raw.len() > PATH_BYTES_MAX || raw.contains(&0) {
        return Err(wrong());
    }
    let mut path = String::with_capacity(raw.len());
    let mut depth = 0;
    for segment in raw.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => return Err(wrong()),
            _ => {
                depth += 1;
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(&escaped(segment));
            }
        }
    }
    if depth > PATH_DEPTH_MAX {
        return Err(wrong());
    }
    Ok(path)
}

/// Bytes as text that keeps them apart.
pub(crate) fn escaped(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    for chunk in raw.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            write!(text, "\u{fffd}{byte:02x}").expect("memory takes it");
        }
    }
    text
}

/// The directory of a path; none for the root.
pub fn parent(path: &str) -> Option<&str> {
    if path.is_empty() {
        return None;
    }
    Some(path.rsplit_once('/').map_or("", |(parent, _)| parent))
}

/// The last segment of a path.
pub fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path below a directory.
pub fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{directory}/{name}")
    }
}

/// True for paths strictly below `directory`; everything but the root is below the root.
pub fn is_below(path: &str, directory: &str) -> bool {
    if directory.is_empty() {
        return !path.is_empty();
    }
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// The directories above a path, nearest first, the root last.
pub fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(parent(path), |above| parent(above))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_path_are_one() {
        for raw in ["usr/bin", "./usr/bin", "/usr//bin/", "usr/./bin/."] {
            assert_eq!(normalise(raw.as_bytes()).expect("a path"), "usr/bin");
        }
        assert_eq!(normalise(b"./").expect("the root"), "");
        assert!(normalise(b"a/../b").is_err());
        assert!(normalise(b"a\0b").is_err());
        assert!(normalise(&[b'a'; PATH_BYTES_MAX + 1]).is_err());
        assert_ne!(
            normalise(b"a\xff").expect("bytes"),
            normalise(b"a\xfe").expect("bytes")
        );
    }

    #[test]
    fn relations() {
        assert!(
            is_below("a/b", "a")
                && is_below("a", "")
                && !is_below("ab", "a")
                && !is_below("a", "a")
        );
        assert_eq!(ancestors("a/b/c").collect::<Vec<_>>(), ["a/b", "a", ""]);
        assert_eq!((parent("a"), parent("")), (Some(""), None));
    }
}
