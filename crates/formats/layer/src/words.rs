//! The words in a layer's files: to tell whether something that went away is still spoken of. Hashes only; a false
//! hit makes a verdict stricter, a miss is not possible for words that [`Words::mentions`] says it can tell.

use crate::limits::{WORDS_BYTES_MAX, WORDS_MAX};

/// Shorter words are not kept: from text.
const TEXT_WORD_BYTES_MIN: usize = 2;
/// Shorter words are not kept: from files with a NUL, where every third pair of bytes looks like one.
const BINARY_WORD_BYTES_MIN: usize = 4;
/// Digits alone tell something from this length on: hashes.
const TELLING_DIGITS_MIN: usize = 6;
/// Longer words are cut.
const WORD_BYTES_MAX: usize = 96;
/// Words that say what kind of file a name is, not which.
const SUFFIXES: [&str; 24] = [
    "so", "py", "pyc", "js", "mjs", "cjs", "json", "conf", "dist", "info", "egg", "txt", "gz",
    "sh", "la", "pl", "pm", "rb", "jar", "cfg", "ini", "xml", "yaml", "yml",
];

/// Places for hashes seen lately.
const RECENT: usize = 1 << 14;
/// New hashes between two compactions.
const COMPACT_EACH: usize = 200_000;

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

/// FNV-1a of a word, cut at the longest length that is kept.
pub(crate) fn word_hash(word: &[u8]) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    for byte in &word[..word.len().min(WORD_BYTES_MAX)] {
        hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    }
    hash
}

const fn word_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the loop ends at 256")]
        let character = byte as u8;
        table[byte] = character.is_ascii_alphanumeric() || character == b'_';
        byte += 1;
    }
    table
}

static IS_WORD: [bool; 256] = word_bytes();

/// Whether a file is watched for words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    Off,
    On,
    Seen,
}

/// Gathers words while contents stream by.
pub(crate) struct Gatherer {
    hashes: Vec<u32>,
    // Hashes seen lately, each in the place its low bits name: most words come again at once.
    recent: Vec<u32>,
    // Sorted and without doubles when it grows beyond this.
    compact_at: usize,
    is_over: bool,
    bytes: u64,
    // The word that the last chunk ended in.
    hash: u32,
    length: usize,
    shortest: usize,
    // Hashes that the present file is watched for, and whether one came.
    watched: Vec<u32>,
    watch: Watch,
    // In a script, the absolute path that is being read; none where no path began.
    is_script: bool,
    path: Option<Vec<u8>>,
    before: u8,
}

impl Gatherer {
    pub fn new() -> Self {
        Self {
            hashes: Vec::new(),
            recent: vec![0; RECENT],
            compact_at: COMPACT_EACH,
            is_over: false,
            bytes: 0,
            hash: 0x811c_9dc5,
            length: 0,
            shortest: TEXT_WORD_BYTES_MIN,
            watched: refloat_packages::elf::MARK_WORDS
                .iter()
                .map(|word| word_hash(word.as_bytes()))
                .collect(),
            watch: Watch::Off,
            is_script: false,
            path: None,
            before: 0,
        }
    }

    /// Looks out for the words of marks in the file that was begun.
    pub fn watch(&mut self) {
        self.watch = Watch::On;
    }

    /// True if the watched file may have a mark.
    pub fn has_watched(&self) -> bool {
        self.watch == Watch::Seen || self.is_over
    }

    /// Begins a file whose first bytes are `head`.
    pub fn begin(&mut self, head: &[u8]) {
        self.watch = Watch::Off;
        self.is_script = head.starts_with(b"#!");
        (self.path, self.before) = (None, 0);
        let is_binary = head.contains(&0);
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
        let (mut hash, mut length) = (self.hash, self.length);
        for byte in chunk {
            if IS_WORD[usize::from(*byte)] {
                if length < WORD_BYTES_MAX {
                    hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
                }
                length += 1;
            } else if length > 0 {
                if length >= self.shortest {
                    self.note(hash);
                }
                (hash, length) = (0x811c_9dc5, 0);
            }
        }
        (self.hash, self.length) = (hash, length);
        if self.hashes.len() > self.compact_at {
            self.compact();
        }
        if self.bytes > WORDS_BYTES_MAX {
            self.give_up();
        }
    }

    /// Notes absolute paths, whole. What follows a variable is none.
    fn paths(&mut self, chunk: &[u8]) {
        for byte in chunk {
            let is_part = IS_WORD[usize::from(*byte)] || b"/.+-@%".contains(byte);
            match &mut self.path {
                Some(path) if is_part => {
                    if path.len() < WORD_BYTES_MAX {
                        path.push(*byte);
                    }
                }
                Some(path) => {
                    let end = path.iter().rposition(|byte| !b"/.".contains(byte));
                    let hash = word_hash(&path[..end.map_or(0, |end| end + 1)]);
                    self.path = None;
                    self.note(hash);
                }
                None => {
                    let is_start = *byte == b'/'
                        && !IS_WORD[usize::from(self.before)]
                        && !b"/.+-@%}~".contains(&self.before);
                    if is_start {
                        self.path = Some(vec![*byte]);
                    }
                }
            }
            self.before = *byte;
        }
    }

    fn note(&mut self, hash: u32) {
        if self.watch == Watch::On && self.watched.contains(&hash) {
            self.watch = Watch::Seen;
        }
        let place = &mut self.recent[hash as usize % RECENT];
        if *place != hash || hash == 0 {
            *place = hash;
            self.hashes.push(hash);
        }
    }

    fn compact(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.compact_at = self.hashes.len() + COMPACT_EACH;
        if self.hashes.len() > WORDS_MAX {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        self.is_over = true;
        self.hashes = Vec::new();
    }

    /// Ends a file.
    pub fn end(&mut self) {
        self.take(b"\n");
    }

    pub fn finish(mut self) -> Words {
        self.compact();
        if self.is_over {
            Words::Unknown
        } else {
            Words::Known(self.hashes)
        }
    }
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
