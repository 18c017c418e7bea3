//! Directives and tags.

use std::borrow::Cow;

use super::{Fault, Kind, Mark, Scanner};

impl<'t> Scanner<'t> {
    /// `%YAML 1.1` or `%TAG ! prefix`
    pub(super) fn directive(&mut self) -> Result<(), Fault> {
        let start = self.mark;
        self.skip();
        let from = self.at;
        while self.is_alpha() {
            self.skip();
        }
        let name = &self.text[from..self.at];
        if name.is_empty() {
            return Err(self.wrong(start, "could not find expected directive name"));
        }
        if !self.is_blank_or_end(0) {
            return Err(self.wrong(start, "found unexpected non-alphabetical character"));
        }
        let kind = match name {
            "YAML" => self.version(start)?,
            "TAG" => self.tag_directive(start)?,
            _ => return Err(self.wrong(start, "found unknown directive name")),
        };
        self.skip_blanks();
        self.skip_comment();
        if !self.is_break_or_end(0) {
            return Err(self.wrong(start, "did not find expected comment or line break"));
        }
        self.skip_line();
        self.push(kind, start);
        Ok(())
    }

    fn version(&mut self, start: Mark) -> Result<Kind<'t>, Fault> {
        self.skip_blanks();
        let major = self.version_number(start)?;
        if self.byte(0) != b'.' {
            return Err(self.wrong(start, "did not find expected digit or '.' character"));
        }
        self.skip();
        Ok(Kind::Version(major, self.version_number(start)?))
    }

    fn version_number(&mut self, start: Mark) -> Result<u32, Fault> {
        let (mut value, mut length) = (0, 0);
        while self.byte(0).is_ascii_digit() {
            length += 1;
            if length > 2 {
                return Err(self.wrong(start, "found extremely long version number"));
            }
            value = value * 10 + u32::from(self.byte(0) - b'0');
            self.skip();
        }
        if length == 0 {
            return Err(self.wrong(start, "did not find expected version number"));
        }
        Ok(value)
    }

    fn tag_directive(&mut self, start: Mark) -> Result<Kind<'t>, Fault> {
        self.skip_blanks();
        let handle = self.tag_handle(start)?;
        if handle != "!" && (handle.len() == 1 || !handle.ends_with('!')) {
            return Err(self.wrong(start, "did not find expected '!'"));
        }
        if !self.is_blank(0) {
            return Err(self.wrong(start, "did not find expected whitespace"));
        }
        self.skip_blanks();
        let prefix = self.tag_uri("", start)?;
        if !self.is_blank_or_end(0) {
            return Err(self.wrong(start, "did not find expected whitespace or line break"));
        }
        Ok(Kind::TagDirective(Cow::Borrowed(handle), prefix))
    }

    /// `!`, `!local`, `!!str`, `!handle!suffix`, `!<verbatim>`
    pub(super) fn tag(&mut self) -> Result<(), Fault> {
        let start = self.mark;
        let (handle, suffix);
        if self.byte(1) == b'<' {
            self.skip();
            self.skip();
            handle = Cow::Borrowed("");
            suffix = self.tag_uri("", start)?;
            if self.byte(0) != b'>' {
                return Err(self.wrong(start, "did not find the expected '>'"));
            }
            self.skip();
        } else {
            let found = self.tag_handle(start)?;
            if found.len() > 1 && found.ends_with('!') {
                handle = Cow::Borrowed(found);
                suffix = self.tag_uri("", start)?;
            } else {
                let local = self.tag_uri(found, start)?;
                // A tag that is `!` alone has no handle.
                if local.is_empty() {
                    (handle, suffix) = (local, Cow::Borrowed("!"));
                } else {
                    (handle, suffix) = (Cow::Borrowed("!"), local);
                }
            }
        }
        if !self.is_blank_or_end(0) {
            return Err(self.wrong(start, "did not find expected whitespace or line break"));
        }
        self.push(Kind::Tag(handle, suffix), start);
        Ok(())
    }

    fn tag_handle(&mut self, start: Mark) -> Result<&'t str, Fault> {
        if self.byte(0) != b'!' {
            return Err(self.wrong(start, "did not find expected '!'"));
        }
        let from = self.at;
        self.skip();
        while self.is_alpha() {
            self.skip();
        }
        if self.byte(0) == b'!' {
            self.skip();
        }
        Ok(&self.text[from..self.at])
    }

    /// The rest of a tag behind `head`, of which the first letter is left out.
    fn tag_uri(&mut self, head: &str, start: Mark) -> Result<Cow<'t, str>, Fault> {
        let mut bytes = head.as_bytes().get(1..).unwrap_or_default().to_vec();
        let mut has_any = !head.is_empty();
        while self.is_alpha()
            || matches!(
                self.byte(0),
                b';' | b'/'
                    | b'?'
                    | b':'
                    | b'@'
                    | b'&'
                    | b'='
                    | b'+'
                    | b'$'
                    | b','
                    | b'.'
                    | b'!'
                    | b'~'
                    | b'*'
                    | b'\''
                    | b'('
                    | b')'
                    | b'['
                    | b']'
                    | b'%'
            )
        {
            has_any = true;
            if self.byte(0) == b'%' {
                self.uri_escapes(start, &mut bytes)?;
            } else {
                bytes.push(self.byte(0));
                self.skip();
            }
        }
        if !has_any {
            return Err(self.wrong(start, "did not find expected tag URI"));
        }
        Ok(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The octets of one letter, each as `%41`.
    fn uri_escapes(&mut self, start: Mark, out: &mut Vec<u8>) -> Result<(), Fault> {
        let mut left = None;
        while left != Some(0) {
            let digits = self.text.get(self.at + 1..self.at + 3);
            let octet = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            let Some(octet) = octet.filter(|_| self.byte(0) == b'%') else {
                return Err(self.wrong(start, "did not find URI escaped octet"));
            };
            left = Some(match left {
                Some(left) if octet & 0xc0 == 0x80 => left - 1,
                Some(_) => {
                    let words = "found an incorrect trailing UTF-8 octet";
                    return Err(self.wrong(start, words));
                }
                None => match octet {
                    0..=0x7f => 0,
                    0xc0..=0xdf => 1,
                    0xe0..=0xef => 2,
                    0xf0..=0xf7 => 3,
                    _ => {
                        let words = "found an incorrect leading UTF-8 octet";
                        return Err(self.wrong(start, words));
                    }
                },
            });
            out.push(octet);
            for _ in 0..3 {
                self.skip();
            }
        }
        Ok(())
    }
}
