//! The one binary. It reads the configuration and wires all parts together; everything else lives in its crate.

mod charts;
mod configuration;
mod demo;
mod first_start;
mod logs;
mod pods;
mod restore;
mod serve;
mod wiring;

use refloat_cli::Local;
use std::process::ExitCode;

fn main() -> ExitCode {
    let local = Local {
        serve: serve::run,
        restore: restore::run,
        pod_images: pods::images,
        demo: demo::run,
        pull_chart: charts::pull,
        push_chart: charts::push,
    };
    refloat_cli::run(std::env::args_os(), &local)
}
