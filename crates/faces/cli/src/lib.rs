//! The command line: parses, asks a server over HTTP, prints. It knows no store and no use case.
//!
//! ```text
//! arguments ─► verb ─► client (HTTP, docker's credentials) ─► Answer ─► table | json | yaml, exit code
//! ```
//! `serve` and `restore` need what only the binary has; it passes them in as [`Local`].

pub mod alone;
pub mod arguments;
mod client;
pub mod credentials;
mod docker;
pub mod error;
mod humane;
mod output;
mod settings;
#[cfg(test)]
mod tests;
mod verbs;

pub use verbs::patches::span;
pub use verbs::{
    ChartPlaces, Freshness, Newness, PulledChart, PushedChart, Reach, ReleaseQuestion,
    RepositoryLogin, invocation_options,
};

use alone::{Alone, Rebased};
use arguments::{
    Arguments, BuildArguments, CalibrateArguments, ClusterArguments, CompareArguments,
    DemoArguments, InspectArguments, InstallArguments, RebaseArguments, RestoreArguments,
    ServeArguments, WatchArguments,
};
use clap::Parser as _;
use error::CliError;
use output::Answer;
use refloat_chart::Chart;
use refloat_oci::RegistryHost;
use refloat_template::{Map, Oracle};
use settings::Settings;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// A pod's name and namespace, and the context of the kubeconfig, to the digests of its images.
pub type PodImages = fn(&str, &str, Option<&str>) -> Result<Vec<String>, CliError>;
/// A chart with its values to a release on a cluster.
pub type Deploy =
    fn(&InstallArguments, Newness, &Chart, Map, &dyn Oracle) -> Result<serde_json::Value, CliError>;

/// A sample to the counts of its verdicts.
pub type Calibrate =
    fn(&CalibrateArguments, &[serde_json::Value], &Alone) -> Result<serde_json::Value, CliError>;

/// What the binary does itself: it owns the store and the faces.
#[derive(Clone, Copy)]
pub struct Local {
    /// Runs the server until it is told to stop.
    pub serve: fn(ServeArguments) -> Result<(), CliError>,
    /// Restores a backup into an empty data folder; answers with what it restored, as JSON.
    pub restore: fn(RestoreArguments) -> Result<serde_json::Value, CliError>,
    /// Plays the main job from end to end.
    pub demo: fn(&DemoArguments) -> Result<(), CliError>,
    /// The digests of the images that a pod runs: its name, namespace, and the context of the kubeconfig.
    pub pod_images: PodImages,
    /// Puts another base under an image.
    pub rebase: fn(RebaseArguments, &Alone) -> Result<Rebased, CliError>,
    /// What differs between two images, as JSON.
    pub compare: fn(CompareArguments, &Alone) -> Result<serde_json::Value, CliError>,
    /// What an image is made of, as JSON.
    pub inspect: fn(InspectArguments, &Alone) -> Result<serde_json::Value, CliError>,
    /// Builds a folder on this machine; the host is that of the configured server. Answers as JSON.
    pub build: fn(&BuildArguments, Option<&RegistryHost>) -> Result<serde_json::Value, CliError>,
    /// Builds, rebases and rebuilds a sample: the arguments, the documents of tasks, and who is told. Answers as JSON.
    pub calibrate: Calibrate,
    /// Watches references without a server; short names lie on the host of the configured server.
    pub watch: fn(WatchArguments, Option<&RegistryHost>) -> Result<(), CliError>,
    /// Takes the run in a folder to its end.
    pub runner: fn(&Path) -> Result<(), CliError>,
    /// Registries, classic repositories and the client's store, for charts.
    pub charts: ChartPlaces,
    /// Installs or upgrades a release on a cluster; answers as JSON.
    pub deploy: Deploy,
    /// What the releases of a cluster are, as a JSON list.
    pub releases: fn(&ClusterArguments, ReleaseQuestion<'_>) -> Result<serde_json::Value, CliError>,
}

/// Runs the program with these arguments, the first of which is its own name.
pub fn run(arguments: impl IntoIterator<Item = OsString>, local: &Local) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() {
                error::EXIT_USAGE
            } else {
                error::EXIT_DONE
            });
        }
    };
    let (settings, verb) = (Settings::new(arguments.global), arguments.verb);
    match verbs::run(verb, &settings, local) {
        Ok(answer) => finish(&answer, &settings),
        Err(error) => {
            output::error(&error, &settings);
            ExitCode::from(error.exit)
        }
    }
}

fn finish(answer: &Answer, settings: &Settings) -> ExitCode {
    if !output::answer(answer, settings) {
        // Whoever reads has gone away; that is no failure of the verb.
        return ExitCode::from(error::EXIT_DONE);
    }
    let unchanged = answer.changed == Some(false) && settings.detailed_exit_code;
    ExitCode::from(if unchanged {
        error::EXIT_UNCHANGED
    } else {
        answer.exit
    })
}
