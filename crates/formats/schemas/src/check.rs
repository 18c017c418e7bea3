//! An object against a schema, as the API server reads both: null is absent, a field that is not declared is an error (so it
//! is for server-side apply), a number is no text.

mod words;

use crate::Finding;
use regex::Regex;
use serde_json::{Map, Value};
use std::rc::Rc;
use words::{is_quantity, nearest, type_of};

/// The deepest nesting that is followed.
const DEPTH_MAX: usize = 128;
/// The most findings of one object.
const FINDINGS_MAX: usize = 100;
/// The longest expression of a definition that is tried.
const PATTERN_MAX_BYTES: usize = 4096;

/// Finds a definition by its name.
type Resolve<'a> = &'a dyn Fn(&str) -> Option<Rc<Value>>;

pub(crate) fn object(
    schema: &Value,
    object: &Value,
    resolve: Resolve<'_>,
    found: &mut Vec<Finding>,
) {
    let mut check = Check {
        resolve,
        found,
        path: Vec::new(),
        depth: 0,
    };
    check.value(schema, object);
    check.name(object);
}

struct Check<'a> {
    resolve: Resolve<'a>,
    found: &'a mut Vec<Finding>,
    path: Vec<String>,
    depth: usize,
}

impl Check<'_> {
    fn say(&mut self, code: &'static str, message: String) {
        if self.found.len() < FINDINGS_MAX {
            let mut path = String::new();
            for part in &self.path {
                if !part.starts_with('[') && !path.is_empty() {
                    path.push('.');
                }
                path.push_str(part);
            }
            self.found.push(Finding::error(code, &path, message));
        }
    }

    /// Objects have names; what is made by `generateName` gets one.
    fn name(&mut self, object: &Value) {
        let metadata = &object["metadata"];
        let has = |key: &str| metadata[key].as_str().is_some_and(|name| !name.is_empty());
        if !has("name") && !has("generateName") {
            let what = match &metadata["name"] {
                Value::Null | Value::String(_) => "metadata.name is missing",
                _ => return,
            };
            self.say("missing_field", what.to_owned());
        }
    }

    fn within(&mut self, part: String, schema: &Value, value: &Value) {
        if self.depth >= DEPTH_MAX {
            return;
        }
        self.path.push(part);
        self.depth += 1;
        self.value(schema, value);
        self.depth -= 1;
        self.path.pop();
    }

    fn value(&mut self, schema: &Value, value: &Value) {
        if value.is_null() {
            return;
        }
        if let Some(name) = schema["$ref"].as_str() {
            match name.rsplit('.').next() {
                Some("Quantity") => self.quantity(value),
                Some("IntOrString") => self.int_or_string(value),
                _ => {
                    if let (Some(schema), true) = ((self.resolve)(name), self.depth < DEPTH_MAX) {
                        self.depth += 1;
                        self.value(&schema, value);
                        self.depth -= 1;
                    }
                }
            }
            return;
        }
        if schema["x-kubernetes-int-or-string"] == Value::Bool(true) {
            self.int_or_string(value);
        } else {
            self.typed(schema, value);
        }
        self.alternatives(schema, value);
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            let all: Vec<String> = allowed.iter().map(plain).collect();
            let message = format!("is {}, must be one of {}", shown(value), all.join(", "));
            self.say("wrong_value", message);
        }
    }

    fn typed(&mut self, schema: &Value, value: &Value) {
        match (schema["type"].as_str(), value) {
            (Some("object"), Value::Object(map)) => self.map(schema, map),
            (None, Value::Object(map)) if schema["properties"].is_object() => self.map(schema, map),
            (Some("array"), Value::Array(items)) => self.list(schema, items),
            (Some("string"), Value::String(text)) => self.text(schema, text),
            (Some("boolean"), Value::Bool(_)) | (None, _) => {}
            (Some("number"), Value::Number(number)) => self.bounds(schema, number.as_f64()),
            (Some("integer"), Value::Number(number)) => self.integer(schema, number),
            (Some(wanted), other) => {
                let (wanted, is) = (type_of(wanted), words::named(other));
                let advice = match (schema["type"].as_str(), other) {
                    (Some("string"), Value::Number(_) | Value::Bool(_)) => "; quote it",
                    _ => "",
                };
                self.say("wrong_type", format!("is {is}, must be {wanted}{advice}"));
            }
        }
    }

    fn map(&mut self, schema: &Value, map: &Map<String, Value>) {
        for key in schema["required"].as_array().into_iter().flatten() {
            let key = key.as_str().unwrap_or_default();
            if map.get(key).is_none_or(Value::is_null) {
                self.path.push(key.to_owned());
                self.say("missing_field", "is missing".to_owned());
                self.path.pop();
            }
        }
        let declared = schema["properties"].as_object();
        let others = &schema["additionalProperties"];
        let open = declared.is_none_or(Map::is_empty)
            || schema["x-kubernetes-preserve-unknown-fields"] == Value::Bool(true)
            || schema["x-kubernetes-embedded-resource"] == Value::Bool(true)
            || *others == Value::Bool(true);
        for (key, value) in map {
            let own = declared.and_then(|declared| declared.get(key));
            if let Some(own) = own {
                self.within(key.clone(), own, value);
            } else if others.is_object() {
                self.within(key.clone(), others, value);
            } else if !open && !value.is_null() && !self.is_of_every_object(key) {
                let names = declared.into_iter().flat_map(Map::keys);
                let near = nearest(key, names.map(String::as_str));
                let advice = near.map_or_else(
                    || "; remove it".to_owned(),
                    |near| format!("; did you mean `{near}`?"),
                );
                self.path.push(key.clone());
                self.say("unknown_field", format!("is no field here{advice}"));
                self.path.pop();
            }
        }
    }

    /// What a definition of a custom resource need not declare.
    fn is_of_every_object(&self, key: &str) -> bool {
        self.path.is_empty() && ["apiVersion", "kind", "metadata", "status"].contains(&key)
    }

    fn list(&mut self, schema: &Value, items: &[Value]) {
        let count = items.len() as u64;
        if schema["minItems"]
            .as_u64()
            .is_some_and(|least| count < least)
        {
            self.say(
                "wrong_value",
                format!("has {count} items, needs at least {}", schema["minItems"]),
            );
        }
        if schema["maxItems"].as_u64().is_some_and(|most| count > most) {
            self.say(
                "wrong_value",
                format!("has {count} items, may have at most {}", schema["maxItems"]),
            );
        }
        for (index, item) in items.iter().enumerate() {
            self.within(format!("[{index}]"), &schema["items"], item);
        }
    }

    fn text(&mut self, schema: &Value, text: &str) {
        use base64::Engine as _;
        if schema["format"] == "byte" {
            let joined: String = text.split_ascii_whitespace().collect();
            if base64::engine::general_purpose::STANDARD
                .decode(joined)
                .is_err()
            {
                self.say(
                    "wrong_value",
                    "is no Base64; encode it, or use stringData".to_owned(),
                );
            }
        }
        let length = text.chars().count() as u64;
        if schema["minLength"]
            .as_u64()
            .is_some_and(|least| length < least)
        {
            self.say(
                "wrong_value",
                format!("is shorter than {} characters", schema["minLength"]),
            );
        }
        if schema["maxLength"]
            .as_u64()
            .is_some_and(|most| length > most)
        {
            self.say(
                "wrong_value",
                format!("is longer than {} characters", schema["maxLength"]),
            );
        }
        let pattern = schema["pattern"].as_str();
        let pattern = pattern.filter(|pattern| pattern.len() <= PATTERN_MAX_BYTES);
        if let Some(Ok(expression)) = pattern.map(Regex::new)
            && !expression.is_match(text)
        {
            self.say(
                "wrong_value",
                format!("does not match {}", expression.as_str()),
            );
        }
    }

    fn integer(&mut self, schema: &Value, number: &serde_json::Number) {
        let whole = number.as_i64().is_some() || number.as_u64().is_some();
        let value = number.as_f64().unwrap_or_default();
        if !whole && value.fract() != 0.0 {
            self.say("wrong_type", format!("is {number}, must be a whole number"));
            return;
        }
        if schema["format"] == "int32" && value.abs() > f64::from(i32::MAX) {
            self.say(
                "wrong_value",
                format!("is {number}, which does not fit 32 bits"),
            );
        }
        self.bounds(schema, Some(value));
    }

    fn bounds(&mut self, schema: &Value, value: Option<f64>) {
        let Some(value) = value else { return };
        if schema["minimum"]
            .as_f64()
            .is_some_and(|least| value < least)
        {
            self.say(
                "wrong_value",
                format!("is {value}, must be at least {}", schema["minimum"]),
            );
        }
        if schema["maximum"].as_f64().is_some_and(|most| value > most) {
            self.say(
                "wrong_value",
                format!("is {value}, must be at most {}", schema["maximum"]),
            );
        }
    }

    fn quantity(&mut self, value: &Value) {
        match value {
            Value::Number(_) => {}
            Value::String(text) if is_quantity(text) => {}
            Value::String(text) => {
                self.say(
                    "wrong_value",
                    format!("is `{text}`, which is no quantity such as 100m or 1Gi"),
                );
            }
            other => {
                let is = words::named(other);
                self.say(
                    "wrong_type",
                    format!("is {is}, must be a quantity such as 100m or 1Gi"),
                );
            }
        }
    }

    fn int_or_string(&mut self, value: &Value) {
        let fits = match value {
            Value::String(_) => true,
            Value::Number(number) => number.as_f64().is_some_and(|number| number.fract() == 0.0),
            _ => false,
        };
        if !fits {
            let is = words::named(value);
            self.say(
                "wrong_type",
                format!("is {is}, must be a whole number or text"),
            );
        }
    }

    /// `allOf`, `anyOf`, `oneOf`, `not` of definitions: they restrict values, and declare no fields.
    fn alternatives(&mut self, schema: &Value, value: &Value) {
        let fits = |schema: &Value| {
            let mut found = Vec::new();
            let mut inner = Check {
                resolve: self.resolve,
                found: &mut found,
                path: Vec::new(),
                depth: self.depth + 1,
            };
            if inner.depth < DEPTH_MAX {
                inner.value(schema, value);
            }
            !found.iter().any(|finding| finding.code != "unknown_field")
        };
        let all = |key: &str| schema[key].as_array().cloned().unwrap_or_default();
        let none_fits = |key: &str| {
            let list = all(key);
            !list.is_empty() && !list.iter().any(&fits)
        };
        let mut wrong = Vec::new();
        if none_fits("anyOf") || none_fits("oneOf") {
            wrong.push("fits none of the forms that its definition allows");
        }
        if all("oneOf").iter().filter(|schema| fits(schema)).count() > 1 {
            wrong.push("fits several forms of which its definition allows one");
        }
        if all("allOf").iter().any(|schema| !fits(schema)) {
            wrong.push("does not fit all that its definition asks for");
        }
        if schema["not"].is_object() && fits(&schema["not"]) {
            wrong.push("has a form that its definition excludes");
        }
        for message in wrong {
            self.say("wrong_value", message.to_owned());
        }
    }
}

/// A value of the schema, as it is written.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A value of the object, short.
fn shown(value: &Value) -> String {
    let text = plain(value);
    if text.chars().count() > 60 {
        format!("`{}..`", text.chars().take(60).collect::<String>())
    } else {
        format!("`{text}`")
    }
}
