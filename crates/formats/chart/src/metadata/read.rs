//! `Chart.yaml`, `requirements.yaml` and locks, as Go's decoder fills a struct from YAML: keys match without regard to
//! case, numbers and booleans become text where a text is wanted, null is nothing.

use super::{Dependency, ImportValues, Lock, Maintainer, Metadata};
use crate::load::ChartError;
use crate::values::to_json;
use refloat_template::{Map, Value, yaml};

/// Reads `text` over `metadata`: what it does not mention stays.
///
/// # Errors
/// [`ChartError::Yaml`] with the file's name.
pub fn read_metadata(metadata: &mut Metadata, file: &str, text: &str) -> Result<(), ChartError> {
    let Some(fields) = Fields::read(file, text)? else {
        return Ok(());
    };
    let texts = [
        ("name", &mut metadata.name),
        ("home", &mut metadata.home),
        ("version", &mut metadata.version),
        ("description", &mut metadata.description),
        ("icon", &mut metadata.icon),
        ("apiVersion", &mut metadata.api_version),
        ("condition", &mut metadata.condition),
        ("tags", &mut metadata.tags),
        ("appVersion", &mut metadata.app_version),
        ("kubeVersion", &mut metadata.kube_version),
        ("type", &mut metadata.kind),
    ];
    for (key, field) in texts {
        fields.text_into(key, field)?;
    }
    fields.texts_into("sources", &mut metadata.sources)?;
    fields.texts_into("keywords", &mut metadata.keywords)?;
    match fields.get("deprecated") {
        None => {}
        Some(Value::Bool(truth)) => metadata.deprecated = truth,
        Some(_) => return Err(fields.wrong("deprecated", "true or false")),
    }
    if let Some(value) = fields.get("annotations") {
        let map = value
            .as_map()
            .ok_or_else(|| fields.wrong("annotations", "a map"))?;
        for (key, value) in map.snapshot() {
            let text =
                as_text(&value).ok_or_else(|| fields.wrong("annotations", "a map of texts"))?;
            metadata.annotations.insert(key.to_string(), text);
        }
    }
    if let Some(items) = fields.list("maintainers")? {
        metadata.maintainers = items.iter().map(maintainer).collect::<Result<_, _>>()?;
    }
    if let Some(items) = fields.list("dependencies")? {
        metadata.dependencies = items.iter().map(dependency).collect::<Result<_, _>>()?;
    }
    Ok(())
}

/// Reads a `Chart.lock` or `requirements.lock`.
///
/// # Errors
/// [`ChartError::Yaml`] with the file's name.
pub fn read_lock(file: &str, text: &str) -> Result<Lock, ChartError> {
    let mut lock = Lock::default();
    if let Some(fields) = Fields::read(file, text)? {
        fields.text_into("generated", &mut lock.generated)?;
        fields.text_into("digest", &mut lock.digest)?;
        if let Some(items) = fields.list("dependencies")? {
            lock.dependencies = items.iter().map(dependency).collect::<Result<_, _>>()?;
        }
    }
    Ok(lock)
}

fn maintainer(value: &Value) -> Result<Maintainer, ChartError> {
    let empty = "maintainers must not contain empty or null nodes";
    let fields = Fields::of("Chart.yaml", value).ok_or_else(|| super::invalid(empty))?;
    let mut maintainer = Maintainer::default();
    fields.text_into("name", &mut maintainer.name)?;
    fields.text_into("email", &mut maintainer.email)?;
    fields.text_into("url", &mut maintainer.url)?;
    Ok(maintainer)
}

fn dependency(value: &Value) -> Result<Dependency, ChartError> {
    let empty = "dependencies must not contain empty or null nodes";
    let fields = Fields::of("Chart.yaml", value).ok_or_else(|| super::invalid(empty))?;
    let mut dependency = Dependency::default();
    fields.text_into("name", &mut dependency.name)?;
    fields.text_into("version", &mut dependency.version)?;
    fields.text_into("repository", &mut dependency.repository)?;
    fields.text_into("condition", &mut dependency.condition)?;
    fields.text_into("alias", &mut dependency.alias)?;
    fields.texts_into("tags", &mut dependency.tags)?;
    dependency.enabled = matches!(fields.get("enabled"), Some(Value::Bool(true)));
    for item in fields.list("import-values")?.unwrap_or_default() {
        let text = |map: &Map, key| match map.get(key)? {
            Value::String(text) => Some(text.to_string()),
            _ => None,
        };
        let import = match &item {
            Value::Map(map) => match (map.len(), text(map, "child"), text(map, "parent")) {
                (2, Some(child), Some(parent)) => ImportValues::Table { child, parent },
                _ => ImportValues::Other(to_json(&item)),
            },
            Value::String(name) => ImportValues::Export(name.to_string()),
            other => ImportValues::Other(to_json(other)),
        };
        dependency.import_values.push(import);
    }
    Ok(dependency)
}

struct Fields<'a> {
    file: &'a str,
    map: Map,
}

impl<'a> Fields<'a> {
    fn read(file: &'a str, text: &str) -> Result<Option<Self>, ChartError> {
        let value = yaml::read(text).map_err(|error| ChartError::Yaml {
            file: file.to_owned(),
            reason: error.to_string(),
        })?;
        if value.is_nil() {
            return Ok(None);
        }
        let fields = Self::of(file, &value);
        let wrong = || ChartError::Yaml {
            file: file.to_owned(),
            reason: "it must be a map of keys".to_owned(),
        };
        fields.map(Some).ok_or_else(wrong)
    }

    fn of(file: &'a str, value: &Value) -> Option<Self> {
        let map = value.as_map()?.clone();
        Some(Self { file, map })
    }

    /// The value of a key, null being none; the exact spelling wins over others.
    fn get(&self, key: &str) -> Option<Value> {
        let value = self.map.get(key).or_else(|| {
            let entries = self.map.entries();
            let found = entries
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(key));
            found.map(|(_, value)| value.clone())
        });
        value.filter(|value| !value.is_nil())
    }

    fn text_into(&self, key: &str, field: &mut String) -> Result<(), ChartError> {
        if let Some(value) = self.get(key) {
            *field = as_text(&value).ok_or_else(|| self.wrong(key, "a text"))?;
        }
        Ok(())
    }

    fn texts_into(&self, key: &str, field: &mut Vec<String>) -> Result<(), ChartError> {
        if let Some(items) = self.list(key)? {
            let wrong = || self.wrong(key, "a list of texts");
            let read = |item: &Value| match item {
                nothing if nothing.is_nil() => Some(String::new()),
                other => as_text(other),
            };
            let texts: Option<Vec<String>> = items.iter().map(read).collect();
            *field = texts.ok_or_else(wrong)?;
        }
        Ok(())
    }

    fn list(&self, key: &str) -> Result<Option<Vec<Value>>, ChartError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list.to_vec())),
            Some(_) => Err(self.wrong(key, "a list")),
        }
    }

    fn wrong(&self, key: &str, wanted: &str) -> ChartError {
        ChartError::Yaml {
            file: self.file.to_owned(),
            reason: format!("`{key}` must be {wanted}"),
        }
    }
}

/// A scalar as the text that Go makes of it where a text is wanted.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Int(number) | Value::Int64(number) => Some(number.to_string()),
        Value::Uint64(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}
