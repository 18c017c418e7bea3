//! Nodes of YAML into values, by go-yaml v2's rules (`decoder` of `decode.go`) and then those of `sigs.k8s.io/yaml`,
//! which goes through JSON: numbers become floats, keys become text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::YamlError;
use super::compose::{Composer, Document, Id, Node};
use super::resolve::{Meaning, resolve};
use super::scan::Fault;
use crate::format;
use crate::value::{Map, MapKind, Str, Value};

/// Values within values, aliases followed.
const DEPTH_MAX: usize = 400;

const TAG_PREFIX: &str = "tag:yaml.org,2002:";

/// The first document; nil without one.
pub(super) fn first(text: &str) -> Result<Value, YamlError> {
    let document = Composer::new(text).document()?;
    Ok(match document {
        Some(document) => value(&document)?,
        None => Value::Nil,
    })
}

/// Every document.
pub(super) fn all(text: &str) -> Result<Vec<Value>, YamlError> {
    let mut composer = Composer::new(text);
    let mut documents = Vec::new();
    while let Some(document) = composer.document()? {
        documents.push(value(&document)?);
    }
    Ok(documents)
}

fn value(document: &Document<'_>) -> Result<Value, Fault> {
    let mut decoder = Decoder {
        nodes: document,
        depth: 0,
        decoded: 0,
        aliased: 0,
        open: Vec::new(),
    };
    decoder.value(0)
}

struct Decoder<'d, 't> {
    nodes: &'d Document<'t>,
    depth: usize,
    /// Values made so far, and those of them that aliases made.
    decoded: u32,
    aliased: u32,
    /// Aliases that are being followed.
    open: Vec<Id>,
}

/// go-yaml's `allowedAliasRatio`: how much of a document aliases may make.
fn aliased_max(decoded: u32) -> f64 {
    let (low, high) = (400_000.0, 4_000_000.0);
    let decoded = f64::from(decoded);
    if decoded <= low {
        0.99
    } else if decoded >= high {
        0.10
    } else {
        0.99 - 0.89 * ((decoded - low) / (high - low))
    }
}

impl Decoder<'_, '_> {
    fn count(&mut self) -> Result<(), Fault> {
        self.decoded += 1;
        if !self.open.is_empty() {
            self.aliased += 1;
        }
        let is_excessive = self.aliased > 100
            && self.decoded > 1000
            && f64::from(self.aliased) / f64::from(self.decoded) > aliased_max(self.decoded);
        if is_excessive {
            return Err("yaml: document contains excessive aliasing".to_owned());
        }
        if self.depth > DEPTH_MAX {
            return Err("yaml: exceeded max depth".to_owned());
        }
        Ok(())
    }

    /// Goes on behind an alias.
    fn follow<T>(
        &mut self,
        alias: Id,
        name: &str,
        then: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if self.open.contains(&alias) {
            return Err(format!("yaml: anchor '{name}' value contains itself"));
        }
        self.open.push(alias);
        let done = then(self);
        self.open.pop();
        done
    }

    fn value(&mut self, id: Id) -> Result<Value, Fault> {
        self.count()?;
        self.depth += 1;
        let nodes = self.nodes;
        let done = match &nodes[id] {
            Node::Alias(name, of) => self.follow(id, name, |decoder| decoder.value(*of)),
            Node::Scalar {
                text,
                tag,
                is_implicit,
            } => scalar(text, tag, *is_implicit),
            Node::Sequence(items) => {
                let items = items.iter().map(|item| self.value(*item));
                items.collect::<Result<_, _>>().map(Value::list)
            }
            Node::Mapping(pairs) => {
                let mut entries = BTreeMap::new();
                self.entries(pairs, &mut entries)
                    .map(|()| Value::Map(Map::of(MapKind::Any, entries)))
            }
        };
        self.depth -= 1;
        done
    }

    fn entries(
        &mut self,
        pairs: &[(Id, Id)],
        entries: &mut BTreeMap<Str, Value>,
    ) -> Result<(), Fault> {
        for (key, value) in pairs {
            if self.is_merge(*key) {
                self.merge(*value, entries)?;
                continue;
            }
            let name = self.key(*key, *value)?;
            let value = self.value(*value)?;
            entries.insert(name, value);
        }
        Ok(())
    }

    fn is_merge(&self, key: Id) -> bool {
        match &self.nodes[key] {
            Node::Scalar {
                text,
                tag,
                is_implicit,
            } => text == "<<" && (*is_implicit || *tag == "tag:yaml.org,2002:merge"),
            _ => false,
        }
    }

    /// `<<`: a map, or maps of which earlier ones take precedence. What stands before it is
    /// overwritten, what follows it overwrites, as go-yaml v2 does.
    fn merge(&mut self, from: Id, entries: &mut BTreeMap<Str, Value>) -> Result<(), Fault> {
        match &self.nodes[from] {
            Node::Sequence(items) => {
                for item in items.iter().rev() {
                    self.merge_one(*item, entries)?;
                }
                Ok(())
            }
            _ => self.merge_one(from, entries),
        }
    }

    fn merge_one(&mut self, from: Id, entries: &mut BTreeMap<Str, Value>) -> Result<(), Fault> {
        let nodes = self.nodes;
        self.count()?;
        match &nodes[from] {
            Node::Mapping(pairs) => self.entries(pairs, entries),
            Node::Alias(name, of) if let Node::Mapping(pairs) = &nodes[*of] => {
                self.follow(from, name, |decoder| {
                    decoder.count()?;
                    decoder.entries(pairs, entries)
                })
            }
            _ => Err("yaml: map merge requires map or sequence of maps as the value".to_owned()),
        }
    }

    fn key(&mut self, id: Id, value: Id) -> Result<Str, Fault> {
        self.count()?;
        let nodes = self.nodes;
        let (text, tag, is_implicit) = match &nodes[id] {
            Node::Alias(name, of) => {
                return self.follow(id, name, |decoder| decoder.key(*of, value));
            }
            Node::Scalar {
                text,
                tag,
                is_implicit,
            } => (text, tag, *is_implicit),
            Node::Sequence(_) | Node::Mapping(_) => {
                // What is wrong within is told first.
                self.value(id)?;
                let shown = self.go_syntax(id, 0);
                return Err(format!("yaml: invalid map key: {shown}"));
            }
        };
        let unsupported = |kind: &str, key: &str| {
            let value = self.go_syntax(value, 0);
            format!("unsupported map key of type: {kind}, key: {key}, value: {value}")
        };
        Ok(match meaning(text, tag, is_implicit)? {
            Meaning::Integer(number) => number.to_string().into(),
            Meaning::Unsigned(number) => {
                return Err(unsupported("uint64", &format!("{number:#x}")));
            }
            Meaning::Float(number) => float_key(number).into(),
            Meaning::Bool(truth) => Str::from(if truth { "true" } else { "false" }),
            Meaning::Null => return Err(unsupported("%!s(<nil>)", "<nil>")),
            Meaning::Text | Meaning::Timestamp | Meaning::Merge => Str::from(&*binary(text, tag)?),
        })
    }

    /// A node as Go's `%#v` shows what it becomes.
    fn go_syntax(&self, id: Id, depth: usize) -> String {
        if depth > DEPTH_MAX {
            return "...".to_owned();
        }
        let inner = |id: &Id| match self.go_syntax(*id, depth + 1) {
            nil if nil == "<nil>" => "interface {}(nil)".to_owned(),
            other => other,
        };
        match &self.nodes[id] {
            Node::Alias(_, of) => self.go_syntax(*of, depth + 1),
            Node::Sequence(items) => {
                let items: Vec<String> = items.iter().map(inner).collect();
                format!("[]interface {{}}{{{}}}", items.join(", "))
            }
            Node::Mapping(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| (inner(key), inner(value)));
                let pairs: BTreeMap<String, String> = pairs.collect();
                let pairs: Vec<String> = pairs
                    .iter()
                    .map(|(key, value)| format!("{key}:{value}"))
                    .collect();
                format!("map[interface {{}}]interface {{}}{{{}}}", pairs.join(", "))
            }
            Node::Scalar {
                text,
                tag,
                is_implicit,
            } => match meaning(text, tag, *is_implicit) {
                Ok(Meaning::Null) => "<nil>".to_owned(),
                Ok(Meaning::Bool(truth)) => truth.to_string(),
                Ok(Meaning::Integer(number)) => number.to_string(),
                Ok(Meaning::Unsigned(number)) => format!("{number:#x}"),
                Ok(Meaning::Float(number)) => format::display(&Value::Float(number)),
                _ => format::quote(text),
            },
        }
    }
}

/// go-yaml's `resolve`: a tag that says what the text is not is a fault.
fn meaning(text: &str, tag: &str, is_implicit: bool) -> Result<Meaning, Fault> {
    let found = match tag.strip_prefix(TAG_PREFIX) {
        None if tag.is_empty() && is_implicit => return Ok(resolve(text)),
        Some("int" | "float" | "bool" | "null" | "timestamp") => resolve(text),
        None | Some(_) => return Ok(Meaning::Text),
    };
    let wanted = tag.strip_prefix(TAG_PREFIX).unwrap_or_default();
    let kind = match found {
        Meaning::Null => "null",
        Meaning::Bool(_) => "bool",
        Meaning::Integer(_) | Meaning::Unsigned(_) => "int",
        Meaning::Float(_) => "float",
        Meaning::Merge => "merge",
        Meaning::Timestamp if wanted == "timestamp" => "timestamp",
        Meaning::Timestamp | Meaning::Text => "str",
    };
    match found {
        Meaning::Integer(number) if wanted == "float" => {
            Ok(Meaning::Float(integer_as_float(number)))
        }
        found if kind == wanted => Ok(found),
        _ => Err(format!(
            "yaml: cannot decode !!{kind} `{text}` as a !!{wanted}"
        )),
    }
}

/// The text of a scalar, out of base64 if its tag says so.
fn binary<'t>(text: &'t str, tag: &str) -> Result<Cow<'t, str>, Fault> {
    if tag != "tag:yaml.org,2002:binary" {
        return Ok(Cow::Borrowed(text));
    }
    let bytes = crate::json::from_base64(text)
        .ok_or("yaml: !!binary value contains invalid base64 data")?;
    Ok(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
}

fn scalar(text: &str, tag: &str, is_implicit: bool) -> Result<Value, Fault> {
    Ok(match meaning(text, tag, is_implicit)? {
        Meaning::Null => Value::Nil,
        Meaning::Bool(truth) => Value::Bool(truth),
        Meaning::Integer(number) => Value::Float(integer_as_float(number)),
        Meaning::Unsigned(number) => Value::Float(unsigned_as_float(number)),
        Meaning::Float(number) if number.is_finite() => Value::Float(number),
        Meaning::Float(number) => {
            let shown = format::display(&Value::Float(number));
            return Err(format!("json: unsupported value: {shown}"));
        }
        Meaning::Text | Meaning::Timestamp | Meaning::Merge => Value::from(&*binary(text, tag)?),
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Go's JSON converts in the same way"
)]
const fn integer_as_float(number: i64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Go's JSON converts in the same way"
)]
const fn unsigned_as_float(number: u64) -> f64 {
    number as f64
}

/// A float as a key: as `sigs.k8s.io/yaml` writes it, with the digits of 32 bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "sigs.k8s.io/yaml cuts to 32 bits"
)]
fn float_key(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    let short = number as f32;
    if short.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let short: f64 = format!("{short}").parse().unwrap_or(number);
    format::display(&Value::Float(short))
}
