//! What a plain scalar means in YAML 1.1, by go-yaml v2's rules (`resolve.go`).

use crate::syntax::literal;

/// The meaning of a plain scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Meaning {
    Null,
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Merge,
    Timestamp,
    Text,
}

/// Go's `resolve` without a tag.
pub(super) fn resolve(text: &str) -> Meaning {
    let Some(first) = text.bytes().next() else {
        return Meaning::Null;
    };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        b'<' if text == "<<" => Meaning::Merge,
        b'.' => match word(text) {
            Meaning::Text => literal::parse_float(text).map_or(Meaning::Text, Meaning::Float),
            found => found,
        },
        b'+' | b'-' | b'0'..=b'9' => match word(text) {
            Meaning::Text => number(text),
            found => found,
        },
        _ => Meaning::Text,
    }
}

fn word(text: &str) -> Meaning {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Meaning::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Meaning::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Meaning::Null,
        ".nan" | ".NaN" | ".NAN" => Meaning::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Meaning::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Meaning::Float(f64::NEG_INFINITY),
        _ => Meaning::Text,
    }
}

fn number(text: &str) -> Meaning {
    if is_timestamp(text) {
        return Meaning::Timestamp;
    }
    let plain = text.replace('_', "");
    if let Some(value) = literal::parse_integer(&plain) {
        return Meaning::Integer(value);
    }
    if let Some(value) = literal::parse_unsigned(&plain) {
        return Meaning::Unsigned(value);
    }
    if is_float_style(&plain)
        && let Some(value) = literal::parse_float(&plain)
    {
        return Meaning::Float(value);
    }
    Meaning::Text
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float_style(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let good_exponent = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    let good_mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && all_digits(fraction),
        Some((whole, fraction)) => all_digits(whole) && all_digits(fraction),
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    good_exponent && good_mantissa
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`: quoted when written, for other readers.
pub(super) fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    let good_first = first.starts_with(|c: char| c.is_ascii_digit())
        && first
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_');
    let mut rest: Vec<&str> = parts.collect();
    let Some(last) = rest.last_mut() else {
        return false;
    };
    if let Some((digits, fraction)) = last.split_once('.') {
        if !fraction
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
        {
            return false;
        }
        *last = digits;
    }
    let good = |part: &&str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [b'0'..=b'5', two] => two.is_ascii_digit(),
        _ => false,
    };
    good_first && rest.iter().all(good)
}

/// go-yaml's `parseTimestamp`.
pub(super) fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits != 4 || bytes.get(4) != Some(&b'-') {
        return false;
    }
    let mut reader = Reader(&text[5..]);
    let year: u32 = text[..4].parse().unwrap_or(0);
    let Some(month) = reader.number().filter(|month| (1..=12).contains(month)) else {
        return false;
    };
    let Some(day) = reader.expect('-').and_then(|()| reader.number()) else {
        return false;
    };
    if day == 0 || day > days(year, month) {
        return false;
    }
    match reader.0.chars().next() {
        None => true,
        Some(' ') => {
            reader.0 = &reader.0[1..];
            reader.clock() && reader.0.is_empty()
        }
        Some('T' | 't') => {
            reader.0 = &reader.0[1..];
            reader.clock() && reader.zone() && reader.0.is_empty()
        }
        Some(_) => false,
    }
}

const fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

struct Reader<'t>(&'t str);

impl Reader<'_> {
    /// One or two digits.
    fn number(&mut self) -> Option<u32> {
        let count = self
            .0
            .bytes()
            .take(2)
            .take_while(u8::is_ascii_digit)
            .count();
        let number = self.0[..count].parse().ok()?;
        self.0 = &self.0[count..];
        Some(number)
    }

    fn expect(&mut self, letter: char) -> Option<()> {
        self.0 = self.0.strip_prefix(letter)?;
        Some(())
    }

    /// `15:4:5.999`
    fn clock(&mut self) -> bool {
        let mut read = || {
            let hour = self.number()?;
            self.expect(':')?;
            let minute = self.number()?;
            self.expect(':')?;
            let second = self.number()?;
            Some(hour < 24 && minute < 60 && second < 60)
        };
        if read() != Some(true) {
            return false;
        }
        if let Some(rest) = self.0.strip_prefix(['.', ',']) {
            let count = rest.bytes().take_while(u8::is_ascii_digit).count();
            if count == 0 {
                return false;
            }
            self.0 = &rest[count..];
        }
        true
    }

    /// `Z` or `+07:00`
    fn zone(&mut self) -> bool {
        if let Some(rest) = self.0.strip_prefix('Z') {
            self.0 = rest;
            return true;
        }
        let bytes = self.0.as_bytes();
        let digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
        let good = matches!(bytes.first(), Some(b'+' | b'-'))
            && digit(1)
            && digit(2)
            && bytes.get(3) == Some(&b':')
            && digit(4)
            && digit(5);
        if good {
            self.0 = &self.0[6..];
        }
        good
    }
}
