//! `.Capabilities` (Helm's `pkg/chart/common/capabilities.go`).

use std::any::Any;
use std::rc::Rc;

use crate::value::{CallError, List, Object, Shape, Value};

/// What `.Capabilities` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// `v1.36.0`: `.KubeVersion.Version` and `.KubeVersion.GitVersion`.
    pub kube_version: String,
    /// The same without a vendor's suffix, which printing `.KubeVersion` gives.
    pub kube_version_normalized: String,
    /// `1`
    pub major: String,
    /// `36`
    pub minor: String,
    /// What `.APIVersions.Has` finds.
    pub api_versions: Vec<String>,
    /// `v4.2.4`: `.HelmVersion.Version`.
    pub helm_version: String,
    /// `.HelmVersion.GitCommit`
    pub helm_commit: String,
    /// `.HelmVersion.GitTreeState`
    pub helm_tree_state: String,
    /// `.HelmVersion.GoVersion`
    pub helm_go_version: String,
    /// `.HelmVersion.KubeClientVersion`
    pub helm_kube_client_version: String,
}

/// `.Capabilities`.
pub fn capabilities(capabilities: Capabilities) -> Value {
    let of = Rc::new(capabilities);
    let versions = List::of_texts(of.api_versions.iter().map(String::as_str));
    let part = |part| {
        let of = Rc::clone(&of);
        let versions = versions.clone();
        Value::Object(Rc::new(Part {
            of,
            versions,
            which: part,
        }))
    };
    part(Which::All)
}

/// A part of the capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Kube,
    Versions,
    Helm,
}

struct Part {
    of: Rc<Capabilities>,
    versions: List,
    which: Which,
}

impl Part {
    fn other(&self, part: Which) -> Value {
        Value::Object(Rc::new(Self {
            of: Rc::clone(&self.of),
            versions: self.versions.clone(),
            which: part,
        }))
    }
}

impl Object for Part {
    fn type_name(&self) -> &'static str {
        match self.which {
            Which::All => "*common.Capabilities",
            Which::Kube => "common.KubeVersion",
            Which::Versions => "common.VersionSet",
            Which::Helm => "version.BuildInfo",
        }
    }

    fn shape(&self) -> Shape {
        match self.which {
            Which::Versions => Shape::List(self.versions.clone()),
            Which::All | Which::Kube | Which::Helm => Shape::Struct,
        }
    }

    fn field(&self, name: &str) -> Option<Value> {
        let of = &self.of;
        let text = match (self.which, name) {
            (Which::All, "KubeVersion") => return Some(self.other(Which::Kube)),
            (Which::All, "APIVersions") => return Some(self.other(Which::Versions)),
            (Which::All, "HelmVersion") => return Some(self.other(Which::Helm)),
            (Which::Kube, "Version") => &of.kube_version,
            (Which::Kube, "Major") => &of.major,
            (Which::Kube, "Minor") => &of.minor,
            (Which::Helm, "Version") => &of.helm_version,
            (Which::Helm, "GitCommit") => &of.helm_commit,
            (Which::Helm, "GitTreeState") => &of.helm_tree_state,
            (Which::Helm, "GoVersion") => &of.helm_go_version,
            (Which::Helm, "KubeClientVersion") => &of.helm_kube_client_version,
            _ => return None,
        };
        Some(Value::from(text.as_str()))
    }

    fn json_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        let of = &self.of;
        let text = |text: &str| Value::from(text);
        Some(match self.which {
            Which::All => vec![
                ("KubeVersion", self.other(Which::Kube)),
                ("APIVersions", self.other(Which::Versions)),
                ("HelmVersion", self.other(Which::Helm)),
            ],
            Which::Kube => vec![
                ("Version", text(&of.kube_version)),
                ("Major", text(&of.major)),
                ("Minor", text(&of.minor)),
            ],
            Which::Helm => [
                ("version", &of.helm_version),
                ("git_commit", &of.helm_commit),
                ("git_tree_state", &of.helm_tree_state),
                ("go_version", &of.helm_go_version),
                ("kube_client_version", &of.helm_kube_client_version),
            ]
            .into_iter()
            .filter(|(_, field)| !field.is_empty())
            .map(|(name, field)| (name, text(field)))
            .collect(),
            Which::Versions => return None,
        })
    }

    fn method(&self, name: &str) -> Option<usize> {
        match (self.which, name) {
            (Which::Kube, "GitVersion" | "String") => Some(0),
            (Which::Versions, "Has") => Some(1),
            _ => None,
        }
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, CallError> {
        match name {
            "GitVersion" => Ok(Value::from(self.of.kube_version.as_str())),
            "String" => Ok(Value::from(self.of.kube_version_normalized.as_str())),
            _ => {
                let wanted = arguments.first().and_then(Value::as_str);
                let wanted = wanted.ok_or_else(|| CallError("expected string".to_owned()))?;
                let known = self.of.api_versions.iter().any(|version| version == wanted);
                Ok(Value::Bool(known))
            }
        }
    }

    fn text(&self) -> String {
        match self.which {
            Which::Kube => self.of.kube_version_normalized.clone(),
            _ => self.value_text(),
        }
    }

    fn value_text(&self) -> String {
        let of = &self.of;
        let kube = format!(
            "{{{} {} {} {}}}",
            of.kube_version, of.kube_version_normalized, of.major, of.minor
        );
        let versions = format!("[{}]", of.api_versions.join(" "));
        let helm = format!(
            "{{{} {} {} {} {}}}",
            of.helm_version,
            of.helm_commit,
            of.helm_tree_state,
            of.helm_go_version,
            of.helm_kube_client_version
        );
        match self.which {
            Which::All => format!("&{{{kube} {versions} {helm}}}"),
            Which::Kube => kube,
            Which::Versions => versions,
            Which::Helm => helm,
        }
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn Any> {
        self
    }
}
