//! Whether an object fits Kubernetes: its schema per minor version, custom resources by their definitions, and APIs that a
//! version no longer serves. Offline and pure.
//!
//! ```text
//! Kubernetes' OpenAPI documents, lifecycle markers ─(cargo xtask schemas)─► pack ─► data/kubernetes.bin
//! object ─► lifecycle ─► schema of its kind, or of a definition that was given ─► findings
//! ```
//! The packed data are facts of Kubernetes' published OpenAPI documents and of the markers `prerelease-lifecycle-gen` in its
//! API modules (Apache-2.0, The Kubernetes Authors): names, types, required fields, versions; no descriptions.

mod check;
mod crd;
mod data;
mod lifecycle;
pub mod pack;

pub use crd::CrdError;
pub use lifecycle::Lifecycle;

use data::Data;
use serde_json::Value;
use std::collections::BTreeMap;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The cluster takes it.
    Warning,
    /// The cluster refuses it, or drops a part.
    Error,
}

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// `api_removed`, `api_deprecated`, `api_unknown`, `no_schema`, `unknown_field`, `missing_field`, `wrong_type`,
    /// `wrong_value`.
    pub code: &'static str,
    /// Where in the object, as `spec.template.spec.containers[0].image`; empty for the object.
    pub path: String,
    /// What, and what to do, in one line.
    pub message: String,
}

/// A version of Kubernetes that is not among the packed ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there are no schemas of Kubernetes 1.{minor}; there are those of 1.{first} to 1.{last}")]
pub struct UnknownVersion {
    /// The minor version.
    pub minor: u32,
    /// The oldest one that is there.
    pub first: u32,
    /// The newest one.
    pub last: u32,
}

/// The schemas of one minor version of Kubernetes, and of custom resources.
pub struct Schemas {
    minor: u32,
    data: Data,
    /// By group, version, kind.
    custom: BTreeMap<(String, String, String), Value>,
}

/// The minor versions whose schemas are packed, ascending.
pub fn minors() -> Vec<u32> {
    data::minors()
}

impl Schemas {
    /// Those of `1.minor`.
    ///
    /// # Errors
    /// [`UnknownVersion`] names those that there are.
    pub fn of_minor(minor: u32) -> Result<Self, UnknownVersion> {
        let minors = data::minors();
        let (first, last) = match (minors.first(), minors.last()) {
            (Some(first), Some(last)) => (*first, *last),
            _ => (0, 0),
        };
        let position = minors.iter().position(|known| *known == minor);
        let position = position.ok_or(UnknownVersion { minor, first, last })?;
        Ok(Self {
            minor,
            data: Data::of(position),
            custom: BTreeMap::new(),
        })
    }

    /// The minor version.
    pub fn minor(&self) -> u32 {
        self.minor
    }

    /// What a cluster of this version serves, as `.Capabilities.APIVersions` has it: `apps/v1`, `apps/v1/Deployment`.
    pub fn apis(&self) -> Vec<String> {
        let mut apis = self.data.apis();
        for (group, version, kind) in self.custom.keys() {
            apis.push(format!("{group}/{version}"));
            apis.push(format!("{group}/{version}/{kind}"));
        }
        apis.sort();
        apis.dedup();
        apis
    }

    /// Takes the definitions of custom resources in a file; other documents in it are left out. Gives their number.
    ///
    /// # Errors
    /// [`CrdError`] if it is no YAML.
    pub fn add_definitions(&mut self, text: &str) -> Result<usize, CrdError> {
        crd::read(text, &mut self.custom)
    }

    /// Takes the definition of a custom resource that is an object already; others are left out.
    pub fn add_definition(&mut self, object: &Value) {
        crd::add(object, &mut self.custom);
    }

    /// What is wrong with an object; of a `List` with those in it.
    pub fn check(&self, object: &Value) -> Vec<Finding> {
        let mut found = Vec::new();
        let items = object.get("items").and_then(Value::as_array);
        let is_list = object.get("kind").and_then(Value::as_str) == Some("List");
        match items.filter(|_| is_list) {
            Some(items) => {
                for (index, item) in items.iter().enumerate() {
                    let inner = self.one(item).into_iter();
                    found.extend(inner.map(|finding| finding.below(&format!("items[{index}]"))));
                }
            }
            None => found = self.one(object),
        }
        found
    }

    fn one(&self, object: &Value) -> Vec<Finding> {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let (api, kind) = (text("apiVersion"), text("kind"));
        if api.is_empty() || kind.is_empty() {
            let key = if api.is_empty() { "apiVersion" } else { "kind" };
            return vec![Finding::error(
                "missing_field",
                key,
                "is missing".to_owned(),
            )];
        }
        let (group, version) = api.split_once('/').unwrap_or(("", api));
        let mut found = Vec::new();
        if let Some(found) = self.lifecycle(api, group, version, kind, &mut found) {
            return vec![found];
        }
        let key = (group.to_owned(), version.to_owned(), kind.to_owned());
        if let Some(schema) = self.custom.get(&key) {
            let resolve = |_: &str| None;
            check::object(schema, object, &resolve, &mut found);
        } else if let Some(name) = self.data.kind(group, version, kind) {
            let resolve = |name: &str| self.data.definition(name);
            if let Some(schema) = self.data.definition(name) {
                check::object(&schema, object, &resolve, &mut found);
            }
        } else if self.data.has_group(group) || self.custom.keys().any(|known| known.0 == group) {
            let message = format!(
                "Kubernetes 1.{} has no {kind} in {api}; it has {}",
                self.minor,
                self.known(group, kind)
            );
            found.push(Finding::error("api_unknown", "", message));
        } else {
            found.push(Finding {
                severity: Severity::Warning,
                code: "no_schema",
                path: String::new(),
                message: format!("there is no schema of {kind} in {api}; give its definition"),
            });
        }
        found
    }

    /// The finding that ends the check: the version does not serve it. A deprecation is added to `found`.
    fn lifecycle(
        &self,
        api: &str,
        group: &str,
        version: &str,
        kind: &str,
        found: &mut Vec<Finding>,
    ) -> Option<Finding> {
        let lifecycle = self.data.lifecycle(group, version, kind)?;
        let served = self.data.kind(group, version, kind).is_some();
        // Where no marker says it, the version of the same group that is served.
        let same = || {
            let served = self.data.apis_in(group, kind).pop();
            served.map(|api| format!("{api} {kind}"))
        };
        let instead = lifecycle.replacement.map(str::to_owned).or_else(same);
        let instead = instead.map_or_else(String::new, |instead| format!("; use {instead}"));
        match (lifecycle.deprecated, lifecycle.removed) {
            (_, Some(removed)) if removed <= self.minor && !served => {
                let message =
                    format!("{kind} in {api} is not served since Kubernetes 1.{removed}{instead}");
                Some(Finding::error("api_removed", "apiVersion", message))
            }
            (Some(deprecated), removed) if deprecated <= self.minor => {
                let ends = removed.map_or_else(String::new, |removed| {
                    format!(" and not served from 1.{removed} on")
                });
                found.push(Finding {
                    severity: Severity::Warning,
                    code: "api_deprecated",
                    path: "apiVersion".to_owned(),
                    message: format!(
                        "{kind} in {api} is deprecated since Kubernetes 1.{deprecated}{ends}{instead}"
                    ),
                });
                None
            }
            _ => None,
        }
    }

    fn known(&self, group: &str, kind: &str) -> String {
        let mut known = self.data.apis_of(group, kind);
        let custom = self.custom.keys().filter(|(custom, _, _)| custom == group);
        known.extend(
            custom
                .filter(|(_, _, custom)| custom == kind)
                .map(|(group, version, _)| format!("{group}/{version}")),
        );
        if known.is_empty() {
            "no kind of that name".to_owned()
        } else {
            format!("it in {}", known.join(", "))
        }
    }
}

impl Finding {
    pub(crate) fn error(code: &'static str, path: &str, message: String) -> Self {
        Self {
            severity: Severity::Error,
            code,
            path: path.to_owned(),
            message,
        }
    }

    fn below(mut self, path: &str) -> Self {
        self.path = if self.path.is_empty() {
            path.to_owned()
        } else {
            format!("{path}.{}", self.path)
        };
        self
    }
}

#[cfg(test)]
mod tests;
