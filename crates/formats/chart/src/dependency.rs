//! Dependencies of a chart: which version fits, what a lock says, whether both still belong together (helm,
//! internal/resolver, pkg/downloader/manager.go, pkg/action/dependency.go).

mod index;
mod status;

pub use index::{Index, IndexEntry, IndexError};
pub use status::{Found, status};

use crate::metadata::{Dependency, ImportValues, Lock};
use refloat_oci::{Algorithm, Digest};
use refloat_template::versions::{Constraint, Version};
use std::cmp::Ordering;
use std::fmt::Write as _;

/// The most dependencies of one chart.
pub const DEPENDENCIES_MAX: usize = 256;

/// Where a dependency comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It lies below `charts/`; nothing is fetched.
    Local,
    /// A folder, relative to the chart or absolute.
    Folder(String),
    /// A registry: `host/path` without the chart's name.
    Registry(String),
    /// A classic repository by its address.
    Repository(String),
    /// A classic repository by the name that helm's `repositories.yaml` gives it.
    Named(String),
}

impl Source {
    /// What a `repository:` means.
    ///
    /// # Errors
    /// The text, if it is neither an address nor a name.
    pub fn parse(repository: &str) -> Result<Self, DependencyError> {
        if repository.is_empty() {
            return Ok(Self::Local);
        }
        if let Some(path) = repository.strip_prefix("file://") {
            return Ok(Self::Folder(path.to_owned()));
        }
        if let Some(path) = repository.strip_prefix("oci://") {
            return Ok(Self::Registry(path.trim_end_matches('/').to_owned()));
        }
        let name = repository.strip_prefix('@');
        if let Some(name) = name.or_else(|| repository.strip_prefix("alias:")) {
            return Ok(Self::Named(name.to_owned()));
        }
        if repository.starts_with("http://") || repository.starts_with("https://") {
            return Ok(Self::Repository(repository.to_owned()));
        }
        Err(DependencyError::Repository(repository.to_owned()))
    }
}

/// Why a dependency cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DependencyError {
    /// A `repository:` that is nothing known.
    #[error(
        "no repository definition for {0}; write https://.., oci://.., file://.. or @NAME of helm's repositories.yaml"
    )]
    Repository(String),
    /// A range that is none.
    #[error("dependency {name:?} has an invalid version/constraint format: {reason}")]
    Range {
        /// The dependency.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// No version fits.
    #[error(
        "can't get a valid version for 1 subchart(s): {name:?} (repository {repository:?}, version {version:?}). Make sure a matching chart version exists in the repo, or change the version constraint in Chart.yaml"
    )]
    NoVersion {
        /// The dependency.
        name: String,
        /// Where it was looked for.
        repository: String,
        /// The range.
        version: String,
    },
    /// The lock was made for other dependencies.
    #[error(
        "the lock file ({0}) is out of sync with the dependencies; bring it up to date with `refloat dependency update`"
    )]
    OutOfSync(&'static str),
}

/// The newest of the versions that fits the range of a dependency, as it is written; those that are no versions are passed
/// over.
///
/// # Errors
/// [`DependencyError::Range`], [`DependencyError::NoVersion`].
pub fn choose<'a>(
    wanted: &Dependency,
    versions: impl IntoIterator<Item = &'a str>,
) -> Result<&'a str, DependencyError> {
    let range = range(wanted)?;
    let mut best: Option<(Version, &str)> = None;
    for text in versions {
        let Ok(version) = Version::parse(text) else {
            continue;
        };
        let newer = best
            .as_ref()
            .is_none_or(|(best, _)| version.compare(best) == Ordering::Greater);
        if newer && range.holds(&version) {
            best = Some((version, text));
        }
    }
    let none = || DependencyError::NoVersion {
        name: wanted.name.clone(),
        repository: wanted.repository.clone(),
        version: wanted.version.clone(),
    };
    best.map(|(_, text)| text).ok_or_else(none)
}

fn range(wanted: &Dependency) -> Result<Constraint, DependencyError> {
    Constraint::parse(&wanted.version).map_err(|error| DependencyError::Range {
        name: wanted.name.clone(),
        reason: error.to_string(),
    })
}

/// Whether two versions are the same, read leniently; texts that are no versions are compared as they are.
pub fn same_version(a: &str, b: &str) -> bool {
    match (Version::parse(a), Version::parse(b)) {
        (Ok(a), Ok(b)) => a.compare(&b) == Ordering::Equal,
        (Err(_), _) => a == b,
        (Ok(_), Err(_)) => false,
    }
}

/// The digest of a lock: over the dependencies as requested, with names of repositories replaced by their addresses, and
/// as locked (helm, `resolver.HashReq`).
pub fn digest(requested: &[Dependency], locked: &[Dependency]) -> String {
    hash(&format!("[{},{}]", list(requested), list(locked)))
}

/// Whether a lock belongs to these dependencies. Those of old charts may have been locked by Helm 2.
///
/// # Errors
/// [`DependencyError::OutOfSync`].
pub fn check_lock(
    lock: &Lock,
    requested: &[Dependency],
    written: &[Dependency],
    api_version: &str,
) -> Result<(), DependencyError> {
    if digest(requested, &lock.dependencies) == lock.digest {
        return Ok(());
    }
    let old = api_version == "v1";
    if old && hash(&format!("{{\"dependencies\":{}}}", list(written))) == lock.digest {
        return Ok(());
    }
    Err(DependencyError::OutOfSync(if old {
        "requirements.lock"
    } else {
        "Chart.lock"
    }))
}

fn hash(json: &str) -> String {
    Digest::of(Algorithm::Sha256, json.as_bytes()).to_string()
}

fn list(dependencies: &[Dependency]) -> String {
    let items: Vec<String> = dependencies.iter().map(object).collect();
    if items.is_empty() {
        "null".to_owned()
    } else {
        format!("[{}]", items.join(","))
    }
}

/// As Go's encoder writes the struct: its fields in order, empty ones left out but for name and repository.
fn object(dependency: &Dependency) -> String {
    let mut fields = vec![format!("\"name\":{}", quoted(&dependency.name))];
    let mut text = |key: &str, value: &str, always: bool| {
        if always || !value.is_empty() {
            fields.push(format!("\"{key}\":{}", quoted(value)));
        }
    };
    text("version", &dependency.version, false);
    text("repository", &dependency.repository, true);
    text("condition", &dependency.condition, false);
    if !dependency.tags.is_empty() {
        let tags: Vec<String> = dependency.tags.iter().map(|tag| quoted(tag)).collect();
        fields.push(format!("\"tags\":[{}]", tags.join(",")));
    }
    if dependency.enabled {
        fields.push("\"enabled\":true".to_owned());
    }
    if !dependency.import_values.is_empty() {
        let imports = dependency.import_values.iter().map(|import| match import {
            ImportValues::Export(name) => quoted(name),
            ImportValues::Table { child, parent } => format!(
                "{{\"child\":{},\"parent\":{}}}",
                quoted(child),
                quoted(parent)
            ),
            ImportValues::Other(other) => go_json(other),
        });
        let imports: Vec<String> = imports.collect();
        fields.push(format!("\"import-values\":[{}]", imports.join(",")));
    }
    if !dependency.alias.is_empty() {
        fields.push(format!("\"alias\":{}", quoted(&dependency.alias)));
    }
    format!("{{{}}}", fields.join(","))
}

/// JSON as Go writes it: keys sorted, numbers as `float64`.
fn go_json(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(_) => value.to_string(),
        Value::Number(number) => go_number(number.as_f64().unwrap_or_default()),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_json).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entry =
                |(key, value): (&String, &Value)| format!("{}:{}", quoted(key), go_json(value));
            let entries: Vec<String> = entries.into_iter().map(entry).collect();
            format!("{{{}}}", entries.join(","))
        }
    }
}

/// encoding/json: an exponent only below 1e-6 and from 1e21 on.
fn go_number(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return format!("{number}");
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

/// Go's encoder also escapes what means something in HTML.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut quoted = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            other => quoted.push(other),
        }
    }
    quoted
}

#[cfg(test)]
mod tests;
