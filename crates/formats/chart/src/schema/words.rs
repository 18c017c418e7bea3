//! What does not fit a schema, in the words of the library that Helm uses (santhosh-tekuri/jsonschema v6, kind/kind.go):
//! a line per finding, findings of one object below a line of their own.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// All findings as indented lines.
pub(super) fn lines<'a>(errors: impl Iterator<Item = ValidationError<'a>>) -> String {
    let mut root = Level::default();
    for error in errors {
        root.add(&error);
    }
    let mut text = String::new();
    root.write("", 0, &mut text);
    text
}

/// Findings at one place of the values, and below it.
#[derive(Default)]
struct Level {
    own: Vec<Finding>,
    missing: Vec<String>,
    below: BTreeMap<String, Level>,
}

struct Finding {
    words: String,
    /// Why each of the alternatives did not fit.
    inner: Vec<String>,
}

impl Level {
    fn add(&mut self, error: &ValidationError<'_>) {
        let path = error.instance_path().to_string();
        let mut level = self;
        for part in path.split('/').skip(1) {
            level = level.below.entry(part.to_owned()).or_default();
        }
        if let ValidationErrorKind::Required { property } = error.kind() {
            // Helm's library names all that is missing in one line.
            let name = property
                .as_str()
                .map_or_else(|| property.to_string(), str::to_owned);
            level.missing.push(name);
            return;
        }
        level.own.push(Finding {
            words: words(error),
            inner: alternatives(error),
        });
    }

    fn write(&self, path: &str, depth: usize, text: &mut String) {
        let indent = "  ".repeat(depth);
        let count = self.own.len() + usize::from(!self.missing.is_empty()) + self.below.len();
        // The root has no line of its own: what is wrong with it stands in the head of the message.
        let depth = if count > 1 && !path.is_empty() {
            let _ = writeln!(text, "{indent}- at '{path}': validation failed");
            depth + 1
        } else {
            depth
        };
        let indent = "  ".repeat(depth);
        match self.missing.as_slice() {
            [] => {}
            [one] => {
                let _ = writeln!(
                    text,
                    "{indent}- at '{path}': missing property {}",
                    quoted(one)
                );
            }
            many => {
                let _ = writeln!(
                    text,
                    "{indent}- at '{path}': missing properties {}",
                    list(many)
                );
            }
        }
        for finding in &self.own {
            let _ = writeln!(text, "{indent}- at '{path}': {}", finding.words);
            for line in &finding.inner {
                let _ = writeln!(text, "{indent}  {line}");
            }
        }
        for (name, level) in &self.below {
            level.write(&format!("{path}/{name}"), depth, text);
        }
    }
}

fn words(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as K;
    let found = error.instance();
    let limit =
        |name: &str, want: &dyn std::fmt::Display| format!("{name}: got {found}, want {want}");
    let count = |name: &str, want: u64| format!("{name}: got {}, want {want}", length(found));
    match error.kind() {
        K::Type { kind } => format!("got {}, want {}", kind_of(found), wanted(kind)),
        K::Enum { options } => match options.as_array().map(Vec::as_slice) {
            Some([one]) => format!("value must be {}", shown(one)),
            Some(all) if all.iter().all(is_scalar) => {
                let all: Vec<String> = all.iter().map(shown).collect();
                format!("value must be one of {}", all.join(", "))
            }
            _ => "'enum' failed".to_owned(),
        },
        K::Constant { expected_value } if is_scalar(expected_value) => {
            format!("value must be {}", shown(expected_value))
        }
        K::Constant { .. } => "'const' failed".to_owned(),
        K::Minimum { limit: want } => limit("minimum", want),
        K::Maximum { limit: want } => limit("maximum", want),
        K::ExclusiveMinimum { limit: want } => limit("exclusiveMinimum", want),
        K::ExclusiveMaximum { limit: want } => limit("exclusiveMaximum", want),
        K::MultipleOf { multiple_of } => limit("multipleOf", multiple_of),
        K::MinLength { limit } => count("minLength", *limit),
        K::MaxLength { limit } => count("maxLength", *limit),
        K::MinItems { limit } => count("minItems", *limit),
        K::MaxItems { limit } => count("maxItems", *limit),
        K::MinProperties { limit } => count("minProperties", *limit),
        K::MaxProperties { limit } => count("maxProperties", *limit),
        K::Pattern { pattern } => {
            let found = found.as_str().unwrap_or_default();
            format!(
                "{} does not match pattern {}",
                quoted(found),
                quoted(pattern)
            )
        }
        K::Format { format } => format!("{} is not valid {format}", shown(found)),
        K::AdditionalProperties { unexpected } | K::UnevaluatedProperties { unexpected } => {
            format!("additional properties {} not allowed", list(unexpected))
        }
        K::AnyOf { .. } => "'anyOf' failed".to_owned(),
        K::OneOfNotValid { .. } => "'oneOf' failed, none matched".to_owned(),
        K::OneOfMultipleValid { .. } => "'oneOf' failed, several matched".to_owned(),
        K::Not { .. } => "'not' failed".to_owned(),
        K::FalseSchema => "false schema".to_owned(),
        _ => error.to_string(),
    }
}

/// The findings of each alternative of `anyOf` and `oneOf`.
fn alternatives(error: &ValidationError<'_>) -> Vec<String> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) =
        error.kind()
    else {
        return Vec::new();
    };
    let line =
        |inner: &ValidationError<'_>| format!("- at '{}': {}", inner.instance_path(), words(inner));
    context.iter().flatten().map(line).collect()
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wanted(kind: &TypeKind) -> String {
    let order = [
        JsonType::Null,
        JsonType::Boolean,
        JsonType::Number,
        JsonType::Integer,
        JsonType::String,
        JsonType::Array,
        JsonType::Object,
    ];
    match kind {
        TypeKind::Single(one) => one.to_string(),
        TypeKind::Multiple(set) => {
            let named = order.into_iter().filter(|one| set.contains(*one));
            named
                .map(|one| one.to_string())
                .collect::<Vec<_>>()
                .join(" or ")
        }
    }
}

fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

/// In single quotes, with those inside escaped.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn list(names: &[String]) -> String {
    names
        .iter()
        .map(|name| quoted(name))
        .collect::<Vec<_>>()
        .join(", ")
}
