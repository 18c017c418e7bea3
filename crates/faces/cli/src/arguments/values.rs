//! Values per environment: which one won, and what is wrong with them.

use super::ValueArguments;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Where the environments of a chart are said.
#[derive(Debug, Clone, Args)]
pub struct EnvironmentArguments {
    /// A file with the Release document whose environments are meant; without it refloat.yaml or release.yaml beside the
    /// chart or here, and without those the files values-NAME.yaml and secrets-NAME.yaml of the chart
    #[arg(long, value_name = "FILE")]
    pub release: Option<PathBuf>,
}

/// `explain`
#[derive(Debug, Args)]
#[command(after_help = "\
Names the file and line that won, and what it hid, the highest first. A key that is a map is explained value by value.
Values of files that sops encrypted are not shown, only where they stand.

Examples:
  refloat explain web.image.tag --environment production
  refloat explain web ./charts/shop --environment staging --release refloat.yaml
  refloat explain web.replicas ./charts/shop -f values-eu.yaml --set web.replicas=3 -o json")]
pub struct ExplainArguments {
    /// A path of keys, for example web.image.tag or jobs[0].image
    pub key: String,
    /// The chart: a folder, a .tgz or a reference
    #[arg(default_value = ".")]
    pub chart: String,
    /// The environment
    #[arg(short, long, value_name = "NAME")]
    pub environment: Option<String>,
    /// Environments.
    #[command(flatten)]
    pub environments: EnvironmentArguments,
    /// Values on top of the environment's.
    #[command(flatten)]
    pub values: ValueArguments,
}

/// `values`
#[derive(Debug, Subcommand)]
pub enum ValuesVerb {
    /// Find keys that an environment misses or misspells, render every environment, and check what comes of it
    Check(CheckArguments),
}

/// `values check`
#[derive(Debug, Args)]
#[command(after_help = "\
Keys are compared with the chart's defaults, its schema, its templates and the other environments. Then every environment
is rendered, and its objects are checked against the schemas of Kubernetes and the definitions in crds/ and --crd: fields
that are missing, misspelt or of the wrong type, APIs that are deprecated or no longer served. No cluster is asked.
Exits 1 if there is an error, with --strict also if there is a warning.

Examples:
  refloat values check
  refloat values check ./charts/shop --environment production --kube-version 1.33,1.36
  refloat values check ./charts/shop -f ../deploy/eu.yaml -f ../deploy/us.yaml
  refloat values check ./charts/shop --crd monitoring-crds.yaml --strict -o json")]
pub struct CheckArguments {
    /// The chart: a folder, a .tgz or a reference
    #[arg(default_value = ".")]
    pub chart: String,
    /// Only these environments; keys are compared with the others still
    #[arg(short, long, value_name = "NAME")]
    pub environment: Vec<String>,
    /// Environments.
    #[command(flatten)]
    pub environments: EnvironmentArguments,
    /// A values file that is an environment of its own, beside the others
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    pub files: Vec<String>,
    /// The versions of Kubernetes to check against
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    pub kube_version: Vec<String>,
    /// Files with definitions of custom resources
    #[arg(long, value_name = "FILE")]
    pub crd: Vec<PathBuf>,
    /// APIs that the cluster is taken to have, beside those that helm assumes
    #[arg(short, long, value_name = "API", value_delimiter = ',')]
    pub api_versions: Vec<String>,
    /// Compare keys only, render nothing
    #[arg(long)]
    pub keys_only: bool,
    /// Fail on warnings, too
    #[arg(long)]
    pub strict: bool,
}
