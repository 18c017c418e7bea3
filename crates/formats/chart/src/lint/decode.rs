//! A value as Go's decoder fills a struct with it: the first key that is not known, the first value of another type, in
//! Go's words (encoding/json, sigs.k8s.io/yaml). Keys match without regard to case; a scalar does where a text is wanted.

use refloat_template::Value;

/// What a field holds.
pub(super) enum Shape {
    /// `string`
    Text,
    /// `bool`
    Truth,
    /// `[]string`
    Texts,
    /// `map[string]string`
    TextMap,
    /// A list of anything.
    Any,
    /// A struct.
    Struct(&'static Struct),
    /// A list of pointers to a struct.
    List(&'static Struct),
}

/// A Go struct.
pub(super) struct Struct {
    /// Its name with its package.
    pub(super) full_name: &'static str,
    /// Its name.
    pub(super) name: &'static str,
    /// Its fields.
    pub(super) fields: &'static [(&'static str, Shape)],
}

/// What decoding complains of first.
#[derive(Default)]
pub(super) struct Complaints {
    /// A value of the wrong type.
    pub(super) mismatch: Option<String>,
    /// A key that is not known, or such a value: whichever comes first.
    pub(super) strict: Option<String>,
}

/// Decodes into a struct.
pub(super) fn decode(value: &Value, into: &'static Struct) -> Complaints {
    let mut complaints = Complaints::default();
    match value {
        Value::Map(_) => complaints.of_struct(value, into, ""),
        nothing if nothing.is_nil() => {}
        other => complaints.mismatch(wrong_value(other, into.full_name)),
    }
    complaints
}

/// A whole value that is of another type.
pub(super) fn wrong_value(value: &Value, wanted: &str) -> String {
    framed(&format!(
        "cannot unmarshal {} into Go value of type {wanted}",
        kind(value)
    ))
}

fn framed(reason: &str) -> String {
    format!("error unmarshaling JSON: while decoding JSON: json: {reason}")
}

/// What JSON calls it.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Map(_) => "object",
        Value::List(_) => "array",
        Value::Bool(_) => "bool",
        Value::Float(_) | Value::Int(_) | Value::Int64(_) | Value::Uint64(_) => "number",
        _ => "string",
    }
}

impl Complaints {
    fn mismatch(&mut self, reason: String) {
        if self.strict.is_none() {
            self.strict = Some(reason.clone());
        }
        if self.mismatch.is_none() {
            self.mismatch = Some(reason);
        }
    }

    fn of_struct(&mut self, value: &Value, into: &'static Struct, path: &str) {
        let Some(map) = value.as_map() else { return };
        let mut entries = map.snapshot();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        for (key, value) in entries {
            let exact = into.fields.iter().find(|(name, _)| *name == &*key);
            let field = exact.or_else(|| {
                let mut fields = into.fields.iter();
                fields.find(|(name, _)| name.eq_ignore_ascii_case(&key))
            });
            match field {
                Some((name, shape)) => {
                    let path = if path.is_empty() {
                        (*name).to_owned()
                    } else {
                        format!("{path}.{name}")
                    };
                    self.of_field(&value, shape, into, &path);
                }
                None if self.strict.is_none() => {
                    self.strict = Some(framed(&format!("unknown field \"{key}\"")));
                }
                None => {}
            }
        }
    }

    fn of_field(&mut self, value: &Value, shape: &Shape, within: &'static Struct, path: &str) {
        if value.is_nil() {
            return;
        }
        let field = |value: &Value, wanted: &str| {
            framed(&format!(
                "cannot unmarshal {} into Go struct field {}.{path} of type {wanted}",
                kind(value),
                within.name
            ))
        };
        match (shape, value) {
            (Shape::Text, Value::Map(_) | Value::List(_)) => self.mismatch(field(value, "string")),
            (Shape::Truth, Value::Bool(_)) | (Shape::Text, _) | (Shape::Any, Value::List(_)) => {}
            (Shape::Truth, _) => self.mismatch(field(value, "bool")),
            (Shape::Any, _) => self.mismatch(field(value, "[]interface {}")),
            (Shape::Texts, Value::List(items)) => {
                for item in items.iter() {
                    self.of_field(item, &Shape::Text, within, path);
                }
            }
            (Shape::Texts, _) => self.mismatch(field(value, "[]string")),
            (Shape::TextMap, Value::Map(map)) => {
                for (_, item) in map.snapshot() {
                    self.of_field(&item, &Shape::Text, within, path);
                }
            }
            (Shape::TextMap, _) => self.mismatch(field(value, "map[string]string")),
            (Shape::Struct(inner), Value::Map(_)) => self.of_struct(value, inner, path),
            (Shape::Struct(inner), _) => self.mismatch(field(value, inner.full_name)),
            (Shape::List(inner), Value::List(items)) => {
                for item in items.iter().filter(|item| !item.is_nil()) {
                    if item.as_map().is_some() {
                        self.of_struct(item, inner, path);
                    } else {
                        self.mismatch(field(item, inner.full_name));
                    }
                }
            }
            (Shape::List(inner), _) => {
                self.mismatch(field(value, &format!("[]*{}", inner.full_name)));
            }
        }
    }
}
