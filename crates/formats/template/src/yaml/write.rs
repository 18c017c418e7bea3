//! Values as go-yaml v2 writes them, which is what `sigs.k8s.io/yaml` makes of their JSON.

use std::cmp::Ordering;

use super::resolve::{self, Meaning};
use crate::format;
use crate::json;
use crate::value::{Shape, Str, Value};

/// Columns from which a space becomes a line break.
const WIDTH: usize = 80;
/// Bytes from which a key is written with a question mark.
const KEY_BYTES: usize = 128;
/// Values within values. A map may hold itself.
const DEPTH_MAX: usize = 500;

/// Whose style is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// go-yaml v2 behind JSON: `toYaml`.
    Two,
    /// go-yaml v3 with an indentation of two: `toYamlPretty`. Lists stand two further right
    /// than their key, lines are not folded, tabs may stand in literals, floats look like
    /// floats.
    Three,
}

/// The whole text; none if it is longer than `bytes` or too deep.
pub(super) fn document(value: &Value, dialect: Dialect, bytes: usize) -> Option<String> {
    let mut writer = Writer {
        out: String::with_capacity(256),
        dialect,
        bytes,
        depth: 0,
    };
    writer.node(value, None, Context::Root)?;
    if !writer.out.ends_with('\n') {
        writer.out.push('\n');
    }
    Some(writer.out)
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    Root,
    /// Behind `key:`; no space has been written.
    MapValue,
    /// Behind `- `.
    Item,
}

struct Writer {
    out: String,
    dialect: Dialect,
    bytes: usize,
    depth: usize,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

impl Writer {
    /// Writes a value at an indentation, which is that of the map or list around it.
    fn node(&mut self, value: &Value, indent: Option<usize>, context: Context) -> Option<()> {
        if self.out.len() > self.bytes || self.depth > DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        match value {
            Value::Map(map) if map.is_nil() && self.dialect == Dialect::Two => {
                self.word("null", context);
            }
            Value::Map(map) => self.map(&map.entries(), indent, context)?,
            Value::List(list) if list.is_nil() && self.dialect == Dialect::Two => {
                self.word("null", context);
            }
            Value::List(list) => self.list(list, indent, context)?,
            Value::Object(object) => match object.shape() {
                Shape::Map(map) => self.map(&map.entries(), indent, context)?,
                Shape::List(list) => self.list(&list, indent, context)?,
                Shape::Int(number) => self.word(&number.to_string(), context),
                // go-yaml v3 knows times.
                Shape::Struct
                    if self.dialect == Dialect::Three && object.type_name() == "time.Time" =>
                {
                    self.word(&object.json_text(), context);
                }
                Shape::Struct => match object.json_fields() {
                    Some(fields) => {
                        let fields = fields.into_iter();
                        let fields = fields.map(|(name, value)| (Str::from(name), value));
                        self.map(&fields.collect(), indent, context)?;
                    }
                    None => self.text(&object.json_text(), indent, context),
                },
            },
            Value::String(text) => self.text(text, indent, context),
            // go-yaml v3 takes them for numbers.
            Value::Bytes(bytes) if self.dialect == Dialect::Three => {
                let items = bytes.iter().map(|byte| Value::Uint64((*byte).into()));
                self.list(&items.collect::<Vec<_>>(), indent, context)?;
            }
            Value::Bytes(bytes) => self.text(&json::base64(bytes), indent, context),
            Value::Nil | Value::Missing => self.word("null", context),
            Value::Bool(truth) => self.word(if *truth { "true" } else { "false" }, context),
            Value::Int(number) | Value::Int64(number) => self.word(&number.to_string(), context),
            Value::Uint64(number) => self.word(&number.to_string(), context),
            Value::Float(number) if self.dialect == Dialect::Three => {
                self.word(&plain_float(*number), context);
            }
            Value::Float(number) => self.word(&float(*number)?, context),
        }
        self.depth -= 1;
        Some(())
    }

    fn word(&mut self, word: &str, context: Context) {
        self.space(context);
        self.out.push_str(word);
    }

    fn space(&mut self, context: Context) {
        if context == Context::MapValue {
            self.out.push(' ');
        }
    }

    fn map(
        &mut self,
        entries: &std::collections::BTreeMap<Str, Value>,
        indent: Option<usize>,
        context: Context,
    ) -> Option<()> {
        if entries.is_empty() {
            self.word("{}", context);
            return Some(());
        }
        let inner = indent.map_or(0, |indent| indent + 2);
        let mut sorted: Vec<(&Str, &Value)> = entries.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| natural(a, b, self.dialect));
        for (index, (key, value)) in sorted.into_iter().enumerate() {
            if index > 0 || context == Context::MapValue {
                self.line(inner);
            }
            self.key(key, inner);
            self.node(value, Some(inner), Context::MapValue)?;
        }
        Some(())
    }

    fn key(&mut self, key: &str, indent: usize) {
        let is_simple = key.len() <= KEY_BYTES && !key.contains('\n');
        if is_simple {
            let style = style(key, true, self.dialect);
            self.scalar(key, style, indent, false);
        } else {
            self.out.push_str("? ");
            self.text(key, Some(indent), Context::Item);
            self.line(indent);
        }
        self.out.push(':');
    }

    fn list(&mut self, items: &[Value], indent: Option<usize>, context: Context) -> Option<()> {
        if items.is_empty() {
            self.word("[]", context);
            return Some(());
        }
        let inner = match (indent, context) {
            (None, _) => 0,
            // A list stands as far left as the key it belongs to.
            (Some(indent), Context::MapValue) if self.dialect == Dialect::Two => indent,
            (Some(indent), _) => indent + 2,
        };
        for (index, item) in items.iter().enumerate() {
            if index > 0 || context == Context::MapValue {
                self.line(inner);
            }
            self.out.push_str("- ");
            self.node(item, Some(inner), Context::Item)?;
        }
        Some(())
    }

    fn line(&mut self, indent: usize) {
        // A literal that ends in line breaks has written the last one itself.
        if !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn text(&mut self, text: &str, indent: Option<usize>, context: Context) {
        let text = &*crate::raw::shown(text);
        self.space(context);
        let indent = indent.map_or(2, |indent| indent + 2);
        let style = style(text, false, self.dialect);
        self.scalar(text, style, indent, self.dialect == Dialect::Two);
    }

    fn scalar(&mut self, text: &str, style: Style, indent: usize, folds: bool) {
        match style {
            Style::Plain => self.folded(text, indent, folds, |writer, letter| {
                writer.out.push(letter);
            }),
            Style::Single => {
                self.out.push('\'');
                self.folded(text, indent, folds, |writer, letter| {
                    if letter == '\'' {
                        writer.out.push('\'');
                    }
                    writer.out.push(letter);
                });
                self.out.push('\'');
            }
            Style::Double => self.double(text, indent, folds),
            Style::Literal => self.literal(text, indent),
        }
    }

    fn column(&self) -> usize {
        let line = self.out.rfind('\n').map_or(0, |newline| newline + 1);
        self.out[line..].chars().count()
    }

    /// Plain and single-quoted text: a lone space beyond the width becomes a line break.
    fn folded(&mut self, text: &str, indent: usize, folds: bool, push: impl Fn(&mut Self, char)) {
        let is_plain_copy = !text.contains('\'');
        let mut column = self.column();
        if is_plain_copy && (!folds || column + text.len() <= WIDTH) {
            self.out.push_str(text);
            return;
        }
        let mut was_space = false;
        let mut letters = text.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            if letter == ' ' {
                let next_is_space = letters.peek().is_some_and(|(_, next)| *next == ' ');
                let inside = at > 0 && letters.peek().is_some();
                if folds && !was_space && column > WIDTH && inside && !next_is_space {
                    self.line(indent);
                    column = indent;
                } else {
                    self.out.push(' ');
                    column += 1;
                }
                was_space = true;
            } else {
                let before = self.out.len();
                push(self, letter);
                column += if letter == '\'' {
                    self.out.len() - before
                } else {
                    1
                };
                was_space = false;
            }
        }
    }

    fn double(&mut self, text: &str, indent: usize, folds: bool) {
        self.out.push('"');
        let mut column = self.column();
        let mut was_space = false;
        let mut letters = text.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            let before = self.out.len();
            if letter == ' ' {
                let next = letters.peek().map(|(_, next)| *next);
                if folds && !was_space && column > WIDTH && at > 0 && next.is_some() {
                    self.line(indent);
                    column = indent;
                    if next == Some(' ') {
                        self.out.push('\\');
                        column += 1;
                    }
                } else {
                    self.out.push(' ');
                    column += 1;
                }
                was_space = true;
                continue;
            }
            was_space = false;
            // go-yaml looks for a byte order mark at the beginning of the text, whatever letter it is at.
            if needs_escape(letter) || text.starts_with('\u{feff}') {
                escape(letter, &mut self.out);
                column += self.out.len() - before;
            } else {
                self.out.push(letter);
                column += 1;
            }
        }
        self.out.push('"');
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.out.push('|');
        if text.starts_with([' ', '\n']) {
            self.out.push('2');
        }
        if !text.ends_with('\n') {
            self.out.push('-');
        } else if text == "\n" || text.ends_with("\n\n") {
            self.out.push('+');
        }
        self.out.push('\n');
        let body = text.strip_suffix('\n').unwrap_or(text);
        for (index, line) in body.split('\n').enumerate() {
            if index > 0 {
                self.out.push('\n');
            }
            if !line.is_empty() {
                self.out.extend(std::iter::repeat_n(' ', indent));
                self.out.push_str(line);
            }
        }
        if text.ends_with('\n') {
            self.out.push('\n');
        }
    }
}

/// A float as JSON and then YAML write it: whole numbers without exponent up to 64 bits.
fn float(number: f64) -> Option<String> {
    let written = json::float(number)?;
    Some(match resolve::resolve(&written) {
        Meaning::Integer(value) => value.to_string(),
        Meaning::Unsigned(value) => value.to_string(),
        _ => plain_float(number),
    })
}

/// A float as go-yaml writes it.
fn plain_float(number: f64) -> String {
    let mut out = String::new();
    format::shortest(number, &mut out);
    match out.as_str() {
        "+Inf" => ".inf".to_owned(),
        "-Inf" => "-.inf".to_owned(),
        "NaN" => ".nan".to_owned(),
        _ => out,
    }
}

/// What an analysis of a text allows (`yaml_emitter_analyze_scalar`).
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the answers of go-yaml's analysis"
)]
struct Allowed {
    plain: bool,
    single: bool,
    block: bool,
    multiline: bool,
}

fn style(text: &str, is_key: bool, dialect: Dialect) -> Style {
    let meaning = match resolve::resolve(text) {
        // go-yaml takes it for no more than text when it writes.
        Meaning::Merge => Meaning::Text,
        meaning => meaning,
    };
    let reads_as_text = meaning == Meaning::Text && !resolve::is_base_60(text);
    let allowed = analyze(text, dialect);
    if text.contains('\n') {
        let literal = allowed.block && !is_key;
        return if literal {
            Style::Literal
        } else {
            Style::Double
        };
    }
    if !reads_as_text || (is_key && allowed.multiline) {
        return Style::Double;
    }
    if allowed.plain {
        Style::Plain
    } else if allowed.single {
        Style::Single
    } else {
        Style::Double
    }
}

fn analyze(text: &str, dialect: Dialect) -> Allowed {
    let first = text.chars().next().unwrap_or(' ');
    let mut indicators = text.starts_with("---") || text.starts_with("...");
    let (mut special, mut tabs) = (false, false);
    let mut multiline = false;
    let (mut break_space, mut space_break) = (false, false);
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    let mut is_first = true;
    while let Some(letter) = letters.next() {
        let ends_word = letters.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
        indicators |= match letter {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
            | '@' | '`'
                if is_first =>
            {
                true
            }
            '?' | '-' if is_first => ends_word,
            ':' => ends_word,
            '#' => is_blank_or_break(before),
            _ => false,
        };
        if letter == '\t' && dialect == Dialect::Three {
            tabs = true;
        } else {
            special |= !is_printable(letter);
        }
        if is_break(letter) {
            multiline = true;
            space_break |= before == ' ' && !is_first;
        } else if letter == ' ' {
            break_space |= is_break(before) && !is_first;
        }
        before = letter;
        is_first = false;
    }
    let edge = |letter: char| letter == ' ' || is_break(letter);
    let at_edge = edge(first) || edge(before);
    let unquotable = space_break || special || tabs;
    Allowed {
        plain: !(at_edge || break_space || unquotable || multiline || indicators),
        single: !(break_space || unquotable),
        block: !(before == ' ' || space_break || special),
        multiline,
    }
}

const fn is_break(letter: char) -> bool {
    matches!(letter, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

const fn is_blank_or_break(letter: char) -> bool {
    matches!(letter, ' ' | '\t') || is_break(letter)
}

/// go-yaml v2's `is_printable`: nothing beyond the basic plane.
const fn is_printable(letter: char) -> bool {
    matches!(letter,
        '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && letter != '\u{feff}'
}

const fn needs_escape(letter: char) -> bool {
    !is_printable(letter) || is_break(letter) || matches!(letter, '"' | '\\')
}

/// Appends an escape of a double-quoted scalar.
pub(super) fn escape(letter: char, out: &mut String) {
    out.push('\\');
    let short = match letter {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' | '\\' => letter,
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        other => {
            let code = u32::from(other);
            match code {
                0..=0xff => format::append(out, format_args!("x{code:02X}")),
                0x100..=0xffff => format::append(out, format_args!("u{code:04X}")),
                _ => format::append(out, format_args!("U{code:08X}")),
            }
            return;
        }
    };
    out.push(short);
}

/// The order of keys: digits by their value, letters after everything else
/// (go-yaml's `keyList.Less`).
fn natural(left: &str, right: &str, dialect: Dialect) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    if less(left, right, dialect) {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

fn less(left: &str, right: &str, dialect: Dialect) -> bool {
    let shared = left
        .char_indices()
        .zip(right.chars())
        .find(|((_, a), b)| a != b);
    let Some(((at, a), b)) = shared else {
        return left.len() < right.len();
    };
    match (a.is_alphabetic(), b.is_alphabetic()) {
        (true, true) => return a < b,
        (false, false) => {}
        (left_is_letter, right_is_letter) => {
            let behind_digit = left[..at].ends_with(|c: char| c.is_ascii_digit());
            return if behind_digit && dialect == Dialect::Three {
                left_is_letter
            } else {
                right_is_letter
            };
        }
    }
    let mut start = 0_i64;
    if a == '0' || b == '0' {
        let digits = left[..at].bytes().rev().take_while(u8::is_ascii_digit);
        if digits.into_iter().any(|digit| digit != b'0') {
            start = 1;
        }
    }
    let (left_number, left_count) = leading_number(&left[at..], start);
    let (right_number, right_count) = leading_number(&right[at..], start);
    if left_number != right_number {
        return left_number < right_number;
    }
    if left_count != right_count {
        return left_count < right_count;
    }
    a < b
}

fn leading_number(text: &str, start: i64) -> (i64, usize) {
    let mut number = start;
    let mut count = 0;
    for digit in text.bytes().take_while(u8::is_ascii_digit) {
        number = number
            .wrapping_mul(10)
            .wrapping_add(i64::from(digit - b'0'));
        count += 1;
    }
    (number, count)
}
