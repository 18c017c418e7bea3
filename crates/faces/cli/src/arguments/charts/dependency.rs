//! `dependency`, `search`: charts that others stand on, and those that were pulled.

use super::{AccessArguments, KeyringArguments};
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
        /// The widest column
        #[arg(long, value_name = "N", default_value_t = 80)]
        max_col_width: usize,
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
    /// The account.
    #[command(flatten)]
    pub access: AccessArguments,
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
    /// Versions in this range only
    #[arg(long, value_name = "RANGE")]
    pub version: Option<String>,
    /// Exit with 4 if nothing is found
    #[arg(long)]
    pub fail_on_no_result: bool,
}
