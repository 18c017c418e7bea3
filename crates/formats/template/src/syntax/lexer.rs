//! Text into tokens (Go's `text/template/parse/lex.go`).
//!
//! The whole text is cut at once: the parser looks ahead by index. A fault is a token of
//! its own, so that it is reported where the parser meets it.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something that cannot be cut: [`Cut::fault`] says why.
    Error,
    Bool,
    /// A printable character that means nothing by itself, as the comma.
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelimiter,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelimiter,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Keyword(Keyword),
}

/// The words that are not names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Dot,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

/// A text in pieces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The last is [`Kind::Eof`] or [`Kind::Error`].
    pub(crate) tokens: Vec<Token>,
    /// Why the last token is an error.
    pub(crate) fault: String,
}

/// A piece of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Of its first byte, from 1.
    pub(crate) line: usize,
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const COMMENT_LEFT: &str = "/*";
const COMMENT_RIGHT: &str = "*/";
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// All tokens of `text`.
pub(crate) fn tokens(text: &str) -> Cut {
    let mut lexer = Lexer {
        text,
        position: 0,
        start: 0,
        line: 1,
        counted: 0,
        parens: 0,
        tokens: Vec::with_capacity(text.len() / 8),
        fault: String::new(),
    };
    lexer.run();
    Cut {
        tokens: lexer.tokens,
        fault: lexer.fault,
    }
}

struct Lexer<'t> {
    text: &'t str,
    position: usize,
    /// Of the token under way.
    start: usize,
    /// The line at `counted`.
    line: usize,
    counted: usize,
    parens: usize,
    tokens: Vec<Token>,
    fault: String,
}

/// Nothing more can be cut.
struct Stop;

impl Lexer<'_> {
    fn run(&mut self) {
        while self.text_part().is_ok() {}
    }

    fn rest(&self) -> &str {
        &self.text[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let found = self.peek()?;
        self.position += found.len_utf8();
        Some(found)
    }

    fn line_at(&mut self, place: usize) -> usize {
        self.line += self.text[self.counted..place].matches('\n').count();
        self.counted = place;
        self.line
    }

    fn emit(&mut self, kind: Kind) {
        let line = self.line_at(self.start);
        self.tokens.push(Token {
            kind,
            start: self.start,
            end: self.position,
            line,
        });
        self.start = self.position;
    }

    fn fault(&mut self, message: impl Into<String>) -> Stop {
        self.emit(Kind::Error);
        self.fault = message.into();
        Stop
    }

    fn ignore(&mut self) {
        self.start = self.position;
    }

    /// A stretch of text and the action or comment behind it.
    fn text_part(&mut self) -> Result<(), Stop> {
        let Some(at) = self.rest().find(LEFT) else {
            self.position = self.text.len();
            if self.position > self.start {
                self.emit(Kind::Text);
            }
            self.emit(Kind::Eof);
            return Err(Stop);
        };
        let delimiter = self.position + at;
        let before = &self.text[self.start..delimiter];
        let trims = has_left_trim(&self.text[delimiter + LEFT.len()..]);
        let kept = if trims {
            before.trim_end_matches(SPACES).len()
        } else {
            before.len()
        };
        if kept > 0 {
            self.position = self.start + kept;
            self.emit(Kind::Text);
        }
        self.position = delimiter;
        self.ignore();
        let marker = usize::from(trims);
        // The marker's space is left for the lexer of actions, as in Go; a comment needs it gone.
        let after = delimiter + LEFT.len() + 2 * marker;
        if self.text[after..].starts_with(COMMENT_LEFT) {
            self.position = after;
            return self.comment();
        }
        self.position += LEFT.len();
        self.emit(Kind::LeftDelimiter);
        self.position = after;
        self.ignore();
        self.parens = 0;
        self.action()
    }

    fn comment(&mut self) -> Result<(), Stop> {
        self.ignore();
        let Some(end) = self.rest()[COMMENT_LEFT.len()..].find(COMMENT_RIGHT) else {
            return Err(self.fault("unclosed comment"));
        };
        self.position += COMMENT_LEFT.len() + end + COMMENT_RIGHT.len();
        match self.at_right_delimiter() {
            None => Err(self.fault("comment ends before closing delimiter")),
            Some(trims) => {
                self.skip_right_delimiter(trims);
                self.ignore();
                Ok(())
            }
        }
    }

    /// Whether a closing delimiter stands here, and if so, whether it trims.
    fn at_right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        if has_right_trim(rest) && rest[2..].starts_with(RIGHT) {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    /// Goes behind the delimiter and the space that it trims.
    fn skip_right_delimiter(&mut self, trims: bool) {
        if trims {
            self.position += 2 + RIGHT.len();
            let rest = self.rest();
            self.position += rest.len() - rest.trim_start_matches(SPACES).len();
        } else {
            self.position += RIGHT.len();
        }
    }

    /// Everything up to the closing delimiter.
    fn action(&mut self) -> Result<(), Stop> {
        loop {
            if let Some(trims) = self.at_right_delimiter() {
                if self.parens > 0 {
                    return Err(self.fault("unclosed left paren"));
                }
                if trims {
                    self.position += 2;
                    self.ignore();
                }
                self.position += RIGHT.len();
                self.emit(Kind::RightDelimiter);
                if trims {
                    let rest = self.rest();
                    self.position += rest.len() - rest.trim_start_matches(SPACES).len();
                    self.ignore();
                }
                return Ok(());
            }
            self.operand()?;
        }
    }

    fn operand(&mut self) -> Result<(), Stop> {
        let Some(first) = self.next() else {
            return Err(self.fault("unclosed action"));
        };
        match first {
            ' ' | '\t' | '\r' | '\n' => self.space(),
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.next() != Some('=') {
                    return Err(self.fault("expected :="));
                }
                self.emit(Kind::Declare);
            }
            '|' => self.emit(Kind::Pipe),
            '"' => return self.quoted('"', Kind::String, "unterminated quoted string"),
            '\'' => {
                return self.quoted('\'', Kind::CharConstant, "unterminated character constant");
            }
            '`' => return self.raw_string(),
            '$' => return self.field_or_variable(Kind::Variable),
            '.' if !self.peek().is_some_and(|next| next.is_ascii_digit()) => {
                return self.field_or_variable(Kind::Field);
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.position = self.start;
                return self.number();
            }
            '(' => {
                self.parens += 1;
                self.emit(Kind::LeftParen);
            }
            ')' => {
                if self.parens == 0 {
                    return Err(self.fault("unexpected right paren"));
                }
                self.parens -= 1;
                self.emit(Kind::RightParen);
            }
            word if is_alphanumeric(word) => return self.identifier(),
            other if other.is_ascii_graphic() => self.emit(Kind::Char),
            other => {
                let message = format!("unrecognized character in action: {}", code_point(other));
                return Err(self.fault(message));
            }
        }
        Ok(())
    }

    /// A run of spaces, less the one that belongs to a trimming delimiter.
    fn space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.position += 1;
        }
        let last = &self.text[self.position - 1..];
        if has_right_trim(last) && last[2..].starts_with(RIGHT) {
            self.position -= 1;
            if self.position == self.start {
                return;
            }
        }
        self.emit(Kind::Space);
    }

    fn quoted(&mut self, quote: char, kind: Kind, fault: &str) -> Result<(), Stop> {
        loop {
            match self.next() {
                Some('\\') => match self.next() {
                    Some('\n') | None => return Err(self.fault(fault)),
                    Some(_) => {}
                },
                None | Some('\n') => return Err(self.fault(fault)),
                Some(found) if found == quote => break,
                Some(_) => {}
            }
        }
        self.emit(kind);
        Ok(())
    }

    fn raw_string(&mut self) -> Result<(), Stop> {
        let Some(end) = self.rest().find('`') else {
            self.position = self.text.len();
            return Err(self.fault("unterminated raw quoted string"));
        };
        self.position += end + 1;
        self.emit(Kind::RawString);
        Ok(())
    }

    fn field_or_variable(&mut self, kind: Kind) -> Result<(), Stop> {
        if self.at_terminator() {
            let kind = match kind {
                Kind::Variable => kind,
                _ => Kind::Keyword(Keyword::Dot),
            };
            self.emit(kind);
            return Ok(());
        }
        self.absorb_word();
        self.check_terminator()?;
        self.emit(kind);
        Ok(())
    }

    fn absorb_word(&mut self) {
        let rest = self.rest();
        self.position += rest.find(|c| !is_alphanumeric(c)).unwrap_or(rest.len());
    }

    fn check_terminator(&mut self) -> Result<(), Stop> {
        if self.at_terminator() {
            return Ok(());
        }
        let message = match self.peek() {
            Some(found) => format!("bad character {}", code_point(found)),
            None => "bad character U+FFFFFFFFFFFFFFFF".to_owned(),
        };
        Err(self.fault(message))
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some(' ' | '\t' | '\r' | '\n' | '.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(_) => self.rest().starts_with(RIGHT),
        }
    }

    fn identifier(&mut self) -> Result<(), Stop> {
        self.absorb_word();
        self.check_terminator()?;
        let kind = match &self.text[self.start..self.position] {
            "block" => Kind::Keyword(Keyword::Block),
            "break" => Kind::Keyword(Keyword::Break),
            "continue" => Kind::Keyword(Keyword::Continue),
            "define" => Kind::Keyword(Keyword::Define),
            "else" => Kind::Keyword(Keyword::Else),
            "end" => Kind::Keyword(Keyword::End),
            "if" => Kind::Keyword(Keyword::If),
            "nil" => Kind::Keyword(Keyword::Nil),
            "range" => Kind::Keyword(Keyword::Range),
            "template" => Kind::Keyword(Keyword::Template),
            "with" => Kind::Keyword(Keyword::With),
            "true" | "false" => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.emit(kind);
        Ok(())
    }

    fn number(&mut self) -> Result<(), Stop> {
        if !self.scan_number() {
            return Err(self.bad_number());
        }
        if self.peek().is_some_and(|sign| sign == '+' || sign == '-') {
            if !self.scan_number() || !self.text[..self.position].ends_with('i') {
                return Err(self.bad_number());
            }
            self.emit(Kind::Complex);
            return Ok(());
        }
        self.emit(Kind::Number);
        Ok(())
    }

    fn bad_number(&mut self) -> Stop {
        let message = format!(
            "bad number syntax: {:?}",
            &self.text[self.start..self.position]
        );
        self.fault(message)
    }

    fn accept(&mut self, valid: &str) -> bool {
        let found = self.peek().is_some_and(|next| valid.contains(next));
        if found {
            self.position += 1;
        }
        found
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if self.accept(exponent) {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return false;
        }
        true
    }
}

/// As `%#U` prints it.
fn code_point(of: char) -> String {
    format!("U+{:04X} '{of}'", u32::from(of))
}

const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn has_left_trim(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next() == Some(b'-') && bytes.next().is_some_and(|next| is_space(char::from(next)))
}

fn has_right_trim(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|next| is_space(char::from(next))) && bytes.next() == Some(b'-')
}

#[cfg(test)]
mod tests;
