//! `snakecase`, `kebabcase`, `camelcase` as `github.com/huandu/xstrings` makes them.

use crate::functions::strings::is_space;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

const fn is_connector(letter: char) -> bool {
    matches!(letter, '-' | '_') || is_space(letter)
}

fn is_alphabet(letter: char) -> bool {
    let is_cjk = matches!(letter,
        '\u{4e00}'..='\u{9fcc}' | '\u{3400}'..='\u{4d85}' | '\u{20000}'..='\u{2b81d}');
    letter.is_alphabetic() && !is_cjk
}

fn is_punctuation(letter: char) -> bool {
    if letter.is_ascii() {
        return letter.is_ascii_punctuation()
            && !matches!(letter, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~');
    }
    matches!(letter, '\u{a1}' | '\u{a7}' | '\u{ab}' | '\u{b6}' | '\u{b7}' | '\u{bb}' | '\u{bf}'
        | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{3001}'..='\u{3003}')
}

/// The first word of a text and the rest.
fn next_word(text: &str) -> (Kind, &str, &str) {
    let Some(first) = text.chars().next() else {
        return (Kind::Nothing, "", "");
    };
    let run = |belongs: &dyn Fn(char) -> bool| run_end(text, belongs);
    let (kind, end) = if is_connector(first) {
        (Kind::Connector, run(&is_connector))
    } else if is_punctuation(first) {
        (Kind::Punctuation, run(&is_punctuation))
    } else if first.is_uppercase() {
        (Kind::Upper, upper_end(text, first))
    } else if is_alphabet(first) {
        (Kind::Alphabet, run(&is_small))
    } else if first.is_numeric() {
        (Kind::Number, run(&|letter: char| letter.is_numeric()))
    } else {
        let other = |letter: char| {
            !(is_connector(letter)
                || is_alphabet(letter)
                || letter.is_numeric()
                || is_punctuation(letter))
        };
        (Kind::Other, run(&other))
    };
    (kind, &text[..end], &text[end..])
}

fn is_small(letter: char) -> bool {
    is_alphabet(letter) && !letter.is_uppercase()
}

/// Where the run of letters that belong to the first one ends.
fn run_end(text: &str, belongs: &dyn Fn(char) -> bool) -> usize {
    let mut others = text.char_indices().skip(1);
    let end = others.find(|(_, letter)| !belongs(*letter));
    end.map_or(text.len(), |(at, _)| at)
}

/// `HTTPStatus` is `HTTP` and `Status`.
fn upper_end(text: &str, first: char) -> usize {
    match text[first.len_utf8()..].chars().next() {
        Some(second) if second.is_uppercase() => {
            let end = run_end(text, &|letter: char| letter.is_uppercase());
            let goes_on = text[end..].chars().next().is_some_and(is_alphabet);
            let last = text[..end].chars().next_back().map_or(0, char::len_utf8);
            if goes_on { end - last } else { end }
        }
        Some(second) if is_alphabet(second) => run_end(text, &is_small),
        _ => first.len_utf8(),
    }
}

/// Words in small letters with a connector between them.
pub(super) fn lower(text: &str, connector: char) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let (mut kind, mut word, mut rest) = next_word(text);
    while !rest.is_empty() {
        if kind != Kind::Connector {
            push(&mut out, kind, word, connector);
        }
        let (before, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match before {
            Kind::Number => {
                (kind, word, rest) = run_on(&mut out, kind, word, rest, connector);
                if !matches!(kind, Kind::Nothing | Kind::Punctuation | Kind::Connector) {
                    out.push(connector);
                }
            }
            Kind::Connector => push(&mut out, before, last, connector),
            Kind::Punctuation => {}
            _ if kind != Kind::Number => {
                if !matches!(kind, Kind::Connector | Kind::Punctuation) {
                    out.push(connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                if kind == Kind::Alphabet {
                    out.push(connector);
                    push(&mut out, Kind::Number, number, connector);
                    (kind, word, rest) = run_on(&mut out, kind, word, rest, connector);
                    if !matches!(kind, Kind::Nothing | Kind::Punctuation | Kind::Connector) {
                        out.push(connector);
                    }
                } else {
                    push(&mut out, Kind::Number, number, connector);
                    if !matches!(kind, Kind::Connector | Kind::Punctuation) {
                        out.push(connector);
                    }
                }
            }
        }
    }
    push(&mut out, kind, word, connector);
    out
}

/// Appends small letters and numbers for as long as there are any.
fn run_on<'t>(
    out: &mut String,
    mut kind: Kind,
    mut word: &'t str,
    mut rest: &'t str,
    connector: char,
) -> (Kind, &'t str, &'t str) {
    while matches!(kind, Kind::Alphabet | Kind::Number) {
        push(out, kind, word, connector);
        (kind, word, rest) = next_word(rest);
    }
    (kind, word, rest)
}

fn push(out: &mut String, kind: Kind, word: &str, connector: char) {
    if !matches!(kind, Kind::Upper | Kind::Connector) {
        out.push_str(word);
        return;
    }
    for letter in word.chars() {
        if is_connector(letter) {
            out.push(connector);
        } else {
            out.extend(letter.to_lowercase());
        }
    }
}

/// `ToPascalCase`: words begin with capitals, connectors go.
pub(super) fn pascal(text: &str) -> String {
    let mut letters = text.chars();
    let mut out = String::with_capacity(text.len());
    let mut current = None;
    for letter in letters.by_ref() {
        if !is_connector(letter) {
            current = Some(letter);
            break;
        }
        out.push(letter);
    }
    let Some(mut current) = current else {
        // Nothing but connectors: the last is written twice, as in Go.
        out.extend(text.chars().next_back());
        return out;
    };
    let mut first_was_upper = current.is_uppercase();
    current = upper(current);
    for next in letters {
        let before = current;
        current = next;
        if is_connector(current) && is_connector(before) {
            out.push(before);
            continue;
        }
        if is_connector(before) {
            first_was_upper = current.is_uppercase();
            current = upper(current);
        } else {
            if first_was_upper {
                if current.is_uppercase() {
                    current = current.to_lowercase().next().unwrap_or(current);
                } else {
                    first_was_upper = false;
                }
            }
            out.push(before);
        }
    }
    out.push(current);
    out
}

fn upper(letter: char) -> char {
    let mut letters = letter.to_uppercase();
    match (letters.next(), letters.next()) {
        (Some(only), None) => only,
        _ => letter,
    }
}
