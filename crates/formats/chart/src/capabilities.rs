//! What a cluster can do, as templates see it (helm, pkg/chart/common/capabilities.go).

use refloat_template::objects;

/// The version of Helm whose rules these are, as it calls itself.
pub const HELM_VERSION: &str = "v4.2";

/// The APIs that Helm 4.2 takes for granted without a cluster: those of its client library.
const API_VERSIONS: &str = "\
v1 admissionregistration.k8s.io/v1 admissionregistration.k8s.io/v1alpha1 admissionregistration.k8s.io/v1beta1 \
internal.apiserver.k8s.io/v1alpha1 apps/v1 apps/v1beta1 apps/v1beta2 authentication.k8s.io/v1 \
authentication.k8s.io/v1alpha1 authentication.k8s.io/v1beta1 authorization.k8s.io/v1 authorization.k8s.io/v1beta1 \
autoscaling/v1 autoscaling/v2 batch/v1 batch/v1beta1 certificates.k8s.io/v1 certificates.k8s.io/v1beta1 \
certificates.k8s.io/v1alpha1 coordination.k8s.io/v1alpha2 coordination.k8s.io/v1beta1 coordination.k8s.io/v1 \
discovery.k8s.io/v1 discovery.k8s.io/v1beta1 events.k8s.io/v1 events.k8s.io/v1beta1 extensions/v1beta1 \
flowcontrol.apiserver.k8s.io/v1 flowcontrol.apiserver.k8s.io/v1beta1 flowcontrol.apiserver.k8s.io/v1beta2 \
flowcontrol.apiserver.k8s.io/v1beta3 networking.k8s.io/v1 networking.k8s.io/v1beta1 node.k8s.io/v1 \
node.k8s.io/v1alpha1 node.k8s.io/v1beta1 policy/v1 policy/v1beta1 rbac.authorization.k8s.io/v1 \
rbac.authorization.k8s.io/v1beta1 rbac.authorization.k8s.io/v1alpha1 resource.k8s.io/v1 resource.k8s.io/v1beta2 \
resource.k8s.io/v1beta1 resource.k8s.io/v1alpha3 scheduling.k8s.io/v1alpha2 scheduling.k8s.io/v1beta1 \
scheduling.k8s.io/v1 storage.k8s.io/v1beta1 storage.k8s.io/v1 storage.k8s.io/v1alpha1 \
storagemigration.k8s.io/v1beta1 apiextensions.k8s.io/v1beta1 apiextensions.k8s.io/v1";

/// A version of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// As given, with a `v`: `v1.33.4-gke.1245000`.
    pub version: String,
    /// Without what a vendor appends: `v1.33.4`.
    pub normalized: String,
    /// `1`
    pub major: String,
    /// `33`
    pub minor: String,
}

/// A text that is no version of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid kube version '{0}': could not parse it; write for example 1.33 or v1.33.4")]
pub struct KubeVersionError(String);

impl Default for KubeVersion {
    /// That of Helm 4.2's client library.
    fn default() -> Self {
        Self {
            version: "v1.36.0".to_owned(),
            normalized: "v1.36.0".to_owned(),
            major: "1".to_owned(),
            minor: "36".to_owned(),
        }
    }
}

impl std::str::FromStr for KubeVersion {
    type Err = KubeVersionError;

    fn from_str(text: &str) -> Result<Self, KubeVersionError> {
        let wrong = || KubeVersionError(text.to_owned());
        let body = text.trim();
        let body = body.strip_prefix('v').unwrap_or(body);
        let end = body.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
        let numbers = body[..end.unwrap_or(body.len())].trim_end_matches('.');
        let parts: Vec<&str> = numbers.split('.').collect();
        let number = |part: &&str| {
            let plain = *part == "0" || !part.starts_with('0');
            plain && part.parse::<u32>().is_ok()
        };
        if parts.len() < 2 || !parts.iter().all(number) {
            return Err(wrong());
        }
        let patch = parts.get(2).copied().unwrap_or("0");
        let written = if text.starts_with('v') {
            text.to_owned()
        } else {
            format!("v{text}")
        };
        Ok(Self {
            version: written,
            normalized: format!("v{}.{}.{patch}", parts[0], parts[1]),
            major: parts[0].to_owned(),
            minor: parts[1].to_owned(),
        })
    }
}

/// `.Capabilities`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The cluster's version.
    pub kube_version: KubeVersion,
    /// `apps/v1`, and of kinds `apps/v1/Deployment`.
    pub api_versions: Vec<String>,
}

impl Default for Capabilities {
    /// What Helm 4.2 assumes without a cluster.
    fn default() -> Self {
        Self {
            kube_version: KubeVersion::default(),
            api_versions: API_VERSIONS.split(' ').map(str::to_owned).collect(),
        }
    }
}

impl Capabilities {
    pub(crate) fn to_object(&self) -> objects::Capabilities {
        objects::Capabilities {
            kube_version: self.kube_version.version.clone(),
            kube_version_normalized: self.kube_version.normalized.clone(),
            major: self.kube_version.major.clone(),
            minor: self.kube_version.minor.clone(),
            api_versions: self.api_versions.clone(),
            helm_version: HELM_VERSION.to_owned(),
            helm_commit: String::new(),
            helm_tree_state: String::new(),
            helm_go_version: "go1.26.8".to_owned(),
            helm_kube_client_version: "v1.36".to_owned(),
        }
    }
}
