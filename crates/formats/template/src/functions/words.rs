//! Words: case, abbreviation, wrapping.

use super::convert::integer;
use super::language::made;
use super::strings::{is_space, str_at};
use super::{Function, Type, fixed};
use crate::exec::{Machine, Outcome};
use crate::raw;
use crate::value::Value;

mod cases;

const TEXT: Type = Type::String;
const INT: Type = Type::Int;

pub(super) const TABLE: &[Function] = &[
    fixed("title", &[TEXT], |_, args| {
        Ok(Value::from(title(str_at(args, 0))))
    }),
    fixed("untitle", &[TEXT], |_, args| {
        Ok(Value::from(untitle(str_at(args, 0))))
    }),
    fixed("swapcase", &[TEXT], |_, args| {
        Ok(Value::from(swap_case(str_at(args, 0))))
    }),
    fixed("snakecase", &[TEXT], |_, args| {
        Ok(Value::from(cases::lower(str_at(args, 0), '_')))
    }),
    fixed("kebabcase", &[TEXT], |_, args| {
        Ok(Value::from(cases::lower(str_at(args, 0), '-')))
    }),
    fixed("camelcase", &[TEXT], |_, args| {
        Ok(Value::from(cases::pascal(str_at(args, 0))))
    }),
    fixed("nospace", &[TEXT], |_, args| {
        Ok(Value::text(without_space(str_at(args, 0))))
    }),
    fixed("initials", &[TEXT], |_, args| {
        Ok(Value::from(initials(str_at(args, 0))))
    }),
    fixed("abbrev", &[INT, TEXT], |_, args| {
        let width = integer(&args[0]);
        if width < 4 {
            return Ok(args[1].clone());
        }
        let short = abbreviate(&raw::bytes(str_at(args, 1)), 0, width);
        Ok(Value::text(raw::text(short)))
    }),
    fixed("abbrevboth", &[INT, INT, TEXT], |_, args| {
        let (left, right) = (integer(&args[0]), integer(&args[1]));
        if right < 4 || left > 0 && right < 7 {
            return Ok(args[2].clone());
        }
        let short = abbreviate(&raw::bytes(str_at(args, 2)), left, right);
        Ok(Value::text(raw::text(short)))
    }),
    fixed("wrap", &[INT, TEXT], |machine, args| {
        wrap(machine, str_at(args, 1), integer(&args[0]), "", false)
    }),
    fixed("wrapWith", &[INT, TEXT, TEXT], |machine, args| {
        wrap(
            machine,
            str_at(args, 2),
            integer(&args[0]),
            str_at(args, 1),
            true,
        )
    }),
];

/// `goutils.DeleteWhiteSpace`: where it deletes anything, it takes bytes for letters.
fn without_space(text: &str) -> String {
    let bytes = raw::bytes(text);
    let letters = bytes.iter().map(|byte| char::from(*byte));
    let kept: String = letters.filter(|letter| !is_space(*letter)).collect();
    if kept.chars().count() == bytes.len() {
        return text.to_owned();
    }
    kept
}

/// Go's `unicode.ToUpper`: one letter for one.
pub(super) fn upper_letter(letter: char) -> char {
    let mut upper = letter.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => one,
        _ => letter,
    }
}

/// Go's `unicode.ToLower`: one letter for one.
pub(super) fn lower_letter(letter: char) -> char {
    letter.to_lowercase().next().unwrap_or(letter)
}

/// Go's `strings.ToUpper`.
pub(super) fn upper(text: &str) -> String {
    text.chars().map(upper_letter).collect()
}

/// Go's `strings.ToLower`.
pub(super) fn lower(text: &str) -> String {
    text.chars().map(lower_letter).collect()
}

/// Go's `strings.Title`.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for letter in text.chars() {
        if is_separator(before) {
            out.push(upper_letter(letter));
        } else {
            out.push(letter);
        }
        before = letter;
    }
    out
}

fn is_separator(letter: char) -> bool {
    match letter {
        '_' => false,
        ascii if ascii.is_ascii() => !ascii.is_ascii_alphanumeric(),
        other => !other.is_alphanumeric() && is_space(other),
    }
}

/// The first letter of each word small: words end at space.
fn untitle(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for letter in text.chars() {
        if is_space(letter) {
            begins = true;
            out.push(letter);
        } else if begins {
            out.push(lower_letter(letter));
            begins = false;
        } else {
            out.push(letter);
        }
    }
    out
}

fn swap_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_uppercase() {
            out.push(lower_letter(letter));
        } else if letter.is_lowercase() {
            out.push(upper_letter(letter));
        } else {
            out.push(letter);
        }
    }
    out
}

fn initials(text: &str) -> String {
    let mut out = String::new();
    let mut gap = true;
    for letter in text.chars() {
        if is_space(letter) {
            gap = true;
        } else if gap {
            // goutils takes the first byte of a letter for the letter.
            out.push(char::from(letter.encode_utf8(&mut [0; 4]).as_bytes()[0]));
            gap = false;
        }
    }
    out
}

/// `goutils.AbbreviateFull`.
fn abbreviate(text: &[u8], offset: i64, width: i64) -> Vec<u8> {
    let count = |number: i64| usize::try_from(number.max(0)).unwrap_or(usize::MAX);
    let (width, mut offset) = (count(width), count(offset));
    if text.len() <= width {
        return text.to_vec();
    }
    let kept = width.saturating_sub(3);
    offset = offset.min(text.len());
    if text.len() - offset < kept {
        offset = text.len() - kept;
    }
    if offset <= 4 {
        return [&text[..kept], b"..."].concat();
    }
    if width < 7 {
        return Vec::new();
    }
    if offset + kept < text.len() {
        let rest = abbreviate(&text[offset..], 0, i64::try_from(kept).unwrap_or(0));
        return [b"...", rest.as_slice()].concat();
    }
    [b"...", &text[text.len() - kept..]].concat()
}

/// `goutils.WrapCustom`.
fn wrap(
    machine: &mut Machine<'_, '_>,
    text: &str,
    length: i64,
    newline: &str,
    wraps_words: bool,
) -> Outcome {
    let newline = if newline.is_empty() { "\n" } else { newline };
    let length = usize::try_from(length.max(1)).unwrap_or(usize::MAX);
    let text = &*raw::bytes(text);
    machine.charge(
        text.len()
            .saturating_mul(1 + newline.len() / length.min(1 << 20)),
    )?;
    let space_in = |part: &[u8]| part.iter().position(|byte| *byte == b' ');
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while text.len() - at > length {
        if text[at] == b' ' {
            at += 1;
            continue;
        }
        let end = at + length;
        if let Some(space) = text[at..=end].iter().rposition(|byte| *byte == b' ') {
            out.extend_from_slice(&text[at..at + space]);
            at += space + 1;
        } else if wraps_words {
            out.extend_from_slice(&text[at..end]);
            at = end;
        } else if let Some(space) = space_in(&text[end..]) {
            out.extend_from_slice(&text[at..end + space]);
            at = end + space + 1;
        } else {
            out.extend_from_slice(&text[at..]);
            at = text.len();
            continue;
        }
        out.extend_from_slice(newline.as_bytes());
    }
    out.extend_from_slice(&text[at..]);
    made(machine, raw::text(out))
}
