//! Verbs that run a server, sign in to one, or look after its data.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `serve`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Prints `listening on URL` when it is ready. The first start makes user admin with a random password in
DATA/admin-password. REFLOAT_LOG chooses what is logged, for example info,access=debug.

Examples:
  refloat serve
  refloat serve --listen 0.0.0.0:5000 --data /var/lib/refloat
  refloat serve --config /etc/refloat.yaml --log-format json")]
pub struct ServeArguments {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data folder; ./refloat-data if nothing says otherwise
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where to listen; 127.0.0.1:5000 if nothing says otherwise
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// The form of the log on standard error
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: LogFormat,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// `login`
#[derive(Debug, Args)]
#[command(after_help = "\
The credentials are checked first. They are kept in ~/.docker/config.json, or by the credential helper it names.

Examples:
  refloat login 127.0.0.1:5000 -u admin --password-stdin < refloat-data/admin-password
  refloat login registry.example.com --token \"$TOKEN\"")]
pub struct LoginArguments {
    /// The registry: host or host:port; the configured server if left out
    pub registry: Option<String>,
    /// The user or robot
    #[arg(short, long)]
    pub username: Option<String>,
    /// The password; standard input is safer
    #[arg(short, long, conflicts_with_all = ["password_stdin", "token"])]
    pub password: Option<String>,
    /// Read the password from standard input
    #[arg(long, conflicts_with = "token")]
    pub password_stdin: bool,
    /// A long-lived token instead of a password
    #[arg(long)]
    pub token: Option<String>,
    /// A client certificate
    #[arg(long, value_name = "FILE", hide = true)]
    pub cert: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "FILE", hide = true)]
    pub key: Option<PathBuf>,
}

/// `logout`
#[derive(Debug, Args)]
pub struct LogoutArguments {
    /// The registry: host or host:port; the configured server if left out
    pub registry: Option<String>,
}

/// `apply`
#[derive(Debug, Args)]
#[command(after_help = "\
Values may be named instead of written: { env: NAME }, { file: PATH }, { stdin: true }. They are read here, not by the server.

Examples:
  refloat apply -f policy.yaml
  refloat apply -f project.yaml -f credentials.yaml
  cat policy.yaml | refloat apply -f -")]
pub struct ApplyArguments {
    /// A file of documents, or - for standard input; may be repeated
    #[arg(short = 'f', long = "file", required = true, num_args = 1.., value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// `get`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  refloat get projects\n  refloat get RepositoryPolicy 'apps/**' -o yaml"
)]
pub struct GetArguments {
    /// Project, Credential or RepositoryPolicy
    pub kind: String,
    /// One name; all if left out
    pub name: Option<String>,
}

/// `delete`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  refloat delete RepositoryPolicy 'apps/**'")]
pub struct DeleteArguments {
    /// Project, Credential or RepositoryPolicy
    pub kind: String,
    /// Its name; a policy's is its pattern
    pub name: String,
}

/// `gc`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  refloat gc --dry-run\n  refloat gc")]
pub struct CollectArguments {
    /// Only say what would go
    #[arg(long)]
    pub dry_run: bool,
}

/// `backup`
#[derive(Debug, Args)]
#[command(after_help = "\
The backup lies in DATA/backups/NAME on the server. The master key is not in it: keep that elsewhere.

Examples:
  refloat backup
  refloat backup before-upgrade")]
pub struct BackupArguments {
    /// Its name; made from the time if left out
    pub name: Option<String>,
}

/// `restore`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Every file is compared with its checksum before anything is taken. Put the master key beside the data afterwards.

Example:
  refloat restore refloat-data/backups/before-upgrade --data ./restored")]
pub struct RestoreArguments {
    /// The backup's folder
    pub backup: PathBuf,
    /// The data folder to fill; it must be empty or absent
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
}

/// `audit ..`
#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Check the whole log and name the first record that was altered
    #[command(after_help = "Example:\n  refloat audit verify")]
    Verify,
}

/// `demo`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  refloat demo\n  refloat demo --keep\n  refloat demo --kubeconfig ~/.kube/config\n\n\
                  Needs mmdebstrap, buildah and git, and installs them where it may. Nothing of it keeps running."
)]
pub struct DemoArguments {
    /// Keep everything in ./refloat-demo
    #[arg(long)]
    pub keep: bool,
    /// Release to this cluster instead of folders
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Take the bases from the dated tags of this repository instead of making them; where mmdebstrap is missing,
    /// docker.io/library/debian
    #[arg(long, value_name = "REPOSITORY")]
    pub debian: Option<String>,
}
