//! Verbs around Dockerfiles and builds.

use clap::Args;
use std::path::PathBuf;

/// What a builder would be told of a Dockerfile.
#[derive(Debug, Clone, Args)]
pub struct InvocationArguments {
    /// A build argument, as the builder gets it; of several with one name the last counts
    #[arg(long = "build-arg", value_name = "K=V")]
    pub build_args: Vec<String>,
    /// The stage to build; the last if left out
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,
    /// What to build for, for example linux/arm64; this machine if left out
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    /// A named context that stands in the place of a stage or image: N=docker-image://REF
    #[arg(long = "build-context", value_name = "N=V")]
    pub build_contexts: Vec<String>,
}

/// `bases`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Edges are those that the target reaches, in order of appearance. One that cannot be resolved is shown with the reason.

Examples:
  refloat bases
  refloat bases docker/Dockerfile --build-arg VERSION=12 --target runtime -o json
  refloat bases - < Dockerfile")]
pub struct BasesArguments {
    /// The Dockerfile; `-` reads standard input
    #[arg(default_value = "Dockerfile")]
    pub dockerfile: PathBuf,
    /// What the builder would be told
    #[command(flatten)]
    pub invocation: InvocationArguments,
}

/// `build`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Bases are pinned to the digests they have at the beginning. The builder's output goes to standard error.

Examples:
  refloat build -t 127.0.0.1:5000/apps/web:1.2
  refloat build ./web -f ./web/Dockerfile.slim --build-arg FLAVOUR=slim -t registry.example.com/apps/web:1.2")]
pub struct BuildArguments {
    /// The context
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Where the image goes, with its tag
    #[arg(short, long, value_name = "REF")]
    pub tag: Option<String>,
    /// The Dockerfile; DIR/Dockerfile if left out
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// What the builder is told
    #[command(flatten)]
    pub invocation: InvocationArguments,
    /// The builder
    #[arg(long, default_value = "buildah")]
    pub builder: String,
    /// The longest the build may take, for example 30m
    #[arg(long, default_value = "30m")]
    pub timeout: String,
    /// A file of steps, acr-task.yaml
    #[arg(long, value_name = "FILE")]
    pub task: Option<PathBuf>,
}

/// `run`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  refloat run web
  refloat run web --wait
  refloat run web --follow")]
pub struct RunArguments {
    /// The task
    pub task: String,
    /// Wait for its end; a run that fails exits with 1
    #[arg(long)]
    pub wait: bool,
    /// Print what the builder says as it says it, and wait for its end
    #[arg(long)]
    pub follow: bool,
}

/// `runs`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  refloat runs
  refloat runs --task web --state failed -o json")]
pub struct RunsArguments {
    /// Of this task only
    #[arg(long, value_name = "NAME")]
    pub task: Option<String>,
    /// In this state only: requested, running, succeeded, failed, cancelled
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
}

/// `logs`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  refloat logs run_01k..
  refloat logs run_01k.. --follow")]
pub struct LogsArguments {
    /// The run
    pub run: String,
    /// Go on until the run has ended
    #[arg(short, long)]
    pub follow: bool,
}
