//! `dependency`, `search`: charts that others stand on, and those that were pulled.

use super::KeyringArguments;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `dependency`
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Dependencies come from registries (oci://), classic repositories (https://, or @NAME of helm's repositories.yaml),
folders (file://) and charts/ itself. Accounts are docker's and helm's.

Examples:
  refloat dependency update ./charts/shop     choose versions, fetch them, write Chart.lock
  refloat dependency build ./charts/shop      fetch what Chart.lock says")]
pub enum DependencyVerb {
    /// Choose the newest versions that fit, fetch them into charts/, write Chart.lock
    #[command(visible_alias = "up")]
    Update(DependencyArguments),
    /// Fetch what Chart.lock says into charts/
    Build(DependencyArguments),
    /// What the chart stands on, and how each stands
    #[command(visible_alias = "ls")]
    List {
        /// The chart's folder, or a .tgz
        #[arg(default_value = ".")]
        chart: PathBuf,
    },
}

/// What of `dependency` is the same for update and build.
#[derive(Debug, Args)]
pub struct DependencyArguments {
    /// The chart's folder
    #[arg(default_value = ".")]
    pub chart: PathBuf,
    /// Use the indexes of repositories as they were seen last
    #[arg(long)]
    pub skip_refresh: bool,
    /// Check the provenance of what is fetched
    #[arg(long)]
    pub verify: bool,
    /// Keys.
    #[command(flatten)]
    pub keyring: KeyringArguments,
}

/// `search`
#[derive(Debug, Args)]
#[command(after_help = "\
Without -r looks through the charts that were pulled to this machine: no network, nothing to refresh.

Examples:
  refloat search shop
  refloat search '' -o json")]
pub struct SearchArguments {
    /// A word of the name, reference, description or keywords; empty finds all
    #[arg(default_value = "")]
    pub word: String,
    /// Search a registry instead
    #[arg(short, long, value_name = "REGISTRY")]
    pub registry: Option<String>,
}
