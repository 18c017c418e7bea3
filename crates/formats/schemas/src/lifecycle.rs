//! When an API was deprecated, and when it goes.

/// The lifecycle of a kind in a version of a group, in minor versions of Kubernetes 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// `policy`; empty for the core.
    pub group: String,
    /// `v1beta1`
    pub version: String,
    /// `PodDisruptionBudget`
    pub kind: String,
    /// Deprecated since.
    pub deprecated: Option<u32>,
    /// Not served since.
    pub removed: Option<u32>,
    /// What to use, as `policy/v1 PodDisruptionBudget`.
    pub replacement: Option<String>,
}

impl Lifecycle {
    /// Reads the functions that `prerelease-lifecycle-gen` wrote for a package (`zz_generated.prerelease-lifecycle.go`).
    pub fn read(group: &str, version: &str, go: &str) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        let mut lines = go.lines();
        while let Some(line) = lines.next() {
            let Some((kind, rest)) = line
                .strip_prefix("func (in *")
                .and_then(|rest| rest.split_once(") "))
            else {
                continue;
            };
            let Some(answer) = lines
                .next()
                .and_then(|line| line.trim().strip_prefix("return "))
            else {
                continue;
            };
            let at = found.iter().position(|known| known.kind == kind);
            let at = at.unwrap_or_else(|| {
                found.push(Self {
                    group: group.to_owned(),
                    version: version.to_owned(),
                    kind: kind.to_owned(),
                    ..Self::default()
                });
                found.len() - 1
            });
            let minor = || answer.strip_prefix("1, ")?.parse().ok();
            if rest.starts_with("APILifecycleDeprecated") {
                found[at].deprecated = minor();
            } else if rest.starts_with("APILifecycleRemoved") {
                found[at].removed = minor();
            } else if rest.starts_with("APILifecycleReplacement") {
                found[at].replacement = replacement(answer);
            }
        }
        found
    }
}

/// `schema.GroupVersionKind{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"}`
fn replacement(answer: &str) -> Option<String> {
    let part = |key: &str| {
        let rest = answer.split_once(key)?.1;
        rest.split('"').nth(1)
    };
    let (group, version, kind) = (part("Group:")?, part("Version:")?, part("Kind:")?);
    Some(if group.is_empty() {
        format!("{version} {kind}")
    } else {
        format!("{group}/{version} {kind}")
    })
}
