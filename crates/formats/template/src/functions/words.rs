//! Words: case, abbreviation, wrapping.

use super::convert::integer;
use super::language::made;
use super::strings::{is_space, str_at};
use super::{Function, Type, fixed};
use crate::exec::{Failure, Machine, Outcome};
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
        Ok(Value::from(str_at(args, 0).replace(is_space, "")))
    }),
    fixed("initials", &[TEXT], |_, args| {
        Ok(Value::from(initials(str_at(args, 0))))
    }),
    fixed("abbrev", &[INT, TEXT], |_, args| {
        let width = integer(&args[0]);
        if width < 4 {
            return Ok(args[1].clone());
        }
        abbreviate(str_at(args, 1), 0, width)
    }),
    fixed("abbrevboth", &[INT, INT, TEXT], |_, args| {
        let (left, right) = (integer(&args[0]), integer(&args[1]));
        if right < 4 || left > 0 && right < 7 {
            return Ok(args[2].clone());
        }
        abbreviate(str_at(args, 2), left, right)
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

/// Go's `strings.Title`.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for letter in text.chars() {
        if is_separator(before) {
            out.extend(letter.to_uppercase());
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
            out.extend(letter.to_lowercase());
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
            out.extend(letter.to_lowercase());
        } else if letter.is_lowercase() {
            out.extend(letter.to_uppercase());
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
            out.push(letter);
            gap = false;
        }
    }
    out
}

/// `goutils.AbbreviateFull`.
fn abbreviate(text: &str, offset: i64, width: i64) -> Outcome {
    let count = |number: i64| usize::try_from(number.max(0)).unwrap_or(usize::MAX);
    let (width, mut offset) = (count(width), count(offset));
    if text.len() <= width {
        return Ok(Value::from(text));
    }
    let kept = width.saturating_sub(3);
    offset = offset.min(text.len());
    if text.len() - offset < kept {
        offset = text.len() - kept;
    }
    let cut = |from: usize, to: usize| {
        text.get(from..to).ok_or_else(|| {
            Failure::Unsupported("a text cut within a letter of several bytes".to_owned())
        })
    };
    if offset <= 4 {
        return Ok(Value::from(format!("{}...", cut(0, kept)?)));
    }
    if width < 7 {
        return Ok(Value::from(""));
    }
    if offset + kept < text.len() {
        let rest = abbreviate(
            cut(offset, text.len())?,
            0,
            i64::try_from(kept).unwrap_or(0),
        )?;
        return Ok(Value::from(format!(
            "...{}",
            rest.as_str().unwrap_or_default()
        )));
    }
    Ok(Value::from(format!(
        "...{}",
        cut(text.len() - kept, text.len())?
    )))
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
    if !text.is_ascii() {
        return Err(Failure::Unsupported("wrap of text beyond ASCII".to_owned()));
    }
    machine.charge(
        text.len()
            .saturating_mul(1 + newline.len() / length.min(1 << 20)),
    )?;
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while text.len() - at > length {
        if text.as_bytes()[at] == b' ' {
            at += 1;
            continue;
        }
        let end = at + length;
        if let Some(space) = text[at..=end].rfind(' ') {
            out.push_str(&text[at..at + space]);
            at += space + 1;
        } else if wraps_words {
            out.push_str(&text[at..end]);
            at = end;
        } else if let Some(space) = text[end..].find(' ') {
            out.push_str(&text[at..end + space]);
            at = end + space + 1;
        } else {
            out.push_str(&text[at..]);
            at = text.len();
            continue;
        }
        out.push_str(newline);
    }
    out.push_str(&text[at..]);
    made(machine, out)
}
