//! The words in a layer's files: to tell whether something that went away is still spoken of. Hashes only; a false
//! hit makes a verdict stricter, a miss is not possible for words that [`Words::mentions`] says it can tell.

use crate::limits::{WORDS_BYTES_MAX, WORDS_MAX};
use hash::{Seen, WORD_BYTES_MAX, word_hash};
use refloat_packages::elf::MARK_WORDS;
use runs::IS_WORD;

mod hash;
mod runs;

/// Shorter words are not kept: from text.
const TEXT_WORD_BYTES_MIN: usize = 2;
/// Shorter words are not kept: from files with a NUL, where every third pair of bytes looks like one.
const BINARY_WORD_BYTES_MIN: usize = 4;
/// Digits alone tell something from this length on: hashes.
const TELLING_DIGITS_MIN: usize = 6;
/// Words that say what kind of file a name is, not which.
const SUFFIXES: [&str; 24] = [
    "so", "py", "pyc", "js", "mjs", "cjs", "json", "conf", "dist", "info", "egg", "txt", "gz",
    "sh", "la", "pl", "pm", "rb", "jar", "cfg", "ini", "xml", "yaml", "yml",
];

/// Hashes of the words, or the admission that they are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// All of them, ascending.
    Known(Vec<u32>),
    /// The layer has too many.
    Unknown,
}

/// Whether a name is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mention {
    /// No file of the layer contains it.
    No,
    /// That cannot be told.
    CannotTell,
    /// Some file contains it.
    Yes,
}

impl Words {
    /// True if a script of the layer names this absolute path, as written.
    pub fn names(&self, path: &str) -> bool {
        let Self::Known(hashes) = self else {
            return false;
        };
        hashes.binary_search(&word_hash(path.as_bytes())).is_ok()
    }

    /// Whether the layer's files contain the telling words of a file's name: all words with a letter, without version
    /// numbers and suffixes.
    pub fn mentions(&self, name: &str) -> Mention {
        let Self::Known(hashes) = self else {
            return Mention::CannotTell;
        };
        let words: Vec<&str> = name
            .split(|character: char| !is_word(character))
            .filter(|word| {
                let has_letter = word.bytes().any(|byte| byte.is_ascii_alphabetic());
                has_letter || word.len() >= TELLING_DIGITS_MIN
            })
            .filter(|word| !SUFFIXES.contains(word))
            .collect();
        let is_known = |word: &&str| hashes.binary_search(&word_hash(word.as_bytes())).is_ok();
        // Words that are kept wherever they stand decide; a short one may be in a program without being kept.
        let mut long = words
            .iter()
            .filter(|word| word.len() >= BINARY_WORD_BYTES_MIN)
            .peekable();
        if long.peek().is_some() {
            return if long.all(is_known) {
                Mention::Yes
            } else {
                Mention::No
            };
        }
        let is_kept = |word: &&str| word.len() >= TEXT_WORD_BYTES_MIN;
        if !words.is_empty() && words.iter().all(is_kept) && words.iter().all(is_known) {
            return Mention::Yes;
        }
        Mention::CannotTell
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Gathers words while contents stream by.
pub(crate) struct Gatherer {
    seen: Seen,
    is_over: bool,
    bytes: u64,
    // The word that the last chunk ended in, as far as it counts.
    begun: Vec<u8>,
    shortest: usize,
    // Hashes of the words of marks, a bit for the low bits of each, and which of them came in the present file.
    watched: [u32; MARK_WORDS.len()],
    watched_bits: u64,
    is_watching: bool,
    came: [bool; MARK_WORDS.len()],
    // In a script, the absolute path that is being read; none where no path began.
    is_script: bool,
    path: Option<Vec<u8>>,
    before: u8,
}

impl Gatherer {
    pub fn new() -> Self {
        let watched = MARK_WORDS.map(|word| word_hash(word.as_bytes()));
        Self {
            seen: Seen::new(),
            is_over: false,
            bytes: 0,
            begun: Vec::new(),
            shortest: TEXT_WORD_BYTES_MIN,
            watched,
            watched_bits: watched.iter().fold(0, |bits, hash| bits | bit(*hash)),
            is_watching: false,
            came: [false; MARK_WORDS.len()],
            is_script: false,
            path: None,
            before: 0,
        }
    }

    /// Looks out for the words of marks in the file that was begun.
    pub fn watch(&mut self) {
        self.is_watching = true;
    }

    /// The words of marks that the watched file may have.
    pub fn marks(&self) -> impl Iterator<Item = &'static str> {
        let came = self.came.iter().map(|came| *came || self.is_over);
        MARK_WORDS
            .iter()
            .zip(came)
            .filter(|(_, came)| *came)
            .map(|(word, _)| *word)
    }

    /// Begins a file whose first bytes are `head`.
    pub fn begin(&mut self, head: &[u8]) {
        self.is_watching = false;
        self.came = [false; MARK_WORDS.len()];
        self.is_script = head.starts_with(b"#!");
        (self.path, self.before) = (None, 0);
        let is_binary = memchr::memchr(0, head).is_some();
        self.shortest = if is_binary {
            BINARY_WORD_BYTES_MIN
        } else {
            TEXT_WORD_BYTES_MIN
        };
    }

    pub fn take(&mut self, chunk: &[u8]) {
        if self.is_over {
            return;
        }
        self.bytes += chunk.len() as u64;
        if self.is_script {
            self.paths(chunk);
        }
        self.words(chunk);
        if self.bytes > WORDS_BYTES_MAX || self.seen.count() > WORDS_MAX {
            self.is_over = true;
            self.seen = Seen::new();
        }
    }

    fn words(&mut self, chunk: &[u8]) {
        let mut from = 0;
        if !self.begun.is_empty() {
            from = runs::first_other(chunk);
            let room = WORD_BYTES_MAX.saturating_sub(self.begun.len());
            self.begun.extend_from_slice(&chunk[..from.min(room)]);
            if from == chunk.len() {
                return;
            }
            let begun = std::mem::take(&mut self.begun);
            if begun.len() >= self.shortest {
                self.note(word_hash(&begun));
            }
            self.begun = begun;
            self.begun.clear();
        }
        let chunk = &chunk[from..];
        let shortest = self.shortest;
        let open = runs::each(chunk, shortest, |start, length| {
            self.note(hash::at(chunk, start, length));
        });
        if let Some(start) = open {
            let end = chunk.len().min(start + WORD_BYTES_MAX);
            self.begun.extend_from_slice(&chunk[start..end]);
        }
    }

    /// Notes absolute paths, whole. What follows a variable is none.
    fn paths(&mut self, chunk: &[u8]) {
        let is_part = |byte: &u8| IS_WORD[usize::from(*byte)] || b"/.+-@%".contains(byte);
        let mut at = 0;
        while at < chunk.len() {
            let rest = &chunk[at..];
            if let Some(path) = &mut self.path {
                let length = rest.iter().position(|byte| !is_part(byte));
                let part = &rest[..length.unwrap_or(rest.len())];
                let room = WORD_BYTES_MAX - path.len();
                path.extend_from_slice(&part[..part.len().min(room)]);
                at += part.len();
                if length.is_some() {
                    self.end_path();
                }
                continue;
            }
            let Some(slash) = memchr::memchr(b'/', rest) else {
                break;
            };
            at += slash;
            let before = at.checked_sub(1).map_or(self.before, |last| chunk[last]);
            if !IS_WORD[usize::from(before)] && !b"/.+-@%}~".contains(&before) {
                self.path = Some(vec![b'/']);
            }
            at += 1;
        }
        self.before = chunk.last().copied().unwrap_or(self.before);
    }

    fn end_path(&mut self) {
        let Some(path) = self.path.take() else {
            return;
        };
        let end = path.iter().rposition(|byte| !b"/.".contains(byte));
        self.note(word_hash(&path[..end.map_or(0, |end| end + 1)]));
    }

    fn note(&mut self, hash: u32) {
        if self.is_watching && self.watched_bits & bit(hash) != 0 {
            for (came, watched) in self.came.iter_mut().zip(self.watched) {
                *came |= watched == hash;
            }
        }
        self.seen.insert(hash);
    }

    /// Ends a file.
    pub fn end(&mut self) {
        self.take(b"\n");
    }

    pub fn finish(self) -> Words {
        if self.is_over {
            Words::Unknown
        } else {
            Words::Known(self.seen.sorted())
        }
    }
}

fn bit(hash: u32) -> u64 {
    1 << (hash % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_across_chunks_and_forms() {
        let mut gatherer = Gatherer::new();
        gatherer.begin(b"import");
        gatherer.take(b"import setup");
        gatherer.take(b"tools.dist; run /usr/bin/jq");
        gatherer.end();
        let words = gatherer.finish();
        for (name, expected) in [
            ("setuptools", Mention::Yes),
            ("setuptools-65.5.0.dist-info", Mention::Yes),
            ("jq", Mention::Yes),
            ("libsystemd.so.0.35.0", Mention::No),
            ("yq", Mention::CannotTell),
            ("Entrust_Root_-_G4.crt", Mention::No),
            ("66445960.0", Mention::No),
            ("[", Mention::CannotTell),
        ] {
            assert_eq!(words.mentions(name), expected, "{name}");
        }
        assert_eq!(Words::Unknown.mentions("setuptools"), Mention::CannotTell);
    }
}
