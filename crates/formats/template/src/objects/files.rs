//! `.Files` (Helm's `pkg/engine/files.go`).

use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use regex::Regex;

use crate::format;
use crate::functions::base;
use crate::json;
use crate::value::{CallError, List, Map, MapKind, Object, Shape, Str, Value};
use crate::yaml;

/// `.Files`: path below the chart's folder and content.
pub fn files(files: BTreeMap<String, Arc<[u8]>>) -> Value {
    let entries = files
        .into_iter()
        .map(|(path, content)| (Str::from(path), Value::Bytes(content)));
    Value::Object(Rc::new(Files(Map::of(MapKind::Any, entries.collect()))))
}

struct Files(Map);

impl Files {
    fn content(&self, path: &str) -> Arc<[u8]> {
        match self.0.get(path) {
            Some(Value::Bytes(content)) => content,
            _ => Arc::from([]),
        }
    }

    fn glob(&self, pattern: &str) -> Self {
        let matcher = glob(pattern);
        let found = self.0.snapshot().into_iter().filter(|(path, _)| {
            matcher
                .as_ref()
                .is_none_or(|matcher| matcher.is_match(path))
        });
        Self(Map::of(MapKind::Any, found.collect()))
    }

    /// Names without folders and contents, as YAML.
    fn as_yaml(&self, value: fn(&[u8]) -> Result<Value, CallError>) -> Result<Value, CallError> {
        let mut entries = BTreeMap::new();
        for (path, content) in self.0.snapshot() {
            if let Value::Bytes(content) = content {
                entries.insert(Str::from(base(&path)), value(&content)?);
            }
        }
        let mut text = yaml::write(&Value::Map(Map::of(MapKind::Any, entries)));
        text.truncate(text.trim_end_matches('\n').len());
        Ok(Value::text(text))
    }
}

/// The text of a file; bytes that are no UTF-8 are kept.
#[expect(clippy::unnecessary_wraps, reason = "one of two ways to write a file")]
fn text(bytes: &[u8]) -> Result<Value, CallError> {
    Ok(Value::text(crate::raw::text(bytes.to_vec())))
}

impl Object for Files {
    fn type_name(&self) -> &'static str {
        "engine.files"
    }

    fn shape(&self) -> Shape {
        Shape::Map(self.0.clone())
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.0.get(name)
    }

    fn method(&self, name: &str) -> Option<usize> {
        match name {
            "Get" | "GetBytes" | "Glob" | "Lines" => Some(1),
            "AsConfig" | "AsSecrets" => Some(0),
            _ => None,
        }
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, CallError> {
        match name {
            "AsConfig" => return self.as_yaml(text),
            "AsSecrets" => return self.as_yaml(|bytes| Ok(Value::text(json::base64(bytes)))),
            _ => {}
        }
        let Some(Value::String(argument)) = arguments.first() else {
            return Err(CallError(
                "wrong type for value; expected string".to_owned(),
            ));
        };
        match name {
            "Get" => text(&self.content(argument)),
            "GetBytes" => Ok(Value::Bytes(self.content(argument))),
            "Glob" => Ok(Value::Object(Rc::new(self.glob(argument)))),
            _ => {
                if !self.0.has(argument) {
                    return Ok(Value::List(List::of_texts(Vec::<Str>::new())));
                }
                let Value::String(all) = text(&self.content(argument))? else {
                    return Ok(Value::Nil);
                };
                let bare = all.strip_suffix('\n').unwrap_or(&all);
                Ok(Value::List(List::of_texts(bare.split('\n'))))
            }
        }
    }

    fn text(&self) -> String {
        format::display(&Value::Map(self.0.clone()))
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn Any> {
        self
    }
}

/// `github.com/gobwas/glob` with the slash as separator; none for a bad pattern, for which
/// Helm takes all files.
fn glob(pattern: &str) -> Option<Regex> {
    let mut out = String::from("(?s)^");
    let mut letters = pattern.chars().peekable();
    let mut depth = 0_usize;
    while let Some(letter) = letters.next() {
        match letter {
            '*' if letters.peek() == Some(&'*') => {
                while letters.peek() == Some(&'*') {
                    letters.next();
                }
                out.push_str(".*");
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => {
                out.push('[');
                if letters.peek() == Some(&'!') {
                    letters.next();
                    out.push('^');
                }
                for inner in letters.by_ref() {
                    if inner == ']' {
                        break;
                    }
                    if matches!(inner, '[' | '\\' | '^' | '&' | '~') {
                        out.push('\\');
                    }
                    out.push(inner);
                }
                out.push(']');
            }
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            '\\' => out.push_str(&regex::escape(&letters.next()?.to_string())),
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    out.push('$');
    Regex::new(&out).ok()
}
