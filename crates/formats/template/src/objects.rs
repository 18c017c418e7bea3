//! The objects with methods that charts are given: files, capabilities.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::value::Value;

/// `.Files`: path below the chart's folder and content.
pub fn files(files: BTreeMap<String, Rc<[u8]>>) -> Value {
    let _ = files;
    Value::Nil
}

/// What `.Capabilities` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// `v1.36.0`; `.KubeVersion.Version`, `.KubeVersion.GitVersion` and printed.
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
    let _ = capabilities;
    Value::Nil
}
