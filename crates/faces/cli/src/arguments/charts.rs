//! Verbs for charts: rendered, edited, packaged, kept in a registry. All of them work without a server.

mod dependency;
mod lint;
mod source;

pub use dependency::{DependencyArguments, DependencyVerb, SearchArguments};
pub use lint::{KeyringArguments, LintArguments, VerifyArguments};
pub use source::{AccessArguments, IdleArguments, SourceArguments};

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Values for a chart, laid over each other as helm lays them: files, then `--set-json`, `--set`, `--set-string`,
/// `--set-file`, `--set-literal`.
#[derive(Debug, Clone, Default, Args)]
pub struct ValueArguments {
    /// A values file; the later one wins, - is standard input
    #[arg(
        short = 'f',
        long = "values",
        value_name = "FILE",
        help_heading = "Values"
    )]
    pub files: Vec<String>,
    /// Set a value: a.b=1,c[0]=x
    #[arg(long = "set", value_name = "KEY=VALUE", help_heading = "Values")]
    pub set: Vec<String>,
    /// Set a value as text
    #[arg(long = "set-string", value_name = "KEY=VALUE", help_heading = "Values")]
    pub set_string: Vec<String>,
    /// Set a value as JSON: a=[1,2] or a whole object
    #[arg(long = "set-json", value_name = "KEY=JSON", help_heading = "Values")]
    pub set_json: Vec<String>,
    /// Set a value to the text of a file
    #[arg(long = "set-file", value_name = "KEY=FILE", help_heading = "Values")]
    pub set_file: Vec<String>,
    /// Set a value to all that follows the sign
    #[arg(long = "set-literal", value_name = "KEY=TEXT", help_heading = "Values")]
    pub set_literal: Vec<String>,
}

/// `template`
#[derive(Debug, Args)]
#[command(after_help = "\
Prints what `helm template` prints, byte for byte. CHART is a folder, a .tgz or a reference. Flags of helm that change
how a cluster is written to are taken and say nothing here. No other program is started: instead of --post-renderer
pipe the output into it.

Examples:
  refloat template shop ./charts/shop -f values-staging.yaml
  refloat template shop registry.example.com/charts/shop:1.4.2 --set web.replicas=3
  refloat template ./charts/shop --show-only templates/deployment.yaml
  refloat template shop ./charts/shop --validate --kube-version 1.33
  refloat template shop ./charts/shop --output-dir out --include-crds")]
#[expect(clippy::struct_excessive_bools, reason = "each is one of helm's flags")]
pub struct TemplateArguments {
    /// The release's name; release-name if left out
    #[arg(value_name = "NAME")]
    pub first: String,
    /// The chart
    #[arg(value_name = "CHART")]
    pub second: Option<String>,
    /// Values.
    #[command(flatten)]
    pub values: ValueArguments,
    /// Its place.
    #[command(flatten)]
    pub source: SourceArguments,
    /// The namespace
    #[arg(short, long, env = "HELM_NAMESPACE", default_value = "default")]
    pub namespace: String,
    /// The name is release-name, as without a name
    #[arg(short, long, conflicts_with_all = ["second", "name_template"])]
    pub generate_name: bool,
    /// A template that makes the name
    #[arg(long, value_name = "TEMPLATE", conflicts_with = "second")]
    pub name_template: Option<String>,
    /// Set .Release.IsUpgrade instead of .Release.IsInstall
    #[arg(long)]
    pub is_upgrade: bool,
    /// Print these templates only, by path or pattern
    #[arg(short, long, value_name = "TEMPLATE")]
    pub show_only: Vec<String>,
    /// Write a file for each template below this folder, instead of printing
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
    /// Put the release's name before the paths in --output-dir
    #[arg(long, requires = "output_dir")]
    pub release_name: bool,
    /// Print the files of crds/ too
    #[arg(long)]
    pub include_crds: bool,
    /// Leave hooks out
    #[arg(long)]
    pub no_hooks: bool,
    /// Leave tests out
    #[arg(long)]
    pub skip_tests: bool,
    /// APIs that the cluster is taken to have, beside those that helm assumes
    #[arg(short, long, value_name = "API", value_delimiter = ',')]
    pub api_versions: Vec<String>,
    /// The version of Kubernetes that the cluster is taken to have
    #[arg(long, value_name = "VERSION")]
    pub kube_version: Option<String>,
    /// Do not look at values.schema.json
    #[arg(long)]
    pub skip_schema_validation: bool,
    /// Check every object against Kubernetes' schemas of that version, offline
    #[arg(long)]
    pub validate: bool,
    /// Fetch what the chart stands on first, if it is missing
    #[arg(long)]
    pub dependency_update: bool,
    /// Print what was rendered also if it is no YAML
    #[arg(long)]
    pub debug: bool,
    /// Nothing is ever changed here; `server` is refused
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    pub dry_run: Option<String>,
    /// Refused: templates reach no network
    #[arg(long, hide = true)]
    pub enable_dns: bool,
    /// Refused: no other program is started
    #[arg(long, hide = true)]
    pub post_renderer: Option<String>,
    /// Refused, see --post-renderer
    #[arg(long, hide = true, allow_hyphen_values = true)]
    pub post_renderer_args: Vec<String>,
    /// What says nothing to a rendering.
    #[command(flatten)]
    pub idle: IdleArguments,
}

/// `bump`
#[derive(Debug, Args)]
#[command(after_help = "\
Changes exactly the lines of the image, and with --version the one line of the chart's version; all else stays as it
is, byte for byte. What could be meant in two ways is refused, and so is what cannot be proven by reading it again.
The image at PATH is a text (repo:tag) or a map (repository, tag, and registry or digest where they are there).
By what a file is, PATH is also the name of an entry of a kustomization, a container or an image of plain manifests, a
path in the values of a HelmRelease, Application or ApplicationSet; KIND/NAME: before it names one object. REF alone
means all images of its repository.

Examples:
  refloat bump ./charts/shop --image web.image=registry.example.com/shop/web:1.3 --version patch
  refloat bump ./charts/shop --image web.image=registry.example.com/shop/web:1.3 --version minor --app-version image
  refloat bump values-production.yaml --image 'jobs[0].image=registry.example.com/shop/clean@sha256:..'
  refloat bump kustomization.yaml --image registry.example.com/shop/web:1.3
  refloat bump deploy.yaml --image Deployment/web:app=registry.example.com/shop/web:1.3
  refloat bump helmrelease.yaml --image web.image=registry.example.com/shop/web:1.3")]
pub struct BumpArguments {
    /// The folder of a chart, a values file, or a file of manifests
    #[arg(value_name = "CHART_DIR_OR_VALUES")]
    pub target: PathBuf,
    /// The image to write, and where
    #[arg(long = "image", value_name = "PATH=REF")]
    pub images: Vec<String>,
    /// The chart's new version: patch, minor, major or a version
    #[arg(long, value_name = "patch|minor|X")]
    pub version: Option<String>,
    /// The chart's new appVersion: image for the tag of the first image, or a version
    #[arg(long, value_name = "image|X")]
    pub app_version: Option<String>,
    /// Say what would change and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `package`
#[derive(Debug, Args)]
#[command(after_help = "\
Without REF writes NAME-VERSION.tgz. With REF keeps the chart there, whatever its folder is called; its version is
that of the tag, or that of Chart.yaml if REF has none. The same chart gives the same bytes.

Examples:
  refloat package ./charts/shop -d out
  refloat package ./charts/campaign registry.example.com/marketing/campaign1/chart:1.1.0")]
pub struct PackageArguments {
    /// Folders of charts, and behind a single one where to keep it
    #[arg(value_name = "DIR [REF]", required = true)]
    pub charts: Vec<String>,
    /// Where to write the archive
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub destination: PathBuf,
    /// The version to package it as
    #[arg(long)]
    pub version: Option<String>,
    /// The appVersion to package it with
    #[arg(long)]
    pub app_version: Option<String>,
    /// Fetch its dependencies first
    #[arg(short = 'u', long)]
    pub dependency_update: bool,
    /// Sign it: NAME-VERSION.tgz.prov beside the archive
    #[arg(long, help_heading = "Provenance")]
    pub sign: bool,
    /// The signing key: part of its user id
    #[arg(
        long,
        value_name = "NAME",
        requires = "sign",
        help_heading = "Provenance"
    )]
    pub key: Option<String>,
    /// Its passphrase: the first line of this file, or of standard input for -
    #[arg(
        long,
        value_name = "FILE",
        requires = "sign",
        help_heading = "Provenance"
    )]
    pub passphrase_file: Option<String>,
    /// Secret keys, as `gpg --export-secret-keys` writes them.
    #[command(flatten)]
    pub keyring: KeyringArguments,
    /// The account of its dependencies' places.
    #[command(flatten)]
    pub access: AccessArguments,
}

/// `push`
#[derive(Debug, Args)]
#[command(after_help = "\
Without a tag in REF the chart's name is appended to it and its version is the tag, as helm does it.

Examples:
  refloat push shop-1.4.2.tgz registry.example.com/charts
  refloat push shop-1.4.2.tgz registry.example.com/charts/shop:1.4.2")]
pub struct PushArguments {
    /// The packaged chart
    pub file: PathBuf,
    /// Where to: a repository with a tag, or the path above the chart's name
    pub reference: String,
    /// The account.
    #[command(flatten)]
    pub access: AccessArguments,
}

/// `pull`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  refloat pull registry.example.com/charts/shop:1.4.2
  refloat pull oci://registry.example.com/charts/shop --version 1.4.2 --untar -d charts
  refloat pull shop --repo https://charts.example.com --version '^1.4' --verify --keyring keys.gpg")]
pub struct PullArguments {
    /// The charts
    #[arg(value_name = "CHART", required = true)]
    pub references: Vec<String>,
    /// Their place.
    #[command(flatten)]
    pub source: SourceArguments,
    /// Where to write it
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub destination: PathBuf,
    /// Write the chart's folder instead of the archive
    #[arg(long)]
    pub untar: bool,
    /// With --untar: the folder below --destination to write it into
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub untardir: PathBuf,
    /// Write its provenance file, too
    #[arg(long, help_heading = "Provenance")]
    pub prov: bool,
}

/// `show`
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  refloat show values registry.example.com/charts/shop:1.4.2")]
pub enum ShowVerb {
    /// What Chart.yaml says
    Chart(ShowArguments),
    /// The default values, as they are
    Values(ShowArguments),
    /// Its README
    Readme(ShowArguments),
    /// The files of crds/
    Crds(ShowArguments),
    /// All of that
    All(ShowArguments),
}

/// What of `show` is the same for all its verbs.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// A folder, a .tgz or a reference
    pub chart: String,
    /// Its place.
    #[command(flatten)]
    pub source: SourceArguments,
}
