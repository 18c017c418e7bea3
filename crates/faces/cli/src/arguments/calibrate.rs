//! The verb that holds verdicts against rebuilds.

use super::InvocationArguments;
use clap::Args;
use std::path::PathBuf;

/// `calibrate`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Each image of the sample is built on the old base, rebased onto the new one whatever the verdict, and rebuilt there; the rebased and
the rebuilt image are compared and tested. Where they differ it is built once more: what two rebuilds do not agree on does not count. False-safe is told first, and exits with 1. Images are pushed to --to by tags of their own.

Examples:
  refloat calibrate ./web ./api --old-base registry.example.com/debian@sha256:.. --onto registry.example.com/debian:12 \\
      --to 127.0.0.1:5000/calibrate --test /app/selftest
  refloat calibrate --task web --task api --old-base debian:12.1 --onto debian:12 --to calibrate -o json")]
pub struct CalibrateArguments {
    /// Folders with a Dockerfile each
    pub folders: Vec<PathBuf>,
    /// A task of the server, by its name: its source, arguments and tests
    #[arg(long = "task", value_name = "NAME")]
    pub tasks: Vec<String>,
    /// The base as it was
    #[arg(long, value_name = "REF")]
    pub old_base: String,
    /// The base as it is now
    #[arg(long, value_name = "REF")]
    pub onto: String,
    /// The repository that the images are pushed to
    #[arg(long, value_name = "REPOSITORY")]
    pub to: String,
    /// A command that must exit with 0 in a container of an image built from a folder; words are separated by spaces
    #[arg(long = "test", value_name = "COMMAND")]
    pub tests: Vec<String>,
    /// What the builder is told
    #[command(flatten)]
    pub invocation: InvocationArguments,
    /// The longest that each build may take, for example 30m
    #[arg(long, default_value = "30m")]
    pub timeout: String,
}
