//! Where a chart is had from, and with what account: the same flags for every verb, with helm's names.

use super::KeyringArguments;
use clap::Args;
use std::path::PathBuf;

/// Which chart of its place, and whether its maker is checked.
#[derive(Debug, Clone, Default, Args)]
pub struct SourceArguments {
    /// The version of a chart whose reference has no tag, or a range: the newest that fits
    #[arg(long)]
    pub version: Option<String>,
    /// The classic repository that CHART is a name in, or @NAME of helm's repositories
    #[arg(long, value_name = "URL")]
    pub repo: Option<String>,
    /// Take pre-releases, too: as --version '>0.0.0-0'
    #[arg(long)]
    pub devel: bool,
    /// Check its provenance before it is used
    #[arg(long, help_heading = "Provenance")]
    pub verify: bool,
    /// Keys.
    #[command(flatten)]
    pub keyring: KeyringArguments,
    /// The account.
    #[command(flatten)]
    pub access: AccessArguments,
}

/// How a chart's registry or repository is reached; what is left out is what `login`, docker and helm have kept.
#[derive(Debug, Clone, Default, Args)]
pub struct AccessArguments {
    /// The account of the chart's registry or repository
    #[arg(long, value_name = "NAME", help_heading = "Account")]
    pub username: Option<String>,
    /// Its password
    #[arg(
        long,
        value_name = "TEXT",
        requires = "username",
        help_heading = "Account"
    )]
    pub password: Option<String>,
    /// The authorities that a classic repository's certificate is checked by, PEM
    #[arg(long, value_name = "FILE", help_heading = "Account")]
    pub ca_file: Option<PathBuf>,
    /// A client certificate for a classic repository, PEM
    #[arg(
        long,
        value_name = "FILE",
        requires = "key_file",
        help_heading = "Account"
    )]
    pub cert_file: Option<PathBuf>,
    /// Its key, PEM
    #[arg(
        long,
        value_name = "FILE",
        requires = "cert_file",
        help_heading = "Account"
    )]
    pub key_file: Option<PathBuf>,
    /// Tell the account to other hosts that a repository's index names, too
    #[arg(long, help_heading = "Account")]
    pub pass_credentials: bool,
    /// HTTP is spoken on loopback by itself, elsewhere never
    #[arg(long, hide = true)]
    pub plain_http: bool,
    /// Refused: certificates are always checked
    #[arg(long, hide = true)]
    pub insecure_skip_tls_verify: bool,
}

/// Flags of helm that say how a cluster is changed, and nothing to a rendering: taken as helm takes them, without effect.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of helm's flags")]
pub struct IdleArguments {
    /// Whether the namespace is made
    #[arg(long, hide = true)]
    pub create_namespace: bool,
    /// What the release's record says
    #[arg(long, hide = true)]
    pub description: Option<String>,
    /// Whether a cluster checks the objects
    #[arg(long, hide = true)]
    pub disable_openapi_validation: bool,
    /// Whether fields of others are taken over
    #[arg(long, hide = true)]
    pub force_conflicts: bool,
    /// Whether objects are made anew
    #[arg(long, hide = true, alias = "force")]
    pub force_replace: bool,
    /// Labels of the release's record
    #[arg(short, long, hide = true)]
    pub labels: Vec<String>,
    /// Whether the name of a deleted release is used again
    #[arg(long, hide = true)]
    pub replace: bool,
    /// Whether a failed release is taken back
    #[arg(long, hide = true, alias = "atomic")]
    pub rollback_on_failure: bool,
    /// Who merges objects
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub server_side: Option<String>,
    /// Whether definitions are installed
    #[arg(long, hide = true)]
    pub skip_crds: bool,
    /// Whether others' objects are taken over
    #[arg(long, hide = true)]
    pub take_ownership: bool,
    /// How long a release may take
    #[arg(long, hide = true)]
    pub timeout: Option<String>,
    /// Whether a release waits for its objects
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "watcher")]
    pub wait: Option<String>,
    /// Whether it waits for jobs
    #[arg(long, hide = true)]
    pub wait_for_jobs: bool,
}
