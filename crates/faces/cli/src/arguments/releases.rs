//! Verbs for releases: on a cluster as helm has them, and of a server.

use super::ValueArguments;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Which cluster, and where in it.
#[derive(Debug, Clone, Default, Args)]
pub struct ClusterArguments {
    /// The namespace; that of the kubeconfig's context if left out
    #[arg(short, long, env = "HELM_NAMESPACE", help_heading = "Cluster")]
    pub namespace: Option<String>,
    /// The kubeconfig; KUBECONFIG or ~/.kube/config if left out
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub kube_context: Option<String>,
}

impl ClusterArguments {
    /// Whether a cluster was asked for in words.
    pub fn is_named(&self) -> bool {
        self.namespace.is_some() || self.kubeconfig.is_some() || self.kube_context.is_some()
    }
}

/// `upgrade`
#[derive(Debug, Args)]
#[command(after_help = "\
CHART is a folder, a .tgz or a reference. The release is recorded as helm records it: `helm list`, `helm history`
and `helm rollback` work on it.

Examples:
  refloat upgrade --install shop ./charts/shop -n shop --create-namespace -f values-staging.yaml --wait
  refloat upgrade shop registry.example.com/charts/shop:1.4.2 --set web.replicas=3 --dry-run")]
pub struct UpgradeArguments {
    /// Install it if there is no release of this name
    #[arg(short, long)]
    pub install: bool,
    /// All else.
    #[command(flatten)]
    pub release: InstallArguments,
}

/// `install`
#[expect(clippy::struct_excessive_bools, reason = "each is one of helm's flags")]
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  refloat install shop ./charts/shop -n shop --create-namespace --wait --timeout 2m")]
pub struct InstallArguments {
    /// The release's name
    #[arg(value_name = "RELEASE")]
    pub name: String,
    /// The chart
    #[arg(value_name = "CHART")]
    pub chart: String,
    /// Values.
    #[command(flatten)]
    pub values: ValueArguments,
    /// Where.
    #[command(flatten)]
    pub cluster: ClusterArguments,
    /// The version of a chart whose reference has no tag
    #[arg(long)]
    pub version: Option<String>,
    /// Make the namespace if it is not there
    #[arg(long)]
    pub create_namespace: bool,
    /// Wait until everything runs and is ready
    #[arg(long)]
    pub wait: bool,
    /// How long to wait, for example 90s or 5m0s
    #[arg(long, value_name = "DURATION", default_value = "5m0s", value_parser = seconds)]
    pub timeout: u64,
    /// Render against the cluster and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What the release's record says about itself
    #[arg(long)]
    pub description: Option<String>,
    /// Do not look at values.schema.json
    #[arg(long)]
    pub skip_schema_validation: bool,
}

/// `status`, `history`: a release by name.
#[derive(Debug, Args)]
#[command(after_help = "\
With a server configured and no cluster named, these are the server's own releases.

Examples:
  refloat status shop -n shop
  refloat history shop --server http://127.0.0.1:5000")]
pub struct NamedArguments {
    /// The release's name
    #[arg(value_name = "RELEASE")]
    pub name: String,
    /// Where.
    #[command(flatten)]
    pub cluster: ClusterArguments,
    /// This revision instead of the newest
    #[arg(long)]
    pub revision: Option<u32>,
}

/// `list`
#[derive(Debug, Args)]
#[command(after_help = "\
With a server configured and no cluster named, these are the server's own releases.

Examples:
  refloat list -A
  refloat list -n shop -o json")]
pub struct ListArguments {
    /// Where.
    #[command(flatten)]
    pub cluster: ClusterArguments,
    /// Of all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
}

/// `release`
#[derive(Debug, Subcommand)]
pub enum ReleaseVerb {
    /// What a release is made of
    #[command(subcommand)]
    Get(ReleasePart),
}

/// `release get`
#[derive(Debug, Subcommand)]
pub enum ReleasePart {
    /// Its objects
    #[command(after_help = "Example:\n  refloat release get manifest shop -n shop")]
    Manifest(NamedArguments),
    /// The values that were given
    #[command(after_help = "Example:\n  refloat release get values shop -n shop")]
    Values(NamedArguments),
    /// Its notes
    #[command(after_help = "Example:\n  refloat release get notes shop -n shop")]
    Notes(NamedArguments),
}

/// `1h2m3s`, in this order, each part once; a number alone is seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || "write for example 90s, 5m or 1h30m".to_owned();
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let (mut rest, mut total) = (text, 0_u64);
    for (unit, factor) in [('h', 3600), ('m', 60), ('s', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            let number: u64 = number.parse().map_err(|_| wrong())?;
            total = number
                .checked_mul(factor)
                .and_then(|part| total.checked_add(part))
                .ok_or_else(wrong)?;
            rest = after;
        }
    }
    if rest.is_empty() && !text.is_empty() {
        Ok(total)
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, expected) in [("5m0s", 300), ("90s", 90), ("1h30m", 5400), ("45", 45)] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "soon", "5x", "m", "3s2m"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
