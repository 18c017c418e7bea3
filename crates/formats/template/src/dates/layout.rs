//! Go's layouts: the reference time `Mon Jan 2 15:04:05 MST 2006`.

use super::{Civil, DAY, Time, days_from_civil};
use crate::format::append;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

pub(super) fn month_name(month: i64) -> &'static str {
    let place = usize::try_from(month - 1).unwrap_or(0);
    MONTHS.get(place).copied().unwrap_or_default()
}

pub(super) fn weekday_name(weekday: i64) -> &'static str {
    let place = usize::try_from(weekday).unwrap_or(0);
    WEEKDAYS.get(place).copied().unwrap_or_default()
}

/// A piece of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    LongMonth,
    ShortMonth,
    Month,
    ZeroMonth,
    LongWeekday,
    ShortWeekday,
    Day,
    SpaceDay,
    ZeroDay,
    SpaceDayOfYear,
    ZeroDayOfYear,
    Hour24,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    ShortYear,
    UpperHalf,
    LowerHalf,
    ZoneName,
    /// `Z07:00` and its kin: `Z` in UTC.
    ZoneOrZ(&'static str),
    /// `-07:00` and its kin.
    Zone(&'static str),
    /// `.000` or `,999`: the digits, and whether zeros at the end stay.
    Fraction(usize, bool),
}

/// The spellings, longer ones before those that begin them.
const PIECES: [(&str, Piece); 34] = [
    ("January", Piece::LongMonth),
    ("Jan", Piece::ShortMonth),
    ("Monday", Piece::LongWeekday),
    ("Mon", Piece::ShortWeekday),
    ("MST", Piece::ZoneName),
    ("002", Piece::ZeroDayOfYear),
    ("01", Piece::ZeroMonth),
    ("02", Piece::ZeroDay),
    ("03", Piece::ZeroHour12),
    ("04", Piece::ZeroMinute),
    ("05", Piece::ZeroSecond),
    ("06", Piece::ShortYear),
    ("15", Piece::Hour24),
    ("1", Piece::Month),
    ("2006", Piece::LongYear),
    ("2", Piece::Day),
    ("__2", Piece::SpaceDayOfYear),
    ("_2006", Piece::LongYear),
    ("_2", Piece::SpaceDay),
    ("3", Piece::Hour12),
    ("4", Piece::Minute),
    ("5", Piece::Second),
    ("PM", Piece::UpperHalf),
    ("pm", Piece::LowerHalf),
    ("-07:00:00", Piece::Zone("+00:00:00")),
    ("-070000", Piece::Zone("+000000")),
    ("-07:00", Piece::Zone("+00:00")),
    ("-0700", Piece::Zone("+0000")),
    ("-07", Piece::Zone("+00")),
    ("Z07:00:00", Piece::ZoneOrZ("+00:00:00")),
    ("Z070000", Piece::ZoneOrZ("+000000")),
    ("Z07:00", Piece::ZoneOrZ("+00:00")),
    ("Z0700", Piece::ZoneOrZ("+0000")),
    ("Z07", Piece::ZoneOrZ("+00")),
];

/// Text before the next piece, the piece, and the rest.
fn next(layout: &str) -> (&str, Option<Piece>, &str) {
    for (at, letter) in layout.char_indices() {
        let rest = &layout[at..];
        if matches!(letter, '.' | ',')
            && let Some((piece, size)) = fraction(rest)
        {
            return (&layout[..at], Some(piece), &rest[size..]);
        }
        for (spelling, piece) in PIECES {
            if !rest.starts_with(spelling) {
                continue;
            }
            let after = &rest[spelling.len()..];
            // `Jan` within a word of small letters is no month, nor is `Mon` a day.
            let is_word = matches!(piece, Piece::ShortMonth | Piece::ShortWeekday);
            if is_word && after.starts_with(|c: char| c.is_ascii_lowercase()) {
                continue;
            }
            if spelling == "_2006" {
                return (&layout[..=at], Some(piece), after);
            }
            return (&layout[..at], Some(piece), after);
        }
    }
    (layout, None, "")
}

fn fraction(text: &str) -> Option<(Piece, usize)> {
    let digit = text
        .chars()
        .nth(1)
        .filter(|digit| matches!(digit, '0' | '9'))?;
    let count = text[1..].chars().take_while(|next| *next == digit).count();
    let goes_on = text[1 + count..].starts_with(|c: char| c.is_ascii_digit());
    (!goes_on).then_some((Piece::Fraction(count, digit == '0'), 1 + count))
}

/// Go's `Time.Format`.
pub(crate) fn format(time: Time, layout: &str, zone: &str) -> String {
    let civil = time.civil();
    let mut out = String::new();
    let mut rest = layout;
    while !rest.is_empty() {
        let (before, piece, after) = next(rest);
        out.push_str(before);
        if let Some(piece) = piece {
            let sign = rest[before.len()..].chars().next().unwrap_or('.');
            write(time, &civil, piece, sign, zone, &mut out);
        }
        rest = after;
    }
    out
}

fn write(time: Time, civil: &Civil, piece: Piece, sign: char, zone: &str, out: &mut String) {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        weekday,
        day_of_year,
    } = *civil;
    let half = (hour + 11) % 12 + 1;
    match piece {
        Piece::LongMonth => out.push_str(month_name(month)),
        Piece::ShortMonth => out.push_str(&month_name(month)[..3]),
        Piece::Month => append(out, format_args!("{month}")),
        Piece::ZeroMonth => append(out, format_args!("{month:02}")),
        Piece::LongWeekday => out.push_str(weekday_name(weekday)),
        Piece::ShortWeekday => out.push_str(&weekday_name(weekday)[..3]),
        Piece::Day => append(out, format_args!("{day}")),
        Piece::SpaceDay => append(out, format_args!("{day:2}")),
        Piece::ZeroDay => append(out, format_args!("{day:02}")),
        Piece::SpaceDayOfYear => append(out, format_args!("{day_of_year:3}")),
        Piece::ZeroDayOfYear => append(out, format_args!("{day_of_year:03}")),
        Piece::Hour24 => append(out, format_args!("{hour:02}")),
        Piece::Hour12 => append(out, format_args!("{half}")),
        Piece::ZeroHour12 => append(out, format_args!("{half:02}")),
        Piece::Minute => append(out, format_args!("{minute}")),
        Piece::ZeroMinute => append(out, format_args!("{minute:02}")),
        Piece::Second => append(out, format_args!("{second}")),
        Piece::ZeroSecond => append(out, format_args!("{second:02}")),
        Piece::LongYear => append(out, format_args!("{year:04}")),
        Piece::ShortYear => append(out, format_args!("{:02}", year.rem_euclid(100))),
        Piece::UpperHalf => out.push_str(if hour >= 12 { "PM" } else { "AM" }),
        Piece::LowerHalf => out.push_str(if hour >= 12 { "pm" } else { "am" }),
        Piece::ZoneName => out.push_str(zone),
        Piece::ZoneOrZ(_) => out.push('Z'),
        Piece::Zone(text) => out.push_str(text),
        Piece::Fraction(count, keeps) => {
            let digits = format!("{:09}", time.nanoseconds);
            let digits = &digits[..count.min(9)];
            let digits = if keeps {
                digits
            } else {
                digits.trim_end_matches('0')
            };
            if !digits.is_empty() {
                out.push(sign);
                out.push_str(digits);
            }
        }
    }
}

/// What a text says, piece by piece.
struct Found {
    civil: Civil,
    nanoseconds: u32,
    /// Seconds east of UTC.
    offset: i64,
    afternoon: Option<bool>,
}

/// Go's `time.Parse`, for zones given as numbers or `UTC`.
pub(crate) fn parse(layout: &str, text: &str) -> Result<Time, String> {
    let failed = || {
        let (text, layout) = (crate::format::quote(text), crate::format::quote(layout));
        format!("parsing time {text} as {layout}: cannot parse")
    };
    let mut found = Found {
        civil: Civil {
            year: 0,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            weekday: 0,
            day_of_year: 0,
        },
        nanoseconds: 0,
        offset: 0,
        afternoon: None,
    };
    let (mut pattern, mut value) = (layout, text);
    loop {
        let (before, piece, after) = next(pattern);
        value = value.strip_prefix(before).ok_or_else(failed)?;
        let Some(piece) = piece else { break };
        value = read(piece, value, &mut found).ok_or_else(failed)?;
        pattern = after;
    }
    let civil = found.civil;
    let is_day = (1..=12).contains(&civil.month) && {
        let next_month = days_from_civil(civil.year + civil.month / 12, civil.month % 12 + 1, 1);
        let days = next_month - days_from_civil(civil.year, civil.month, 1);
        (1..=days).contains(&civil.day)
    };
    if !value.is_empty() || !is_day || civil.hour > 23 || civil.minute > 59 || civil.second > 59 {
        return Err(failed());
    }
    let hour = match found.afternoon {
        Some(true) if civil.hour < 12 => civil.hour + 12,
        Some(false) if civil.hour == 12 => 0,
        _ => civil.hour,
    };
    let days = days_from_civil(civil.year, civil.month, civil.day);
    let clock = hour * 3600 + civil.minute * 60 + civil.second;
    Ok(Time {
        seconds: days * DAY + clock - found.offset,
        nanoseconds: found.nanoseconds,
    })
}

/// Reads one piece; gives what follows.
fn read<'t>(piece: Piece, text: &'t str, found: &mut Found) -> Option<&'t str> {
    let civil = &mut found.civil;
    match piece {
        Piece::LongMonth | Piece::ShortMonth => {
            let (place, rest) = name(text, &MONTHS, piece == Piece::ShortMonth)?;
            civil.month = place + 1;
            Some(rest)
        }
        Piece::LongWeekday | Piece::ShortWeekday => {
            name(text, &WEEKDAYS, piece == Piece::ShortWeekday).map(|(_, rest)| rest)
        }
        Piece::Month => digits(text, 1, 2, &mut civil.month),
        Piece::ZeroMonth => digits(text, 2, 2, &mut civil.month),
        Piece::Day => digits(text, 1, 2, &mut civil.day),
        Piece::SpaceDay => digits(text.trim_start_matches(' '), 1, 2, &mut civil.day),
        Piece::ZeroDay => digits(text, 2, 2, &mut civil.day),
        Piece::SpaceDayOfYear | Piece::ZeroDayOfYear => None,
        Piece::Hour24 | Piece::ZeroHour12 => digits(text, 2, 2, &mut civil.hour),
        Piece::Hour12 => digits(text, 1, 2, &mut civil.hour),
        Piece::Minute => digits(text, 1, 2, &mut civil.minute),
        Piece::ZeroMinute => digits(text, 2, 2, &mut civil.minute),
        Piece::Second | Piece::ZeroSecond => {
            let least = if piece == Piece::Second { 1 } else { 2 };
            let rest = digits(text, least, 2, &mut civil.second)?;
            // A fraction may follow though the layout has none.
            Some(nanoseconds(rest, &mut found.nanoseconds).unwrap_or(rest))
        }
        Piece::LongYear => digits(text, 4, 4, &mut civil.year),
        Piece::ShortYear => {
            let rest = digits(text, 2, 2, &mut civil.year)?;
            civil.year += if civil.year >= 69 { 1900 } else { 2000 };
            Some(rest)
        }
        Piece::UpperHalf | Piece::LowerHalf => {
            let half = text.get(..2)?;
            found.afternoon = Some(half.eq_ignore_ascii_case("pm"));
            matches!(half, "AM" | "PM" | "am" | "pm").then(|| &text[2..])
        }
        Piece::ZoneName => text
            .strip_prefix("UTC")
            .or_else(|| text.strip_prefix("GMT")),
        Piece::ZoneOrZ(_) if text.starts_with('Z') => Some(&text[1..]),
        Piece::ZoneOrZ(shape) | Piece::Zone(shape) => zone(text, shape, &mut found.offset),
        Piece::Fraction(..) => Some(nanoseconds(text, &mut found.nanoseconds).unwrap_or(text)),
    }
}

fn name<'t>(text: &'t str, names: &[&str], short: bool) -> Option<(i64, &'t str)> {
    for (place, full) in (0_i64..).zip(names) {
        let wanted = if short { &full[..3] } else { full };
        let start = text.get(..wanted.len());
        if start.is_some_and(|start| start.eq_ignore_ascii_case(wanted)) {
            return Some((place, &text[wanted.len()..]));
        }
    }
    None
}

fn digits<'t>(text: &'t str, least: usize, most: usize, into: &mut i64) -> Option<&'t str> {
    let count = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    if count < least {
        return None;
    }
    *into = text[..count].parse().ok()?;
    Some(&text[count..])
}

fn nanoseconds<'t>(text: &'t str, into: &mut u32) -> Option<&'t str> {
    let rest = text.strip_prefix(['.', ','])?;
    let count = rest.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 {
        return None;
    }
    *into = format!("{:0<9}", &rest[..count.min(9)]).parse().ok()?;
    Some(&rest[count..])
}

fn zone<'t>(text: &'t str, shape: &str, offset: &mut i64) -> Option<&'t str> {
    let given = text.get(..shape.len())?;
    let sign = match given.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let numbers: String = given.chars().filter(char::is_ascii_digit).collect();
    let part = |from: usize| {
        numbers
            .get(from..from + 2)
            .map_or(Some(0), |part| part.parse().ok())
    };
    let (hours, minutes, seconds): (i64, i64, i64) = (part(0)?, part(2)?, part(4)?);
    *offset = sign * (hours * 3600 + minutes * 60 + seconds);
    Some(&text[shape.len()..])
}
