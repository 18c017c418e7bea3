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
    // A cursor may begin with `-`: its letters are those of base64url.
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true)]
    pub after: Option<String>,
    /// Go on as things happen, one line each
    #[arg(long, short)]
    pub follow: bool,
    /// Only types that match, for example tag.*
    #[arg(long = "type", value_name = "GLOB")]
    pub kind: Option<String>,
}

/// `why`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  refloat why release/shop\n  refloat why apps/web:1.2 -o json\n  refloat why --from sha256:4f..\n\n\
                  Only recorded causes are followed; one that is gone, or that you may not know, prints unknown."
)]
pub struct WhyArguments {
    /// A reference, a digest, release/NAME or pod/NAME
    #[arg(value_name = "SUBJECT", required_unless_present = "from")]
    pub subject: Option<String>,
    /// Forwards: all that this digest has reached
    #[arg(long, value_name = "DIGEST", conflicts_with = "subject")]
    pub from: Option<String>,
    /// The namespace of a pod
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    pub namespace: String,
    /// The context of the kubeconfig, for a pod
    #[arg(long, value_name = "NAME")]
    pub kube_context: Option<String>,
}
