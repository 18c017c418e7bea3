//! Literals: quoted text and numbers, by Go's rules.

/// What a number in a template can stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number {
    /// Its value as an integer, if it has one.
    pub(crate) integer: Option<i64>,
    /// Its value as an unsigned integer, if it has one.
    pub(crate) unsigned: Option<u64>,
    /// Its value as a float, if it has one.
    pub(crate) float: Option<f64>,
    /// True if it is written as a float, so that it is one where nothing says otherwise.
    pub(crate) is_written_as_float: bool,
}

/// Go's `strconv.Unquote` for `"..."` and `` `...` ``.
pub(crate) fn unquote(written: &str) -> Option<String> {
    let quote = written.chars().next()?;
    let inner = written.get(1..written.len().checked_sub(1)?)?;
    if quote == '`' {
        return Some(inner.replace('\r', ""));
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        if next == '\\' {
            rest = escape(rest, quote, &mut bytes)?;
        } else {
            bytes.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    String::from_utf8(bytes).ok()
}

/// Reads the escape behind a backslash; gives what follows it.
fn escape<'t>(rest: &'t str, quote: char, out: &mut Vec<u8>) -> Option<&'t str> {
    let letter = rest.chars().next()?;
    let after = &rest[letter.len_utf8()..];
    let simple = match letter {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        '\'' | '"' if letter == quote => u8::try_from(letter).ok()?,
        'x' => return numeric(after, 2, 16, out, u8::try_from),
        '0'..='7' => return numeric(rest, 3, 8, out, u8::try_from),
        'u' => return wide(after, 4, out),
        'U' => return wide(after, 8, out),
        _ => return None,
    };
    out.push(simple);
    Some(after)
}

fn numeric<'t, E>(
    rest: &'t str,
    digits: usize,
    radix: u32,
    out: &mut Vec<u8>,
    narrow: impl Fn(u32) -> Result<u8, E>,
) -> Option<&'t str> {
    let value = u32::from_str_radix(rest.get(..digits)?, radix).ok()?;
    out.push(narrow(value).ok()?);
    rest.get(digits..)
}

fn wide<'t>(rest: &'t str, digits: usize, out: &mut Vec<u8>) -> Option<&'t str> {
    let value = u32::from_str_radix(rest.get(..digits)?, 16).ok()?;
    let letter = char::from_u32(value)?;
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    rest.get(digits..)
}

/// Go's `newNumber` for character constants.
pub(crate) fn character(written: &str) -> Option<Number> {
    let inner = written.strip_prefix('\'')?.strip_suffix('\'')?;
    let text = unquote(&format!("'{inner}'"))?;
    let mut letters = text.chars();
    let letter = u32::from(letters.next()?);
    letters.next().is_none().then(|| Number {
        integer: Some(i64::from(letter)),
        unsigned: Some(u64::from(letter)),
        float: Some(f64::from(letter)),
        is_written_as_float: false,
    })
}

/// Go's `newNumber`; the error is its words.
pub(crate) fn number(text: &str) -> Result<Number, String> {
    let mut integer = parse_integer(text);
    let mut unsigned = parse_unsigned(text);
    if let (None, Some(value)) = (integer, unsigned)
        && let Ok(value) = i64::try_from(value)
    {
        integer = Some(value);
    }
    let has_float_letters = text.contains(['.', 'e', 'E', 'p', 'P']);
    let mut float = None;
    if let Some(value) = integer {
        float = Some(as_float(value));
    } else if let Some(value) = unsigned {
        float = Some(as_float_unsigned(value));
    } else if let Some(value) = parse_float(text) {
        if !has_float_letters {
            return Err(format!("integer overflow: {text:?}"));
        }
        float = Some(value);
        integer = exact_integer(value);
        unsigned = integer.and_then(|value| u64::try_from(value).ok());
    }
    if float.is_none() {
        return Err(format!("illegal number syntax: {text:?}"));
    }
    let is_hex = text.len() > 2
        && (text.starts_with("0x") || text.starts_with("0X"))
        && !text.contains(['p', 'P']);
    Ok(Number {
        integer,
        unsigned,
        float,
        is_written_as_float: has_float_letters && !is_hex,
    })
}

#[expect(clippy::cast_precision_loss, reason = "Go converts in the same way")]
const fn as_float(value: i64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "Go converts in the same way")]
const fn as_float_unsigned(value: u64) -> f64 {
    value as f64
}

/// The integer that a float is, if it is one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "the comparison tells whether anything was lost"
)]
pub(crate) fn exact_integer(value: f64) -> Option<i64> {
    let cut = value as i64;
    (as_float(cut) == value).then_some(cut)
}

/// Go's `strconv.ParseInt(text, 0, 64)`.
pub(crate) fn parse_integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = i128::from(parse_unsigned(digits)?);
    i64::try_from(if negative { -value } else { value }).ok()
}

/// Go's `strconv.ParseUint(text, 0, 64)`.
pub(crate) fn parse_unsigned(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (radix, digits) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (8, digits)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    let bare = without_underscores(digits, lower.len() > digits.len())?;
    if bare.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(&bare, radix).ok()
}

/// Underscores may stand between digits and behind the prefix only.
fn without_underscores(digits: &str, behind_prefix: bool) -> Option<String> {
    let misplaced = digits.ends_with('_')
        || digits.contains("__")
        || (digits.starts_with('_') && !behind_prefix);
    (!misplaced).then(|| digits.replace('_', ""))
}

/// Go's `strconv.ParseFloat` for decimal text; hexadecimal floats are read too.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    if let Some(digits) = lower.trim_start_matches(['+', '-']).strip_prefix("0x") {
        let value = hexadecimal_float(digits)?;
        return Some(if lower.starts_with('-') {
            -value
        } else {
            value
        });
    }
    let letters = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e');
    let bare = if lower.contains('_') {
        return None;
    } else {
        lower
    };
    if !bare.chars().all(letters) {
        return None;
    }
    let value: f64 = bare.parse().ok()?;
    value.is_finite().then_some(value)
}

fn hexadecimal_float(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = digits.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i32 = exponent.parse().ok()?;
    let mut value = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value.mul_add(16.0, f64::from(digit.to_digit(16)?));
    }
    let shift = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    Some(value * 2.0_f64.powi(exponent.checked_sub(shift)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_read_as_go_reads_it() {
        let cases = [
            (r#""a\nb""#, Some("a\nb")),
            (r#""\x41\u00e9\101""#, Some("AéA")),
            (r#""a\"b'c""#, Some("a\"b'c")),
            (r#""\'""#, None),
            ("`a\\n\r\nb`", Some("a\\n\nb")),
        ];
        for (written, expected) in cases {
            assert_eq!(unquote(written).as_deref(), expected, "{written}");
        }
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() -> Result<(), String> {
        assert_eq!(number("010")?.integer, Some(8));
        assert_eq!(number("0x1F")?.integer, Some(31));
        assert_eq!(number("1_000")?.integer, Some(1000));
        assert_eq!(number("1.0")?.integer, Some(1));
        assert!(number("1.0")?.is_written_as_float);
        assert_eq!(number("1e3")?.float, Some(1000.0));
        assert_eq!(number("-5")?.integer, Some(-5));
        assert_eq!(number("08"), Err("integer overflow: \"08\"".to_owned()));
        Ok(())
    }
}
