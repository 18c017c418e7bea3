//! `lint`, `verify`: what is wrong with a chart, and who made it.

use super::ValueArguments;
use clap::Args;
use std::path::PathBuf;

/// `lint`
#[derive(Debug, Args)]
#[command(after_help = "\
Finds what `helm lint` finds, in its words. CHART is a folder, a .tgz or a reference.

Examples:
  refloat lint ./charts/shop
  refloat lint ./charts/* --strict -f values-production.yaml -o json")]
pub struct LintArguments {
    /// The charts
    #[arg(value_name = "CHART", default_value = ".")]
    pub charts: Vec<String>,
    /// Values.
    #[command(flatten)]
    pub values: ValueArguments,
    /// Fail on warnings, too
    #[arg(long)]
    pub strict: bool,
    /// Lint what lies below charts/, too
    #[arg(long)]
    pub with_subcharts: bool,
    /// Do not look at values.schema.json
    #[arg(long)]
    pub skip_schema_validation: bool,
    /// The version of Kubernetes to look for deprecated APIs of
    #[arg(long, value_name = "VERSION")]
    pub kube_version: Option<String>,
    /// The namespace
    #[arg(short, long, env = "HELM_NAMESPACE", default_value = "default")]
    pub namespace: String,
}

/// Public keys to trust.
#[derive(Debug, Clone, Default, Args)]
pub struct KeyringArguments {
    /// Exported public keys, binary or armored; default: pubring.gpg of GnuPG
    #[arg(long, value_name = "FILE", help_heading = "Provenance")]
    pub keyring: Option<PathBuf>,
}

/// `verify`
#[derive(Debug, Args)]
#[command(after_help = "\
Checks FILE against FILE.prov: that a key of the keyring signed it, and that it is still the same.

Example:
  refloat verify shop-1.4.2.tgz --keyring keys.gpg")]
pub struct VerifyArguments {
    /// The packaged chart
    pub file: PathBuf,
    /// Keys.
    #[command(flatten)]
    pub keyring: KeyringArguments,
}
