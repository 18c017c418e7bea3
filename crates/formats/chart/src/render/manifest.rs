//! Rendered texts split into documents, hooks told from resources, kinds put in order
//! (helm, pkg/release/v1/util/manifest.go and manifest_sorter.go).

use super::kinds::compare_kinds;
use refloat_template::{Map, Value, yaml};
use std::collections::BTreeMap;

const HOOK: &str = "helm.sh/hook";
const HOOK_WEIGHT: &str = "helm.sh/hook-weight";
const HOOK_DELETE: &str = "helm.sh/hook-delete-policy";
const HOOK_OUTPUT_LOG: &str = "helm.sh/hook-output-log-policy";

/// One document of one rendered template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The template, `chart/templates/deployment.yaml`.
    pub path: String,
    /// Its text, without the separator.
    pub text: String,
    /// Its `kind`; empty if it has none.
    pub kind: String,
    /// Its `apiVersion`; empty if it has none.
    pub api_version: String,
    /// Its `metadata.name`; empty if it has none.
    pub name: String,
}

/// A document that is run at certain moments instead of being part of the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The document.
    pub manifest: Manifest,
    /// When it runs.
    pub events: Vec<HookEvent>,
    /// Smaller ones run first.
    pub weight: i64,
    /// When it is deleted: `before-hook-creation`, `hook-succeeded`, `hook-failed`.
    pub delete_policies: Vec<String>,
    /// When its log is shown: `hook-succeeded`, `hook-failed`.
    pub output_log_policies: Vec<String>,
}

/// A moment at which hooks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are named after their annotations")]
pub enum HookEvent {
    PreInstall,
    PostInstall,
    PreDelete,
    PostDelete,
    PreUpgrade,
    PostUpgrade,
    PreRollback,
    PostRollback,
    Test,
}

impl HookEvent {
    /// As the annotation and a release record write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreInstall => "pre-install",
            Self::PostInstall => "post-install",
            Self::PreDelete => "pre-delete",
            Self::PostDelete => "post-delete",
            Self::PreUpgrade => "pre-upgrade",
            Self::PostUpgrade => "post-upgrade",
            Self::PreRollback => "pre-rollback",
            Self::PostRollback => "post-rollback",
            Self::Test => "test",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::PreInstall,
            Self::PostInstall,
            Self::PreDelete,
            Self::PostDelete,
            Self::PreUpgrade,
            Self::PostUpgrade,
            Self::PreRollback,
            Self::PostRollback,
            Self::Test,
        ];
        if text == "test-success" {
            return Some(Self::Test);
        }
        all.into_iter().find(|event| event.as_str() == text)
    }
}

/// A rendered document that is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("YAML parse error on {path}: {reason}")]
pub struct ManifestError {
    /// The template.
    pub path: String,
    /// What is wrong, with its line.
    pub reason: String,
}

/// Splits a text where a line begins with `---`; documents of white space alone are dropped.
pub fn split_documents(text: &str) -> Vec<&str> {
    let text = text.trim_start();
    let mut documents = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix("---") {
            documents.push(&text[start..at]);
            start = at + 3 + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
        }
        at += line.len();
    }
    documents.push(&text[start..]);
    let documents = documents.into_iter().map(str::trim_start);
    documents.filter(|document| !document.is_empty()).collect()
}

/// Resources and hooks of rendered files, each in the order of installation.
pub(super) fn sort(
    files: &BTreeMap<String, String>,
) -> Result<(Vec<Manifest>, Vec<Hook>), ManifestError> {
    let (mut manifests, mut hooks) = (Vec::new(), Vec::new());
    for (path, text) in files {
        for document in split_documents(text) {
            let (manifest, annotations) = read(path, document)?;
            match annotations.as_ref().and_then(|all| annotation(all, HOOK)) {
                None => manifests.push(manifest),
                Some(events) => {
                    let annotations = annotations.unwrap_or_default();
                    hooks.extend(hook(manifest, &events, &annotations));
                }
            }
        }
    }
    manifests.sort_by(|a: &Manifest, b| compare_kinds(&a.kind, &b.kind));
    hooks.sort_by(|a: &Hook, b| compare_kinds(&a.manifest.kind, &b.manifest.kind));
    Ok((manifests, hooks))
}

/// The head of a document, and its annotations if it has any.
fn read(path: &str, document: &str) -> Result<(Manifest, Option<Map>), ManifestError> {
    let wrong = |reason: String| ManifestError {
        path: path.to_owned(),
        reason,
    };
    let head = match yaml::read(document).map_err(|error| wrong(error.to_string()))? {
        Value::Map(map) => map,
        nothing if nothing.is_nil() => Map::new(),
        _ => {
            return Err(wrong(
                "error unmarshaling JSON: a manifest must be a map of keys".to_owned(),
            ));
        }
    };
    let metadata = match head.get("metadata") {
        Some(Value::Map(map)) => Some(map),
        Some(other) if !other.is_nil() => return Err(wrong("`metadata` must be a map".to_owned())),
        _ => None,
    };
    let annotations = match metadata.as_ref().and_then(|map| map.get("annotations")) {
        Some(Value::Map(map)) if !map.is_empty() => Some(map),
        Some(Value::Map(_)) | None => None,
        Some(other) if other.is_nil() => None,
        Some(_) => return Err(wrong("`metadata.annotations` must be a map".to_owned())),
    };
    if let Some(map) = &annotations {
        let is_text = |value: &Value| value.is_nil() || scalar(value).is_some();
        if let Some((key, _)) = map.entries().iter().find(|(_, value)| !is_text(value)) {
            return Err(wrong(format!("annotation `{key}` must be a text")));
        }
    }
    let text = |map: &Map, key: &str| {
        map.get(key)
            .and_then(|value| scalar(&value))
            .unwrap_or_default()
    };
    let manifest = Manifest {
        path: path.to_owned(),
        text: document.to_owned(),
        kind: text(&head, "kind"),
        api_version: text(&head, "apiVersion"),
        name: metadata.map(|map| text(&map, "name")).unwrap_or_default(),
    };
    Ok((manifest, annotations))
}

/// A hook; none if one of its events is not known, in which case Helm passes over it in silence.
fn hook(manifest: Manifest, events: &str, annotations: &Map) -> Option<Hook> {
    let words = |key: &str| {
        let text = annotation(annotations, key);
        let words = text.as_deref().map(|text| text.split(','));
        let words = words.into_iter().flatten();
        words
            .map(|word| word.trim().to_ascii_lowercase())
            .collect::<Vec<_>>()
    };
    let events = events.split(',');
    let events = events.map(|event| HookEvent::parse(&event.trim().to_ascii_lowercase()));
    let weight = annotation(annotations, HOOK_WEIGHT);
    Some(Hook {
        manifest,
        events: events.collect::<Option<_>>()?,
        weight: weight.and_then(|text| text.parse().ok()).unwrap_or(0),
        delete_policies: words(HOOK_DELETE),
        output_log_policies: words(HOOK_OUTPUT_LOG),
    })
}

fn annotation(annotations: &Map, key: &str) -> Option<String> {
    let value = annotations.get(key)?;
    Some(scalar(&value).unwrap_or_default())
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Int(number) | Value::Int64(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_split_as_helm_splits_them() {
        let cases: [(&str, &[&str]); 6] = [
            ("\n\n---\na: 1\n---\nb: 2\n", &["a: 1\n", "b: 2\n"]),
            ("--- \na: 1", &["a: 1"]),
            (
                "a: 1\n---   # comment\nb: 2",
                &["a: 1\n", "# comment\nb: 2"],
            ),
            ("a: |\n  ---\n", &["a: |\n  ---\n"]),
            ("----\n", &["-\n"]),
            ("---\n \n---\n", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(split_documents(text), expected, "{text:?}");
        }
    }
}
