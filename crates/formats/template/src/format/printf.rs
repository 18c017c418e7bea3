//! `printf`: verbs, flags, widths, and Go's marks for what does not fit.

use super::float;
use crate::value::{Shape, Value};

/// Widths and precisions above this are refused, as in Go.
const WIDTH_MAX: usize = 1_000_000;

/// Go's `fmt.Sprintf`.
pub(crate) fn sprintf(format: &str, arguments: &[Value]) -> String {
    let mut printer = Printer {
        out: String::with_capacity(format.len() + 16 * arguments.len()),
        flags: Flags::default(),
        arguments,
        next: 0,
        reordered: false,
        good_number: true,
        after_index: false,
    };
    printer.run(format);
    printer.out
}

#[derive(Debug, Default, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags that Go's verbs have"
)]
struct Flags {
    sharp: bool,
    sharp_v: bool,
    zero: bool,
    plus: bool,
    minus: bool,
    space: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

struct Printer<'a> {
    out: String,
    flags: Flags,
    arguments: &'a [Value],
    next: usize,
    reordered: bool,
    good_number: bool,
    after_index: bool,
}

impl Printer<'_> {
    fn run(&mut self, format: &str) {
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            self.out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            self.good_number = true;
            self.after_index = false;
            self.flags = Flags::default();
            rest = self.verb(rest);
        }
        self.out.push_str(rest);
        if !self.reordered && self.next < self.arguments.len() {
            self.extra();
        }
    }

    fn extra(&mut self) {
        self.flags = Flags::default();
        self.out.push_str("%!(EXTRA ");
        for (index, argument) in self.arguments[self.next..].iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            if argument.is_nil() {
                self.out.push_str("<nil>");
            } else {
                self.out.push_str(super::type_name(argument));
                self.out.push('=');
                self.argument(argument, 'v');
            }
        }
        self.out.push(')');
    }

    /// Reads flags, width, precision and verb, prints; gives the rest.
    fn verb<'f>(&mut self, format: &'f str) -> &'f str {
        let mut rest = self.read_flags(format);
        rest = self.argument_number(rest);
        rest = self.read_width(rest);
        if rest.starts_with('.') && rest.len() > 1 {
            rest = self.read_precision(&rest[1..]);
        }
        if !self.after_index {
            rest = self.argument_number(rest);
        }
        let Some(verb) = rest.chars().next() else {
            self.out.push_str("%!(NOVERB)");
            return rest;
        };
        if verb == '%' {
            self.out.push('%');
        } else if !self.good_number {
            super::append(&mut self.out, format_args!("%!{verb}(BADINDEX)"));
        } else if let Some(argument) = self.arguments.get(self.next) {
            if verb == 'v' {
                self.flags.sharp_v = self.flags.sharp;
                self.flags.sharp = false;
                self.flags.plus = false;
            }
            self.next += 1;
            self.argument(argument, verb);
        } else {
            super::append(&mut self.out, format_args!("%!{verb}(MISSING)"));
        }
        &rest[verb.len_utf8()..]
    }

    fn read_flags<'f>(&mut self, format: &'f str) -> &'f str {
        for (at, letter) in format.char_indices() {
            match letter {
                '#' => self.flags.sharp = true,
                '0' => self.flags.zero = true,
                '+' => self.flags.plus = true,
                '-' => self.flags.minus = true,
                ' ' => self.flags.space = true,
                _ => return &format[at..],
            }
        }
        ""
    }

    /// `[n]` before a verb, a width or a precision.
    fn argument_number<'f>(&mut self, format: &'f str) -> &'f str {
        if !format.starts_with('[') {
            self.after_index = false;
            return format;
        }
        self.reordered = true;
        let Some(end) = format.find(']') else {
            self.good_number = false;
            return &format[1..];
        };
        match format[1..end].parse::<usize>() {
            Ok(number) if (1..=self.arguments.len()).contains(&number) => {
                self.next = number - 1;
                self.after_index = true;
            }
            _ => self.good_number = false,
        }
        &format[end + 1..]
    }

    fn read_width<'f>(&mut self, format: &'f str) -> &'f str {
        if let Some(rest) = format.strip_prefix('*') {
            match self.number_argument() {
                Some(width) => {
                    self.flags.width = usize::try_from(width.unsigned_abs()).ok();
                    if width < 0 {
                        self.flags.minus = true;
                        self.flags.zero = false;
                    }
                }
                None => self.out.push_str("%!(BADWIDTH)"),
            }
            self.after_index = false;
            return rest;
        }
        let (width, rest) = leading_number(format);
        if self.after_index && width.is_some() {
            self.good_number = false;
        }
        self.flags.width = width;
        rest
    }

    fn read_precision<'f>(&mut self, format: &'f str) -> &'f str {
        if self.after_index {
            self.good_number = false;
        }
        let format = self.argument_number(format);
        if let Some(rest) = format.strip_prefix('*') {
            match self.number_argument() {
                Some(precision) => self.flags.precision = usize::try_from(precision).ok(),
                None => self.out.push_str("%!(BADPREC)"),
            }
            self.after_index = false;
            return rest;
        }
        let (precision, rest) = leading_number(format);
        self.flags.precision = Some(precision.unwrap_or(0));
        rest
    }

    fn number_argument(&mut self) -> Option<i64> {
        let argument = self.arguments.get(self.next)?;
        self.next += 1;
        let number = match argument {
            Value::Int(number) | Value::Int64(number) => *number,
            _ => return None,
        };
        let fits = usize::try_from(number.unsigned_abs()).is_ok_and(|size| size <= WIDTH_MAX);
        fits.then_some(number)
    }

    fn argument(&mut self, value: &Value, verb: char) {
        match verb {
            'T' => {
                let name = super::type_name(value);
                self.text(name);
            }
            'v' if value.is_nil() => self.pad("<nil>"),
            _ if value.is_nil() => {
                super::append(&mut self.out, format_args!("%!{verb}(<nil>)"));
            }
            'p' => self.bad_verb(value, verb),
            _ => self.value(value, verb, 0),
        }
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) {
        if depth > super::DEPTH_MAX {
            self.out.push_str("...");
            return;
        }
        match value {
            Value::Nil | Value::Missing if self.flags.sharp_v => {
                self.out.push_str("interface {}(nil)");
            }
            Value::Nil | Value::Missing => self.out.push_str("<nil>"),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.pad(if *truth { "true" } else { "false" }),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(number) | Value::Int64(number) => {
                self.integer(value, number.unsigned_abs(), *number < 0, verb);
            }
            Value::Uint64(number) if verb == 'v' && self.flags.sharp_v => {
                super::append(&mut self.out, format_args!("0x{number:x}"));
            }
            Value::Uint64(number) => self.integer(value, *number, false, verb),
            Value::Float(number) => self.float(value, *number, verb),
            Value::String(text) => self.string(value, text, verb),
            Value::Bytes(bytes) => match verb {
                's' | 'q' | 'x' | 'X' => {
                    let text = crate::raw::text(bytes.to_vec());
                    self.string(value, &text, verb);
                }
                _ => {
                    let items: Vec<Value> =
                        bytes.iter().map(|b| Value::Uint64((*b).into())).collect();
                    self.items(&items, "[]byte", verb, depth);
                }
            },
            Value::List(list) => self.items(list, super::type_name(value), verb, depth),
            Value::Map(map) => self.map(&map.snapshot(), super::type_name(value), verb, depth),
            Value::Object(object) => match (verb, object.shape()) {
                ('v' | 's' | 'x' | 'X' | 'q', _) if !self.flags.sharp_v => {
                    self.string(value, &object.value_text(), verb);
                }
                (_, Shape::Map(map)) => {
                    self.map(&map.snapshot(), object.type_name(), verb, depth);
                }
                (_, Shape::List(list)) => self.items(&list, object.type_name(), verb, depth),
                (_, Shape::Int(number)) => {
                    self.integer(value, number.unsigned_abs(), number < 0, verb);
                }
                (_, Shape::Struct) => self.bad_verb(value, verb),
            },
        }
    }

    fn items(&mut self, items: &[Value], type_name: &str, verb: char, depth: usize) {
        let sharp = self.flags.sharp_v;
        let (open, between, close) = if sharp {
            ('{', ", ", '}')
        } else {
            ('[', " ", ']')
        };
        if sharp {
            self.out.push_str(type_name);
        }
        self.out.push(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push_str(between);
            }
            self.value(item, verb, depth + 1);
        }
        self.out.push(close);
    }

    fn map(
        &mut self,
        entries: &[(crate::value::Str, Value)],
        type_name: &str,
        verb: char,
        depth: usize,
    ) {
        let sharp = self.flags.sharp_v;
        let (between, close) = if sharp { (", ", '}') } else { (" ", ']') };
        if sharp {
            self.out.push_str(type_name);
            self.out.push('{');
        } else {
            self.out.push_str("map[");
        }
        for (index, (key, item)) in entries.iter().enumerate() {
            if index > 0 {
                self.out.push_str(between);
            }
            self.string(&Value::Nil, key, verb);
            self.out.push(':');
            self.value(item, verb, depth + 1);
        }
        self.out.push(close);
    }

    /// `%!d(float64=1)`
    fn bad_verb(&mut self, value: &Value, verb: char) {
        super::append(&mut self.out, format_args!("%!{verb}("));
        if value.is_nil() {
            self.out.push_str("<nil>");
        } else {
            self.out.push_str(super::type_name(value));
            self.out.push('=');
            self.value(value, 'v', 0);
        }
        self.out.push(')');
    }

    fn string(&mut self, value: &Value, text: &str, verb: char) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' => self.text(text),
            'q' => self.quoted(text),
            'x' | 'X' => self.hexadecimal(text, verb),
            _ if value.is_nil() => self.bad_verb(&Value::from(text), verb),
            _ => self.bad_verb(value, verb),
        }
    }

    fn text(&mut self, text: &str) {
        let text = self.truncated(text);
        self.pad(text);
    }

    fn truncated<'t>(&self, text: &'t str) -> &'t str {
        let Some(precision) = self.flags.precision else {
            return text;
        };
        let end = text.char_indices().nth(precision);
        end.map_or(text, |(at, _)| &text[..at])
    }

    fn quoted(&mut self, text: &str) {
        let text = self.truncated(text);
        let can_be_raw =
            !text.contains(|c: char| c == '`' || (c < ' ' && c != '\t') || c == '\u{7f}');
        let quoted = if self.flags.sharp && can_be_raw {
            format!("`{text}`")
        } else {
            super::quote(text)
        };
        self.pad(&quoted);
    }

    fn hexadecimal(&mut self, text: &str, verb: char) {
        let mut out = String::with_capacity(2 * text.len());
        let bytes = text.as_bytes();
        let end = self
            .flags
            .precision
            .map_or(bytes.len(), |most| most.min(bytes.len()));
        for (index, byte) in bytes[..end].iter().enumerate() {
            let starts = index == 0 || self.flags.space;
            if index > 0 && self.flags.space {
                out.push(' ');
            }
            if self.flags.sharp && starts {
                out.push('0');
                out.push(verb);
            }
            if verb == 'x' {
                super::append(&mut out, format_args!("{byte:02x}"));
            } else {
                super::append(&mut out, format_args!("{byte:02X}"));
            }
        }
        self.pad(&out);
    }

    fn integer(&mut self, value: &Value, size: u64, negative: bool, verb: char) {
        let digits = match verb {
            'v' | 'd' => format!("{size}"),
            'b' => format!("{size:b}"),
            'o' | 'O' => format!("{size:o}"),
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            'c' | 'q' if negative => return self.letter(u64::MAX, verb),
            'c' | 'q' | 'U' => return self.letter(size, verb),
            _ => return self.bad_verb(value, verb),
        };
        let has_sign = negative || self.flags.plus || self.flags.space;
        let least = match self.flags {
            Flags {
                precision: Some(0), ..
            } if size == 0 => return self.blank(),
            Flags {
                precision: Some(precision),
                ..
            } => precision,
            Flags {
                zero: true,
                minus: false,
                width: Some(width),
                ..
            } => width.saturating_sub(usize::from(has_sign)),
            _ => 0,
        };
        let mut out = String::new();
        if has_sign {
            out.push(self.sign(negative));
        }
        match verb {
            'O' => out.push_str("0o"),
            'b' if self.flags.sharp => out.push_str("0b"),
            'x' if self.flags.sharp => out.push_str("0x"),
            'X' if self.flags.sharp => out.push_str("0X"),
            'o' if self.flags.sharp && !digits.starts_with('0') => out.push('0'),
            _ => {}
        }
        out.extend(std::iter::repeat_n('0', least.saturating_sub(digits.len())));
        out.push_str(&digits);
        self.pad_with_spaces(&out);
    }

    fn sign(&self, negative: bool) -> char {
        match (negative, self.flags.plus) {
            (true, _) => '-',
            (false, true) => '+',
            (false, false) => ' ',
        }
    }

    /// `%c`, `%q` and `%U` of a number.
    fn letter(&mut self, code: u64, verb: char) {
        let letter = u32::try_from(code).ok().and_then(char::from_u32);
        let letter = letter.unwrap_or(char::REPLACEMENT_CHARACTER);
        let text = match verb {
            'c' => letter.to_string(),
            'U' => format!("U+{code:04X}"),
            _ => {
                let mut out = String::new();
                super::write_quoted(letter.encode_utf8(&mut [0; 4]), '\'', &mut out);
                out
            }
        };
        self.pad(&text);
    }

    fn float(&mut self, value: &Value, number: f64, verb: char) {
        let precision = self.flags.precision;
        let mut digits = String::new();
        match (verb, float::special(number)) {
            ('v' | 'b' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G', Some(word)) => {
                self.flags.zero = false;
                let keep = word != "NaN" && (number < 0.0 || self.flags.plus);
                let word = if keep {
                    word
                } else {
                    word.trim_start_matches('+')
                };
                return self.pad(word);
            }
            ('v' | 'g', None) => float::general(number, precision, 'e', &mut digits),
            ('G', None) => float::general(number, precision, 'E', &mut digits),
            ('e' | 'E', None) => {
                float::exponent_fixed(number, precision.unwrap_or(6), verb, &mut digits);
            }
            ('b', None) => digits = float::binary(number),
            ('f' | 'F', None) => digits = format!("{number:.*}", precision.unwrap_or(6)),
            _ => return self.bad_verb(value, verb),
        }
        if self.flags.sharp && verb != 'b' {
            let significant = match verb {
                'e' | 'E' | 'f' | 'F' => 0,
                _ => precision.unwrap_or(6),
            };
            digits = float::with_point(&digits, significant);
        }
        let (negative, size) = match digits.strip_prefix('-') {
            Some(size) => (true, size),
            None => (false, digits.as_str()),
        };
        let mut out = String::new();
        let has_sign = negative || self.flags.plus || self.flags.space;
        if has_sign {
            out.push(self.sign(negative));
        }
        if let Flags {
            zero: true,
            minus: false,
            width: Some(width),
            ..
        } = self.flags
        {
            let missing = width.saturating_sub(out.len() + size.len());
            out.extend(std::iter::repeat_n('0', missing));
        }
        out.push_str(size);
        self.pad_with_spaces(&out);
    }

    fn blank(&mut self) {
        let width = self.flags.width.unwrap_or(0);
        self.out.extend(std::iter::repeat_n(' ', width));
    }

    fn pad_with_spaces(&mut self, text: &str) {
        let zero = std::mem::replace(&mut self.flags.zero, false);
        self.pad(text);
        self.flags.zero = zero;
    }

    fn pad(&mut self, text: &str) {
        let width = self.flags.width.unwrap_or(0);
        let missing = match width {
            0 => 0,
            width => width.saturating_sub(text.chars().count()),
        };
        if self.flags.minus {
            self.out.push_str(text);
            self.out.extend(std::iter::repeat_n(' ', missing));
        } else {
            let with = if self.flags.zero { '0' } else { ' ' };
            self.out.extend(std::iter::repeat_n(with, missing));
            self.out.push_str(text);
        }
    }
}

/// Digits at the beginning, and what follows.
fn leading_number(text: &str) -> (Option<usize>, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number = text[..end]
        .parse()
        .ok()
        .filter(|number| *number <= WIDTH_MAX);
    (number, &text[end..])
}
