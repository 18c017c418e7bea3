//! Verbs of the loop: what stands on what, plans, cascades, the watcher alone.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `images`
#[derive(Debug, Args)]
#[command(after_help = "\
A line is a repository and a rule for its tags. What it stands on is found by its layers, or told by its task.

Examples:
  refloat images
  refloat images --outdated -o json
  refloat images --no-base")]
pub struct ImagesArguments {
    /// Only those whose base names other images by now
    #[arg(long)]
    pub outdated: bool,
    /// Only those whose base is not known, with the reason
    #[arg(long)]
    pub no_base: bool,
}

/// `graph`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  refloat graph\n  refloat graph 127.0.0.1:5000/team/base:1 --form dot | dot -Tsvg > graph.svg"
)]
pub struct GraphArguments {
    /// What is connected with this image only
    #[arg(value_name = "REF")]
    pub reference: Option<String>,
    /// Graphviz's language instead of a table; `-o dot` is the same
    #[arg(long, value_enum)]
    pub form: Option<GraphForm>,
}

/// How a graph is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphForm {
    /// Graphviz's language.
    Dot,
}

/// `plan`
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is done; the plan is kept, and `refloat patch --plan ID` carries it out while it is still so.

Examples:
  refloat plan --base docker.io/library/debian:12
  refloat plan --base team/base:1@sha256:.. -o json")]
pub struct PlanArguments {
    /// The base as it is watched; with a digest: as if it named that
    #[arg(long, value_name = "REF[@DIGEST]")]
    pub base: String,
}

/// `patch`
#[derive(Debug, Args)]
#[command(after_help = "\
Without a plan everything is patched whose base has moved.

Examples:
  refloat patch --plan plan_01j..
  refloat patch --wait")]
pub struct PatchArguments {
    /// The plan to carry out
    #[arg(long, value_name = "ID")]
    pub plan: Option<String>,
    /// Wait until its cascades have ended
    #[arg(long)]
    pub wait: bool,
}

/// `cascade ..`
#[derive(Debug, Subcommand)]
pub enum CascadeVerb {
    /// Cascades, the newest first
    #[command(after_help = "Example:\n  refloat cascade list -o json")]
    List,
    /// How a cascade stands, image by image
    #[command(after_help = "Example:\n  refloat cascade show cas_01j..")]
    Show {
        /// The cascade
        id: String,
    },
    /// Stop it for a while: what runs ends, nothing new begins
    Pause {
        /// The cascade
        id: String,
    },
    /// Go on with it
    Resume {
        /// The cascade
        id: String,
    },
    /// End it
    Cancel {
        /// The cascade
        id: String,
    },
    /// Try again what is held or failed
    Retry {
        /// The cascade
        id: String,
    },
}

/// `wait`
#[derive(Debug, Args)]
#[command(after_help = "\
Exits with 0 if all went well, 1 if something failed, 3 if something is held.

Examples:
  refloat wait cas_01j..
  refloat wait run_01j.. --timeout 10m")]
pub struct WaitArguments {
    /// A cascade, run or job
    pub id: String,
    /// How long at most, for example 30s or 10m; for ever if left out
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,
}

/// `watch`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Each change is one line of JSON. The first look sets a baseline and tells nothing.

Examples:
  refloat watch docker.io/library/debian:12 --every 15m
  refloat watch quay.io/org/base:1 --once --exec 'make rebuild'")]
pub struct WatchArguments {
    /// References to watch
    #[arg(required = true, value_name = "REF")]
    pub references: Vec<String>,
    /// How often they are asked
    #[arg(long, default_value = "15m", value_name = "TIME")]
    pub every: String,
    /// A command to run for each change, with the line on its standard input
    #[arg(long, value_name = "CMD")]
    pub exec: Option<String>,
    /// The file that keeps what was seen
    #[arg(long, value_name = "FILE", default_value = "refloat-watch.json")]
    pub state: PathBuf,
    /// Look once and end
    #[arg(long)]
    pub once: bool,
}
