//! The one binary. It reads the configuration and wires all parts together; everything else lives in its crate.

mod alone;
mod builds;
mod charts;
mod configuration;
mod demo;
mod first_start;
mod foreign;
mod logs;
mod pods;
mod releases;
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
        rebase: alone::rebase,
        compare: alone::compare,
        inspect: alone::inspect,
        watch: alone::watch,
        calibrate: alone::calibrate,
        build: builds::build,
        runner: builds::runner,
        charts: charts::PLACES,
        deploy: releases::deploy,
        releases: releases::ask,
    };
    refloat_cli::run(std::env::args_os(), &local)
}
