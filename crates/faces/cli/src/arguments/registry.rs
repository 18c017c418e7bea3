//! Verbs about what a registry holds.

use clap::{Args, Subcommand};

/// `repo ..`
#[derive(Debug, Subcommand)]
pub enum RepoVerb {
    /// List the repositories you may pull
    #[command(after_help = "Examples:\n  refloat repo list\n  refloat repo list -o json")]
    List,
}

/// A verb's tag.
#[derive(Debug, Args)]
pub struct TagReference {
    /// The repository and tag
    #[arg(value_name = "REF")]
    pub reference: String,
}

/// `events`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  refloat events --type 'tag.*'\n  refloat events --follow -o json"
)]
pub struct EventArguments {
    /// Only what came after this cursor
    #[arg(long, value_name = "CURSOR")]
    pub after: Option<String>,
    /// Go on as things happen, one line each
    #[arg(long, short)]
    pub follow: bool,
    /// Only types that match, for example tag.*
    #[arg(long = "type", value_name = "GLOB")]
    pub kind: Option<String>,
}
