//! What is wrong with `Chart.yaml` (helm, pkg/chart/v2/lint/rules/chartfile.go).

use super::decode::{Shape, Struct, decode};
use super::{Findings, Severity, address};
use crate::metadata::{Metadata, read_metadata};
use crate::version;
use refloat_template::{Value, yaml};

const FILE: &str = "Chart.yaml";

const MAINTAINER: Struct = Struct {
    full_name: "v2.Maintainer",
    name: "Maintainer",
    fields: &[
        ("name", Shape::Text),
        ("email", Shape::Text),
        ("url", Shape::Text),
    ],
};
const DEPENDENCY: Struct = Struct {
    full_name: "v2.Dependency",
    name: "Dependency",
    fields: &[
        ("name", Shape::Text),
        ("version", Shape::Text),
        ("repository", Shape::Text),
        ("condition", Shape::Text),
        ("tags", Shape::Texts),
        ("enabled", Shape::Truth),
        ("import-values", Shape::Any),
        ("alias", Shape::Text),
    ],
};
const METADATA: Struct = Struct {
    full_name: "v2.Metadata",
    name: "Metadata",
    fields: &[
        ("name", Shape::Text),
        ("home", Shape::Text),
        ("sources", Shape::Texts),
        ("version", Shape::Text),
        ("description", Shape::Text),
        ("keywords", Shape::Texts),
        ("maintainers", Shape::List(&MAINTAINER)),
        ("icon", Shape::Text),
        ("apiVersion", Shape::Text),
        ("condition", Shape::Text),
        ("tags", Shape::Text),
        ("appVersion", Shape::Text),
        ("deprecated", Shape::Truth),
        ("annotations", Shape::TextMap),
        ("kubeVersion", Shape::Text),
        ("dependencies", Shape::List(&DEPENDENCY)),
        ("type", Shape::Text),
    ],
};

/// Why Go's decoder does not read the file, if it does not.
pub(super) fn unparsable(bytes: &[u8]) -> Option<String> {
    match yaml::read(&String::from_utf8_lossy(bytes)) {
        Ok(value) => decode(&value, &METADATA).mismatch,
        Err(error) => Some(format!("error converting YAML to JSON: {error}")),
    }
}

/// Checks the file; `None` if it is a folder.
pub(super) fn check(file: Option<&[u8]>, found: &mut Findings) {
    let Some(bytes) = file else {
        return found.error(FILE, "should be a file, not a directory");
    };
    let text = String::from_utf8_lossy(bytes);
    let unparsable = |found: &mut Findings, reason: &str| {
        found.error(FILE, format!("unable to parse YAML\n\t{reason}"));
    };
    let value = match yaml::read(&text) {
        Ok(value) => value,
        Err(error) => {
            return unparsable(found, &format!("error converting YAML to JSON: {error}"));
        }
    };
    let complaints = decode(&value, &METADATA);
    if let Some(reason) = complaints.mismatch {
        return unparsable(found, &reason);
    }
    let twice = repeated(&text);
    if let Some(reason) = twice.or(complaints.strict) {
        found.warning(
            FILE,
            format!("failed to strictly parse chart metadata file\n\t{reason}"),
        );
    }
    let mut metadata = Metadata::default();
    let empty = empty_maintainer(&value);
    if let Err(error) = read_metadata(&mut metadata, FILE, &text)
        && !empty
    {
        return unparsable(found, &error.to_string());
    }
    metadata_rules(&metadata, &value, empty, found);
}

fn metadata_rules(metadata: &Metadata, value: &Value, empty: bool, found: &mut Findings) {
    let mut error = |wrong: Option<String>| {
        if let Some(wrong) = wrong {
            found.error(FILE, wrong);
        }
    };
    error(name(metadata));
    error(api_version(metadata));
    error(type_of(value, "version"));
    error(version(metadata));
    error(type_of(value, "appVersion"));
    error(maintainers(metadata, empty));
    error(
        metadata
            .sources
            .iter()
            .find(|source| !address::is_request_url(source))
            .map(|source| format!("invalid source URL '{source}'")),
    );
    if metadata.icon.is_empty() {
        found.add(Severity::Info, FILE, "icon is recommended");
    } else if !address::is_request_url(&metadata.icon) {
        found.error(FILE, format!("invalid icon URL '{}'", metadata.icon));
    }
    let (api, new) = (&metadata.api_version, "v2");
    if !metadata.kind.is_empty() && api != new {
        found.error(
            FILE,
            format!(
                "chart type is not valid in apiVersion '{api}'. It is valid in apiVersion '{new}'"
            ),
        );
    }
    if !metadata.dependencies.is_empty() && api != new {
        found.error(
            FILE,
            format!("dependencies are not valid in the Chart file with apiVersion '{api}'. They are valid in apiVersion '{new}'"),
        );
    }
    if !version::is_strict(&metadata.version) {
        let version = &metadata.version;
        found.warning(FILE, format!("version '{version}' is not a valid SemVerV2"));
    }
}

/// Keys that stand twice in the top of the file, as go-yaml names them.
fn repeated(text: &str) -> Option<String> {
    let mut seen = std::collections::BTreeSet::new();
    let mut twice = String::new();
    for (at, line) in text.lines().enumerate() {
        let Some((key, _)) = line.split_once(':') else {
            continue;
        };
        let plain = key.chars().all(|letter| letter.is_ascii_alphanumeric());
        if plain && !key.is_empty() && !seen.insert(key) {
            let line = format!("\n  line {}: key \"{key}\" already set in map", at + 1);
            twice.push_str(&line);
        }
    }
    let head = "error converting YAML to JSON: yaml: unmarshal errors:";
    (!twice.is_empty()).then(|| format!("{head}{twice}"))
}

fn empty_maintainer(value: &Value) -> bool {
    let list = value.as_map().and_then(|map| map.get("maintainers"));
    matches!(list, Some(Value::List(items)) if items.iter().any(Value::is_nil))
}

fn name(metadata: &Metadata) -> Option<String> {
    let name = &metadata.name;
    if name.is_empty() {
        return Some("name is required".to_owned());
    }
    (name.contains('/')).then(|| format!("chart name {name:?} is invalid"))
}

fn api_version(metadata: &Metadata) -> Option<String> {
    match metadata.api_version.as_str() {
        "v1" | "v2" => None,
        "" => Some("apiVersion is required. The value must be either \"v1\" or \"v2\"".to_owned()),
        other => Some(format!(
            "apiVersion '{other}' is not valid. The value must be either \"v1\" or \"v2\""
        )),
    }
}

/// A key whose value is no text, with Go's name of its type.
fn type_of(value: &Value, key: &str) -> Option<String> {
    let found = value.as_map()?.get(key)?;
    let kind = match &found {
        Value::String(_) => return None,
        Value::Bool(_) => "bool",
        Value::Map(_) => "map[string]interface {}",
        Value::List(_) => "[]interface {}",
        nothing if nothing.is_nil() => "<nil>",
        _ => "float64",
    };
    Some(format!(
        "{key} should be of type string but it's of type {kind}"
    ))
}

fn version(metadata: &Metadata) -> Option<String> {
    let version = &metadata.version;
    if version.is_empty() {
        return Some("version is required".to_owned());
    }
    if !version::is_lenient(version) {
        return Some(format!("version '{version}' is not a valid SemVer"));
    }
    let least = "0.0.0-0";
    (!version::fits(&format!(">{least}"), version))
        .then(|| format!("version {version:?} is less than or equal to {least:?}"))
}

fn maintainers(metadata: &Metadata, empty: bool) -> Option<String> {
    for person in &metadata.maintainers {
        let (name, email, url) = (&person.name, &person.email, &person.url);
        if name.is_empty() {
            return Some("each maintainer requires a name".to_owned());
        }
        if !email.is_empty() && !address::is_email(email) {
            return Some(format!("invalid email '{email}' for maintainer '{name}'"));
        }
        if !url.is_empty() && !address::is_url(url) {
            return Some(format!("invalid url '{url}' for maintainer '{name}'"));
        }
    }
    empty.then(|| "a maintainer entry is empty".to_owned())
}
