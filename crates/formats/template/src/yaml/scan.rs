//! Tokens of YAML 1.1, as go-yaml v2 finds them and with its words for what is wrong (`scannerc.go`).
//!
//! Which texts are YAML at all is decided here: tabs, simple keys of one line, directives. The order of the checks is that
//! of go-yaml, since the first that fails is told.

mod fetch;
mod scalar;
mod tag;

use std::borrow::Cow;
use std::collections::VecDeque;

/// What go-yaml reads at once; a control character is noticed when its block is read.
const BLOCK: usize = 512;
/// Letters that a key of one line may have.
const SIMPLE_KEY_MAX: usize = 1024;

/// What is wrong with a text: go-yaml's words.
pub(super) type Fault = String;

/// A place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark {
    /// Letters since the text began.
    index: usize,
    /// From 0.
    pub(super) line: usize,
    /// Letters since the line began.
    column: isize,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind<'t> {
    StreamEnd,
    Version(u32, u32),
    TagDirective(Cow<'t, str>, Cow<'t, str>),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'t str),
    Anchor(&'t str),
    /// Handle and suffix.
    Tag(Cow<'t, str>, Cow<'t, str>),
    /// A scalar without quotes.
    Plain(Cow<'t, str>),
    /// In quotes, or a block.
    Quoted(Cow<'t, str>),
}

/// A token and the line that it begins in, from 0.
#[derive(Debug, Clone)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind<'t>,
    pub(super) line: usize,
}

/// Where a key of one line may have begun.
#[derive(Debug, Clone, Copy, Default)]
struct SimpleKey {
    is_possible: bool,
    is_required: bool,
    token: usize,
    mark: Mark,
}

/// The tokens of a text.
pub(super) struct Scanner<'t> {
    text: &'t str,
    at: usize,
    mark: Mark,
    tokens: VecDeque<Token<'t>>,
    /// How many were taken.
    taken: usize,
    is_ready: bool,
    flow_level: usize,
    indent: isize,
    indents: Vec<isize>,
    simple_keys: Vec<SimpleKey>,
    simple_key_allowed: bool,
    /// From here on go-yaml has read a letter that is not allowed.
    unreadable_from: usize,
}

/// How go-yaml tells a fault: by the line of the problem, or of its context, or without.
pub(super) fn fault(problem: &str, line: usize, context_line: usize) -> Fault {
    match if line == 0 { context_line } else { line } {
        0 => format!("yaml: {problem}"),
        line => format!("yaml: line {line}: {problem}"),
    }
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self {
            text,
            at,
            mark: Mark::default(),
            tokens: VecDeque::with_capacity(8),
            taken: 0,
            is_ready: false,
            flow_level: 0,
            indent: -1,
            indents: Vec::new(),
            simple_keys: vec![SimpleKey::default()],
            simple_key_allowed: true,
            unreadable_from: unreadable_from(text),
        }
    }

    /// The next token.
    pub(super) fn peek(&mut self) -> Result<&Token<'t>, Fault> {
        if !self.is_ready {
            self.fetch_more()
                .map_err(|fault| self.unreadable().unwrap_or(fault))?;
            self.is_ready = true;
        }
        self.tokens
            .front()
            .ok_or_else(|| "yaml: attempted to go past the end of stream".to_owned())
    }

    /// Takes the token that was peeked at.
    pub(super) fn take(&mut self) -> Option<Token<'t>> {
        self.is_ready = false;
        self.taken += 1;
        self.tokens.pop_front()
    }

    /// That a letter which go-yaml has read by now is not allowed.
    fn unreadable(&self) -> Option<Fault> {
        let reads_ahead = 4;
        (self.at.saturating_add(reads_ahead) > self.unreadable_from)
            .then(|| "yaml: control characters are not allowed".to_owned())
    }

    /// Tokens until it is known that none comes before the first.
    fn fetch_more(&mut self) -> Result<(), Fault> {
        loop {
            if !self.tokens.is_empty() {
                let head = self.taken;
                let keys = self.simple_keys.iter().rev();
                let mut keys = keys.take_while(|key| key.token >= head);
                let key = keys.find(|key| key.token == head && key.is_possible);
                let Some(key) = key.copied() else {
                    return Ok(());
                };
                if !self.is_valid(key)? {
                    return Ok(());
                }
            }
            self.fetch_next()?;
            if let Some(fault) = self.unreadable() {
                return Err(fault);
            }
        }
    }

    /// The byte so far ahead; 0 at the end.
    fn byte(&self, ahead: usize) -> u8 {
        let bytes = self.text.as_bytes();
        bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Also before a NUL, which is never allowed.
    fn is_end(&self) -> bool {
        self.byte(0) == 0
    }

    fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    fn is_break(&self, ahead: usize) -> bool {
        match self.byte(ahead) {
            b'\r' | b'\n' => true,
            0xc2 => self.byte(ahead + 1) == 0x85,
            0xe2 => self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xa8 | 0xa9),
            _ => false,
        }
    }

    fn is_break_or_end(&self, ahead: usize) -> bool {
        self.byte(ahead) == 0 || self.is_break(ahead)
    }

    fn is_blank_or_end(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break_or_end(ahead)
    }

    fn is_alpha(&self) -> bool {
        matches!(self.byte(0), b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-')
    }

    /// `---` or `...` at the beginning of a line.
    fn is_document_indicator(&self) -> bool {
        self.mark.column == 0
            && matches!(
                (self.byte(0), self.byte(1), self.byte(2)),
                (b'-', b'-', b'-') | (b'.', b'.', b'.')
            )
            && self.is_blank_or_end(3)
    }

    fn skip(&mut self) {
        self.at += match self.byte(0) {
            0..=0xbf => 1,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
        };
        self.mark.index += 1;
        self.mark.column += 1;
    }

    fn skip_blanks(&mut self) {
        while self.is_blank(0) {
            self.skip();
        }
    }

    fn skip_comment(&mut self) {
        if self.byte(0) == b'#' {
            while !self.is_break_or_end(0) {
                self.skip();
            }
        }
    }

    /// Over the end of a line; what it reads as.
    fn line_break(&mut self) -> &'t str {
        let (width, text) = match self.byte(0) {
            b'\r' if self.byte(1) == b'\n' => (2, "\n"),
            b'\r' | b'\n' => (1, "\n"),
            0xc2 => (2, "\n"),
            _ => (3, &self.text[self.at..self.at + 3]),
        };
        let is_crlf = width == 2 && self.byte(0) == b'\r';
        self.mark.index += if is_crlf { 2 } else { 1 };
        self.at += width;
        self.mark.column = 0;
        self.mark.line += 1;
        text
    }

    fn skip_line(&mut self) {
        if self.is_break(0) {
            self.line_break();
        }
    }

    /// A fault at the present place, which go-yaml counts from 1 here.
    fn wrong(&self, context: Mark, problem: &str) -> Fault {
        let line = self.mark.line;
        fault(problem, if line == 0 { 0 } else { line + 1 }, context.line)
    }

    fn push(&mut self, kind: Kind<'t>, mark: Mark) {
        let line = mark.line;
        self.tokens.push_back(Token { kind, line });
    }
}

/// Where the block begins that holds the first letter which YAML does not allow.
fn unreadable_from(text: &str) -> usize {
    let allowed = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..=0xff);
    let is_plain = text
        .bytes()
        .all(|byte| allowed(byte) && !matches!(byte, 0xc2 | 0xef));
    if is_plain {
        return usize::MAX;
    }
    let is_bad = |letter: char| {
        !matches!(letter, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}'
            | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
    };
    let Some(bad) = text.find(is_bad) else {
        return usize::MAX;
    };
    let mut start = 0;
    loop {
        let end = text.floor_char_boundary(start + BLOCK);
        if bad < end {
            return start;
        }
        start = end;
    }
}
