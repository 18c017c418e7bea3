//! Go's regular expressions (RE2) in the syntax of the `regex` crate.

use regex::{Regex, RegexBuilder};

/// Bytes that a compiled expression may take.
const COMPILED_MAX: usize = 8 << 20;

/// Compiles an expression as Go would understand it; the error is Go's words as far as known.
pub(crate) fn compile(expression: &str) -> Result<Regex, String> {
    check_repetitions(expression)?;
    let translated = translate(expression);
    RegexBuilder::new(&translated)
        .size_limit(COMPILED_MAX)
        .dfa_size_limit(COMPILED_MAX)
        .build()
        .map_err(|error| {
            let shown = crate::format::quote(expression);
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ").to_owned();
            format!("error parsing regexp: {reason}: {shown}")
        })
}

/// `3`, `3,` or `3,5`: at most a thousand, and not falling.
fn are_counts(text: &str) -> bool {
    let (least, most) = text.split_once(',').unwrap_or((text, ""));
    let count = |text: &str| text.parse::<u32>().ok().filter(|count| *count <= 1000);
    match (count(least), most) {
        (Some(_), "") => true,
        (Some(least), most) => count(most).is_some_and(|most| least <= most),
        (None, _) => false,
    }
}

/// Go repeats no repetition, and nothing.
fn check_repetitions(expression: &str) -> Result<(), String> {
    let mut rest = expression;
    let mut in_class = false;
    // Where the repetition before began; whether there is something to repeat.
    let (mut last, mut has_item) = (None, false);
    while let Some(letter) = rest.chars().next() {
        let at = expression.len() - rest.len();
        rest = &rest[letter.len_utf8()..];
        let is_operator = matches!(letter, '*' | '+' | '?') || letter == '{' && is_repetition(rest);
        if in_class || !is_operator {
            last = None;
            has_item = !matches!(letter, '(' | '|') || in_class;
            match letter {
                '\\' if rest.starts_with('Q') => {
                    rest = rest.split_once("\\E").map_or("", |(_, after)| after);
                }
                '\\' => {
                    let escaped = rest.chars().next().map_or(0, char::len_utf8);
                    rest = &rest[escaped..];
                }
                '[' if !in_class => {
                    in_class = true;
                    rest = rest.strip_prefix('^').unwrap_or(rest);
                    rest = rest.strip_prefix(']').unwrap_or(rest);
                }
                '[' if rest.starts_with(':') && rest.contains(":]") => {
                    rest = rest.split_once(":]").map_or(rest, |(_, after)| after);
                }
                ']' => in_class = false,
                '(' if rest.starts_with('?') => {
                    let end = rest.find([':', '>', ')']).map_or(rest.len(), |end| end + 1);
                    rest = &rest[end..];
                }
                _ => {}
            }
            continue;
        }
        if letter == '{' {
            let (counts, after) = rest.split_once('}').unwrap_or((rest, ""));
            if !are_counts(counts) {
                return Err(format!(
                    "error parsing regexp: invalid repeat count: `{{{counts}}}`"
                ));
            }
            rest = after;
        }
        let end = expression.len() - rest.len();
        if !has_item {
            let words = "missing argument to repetition operator";
            return Err(format!(
                "error parsing regexp: {words}: `{}`",
                &expression[at..end]
            ));
        }
        rest = rest.strip_prefix('?').unwrap_or(rest);
        let end = expression.len() - rest.len();
        if let Some(before) = last {
            let words = "invalid nested repetition operator";
            return Err(format!(
                "error parsing regexp: {words}: `{}`",
                &expression[before..end]
            ));
        }
        last = Some(at);
    }
    Ok(())
}

/// Where Go and the crate differ: classes of letters are ASCII in Go, a bracket within
/// brackets is itself, `\Q..\E` quotes, and any punctuation may be escaped.
fn translate(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len() + 16);
    let mut in_class = false;
    let mut at_class_start = false;
    let mut rest = expression;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        let starts = std::mem::take(&mut at_class_start);
        match letter {
            '\\' => rest = escape(rest, in_class, &mut out),
            '[' if in_class => match rest.strip_prefix(':').and_then(|name| name.find(":]")) {
                Some(end) => {
                    out.push('[');
                    out.push_str(&rest[..end + 3]);
                    rest = &rest[end + 3..];
                }
                None => out.push_str("\\["),
            },
            '[' => {
                out.push('[');
                in_class = true;
                at_class_start = true;
                if let Some(after) = rest.strip_prefix('^') {
                    out.push('^');
                    rest = after;
                }
            }
            ']' if starts => out.push_str("\\]"),
            ']' if in_class => {
                out.push(']');
                in_class = false;
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(letter);
            }
            '-' if in_class && rest.starts_with('-') => out.push_str("\\-"),
            '{' if !in_class && !is_repetition(rest) => out.push_str("\\{"),
            other => out.push(other),
        }
    }
    out
}

/// Whether `3}`, `3,}` or `3,5}` follows a brace; any other brace is itself in Go.
fn is_repetition(rest: &str) -> bool {
    let Some((inner, _)) = rest.split_once('}') else {
        return false;
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
    !least.is_empty() && digits(least) && digits(most)
}

fn escape<'t>(rest: &'t str, in_class: bool, out: &mut String) -> &'t str {
    let Some(letter) = rest.chars().next() else {
        out.push('\\');
        return rest;
    };
    let after = &rest[letter.len_utf8()..];
    match letter {
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        's' => out.push_str("[\\t\\n\\x0C\\r ]"),
        'S' => out.push_str("[^\\t\\n\\x0C\\r ]"),
        'b' if !in_class => out.push_str("(?-u:\\b)"),
        'B' if !in_class => out.push_str("(?-u:\\B)"),
        'Q' => {
            let (quoted, others) = after.split_once("\\E").unwrap_or((after, ""));
            out.push_str(&regex::escape(quoted));
            return others;
        }
        'E' => {}
        'p' | 'P' if after.starts_with('{') => {
            let end = after.find('}').map_or(after.len(), |end| end + 1);
            out.push('\\');
            out.push(letter);
            out.push_str(&after[..end]);
            return &after[end..];
        }
        other if other.is_ascii_punctuation() => {
            if matches!(
                other,
                '<' | '>' | '_' | '"' | '\'' | '/' | '=' | '!' | '@' | '`' | ';' | ',' | ':' | '%'
            ) {
                out.push(other);
            } else {
                out.push('\\');
                out.push(other);
            }
        }
        other => {
            out.push('\\');
            out.push(other);
        }
    }
    after
}

/// Go's `regexp.QuoteMeta`.
pub(crate) fn quote_meta(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if "\\.+*?()|[]{}^$".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
