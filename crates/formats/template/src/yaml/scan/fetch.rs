//! One token after the other: indentation, simple keys, indicators.

use super::{Fault, Kind, Mark, SIMPLE_KEY_MAX, Scanner, SimpleKey, Token};

/// Collections within collections, in flow style or by indentation.
const DEPTH_MAX: usize = 10_000;

impl<'t> Scanner<'t> {
    pub(super) fn fetch_next(&mut self) -> Result<(), Fault> {
        self.pass_to_next_token();
        self.unroll(self.mark.column);
        if self.is_end() {
            return self.stream_end();
        }
        if self.mark.column == 0 && self.byte(0) == b'%' {
            self.unroll(-1);
            self.remove_simple_key()?;
            self.simple_key_allowed = false;
            return self.directive();
        }
        if self.is_document_indicator() {
            return self.document_indicator();
        }
        let is_flow = self.flow_level > 0;
        match self.byte(0) {
            b'[' => self.flow_start(Kind::FlowSequenceStart),
            b'{' => self.flow_start(Kind::FlowMappingStart),
            b']' => self.flow_end(Kind::FlowSequenceEnd),
            b'}' => self.flow_end(Kind::FlowMappingEnd),
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.indicator(Kind::FlowEntry);
                Ok(())
            }
            b'-' if self.is_blank_or_end(1) => self.block_entry(),
            b'?' if is_flow || self.is_blank_or_end(1) => self.key(),
            b':' if is_flow || self.is_blank_or_end(1) => self.value(),
            b'*' | b'&' => self.anchor(),
            b'!' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.tag()
            }
            b'|' | b'>' if !is_flow => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.block_scalar()
            }
            b'\'' | b'"' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.flow_scalar()
            }
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b' ' | b'\t' => {
                Err(self.wrong(self.mark, "found character that cannot start any token"))
            }
            _ => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.plain_scalar()
            }
        }
    }

    fn pass_to_next_token(&mut self) {
        loop {
            while self.byte(0) == b' '
                || (self.byte(0) == b'\t' && (self.flow_level > 0 || !self.simple_key_allowed))
            {
                self.skip();
            }
            self.skip_comment();
            if !self.is_break(0) {
                return;
            }
            self.skip_line();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    /// If a key of one line may still have begun there.
    pub(super) fn is_valid(&mut self, key: SimpleKey) -> Result<bool, Fault> {
        if !key.is_possible {
            return Ok(false);
        }
        let is_over =
            key.mark.line < self.mark.line || key.mark.index + SIMPLE_KEY_MAX < self.mark.index;
        if !is_over {
            return Ok(true);
        }
        if key.is_required {
            return Err(self.wrong(key.mark, "could not find expected ':'"));
        }
        let keys = self.simple_keys.iter_mut().rev();
        for known in keys.filter(|known| known.token == key.token) {
            known.is_possible = false;
        }
        Ok(false)
    }

    pub(super) fn save_simple_key(&mut self) -> Result<(), Fault> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        let key = SimpleKey {
            is_possible: true,
            is_required: self.flow_level == 0 && self.indent == self.mark.column,
            token: self.taken + self.tokens.len(),
            mark: self.mark,
        };
        self.remove_simple_key()?;
        if let Some(last) = self.simple_keys.last_mut() {
            *last = key;
        }
        Ok(())
    }

    pub(super) fn remove_simple_key(&mut self) -> Result<(), Fault> {
        let Some(last) = self.simple_keys.last_mut() else {
            return Ok(());
        };
        if last.is_possible && last.is_required {
            let mark = last.mark;
            return Err(self.wrong(mark, "could not find expected ':'"));
        }
        last.is_possible = false;
        Ok(())
    }

    /// Opens a block if this column is further in; `token` is where its start belongs.
    fn roll(
        &mut self,
        column: isize,
        token: Option<usize>,
        kind: Kind<'t>,
        mark: Mark,
    ) -> Result<(), Fault> {
        if self.flow_level > 0 || self.indent >= column {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column;
        if self.indents.len() > DEPTH_MAX {
            return Err(self.wrong(mark, "exceeded max depth of 10000"));
        }
        let line = mark.line;
        let place = token.map_or(self.tokens.len(), |token| token - self.taken);
        self.tokens.insert(place, Token { kind, line });
        Ok(())
    }

    /// Closes blocks that are further in.
    pub(super) fn unroll(&mut self, column: isize) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            self.push(Kind::BlockEnd, self.mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn stream_end(&mut self) -> Result<(), Fault> {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
        self.unroll(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(Kind::StreamEnd, self.mark);
        Ok(())
    }

    fn document_indicator(&mut self) -> Result<(), Fault> {
        self.unroll(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let kind = if self.byte(0) == b'-' {
            Kind::DocumentStart
        } else {
            Kind::DocumentEnd
        };
        self.push(kind, self.mark);
        for _ in 0..3 {
            self.skip();
        }
        Ok(())
    }

    fn indicator(&mut self, kind: Kind<'t>) {
        self.push(kind, self.mark);
        self.skip();
    }

    fn flow_start(&mut self, kind: Kind<'t>) -> Result<(), Fault> {
        self.save_simple_key()?;
        self.simple_keys.push(SimpleKey {
            token: self.taken + self.tokens.len(),
            mark: self.mark,
            ..SimpleKey::default()
        });
        self.flow_level += 1;
        if self.flow_level > DEPTH_MAX {
            return Err(self.wrong(self.mark, "exceeded max depth of 10000"));
        }
        self.simple_key_allowed = true;
        self.indicator(kind);
        Ok(())
    }

    fn flow_end(&mut self, kind: Kind<'t>) -> Result<(), Fault> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            self.simple_keys.pop();
        }
        self.simple_key_allowed = false;
        self.indicator(kind);
        Ok(())
    }

    fn block_entry(&mut self) -> Result<(), Fault> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                let words = "block sequence entries are not allowed in this context";
                return Err(self.wrong(self.mark, words));
            }
            self.roll(self.mark.column, None, Kind::BlockSequenceStart, self.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.indicator(Kind::BlockEntry);
        Ok(())
    }

    fn key(&mut self) -> Result<(), Fault> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                let words = "mapping keys are not allowed in this context";
                return Err(self.wrong(self.mark, words));
            }
            self.roll(self.mark.column, None, Kind::BlockMappingStart, self.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.indicator(Kind::Key);
        Ok(())
    }

    fn value(&mut self) -> Result<(), Fault> {
        let key = self.simple_keys.last().copied().unwrap_or_default();
        if self.is_valid(key)? {
            let line = key.mark.line;
            let place = key.token - self.taken;
            let kind = Kind::Key;
            self.tokens.insert(place, Token { kind, line });
            let start = Kind::BlockMappingStart;
            self.roll(key.mark.column, Some(key.token), start, key.mark)?;
            if let Some(last) = self.simple_keys.last_mut() {
                last.is_possible = false;
            }
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    let words = "mapping values are not allowed in this context";
                    return Err(self.wrong(self.mark, words));
                }
                self.roll(self.mark.column, None, Kind::BlockMappingStart, self.mark)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.indicator(Kind::Value);
        Ok(())
    }

    fn anchor(&mut self) -> Result<(), Fault> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        let is_alias = self.byte(0) == b'*';
        self.skip();
        let from = self.at;
        while self.is_alpha() {
            self.skip();
        }
        let name = &self.text[from..self.at];
        let is_over = self.is_blank_or_end(0)
            || matches!(
                self.byte(0),
                b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`'
            );
        if name.is_empty() || !is_over {
            let words = "did not find expected alphabetic or numeric character";
            return Err(self.wrong(start, words));
        }
        let kind = if is_alias {
            Kind::Alias(name)
        } else {
            Kind::Anchor(name)
        };
        self.push(kind, start);
        Ok(())
    }
}
