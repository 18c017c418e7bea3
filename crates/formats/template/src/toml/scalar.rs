//! Strings, numbers and times of TOML.

use std::rc::Rc;

use super::read::{Reader, shown};
use crate::dates;
use crate::format::quote;
use crate::value::Value;

/// A value and how many bytes of the text it took.
pub(super) struct Scalar {
    pub(super) value: Value,
    pub(super) end: usize,
}

/// How far was read, and what is wrong.
type Fault = (usize, String);

/// Layouts of times, in the order in which the library tries them.
const LAYOUTS: [&str; 7] = [
    "2006-01-02T15:04:05.999999999Z07:00",
    "2006-01-02T15:04:05.999999999",
    "2006-01-02",
    "15:04:05.999999999",
    "2006-01-02T15:04Z07:00",
    "2006-01-02T15:04",
    "15:04",
];

/// A number, a truth or a time.
pub(super) fn number(text: &str) -> Result<Scalar, Fault> {
    let Some(first) = text.chars().next() else {
        return Err((0, "unexpected EOF; expected value".to_owned()));
    };
    let past = first.len_utf8();
    match first {
        '0'..='9' => digits(text),
        '-' | '+' => signed(text),
        '.' => Err((past, "floats must start with a digit, not '.'".to_owned())),
        'i' if text.starts_with("inf") => Ok(float_of("inf", 3)),
        'n' if text.starts_with("nan") => Ok(float_of("nan", 3)),
        letter if letter.is_alphabetic() => {
            let end = text.find(|c: char| !c.is_alphabetic());
            let word = &text[..end.unwrap_or(text.len())];
            match word {
                "true" | "false" => Ok(Scalar {
                    value: Value::Bool(word == "true"),
                    end: word.len(),
                }),
                _ => Err((
                    word.len(),
                    format!("expected value but found {} instead", quote(word)),
                )),
            }
        }
        other => Err((
            past,
            format!("expected value but found {} instead", shown(other)),
        )),
    }
}

fn float_of(text: &str, end: usize) -> Scalar {
    Scalar {
        value: Value::Float(text.parse().unwrap_or(f64::NAN)),
        end,
    }
}

fn signed(text: &str) -> Result<Scalar, Fault> {
    let (sign, rest) = text.split_at(1);
    for word in ["inf", "nan"] {
        if rest.starts_with(word) {
            let text = if sign == "-" {
                format!("-{word}")
            } else {
                word.to_owned()
            };
            return Ok(float_of(&text, 4));
        }
    }
    match rest.chars().next() {
        Some('0') if rest[1..].starts_with(['b', 'o', 'x']) => Err((
            2,
            format!("cannot use sign with non-decimal numbers: '{}'", &text[..3]),
        )),
        Some('0'..='9') => digits(text),
        Some('.') => Err((2, "floats must start with a digit, not '.'".to_owned())),
        Some(letter @ ('i' | 'n')) => Err((
            1 + letter.len_utf8(),
            format!("invalid float: '{sign}{letter}'"),
        )),
        other => {
            let shown = other.map_or("'\\x00'".to_owned(), shown);
            let end = 1 + other.map_or(0, char::len_utf8);
            Err((end, format!("expected a digit but got {shown}")))
        }
    }
}

fn run(text: &str, from: usize, belongs: impl Fn(char) -> bool) -> usize {
    let rest = &text[from..];
    from + rest.find(|c: char| !belongs(c)).unwrap_or(rest.len())
}

fn digits(text: &str) -> Result<Scalar, Fault> {
    if let Some((radix, name)) = match text.get(..2) {
        Some("0x") => Some((16, "a hexadecimal")),
        Some("0o") => Some((8, "an octal")),
        Some("0b") => Some((2, "a binary")),
        _ => None,
    } {
        let end = run(text, 2, |c| c.is_digit(radix) || c == '_');
        if !text[2..].starts_with(|c: char| c.is_digit(radix)) {
            let next = text[2..].chars().next().unwrap_or('\0');
            return Err((2, format!("not {name} number: '{}{next}'", &text[..2])));
        }
        return integer(&text[..end], radix);
    }
    let start = usize::from(text.starts_with(['-', '+']));
    let end = run(text, start, |c| c.is_ascii_digit() || c == '_');
    let is_plain = start == 0 && !text[..end].contains('_');
    match text[end..].chars().next() {
        Some('-' | ':') if is_plain => {
            let belongs = |c: char| c.is_ascii_digit() || "-:Tt .Zz+".contains(c);
            time(&text[..run(text, end, belongs)])
        }
        Some('.' | 'e' | 'E') => {
            let belongs = |c: char| c.is_ascii_digit() || "_.-+eE".contains(c);
            float(&text[..run(text, end, belongs)])
        }
        _ => integer(&text[..end], 10),
    }
}

/// Underscores stand between digits only.
fn underscores_fit(text: &str) -> bool {
    let mut before = false;
    for letter in text.chars() {
        if letter == '_' && !before {
            return false;
        }
        before = letter.is_ascii_hexdigit();
    }
    before
}

fn has_leading_zero(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.len() > 1 && digits.starts_with('0') && !digits[1..].starts_with(['b', 'o', 'x'])
}

fn integer(text: &str, radix: u32) -> Result<Scalar, Fault> {
    let end = text.len();
    let shown = quote(text);
    let fault = |words: &str| Err((end, format!("Invalid integer {shown}: {words}")));
    if !underscores_fit(text) {
        return fault("underscores must be surrounded by digits");
    }
    if has_leading_zero(text) {
        return fault("cannot have leading zeroes");
    }
    let plain = text.replace('_', "");
    let plain = if radix == 10 { &plain } else { &plain[2..] };
    match i64::from_str_radix(plain, radix) {
        Ok(number) => Ok(Scalar {
            value: Value::Int64(number),
            end,
        }),
        Err(_) => Err((end, format!("{text} is out of range for int64"))),
    }
}

fn float(text: &str) -> Result<Scalar, Fault> {
    let end = text.len();
    let shown = quote(text);
    let fault = |words: &str| Err((end, format!("Invalid float {shown}: {words}")));
    let mut parts = text.split(['.', 'e', 'E']).filter(|part| !part.is_empty());
    if !parts.clone().all(underscores_fit) {
        return fault("underscores must be surrounded by digits");
    }
    if parts.next().is_some_and(has_leading_zero) {
        return fault("cannot have leading zeroes");
    }
    let dotless = text
        .match_indices('.')
        .any(|(at, _)| !text[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    if dotless {
        return fault("'.' must be followed by one or more digits");
    }
    match crate::syntax::literal::parse_float(&text.replace('_', "")) {
        Some(number) if number.is_finite() => Ok(Scalar {
            value: Value::Float(number),
            end,
        }),
        Some(_) => Err((end, format!("{text} is out of range for float64"))),
        None => Err((end, format!("Invalid float value: {shown}"))),
    }
}

fn time(text: &str) -> Result<Scalar, Fault> {
    let text = text.trim_end();
    let end = text.len();
    let written = text.replace('z', "Z").replace(['t', ' '], "T");
    let read = LAYOUTS
        .iter()
        .find_map(|layout| Some((layout, dates::parse(layout, &written).ok()?)));
    match read {
        Some((layout, time)) if has_leading_zeros(&written, layout) => Ok(Scalar {
            value: Value::Object(Rc::new(time)),
            end,
        }),
        _ => Err((end, format!("invalid datetime: {}", quote(&written)))),
    }
}

fn has_leading_zeros(text: &str, layout: &str) -> bool {
    let until = layout.find(['.', 'Z']).unwrap_or(layout.len());
    layout[..until]
        .bytes()
        .zip(text.bytes())
        .all(|(wanted, found)| wanted.is_ascii_digit() || wanted == found)
}

impl Reader<'_> {
    /// Behind the first quote, up to the last.
    pub(super) fn basic_string(&mut self) -> Result<String, String> {
        let mut out = String::new();
        loop {
            match self.next()? {
                None => return Err(self.fault("unexpected EOF; expected '\"'")),
                Some('\n' | '\r') => return Err(self.newline()),
                Some('"') => return Ok(out),
                Some('\\') => self.escape(&mut out)?,
                Some(other) => out.push(other),
            }
        }
    }

    pub(super) fn literal_string(&mut self) -> Result<String, String> {
        let mut out = String::new();
        loop {
            match self.next()? {
                None => return Err(self.fault("unexpected EOF; expected \"'\"")),
                Some('\n' | '\r') => return Err(self.newline()),
                Some('\'') => return Ok(out),
                Some(other) => out.push(other),
            }
        }
    }

    /// A line ended within a string: the fault is in that line.
    fn newline(&mut self) -> String {
        self.at -= 1;
        self.fault("strings cannot contain newlines")
    }

    /// Text of several lines; one newline at its beginning is left out.
    pub(super) fn basic_lines(&mut self) -> Result<String, String> {
        self.first_newline();
        let mut out = String::new();
        loop {
            if self.closes("\"\"\"", &mut out) {
                return Ok(out);
            }
            match self.next()? {
                None => return Err(self.fault("unexpected EOF; expected '\"\"\"'")),
                Some('\\') => {
                    let rest = self.rest();
                    let text = rest.trim_start_matches([' ', '\t', '\r', '\n']);
                    if rest[..rest.len() - text.len()].contains('\n') {
                        self.at += rest.len() - text.len();
                    } else {
                        self.escape(&mut out)?;
                    }
                }
                Some(other) => out.push(other),
            }
        }
    }

    pub(super) fn literal_lines(&mut self) -> Result<String, String> {
        self.first_newline();
        let mut out = String::new();
        loop {
            if self.closes("'''", &mut out) {
                return Ok(out);
            }
            match self.next()? {
                None => return Err(self.fault("unexpected EOF; expected \"'''\"")),
                Some(other) => out.push(other),
            }
        }
    }

    fn first_newline(&mut self) {
        for newline in ["\n", "\r\n"] {
            if self.rest().starts_with(newline) {
                self.at += newline.len();
                return;
            }
        }
    }

    /// Three quotes close; up to two before them belong to the text.
    fn closes(&mut self, quotes: &str, out: &mut String) -> bool {
        let rest = self.rest();
        let count = rest.len() - rest.trim_start_matches(&quotes[..1]).len();
        if count < 3 {
            return false;
        }
        let inner = (count - 3).min(2);
        out.push_str(&rest[..inner]);
        self.at += inner + 3;
        true
    }

    fn escape(&mut self, out: &mut String) -> Result<(), String> {
        let next = self.next()?;
        let plain = match next {
            Some('b') => Some('\u{8}'),
            Some('t') => Some('\t'),
            Some('n') => Some('\n'),
            Some('f') => Some('\u{c}'),
            Some('r') => Some('\r'),
            Some('e') => Some('\u{1b}'),
            Some(same @ ('"' | '\\')) => Some(same),
            _ => None,
        };
        if let Some(letter) = plain {
            out.push(letter);
            return Ok(());
        }
        let (digits, name, letter) = match next {
            Some(blank @ (' ' | '\t')) => {
                return Err(self.fault(&format!("invalid escape: '\\{blank}'")));
            }
            Some('x') => (2, "two", 'x'),
            Some('u') => (4, "four", 'u'),
            Some('U') => (8, "eight", 'U'),
            other => {
                let letter = other.unwrap_or('\0');
                let words = format!("invalid escape in string '\\{letter}'");
                return Err(self.fault(&words));
            }
        };
        let rest = self.rest();
        let code = rest.get(..digits);
        let code = code.filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(code) = code else {
            let words = format!("expected {name} hexadecimal digits after '\\{letter}'");
            return Err(self.fault(&words));
        };
        self.at += digits;
        let found = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
        let Some(found) = found else {
            let words = format!("Escaped character '\\u{code}' is not valid UTF-8.");
            return Err(self.fault(&words));
        };
        out.push(found);
        Ok(())
    }
}
