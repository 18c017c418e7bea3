//! Events of a YAML parser into values, by go-yaml v2's rules (`decode.go`) and then those of
//! `sigs.k8s.io/yaml`, which goes through JSON: numbers become floats, keys become text.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::YamlError;
use super::resolve::{Meaning, resolve};
use crate::format;
use crate::value::{Map, MapKind, Str, Value, deep};

/// Values within values.
const DEPTH_MAX: usize = 120;
/// Values that aliases may make; go-yaml refuses such documents too.
const ALIASED_MAX: usize = 1_000_000;

const TAG_PREFIX: &str = "tag:yaml.org,2002:";

/// The first document; nil without one.
pub(super) fn first(text: &str) -> Result<Value, YamlError> {
    let mut reader = Reader::new(text);
    Ok(reader.document()?.unwrap_or_default())
}

/// Every document.
pub(super) fn all(text: &str) -> Result<Vec<Value>, YamlError> {
    let mut reader = Reader::new(text);
    let mut documents = Vec::new();
    while let Some(document) = reader.document()? {
        documents.push(document);
    }
    Ok(documents)
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    anchors: BTreeMap<usize, Value>,
    aliased: usize,
    line: usize,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            parser: Parser::new_from_str(text),
            anchors: BTreeMap::new(),
            aliased: 0,
            line: 1,
        }
    }

    fn fault(&self, message: impl std::fmt::Display) -> YamlError {
        let line = self.line;
        YamlError {
            message: format!("line {line}: {message}"),
        }
    }

    fn next(&mut self) -> Result<Event<'t>, YamlError> {
        loop {
            let found: Option<Result<(Event<'t>, Span), _>> = self.parser.next();
            match found {
                None => return Ok(Event::StreamEnd),
                Some(Err(error)) => {
                    self.line = error.marker().line();
                    return Err(self.fault(error.info()));
                }
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => {
                    self.line = span.start.line();
                    return Ok(event);
                }
            }
        }
    }

    fn document(&mut self) -> Result<Option<Value>, YamlError> {
        loop {
            match self.next()? {
                Event::StreamEnd => return Ok(None),
                Event::DocumentStart(..) => {
                    self.anchors.clear();
                    let event = self.next()?;
                    if event == Event::DocumentEnd {
                        return Ok(Some(Value::Nil));
                    }
                    return self.node(event, 0).map(Some);
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'t>, depth: usize) -> Result<Value, YamlError> {
        if depth > DEPTH_MAX {
            return Err(self.fault("exceeded max depth"));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (self.scalar(&text, style, tag.as_deref())?, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.sequence(depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.mapping(depth)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor),
            other => return Err(self.fault(format!("did not expect {other:?}"))),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    /// A copy: what one place changes, the other does not see.
    fn alias(&mut self, anchor: usize) -> Result<Value, YamlError> {
        let Some(value) = self.anchors.get(&anchor) else {
            return Err(self.fault("anchor contains itself or is unknown"));
        };
        let value = value.clone();
        self.aliased = self.aliased.saturating_add(count(&value, ALIASED_MAX));
        if self.aliased > ALIASED_MAX {
            return Err(self.fault("document contains excessive aliasing"));
        }
        deep::copy(&value).ok_or_else(|| self.fault("exceeded max depth"))
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(Value::list(items)),
                event => items.push(self.node(event, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut entries: BTreeMap<Str, Value> = BTreeMap::new();
        loop {
            let event = self.next()?;
            match &event {
                Event::MappingEnd => return Ok(Value::Map(Map::of(MapKind::Any, entries))),
                Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<" => {
                    let event = self.next()?;
                    let from = self.node(event, depth + 1)?;
                    self.merge(&mut entries, &from)?;
                }
                _ => {
                    let key = self.key(event, depth)?;
                    let event = self.next()?;
                    let value = self.node(event, depth + 1)?;
                    entries.insert(key, value);
                }
            }
        }
    }

    /// `<<`: a map, or maps of which earlier ones take precedence. What stands before it is
    /// overwritten, what follows it overwrites, as go-yaml v2 does.
    fn merge(&self, entries: &mut BTreeMap<Str, Value>, from: &Value) -> Result<(), YamlError> {
        let want = "map merge requires map or sequence of maps as the value";
        match from {
            Value::Map(map) => entries.extend(map.snapshot()),
            Value::List(list) => {
                for item in list.iter().rev() {
                    let Value::Map(map) = item else {
                        return Err(self.fault(want));
                    };
                    entries.extend(map.snapshot());
                }
            }
            _ => return Err(self.fault(want)),
        }
        Ok(())
    }

    fn key(&mut self, event: Event<'t>, depth: usize) -> Result<Str, YamlError> {
        if let Event::Scalar(text, style, anchor, tag) = &event {
            let key = match meaning(text, *style, tag.as_deref()) {
                Meaning::Integer(number) => number.to_string(),
                Meaning::Unsigned(number) => number.to_string(),
                Meaning::Float(number) => float_key(number),
                Meaning::Bool(truth) => truth.to_string(),
                Meaning::Null => {
                    return Err(self.fault("unsupported map key of type: %!s(<nil>)"));
                }
                Meaning::Text | Meaning::Timestamp | Meaning::Merge => text.to_string(),
            };
            if *anchor != 0 {
                self.anchors.insert(*anchor, Value::from(key.as_str()));
            }
            return Ok(key.into());
        }
        match self.node(event, depth + 1)? {
            Value::String(text) => Ok(text),
            value @ (Value::Bool(_) | Value::Float(_)) => Ok(format::display(&value).into()),
            _ => Err(self.fault("invalid map key")),
        }
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
    ) -> Result<Value, YamlError> {
        let name = tag.map(|tag| (tag.handle(), tag.suffix()));
        if let Some((TAG_PREFIX, "binary")) = name {
            let bytes = crate::json::from_base64(text)
                .ok_or_else(|| self.fault("!!binary value contains invalid base64 data"))?;
            return Ok(Value::from(String::from_utf8_lossy(&bytes).into_owned()));
        }
        let value = match meaning(text, style, tag) {
            Meaning::Null => Value::Nil,
            Meaning::Bool(truth) => Value::Bool(truth),
            Meaning::Integer(number) => Value::Float(integer_as_float(number)),
            Meaning::Unsigned(number) => Value::Float(unsigned_as_float(number)),
            Meaning::Float(number) if number.is_finite() => Value::Float(number),
            Meaning::Float(number) => {
                let shown = format::display(&Value::Float(number));
                return Err(self.fault(format!("json: unsupported value: {shown}")));
            }
            Meaning::Text | Meaning::Timestamp | Meaning::Merge => Value::from(text),
        };
        match (name, &value) {
            (Some((TAG_PREFIX, wanted @ ("int" | "float" | "bool"))), Value::String(_)) => {
                Err(self.fault(format!("cannot decode !!str `{text}` as a !!{wanted}")))
            }
            _ => Ok(value),
        }
    }
}

/// What a scalar means: quoted text is text, unless a tag says otherwise.
fn meaning(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Meaning {
    let plain = style == ScalarStyle::Plain;
    match tag.map(|tag| (tag.handle(), tag.suffix())) {
        None if plain => resolve(text),
        Some((TAG_PREFIX, "int" | "float" | "bool" | "null")) => resolve(text),
        _ => Meaning::Text,
    }
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
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let short: f64 = format!("{}", number as f32).parse().unwrap_or(number);
    format::display(&Value::Float(short))
}

/// Values in a value, up to a limit.
fn count(value: &Value, limit: usize) -> usize {
    let mut found = 1;
    let mut add = |item: &Value| {
        if found <= limit {
            found += count(item, limit - found);
        }
    };
    match value {
        Value::List(list) => list.iter().for_each(&mut add),
        Value::Map(map) => map.entries().values().for_each(&mut add),
        _ => {}
    }
    found
}
