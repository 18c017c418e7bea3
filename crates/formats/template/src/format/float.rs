//! Floats in decimal, as `strconv.FormatFloat` writes them.

/// The digits of a number without point, and the place of the point counted from their left.
struct Decimal {
    negative: bool,
    digits: String,
    /// `0.digits * 10^point`
    point: i32,
}

impl Decimal {
    /// With as few digits as tell the number apart, or as many as given.
    fn of(number: f64, digits: Option<usize>) -> Self {
        let written = match digits {
            None => format!("{number:e}"),
            Some(digits) => format!("{number:.*e}", digits.saturating_sub(1)),
        };
        let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let negative = mantissa.starts_with('-');
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        Self {
            negative,
            digits,
            point: exponent + 1,
        }
    }
}

/// Not-a-number and the infinities.
pub(super) fn special(number: f64) -> Option<&'static str> {
    if number.is_nan() {
        return Some("NaN");
    }
    match number {
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

/// From how many digits on the shortest form has an exponent.
const SHORTEST_DIGITS: i32 = 6;

/// Appends `%v`: the form `g` with as few digits as possible.
pub(crate) fn shortest(number: f64, out: &mut String) {
    if let Some(word) = special(number) {
        out.push_str(word);
        return;
    }
    general(number, None, 'e', out);
}

/// Appends the form `g`: with an exponent below 1e-4 and where digits would be missing.
pub(super) fn general(number: f64, precision: Option<usize>, letter: char, out: &mut String) {
    let digits = precision.map(|precision| precision.max(1));
    let mut decimal = Decimal::of(number, digits);
    let trimmed = decimal.digits.trim_end_matches('0').len().max(1);
    let significant = i32::try_from(trimmed).unwrap_or(i32::MAX);
    let mut limit = match digits {
        None => SHORTEST_DIGITS,
        Some(digits) => i32::try_from(digits).unwrap_or(i32::MAX),
    };
    if digits.is_some() {
        decimal.digits.truncate(trimmed);
        if limit > significant && significant >= decimal.point {
            limit = significant;
        }
    }
    let exponent = decimal.point - 1;
    if number != 0.0 && (exponent < -4 || exponent >= limit) {
        exponent_digits(&decimal, letter, out);
    } else {
        plain_digits(&decimal, out);
    }
}

/// The form `e` with as few digits as possible, as JSON writes large and small numbers.
pub(crate) fn exponent_form(number: f64) -> String {
    let mut out = String::new();
    exponent_digits(&Decimal::of(number, None), 'e', &mut out);
    out
}

/// Appends the form `e` with digits behind the point.
pub(super) fn exponent_fixed(number: f64, precision: usize, letter: char, out: &mut String) {
    exponent_digits(&Decimal::of(number, Some(precision + 1)), letter, out);
}

fn exponent_digits(decimal: &Decimal, letter: char, out: &mut String) {
    if decimal.negative {
        out.push('-');
    }
    out.push_str(&decimal.digits[..1]);
    if decimal.digits.len() > 1 {
        out.push('.');
        out.push_str(&decimal.digits[1..]);
    }
    let is_zero = decimal.digits.bytes().all(|digit| digit == b'0');
    let exponent = if is_zero { 0 } else { decimal.point - 1 };
    let sign = if exponent < 0 { '-' } else { '+' };
    let size = exponent.unsigned_abs();
    super::append(out, format_args!("{letter}{sign}{size:02}"));
}

fn plain_digits(decimal: &Decimal, out: &mut String) {
    if decimal.negative {
        out.push('-');
    }
    let Ok(point) = usize::try_from(decimal.point) else {
        out.push_str("0.");
        let zeros = usize::try_from(decimal.point.unsigned_abs()).unwrap_or(0);
        out.extend(std::iter::repeat_n('0', zeros));
        out.push_str(&decimal.digits);
        return;
    };
    let digits = &decimal.digits;
    if point == 0 {
        out.push_str("0.");
        out.push_str(digits);
    } else if digits.len() <= point {
        out.push_str(digits);
        out.extend(std::iter::repeat_n('0', point - digits.len()));
    } else {
        out.push_str(&digits[..point]);
        out.push('.');
        out.push_str(&digits[point..]);
    }
}

/// The form `b`: a whole mantissa and a power of two.
pub(super) fn binary(number: f64) -> String {
    let bits = number.to_bits();
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let mantissa = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = match i32::try_from(bits >> 52 & 0x7ff).unwrap_or(0) {
        0 => (mantissa, 1),
        exponent => (mantissa | 1 << 52, exponent),
    };
    let exponent = exponent - 1075;
    let plus = if exponent < 0 { "" } else { "+" };
    format!("{sign}{mantissa}p{plus}{exponent}")
}

/// What the flag `#` adds: a point, and zeros up to a number of digits.
pub(super) fn with_point(number: &str, digits: usize) -> String {
    let (mut out, tail) = match number.find(['e', 'E']) {
        Some(at) => (number[..at].to_owned(), &number[at..]),
        None => (number.to_owned(), ""),
    };
    let bare = out.trim_start_matches('-');
    let significant = bare.replace('.', "").trim_start_matches('0').len();
    // A zero before the point counts where nothing else does.
    let known = if bare == "0" { 1 } else { significant };
    if !out.contains('.') {
        out.push('.');
    }
    out.extend(std::iter::repeat_n('0', digits.saturating_sub(known)));
    out + tail
}
