//! TOML as `github.com/BurntSushi/toml` reads it, with its words for what is wrong.

use std::collections::BTreeSet;

use super::key;
use super::scalar::{Scalar, number};
use crate::format::quote;
use crate::value::{Map, Value};

/// Arrays and tables within each other.
const DEPTH_MAX: usize = 100;

/// Reads a text as a table; the error is the library's words.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let mut reader = Reader {
        text: text.strip_prefix('\u{feff}').unwrap_or(text),
        at: 0,
        root: Map::new(),
        outer: Vec::new(),
        context: Vec::new(),
        current: String::new(),
        implicit: BTreeSet::new(),
        depth: 0,
    };
    reader.top()?;
    Ok(Value::Map(reader.root))
}

pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    root: Map,
    /// Where the inline table that is being read stands.
    outer: Vec<String>,
    /// The table that is being filled.
    context: Vec<String>,
    /// The last part of the key whose value is being read.
    current: String,
    /// Tables that only keys below them have named so far.
    implicit: BTreeSet<Vec<String>>,
    depth: usize,
}

impl<'t> Reader<'t> {
    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The next letter, if TOML allows it.
    pub(super) fn next(&mut self) -> Result<Option<char>, String> {
        let Some(letter) = self.peek() else {
            return Ok(None);
        };
        let is_control = matches!(letter, '\0'..='\u{8}' | '\u{b}'..='\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}')
            || letter == '\r' && !self.rest().starts_with("\r\n");
        if is_control {
            let code = u32::from(letter);
            return Err(self.fault(&format!(
                "TOML files cannot contain control characters: '0x{code:02x}'"
            )));
        }
        self.at += letter.len_utf8();
        Ok(Some(letter))
    }

    fn accept(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t')) {
            self.at += 1;
        }
    }

    /// Blanks, ends of lines and comments.
    fn space(&mut self) -> Result<(), String> {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\n' | '\r') => {
                    self.next()?;
                }
                Some('#') => self.comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Result<(), String> {
        while !matches!(self.peek(), None | Some('\n' | '\r')) {
            self.next()?;
        }
        Ok(())
    }

    /// A fault here; what was read last may have ended its line.
    pub(super) fn fault(&self, words: &str) -> String {
        let before = &self.text[..self.at];
        let at_end = self.at >= self.text.len() && before.ends_with('\n');
        let line = 1 + before.matches('\n').count() - usize::from(at_end);
        self.fault_in(line, words)
    }

    /// A fault in the line before a letter that was read.
    fn fault_before(&self, words: &str) -> String {
        let line = self.text[..self.at].trim_end_matches(['\n', '\r']);
        self.fault_in(1 + line.matches('\n').count(), words)
    }

    fn fault_in(&self, line: usize, words: &str) -> String {
        let path = self.outer.iter().chain(&self.context);
        let mut path: Vec<String> = path.map(|part| key(part)).collect();
        if !self.current.is_empty() {
            path.push(self.current.clone());
        }
        match path.join(".") {
            path if path.is_empty() => format!("toml: line {line}: {words}"),
            path => format!("toml: line {line} (last key {}): {words}", quote(&path)),
        }
    }

    fn top(&mut self) -> Result<(), String> {
        loop {
            self.space()?;
            match self.peek() {
                None => return Ok(()),
                Some('[') => self.header()?,
                Some(_) => self.pair()?,
            }
            self.blanks();
            match self.next()? {
                None => return Ok(()),
                Some('#') => self.comment()?,
                Some('\n' | '\r') => {}
                Some(other) => {
                    let shown = shown(other);
                    return Err(self.fault(&format!(
                        "expected a top-level item to end with a newline, comment, or EOF, but got {shown} instead"
                    )));
                }
            }
        }
    }

    /// `[a.b]` or `[[a.b]]`
    fn header(&mut self) -> Result<(), String> {
        self.at += 1;
        let is_list = self.accept("[");
        let mut path = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                None | Some(']') => {
                    let words = "unexpected end of table name (table names cannot be empty)";
                    return Err(self.fault(words));
                }
                Some('.') => {
                    let words = "unexpected table separator (table names cannot be empty)";
                    return Err(self.fault(words));
                }
                Some(_) => path.push(self.name()?),
            }
            self.blanks();
            match self.next()? {
                Some('.') => {}
                Some(']') => break,
                other => {
                    let shown = other.map_or("'\\x00'".to_owned(), shown);
                    let words =
                        format!("expected '.' or ']' to end table name, but got {shown} instead");
                    return Err(self.fault(&words));
                }
            }
        }
        if is_list {
            match self.next()? {
                Some(']') => {}
                other => {
                    let shown = other.map_or("'\\x00'".to_owned(), shown);
                    let words = format!(
                        "expected end of table array name delimiter ']', but got {shown} instead"
                    );
                    return Err(self.fault(&words));
                }
            }
        }
        self.enter(&path, is_list)
    }

    /// A bare or quoted part of a key.
    fn name(&mut self) -> Result<String, String> {
        match self.peek() {
            Some('"') => {
                self.at += 1;
                self.basic_string()
            }
            Some('\'') => {
                self.at += 1;
                self.literal_string()
            }
            _ => {
                let rest = self.rest();
                let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
                let end = rest.find(|c: char| !is_bare(c)).unwrap_or(rest.len());
                self.at += end;
                Ok(rest[..end].to_owned())
            }
        }
    }

    /// A key with its parts, up to the sign behind it.
    fn key_path(&mut self) -> Result<Vec<String>, String> {
        self.blanks();
        match self.peek() {
            None | Some('=') => return Err(self.fault("unexpected '=': key name appears blank")),
            Some('.') => return Err(self.fault("unexpected '.': keys cannot start with a '.'")),
            Some(_) => {}
        }
        let mut path = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                None | Some('=') => return Err(self.fault("unexpected '='")),
                Some('.') => return Err(self.fault("unexpected '.'")),
                Some(_) => path.push(self.name()?),
            }
            self.blanks();
            match self.next()? {
                Some('.') => {}
                Some('=') => return Ok(path),
                None => {
                    return Err(self.fault("unexpected EOF; expected key separator '='"));
                }
                Some(other) => {
                    let words = format!("expected '.' or '=', but got {} instead", shown(other));
                    return Err(if other == '\n' {
                        self.fault_before(&words)
                    } else {
                        self.fault(&words)
                    });
                }
            }
        }
    }

    fn pair(&mut self) -> Result<(), String> {
        let outer = self.context.clone();
        let mut path = self.key_path()?;
        self.current = path.pop().unwrap_or_default();
        for part in path {
            let mut below = self.context.clone();
            below.push(part);
            self.implicit.insert(below.clone());
            self.enter(&below, false)?;
        }
        let name = self.current.clone();
        let value = self.value()?;
        self.current.clone_from(&name);
        self.put(&name, value)?;
        self.context = outer;
        // In an inline table Go remembers the key while the table goes on.
        if self.outer.is_empty() {
            self.current.clear();
        }
        Ok(())
    }

    pub(super) fn value(&mut self) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fault("arrays and tables are nested too deeply"));
        }
        self.blanks();
        let value = match self.peek() {
            Some('[') => self.array()?,
            Some('{') => self.inline_table()?,
            Some('"') => {
                self.at += 1;
                if self.accept("\"\"") {
                    Value::text(self.basic_lines()?)
                } else {
                    Value::text(self.basic_string()?)
                }
            }
            Some('\'') => {
                self.at += 1;
                if self.accept("''") {
                    Value::text(self.literal_lines()?)
                } else {
                    Value::text(self.literal_string()?)
                }
            }
            _ => self.scalar()?,
        };
        self.depth -= 1;
        Ok(value)
    }

    fn scalar(&mut self) -> Result<Value, String> {
        let Scalar { value, end } = match number(self.rest()) {
            Ok(found) => found,
            Err((end, words)) => {
                self.at += end;
                return Err(if self.text[..self.at].ends_with('\n') {
                    self.fault_before(&words)
                } else {
                    self.fault(&words)
                });
            }
        };
        self.at += end;
        Ok(value)
    }

    fn array(&mut self) -> Result<Value, String> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.space()?;
            match self.peek() {
                Some(']') => break,
                Some(',') => {
                    self.at += 1;
                    return Err(self.fault("unexpected comma"));
                }
                _ => items.push(self.value()?),
            }
            self.space()?;
            match self.next()? {
                Some(',') => {}
                Some(']') => return Ok(Value::list(items)),
                other => {
                    let found = other.map_or("end of file".to_owned(), |c| format!("'{c}'"));
                    return Err(self.fault(&format!(
                        "expected a comma (',') or array terminator (']'), but got {found}"
                    )));
                }
            }
        }
        self.at += 1;
        Ok(Value::list(items))
    }

    fn inline_table(&mut self) -> Result<Value, String> {
        self.at += 1;
        // A table of its own: what it holds is only known by it.
        let root = std::mem::take(&mut self.root);
        let context = std::mem::take(&mut self.context);
        let implicit = std::mem::take(&mut self.implicit);
        let current = std::mem::take(&mut self.current);
        let outer = self.outer.clone();
        self.outer.extend(context.iter().cloned());
        self.outer.push(current.clone());
        let done = self.inline_pairs();
        let table = std::mem::replace(&mut self.root, root);
        if done.is_ok() {
            self.outer = outer;
            self.context = context;
            self.current = current;
        }
        self.implicit = implicit;
        done.map(|()| Value::Map(table))
    }

    fn inline_pairs(&mut self) -> Result<(), String> {
        loop {
            self.space()?;
            match self.peek() {
                Some('}') => break,
                Some(',') => {
                    self.at += 1;
                    return Err(self.fault("unexpected comma"));
                }
                _ => self.pair()?,
            }
            self.space()?;
            match self.next()? {
                Some(',') => {}
                Some('}') => return Ok(()),
                other => {
                    let found = other.map_or("end of file".to_owned(), |c| format!("'{c}'"));
                    return Err(self.fault(&format!(
                        "expected a comma or an inline table terminator '}}', but got {found} instead"
                    )));
                }
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Goes into a table, which is made if need be.
    fn enter(&mut self, path: &[String], is_list: bool) -> Result<(), String> {
        let Some((last, above)) = path.split_last() else {
            return Ok(());
        };
        let mut table = self.root.clone();
        for (at, part) in above.iter().enumerate() {
            if !table.has(part) {
                self.implicit.insert(path[..=at].to_vec());
                table.insert(part.as_str(), Value::Map(Map::new()));
            }
            let Some(inner) = inside(table.get(part)) else {
                let name = joined(&path[..=at]);
                let words = format!("Key '{name}' was already created as a hash.");
                return Err(self.fault(&words));
            };
            table = inner;
        }
        self.context = above.to_vec();
        if is_list {
            let items = match table.get(last) {
                None => Vec::new(),
                Some(Value::List(list)) if list.iter().all(|item| item.as_map().is_some()) => {
                    list.to_vec()
                }
                Some(_) => {
                    let name = joined(path);
                    return Err(self.fault(&format!(
                        "Key '{name}' was already created and cannot be used as an array."
                    )));
                }
            };
            let items = items.into_iter().chain([Value::Map(Map::new())]);
            table.insert(last.as_str(), Value::list(items.collect()));
        } else {
            self.put(last, Value::Map(Map::new()))?;
        }
        self.context.push(last.clone());
        Ok(())
    }

    /// Sets a key of the table that is being filled.
    fn put(&mut self, name: &str, value: Value) -> Result<(), String> {
        let mut table = self.root.clone();
        for (at, part) in self.context.iter().enumerate() {
            let Some(inner) = inside(table.get(part)) else {
                let name = joined(&self.context[..=at]);
                let words = format!("Key '{name}' has already been defined.");
                return Err(self.fault(&words));
            };
            table = inner;
        }
        let mut path = self.context.clone();
        path.push(name.to_owned());
        if !table.has(name) {
            table.insert(name, value);
        } else if !self.implicit.remove(&path) {
            let words = format!("Key '{}' has already been defined.", joined(&path));
            return Err(self.fault(&words));
        }
        Ok(())
    }
}

/// The table, or the last of a list of tables.
fn inside(value: Option<Value>) -> Option<Map> {
    match value? {
        Value::Map(map) => Some(map),
        Value::List(list) => list.last()?.as_map().cloned(),
        _ => None,
    }
}

fn joined(path: &[String]) -> String {
    let parts: Vec<String> = path.iter().map(|part| key(part)).collect();
    parts.join(".")
}

/// Go's `%q` of a letter.
pub(super) fn shown(letter: char) -> String {
    match letter {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        other => {
            let quoted = quote(&other.to_string());
            format!("'{}'", &quoted[1..quoted.len() - 1])
        }
    }
}
