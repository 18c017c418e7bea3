//! Scalars: blocks, in quotes, and plain.

use std::borrow::Cow;

use super::{Fault, Kind, Mark, Scanner};

/// What folding has gathered between two pieces of a scalar.
#[derive(Default)]
struct Gap<'t> {
    /// Blanks of one line: from, to.
    blanks: Option<(usize, usize)>,
    /// How the first line ended.
    leading: Option<&'t str>,
    /// The lines behind it.
    trailing: String,
}

impl Gap<'_> {
    /// The gap as it reads; afterwards there is none.
    fn fold_into(&mut self, text: &str, out: &mut String) {
        match self.leading.take() {
            Some("\n") if self.trailing.is_empty() => out.push(' '),
            Some("\n") => out.push_str(&self.trailing),
            Some(other) => {
                out.push_str(other);
                out.push_str(&self.trailing);
            }
            None => {
                if let Some((from, to)) = self.blanks {
                    out.push_str(&text[from..to]);
                }
            }
        }
        self.trailing.clear();
        self.blanks = None;
    }
}

impl<'t> Scanner<'t> {
    /// Blanks and ends of lines between the pieces of a scalar in flow style.
    fn gap(&mut self, gap: &mut Gap<'t>) {
        if self.is_blank(0) && gap.leading.is_none() {
            let from = self.at;
            self.skip();
            let from = gap.blanks.map_or(from, |(from, _)| from);
            gap.blanks = Some((from, self.at));
        } else if self.is_blank(0) {
            self.skip();
        } else {
            let text = self.line_break();
            if gap.leading.is_none() {
                gap.leading = Some(text);
                gap.blanks = None;
            } else {
                gap.trailing.push_str(text);
            }
        }
    }

    pub(super) fn plain_scalar(&mut self) -> Result<(), Fault> {
        let start = self.mark;
        let indent = self.indent + 1;
        let mut out: Cow<'t, str> = Cow::Borrowed("");
        let mut gap = Gap::default();
        let mut is_first = true;
        loop {
            if self.is_document_indicator() || self.byte(0) == b'#' {
                break;
            }
            let from = self.at;
            self.plain_piece();
            let piece = &self.text[from..self.at];
            if is_first {
                out = Cow::Borrowed(piece);
                is_first = false;
            } else if !piece.is_empty() {
                let out = out.to_mut();
                gap.fold_into(self.text, out);
                out.push_str(piece);
            }
            if !self.is_blank(0) && !self.is_break(0) {
                break;
            }
            while self.is_blank(0) || self.is_break(0) {
                if gap.leading.is_some() && self.mark.column < indent && self.byte(0) == b'\t' {
                    let words = "found a tab character that violates indentation";
                    return Err(self.wrong(start, words));
                }
                self.gap(&mut gap);
            }
            if self.flow_level == 0 && self.mark.column < indent {
                break;
            }
        }
        if gap.leading.is_some() {
            self.simple_key_allowed = true;
        }
        self.push(Kind::Plain(out), start);
        Ok(())
    }

    /// What stands between two gaps of a plain scalar.
    fn plain_piece(&mut self) {
        let is_flow = self.flow_level > 0;
        while !self.is_blank_or_end(0) {
            match self.byte(0) {
                b':' if self.is_blank_or_end(1) => return,
                b',' | b'?' | b'[' | b']' | b'{' | b'}' if is_flow => return,
                _ => self.skip(),
            }
        }
    }

    pub(super) fn flow_scalar(&mut self) -> Result<(), Fault> {
        let start = self.mark;
        let quote = self.byte(0);
        self.skip();
        let mut out: Cow<'t, str> = Cow::Borrowed("");
        let mut gap = Gap::default();
        loop {
            if self.is_document_indicator() {
                return Err(self.wrong(start, "found unexpected document indicator"));
            }
            if self.is_end() {
                return Err(self.wrong(start, "found unexpected end of stream"));
            }
            self.quoted_piece(quote, start, &mut out, &mut gap)?;
            if self.byte(0) == quote {
                break;
            }
            while self.is_blank(0) || self.is_break(0) {
                self.gap(&mut gap);
            }
            if gap.leading.is_some() || gap.blanks.is_some() {
                gap.fold_into(self.text, out.to_mut());
            }
        }
        self.skip();
        self.push(Kind::Quoted(out), start);
        Ok(())
    }

    /// What stands between two gaps of a scalar in quotes.
    fn quoted_piece(
        &mut self,
        quote: u8,
        start: Mark,
        out: &mut Cow<'t, str>,
        gap: &mut Gap<'t>,
    ) -> Result<(), Fault> {
        while !self.is_blank_or_end(0) {
            let from = self.at;
            while !self.is_blank_or_end(0) && !matches!(self.byte(0), b'\'' | b'"' | b'\\') {
                self.skip();
            }
            let piece = &self.text[from..self.at];
            if out.is_empty() {
                *out = Cow::Borrowed(piece);
            } else if !piece.is_empty() {
                out.to_mut().push_str(piece);
            }
            match self.byte(0) {
                b'\'' if quote == b'\'' && self.byte(1) == b'\'' => {
                    out.to_mut().push('\'');
                    self.skip();
                    self.skip();
                }
                letter if letter == quote => return Ok(()),
                b'\\' if quote == b'"' && self.is_break(1) => {
                    self.skip();
                    self.skip_line();
                    // Blanks that follow are the indentation of the next line.
                    gap.leading = Some("");
                    return Ok(());
                }
                b'\\' if quote == b'"' => self.escape(start, out.to_mut())?,
                b'\'' | b'"' | b'\\' => {
                    let from = self.at;
                    self.skip();
                    out.to_mut().push_str(&self.text[from..self.at]);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn escape(&mut self, start: Mark, out: &mut String) -> Result<(), Fault> {
        let mut digits = 0;
        match self.byte(1) {
            b'0' => out.push('\0'),
            b'a' => out.push('\u{7}'),
            b'b' => out.push('\u{8}'),
            b't' | b'\t' => out.push('\t'),
            b'n' => out.push('\n'),
            b'v' => out.push('\u{b}'),
            b'f' => out.push('\u{c}'),
            b'r' => out.push('\r'),
            b'e' => out.push('\u{1b}'),
            letter @ (b' ' | b'"' | b'\'' | b'\\') => out.push(char::from(letter)),
            b'N' => out.push('\u{85}'),
            b'_' => out.push('\u{a0}'),
            b'L' => out.push('\u{2028}'),
            b'P' => out.push('\u{2029}'),
            b'x' => digits = 2,
            b'u' => digits = 4,
            b'U' => digits = 8,
            _ => return Err(self.wrong(start, "found unknown escape character")),
        }
        self.skip();
        self.skip();
        if digits == 0 {
            return Ok(());
        }
        let mut code: u32 = 0;
        for ahead in 0..digits {
            let Some(digit) = char::from(self.byte(ahead)).to_digit(16) else {
                return Err(self.wrong(start, "did not find expected hexdecimal number"));
            };
            code = code.wrapping_shl(4) | digit;
        }
        let Some(letter) = char::from_u32(code) else {
            return Err(self.wrong(start, "found invalid Unicode character escape code"));
        };
        out.push(letter);
        for _ in 0..digits {
            self.skip();
        }
        Ok(())
    }

    pub(super) fn block_scalar(&mut self) -> Result<(), Fault> {
        let start = self.mark;
        let is_literal = self.byte(0) == b'|';
        self.skip();
        let (chomping, increment) = self.block_header(start)?;
        let mut indent = match increment {
            0 => 0,
            increment => self.indent.max(0) + increment,
        };
        let mut out = String::new();
        let (mut leading, mut trailing) = ("", String::new());
        self.block_breaks(&mut indent, &mut trailing, start)?;
        let mut was_blank = false;
        while self.mark.column == indent && !self.is_end() {
            let is_blank = self.is_blank(0);
            if !is_literal && !was_blank && !is_blank && leading == "\n" {
                if trailing.is_empty() {
                    out.push(' ');
                }
            } else {
                out.push_str(leading);
            }
            leading = "";
            out.push_str(&trailing);
            trailing.clear();
            was_blank = is_blank;
            let from = self.at;
            while !self.is_break_or_end(0) {
                self.skip();
            }
            out.push_str(&self.text[from..self.at]);
            if self.is_break(0) {
                leading = self.line_break();
            }
            self.block_breaks(&mut indent, &mut trailing, start)?;
        }
        if chomping != b'-' {
            out.push_str(leading);
        }
        if chomping == b'+' {
            out.push_str(&trailing);
        }
        self.push(Kind::Quoted(Cow::Owned(out)), start);
        Ok(())
    }

    /// `+` or `-` if there is one, and the digit of the indentation or 0.
    fn block_header(&mut self, start: Mark) -> Result<(u8, isize), Fault> {
        let (mut chomping, mut increment) = (0, 0);
        for _ in 0..2 {
            match self.byte(0) {
                sign @ (b'+' | b'-') if chomping == 0 => {
                    chomping = sign;
                    self.skip();
                }
                b'0' if increment == 0 => {
                    let words = "found an indentation indicator equal to 0";
                    return Err(self.wrong(start, words));
                }
                digit @ b'1'..=b'9' if increment == 0 => {
                    increment = isize::from(digit - b'0');
                    self.skip();
                }
                _ => {}
            }
        }
        self.skip_blanks();
        self.skip_comment();
        if !self.is_break_or_end(0) {
            return Err(self.wrong(start, "did not find expected comment or line break"));
        }
        self.skip_line();
        Ok((chomping, increment))
    }

    /// Indentation and empty lines; finds the indentation if it is not known.
    fn block_breaks(
        &mut self,
        indent: &mut isize,
        breaks: &mut String,
        start: Mark,
    ) -> Result<(), Fault> {
        let mut widest = 0;
        loop {
            while (*indent == 0 || self.mark.column < *indent) && self.byte(0) == b' ' {
                self.skip();
            }
            widest = widest.max(self.mark.column);
            if (*indent == 0 || self.mark.column < *indent) && self.byte(0) == b'\t' {
                let words = "found a tab character where an indentation space is expected";
                return Err(self.wrong(start, words));
            }
            if !self.is_break(0) {
                break;
            }
            let text = self.line_break();
            breaks.push_str(text);
        }
        if *indent == 0 {
            *indent = widest.max(self.indent + 1).max(1);
        }
        Ok(())
    }
}
