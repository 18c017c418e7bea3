//! Every outside program the tests need, how it is had, and in which version.
//!
//! Debian's packages are pinned by the suite they come from, never by an exact version: a
//! suite keeps only its newest. Go programs are pinned by module and version and built
//! once into the cache.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache;

mod debian;
mod go;
mod install;
mod table;

pub use install::{Scope, ensure, install};

/// One thing the tests may need. [`Tool::ALL`] lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table says what each of them is for")]
pub enum Tool {
    Buildah,
    Skopeo,
    Podman,
    Umoci,
    DockerRegistry,
    Docker,
    Containerd,
    Runc,
    CniPlugins,
    Busybox,
    Mmdebstrap,
    Postgres,
    Wrk,
    Ip,
    Htpasswd,
    Openssl,
    Rpm,
    Git,
    Go,
    Crane,
    Regctl,
    Helm,
    Helm3,
    Sops,
    Age,
    HelmEngine,
    DockerfileEngine,
    Distribution,
    Etcd,
    KubeApiserver,
    KubeControllerManager,
    KubeScheduler,
    Kubelet,
    Kubectl,
    Fuse,
    Mount,
}

/// How a tool comes onto a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A package of the machine's own Debian suite.
    Debian {
        /// Its name.
        package: &'static str,
        /// Where the package puts the program; `*` stands for one path segment.
        program: &'static str,
    },
    /// `go install MODULE@VERSION`, once, into the cache.
    GoModule {
        /// The package to build.
        module: &'static str,
        /// Its exact version.
        version: &'static str,
        /// What the go command calls the program.
        builds: &'static str,
    },
    /// A program of a module that `go install` refuses because of its `replace` lines: built
    /// in a small module of ours that requires it, once, into the cache.
    GoPackage {
        /// The package to build.
        package: &'static str,
        /// The module it belongs to.
        module: &'static str,
        /// The module's exact version.
        version: &'static str,
    },
    /// A program of our own over a module: built in a small module that requires it, once for
    /// each text, into the cache.
    GoSource {
        /// The text of `main.go`.
        text: &'static str,
        /// The module it is written over.
        module: &'static str,
        /// The module's exact version.
        version: &'static str,
    },
    /// The Go toolchain: the machine's own if it is new enough, otherwise from its Python
    /// package in this version.
    GoToolchain {
        /// Exact version of the Python package.
        version: &'static str,
    },
    /// Part of the kernel or of every Debian: nothing to install, but it may be missing.
    Machine {
        /// A path that exists where it can be used.
        path: &'static str,
    },
}

/// How long a tool takes to be had where it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Installed without being asked.
    Quick,
    /// Minutes to build: left out unless asked for in full, or in CI.
    Slow,
}

/// What is known about one tool.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What the list calls it; also the file name of what is built into the cache.
    pub name: &'static str,
    /// How it is had.
    pub source: Source,
    /// How long that takes.
    pub cost: Cost,
    /// What the tests use it for.
    pub purpose: &'static str,
    /// Whether using it (not only installing it) needs root.
    pub user: User,
}

/// Who may use a tool the way the tests do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// Everybody.
    Any,
    /// Root alone: it mounts, makes namespaces or changes its user.
    Root,
}

impl Tool {
    /// The table's row.
    pub fn entry(self) -> Entry {
        table::entry(self)
    }

    /// The program, or why there is none.
    pub fn path(self) -> Result<PathBuf> {
        let entry = self.entry();
        let found = match entry.source {
            Source::Debian { program, .. } => newest_match(program),
            Source::GoModule {
                module, version, ..
            } => go::built(entry.name, module, version)?,
            Source::GoPackage {
                package, version, ..
            } => go::built(entry.name, package, version)?,
            Source::GoSource {
                text,
                module,
                version,
            } => go::built_source(entry.name, text, module, version)?,
            Source::GoToolchain { .. } => go::toolchain()?,
            Source::Machine { path } => Some(PathBuf::from(path)).filter(|path| path.exists()),
        };
        found.with_context(|| format!("{} is missing: run `cargo xtask rig install`", entry.name))
    }

    /// The version that is installed, as far as it can be told without starting it.
    pub fn version(self) -> Option<String> {
        let path = self.path().ok()?;
        match self.entry().source {
            Source::Debian { package, .. } => debian::version(package),
            Source::GoModule { version, .. }
            | Source::GoPackage { version, .. }
            | Source::GoSource { version, .. } => Some(version.to_owned()),
            Source::GoToolchain { .. } => go::version_of(&path),
            Source::Machine { .. } => Some("present".to_owned()),
        }
    }
}

/// [`Tool::path`] as a function, for those who read `tools::path(Tool::Skopeo)` more easily.
pub fn path(tool: Tool) -> Result<PathBuf> {
    tool.path()
}

/// True for the user who may mount and make namespaces.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// True where a missing tool is a failure and nothing is left out.
pub fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true" || value == "1")
}

/// The path `pattern` stands for; of several the one with the highest number.
fn newest_match(pattern: &str) -> Option<PathBuf> {
    let Some((before, after)) = pattern.split_once("*/") else {
        return Some(PathBuf::from(pattern)).filter(|path| path.exists());
    };
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut folders: Vec<PathBuf> = fs::read_dir(before)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| folder.join(after).exists())
        .collect();
    folders.sort_by_key(|folder| number(folder));
    folders.pop().map(|folder| folder.join(after))
}

/// Refuses by name what only root can do.
pub fn check_user(tool: Tool) -> Result<()> {
    let entry = tool.entry();
    if entry.user == User::Root && !is_root() {
        bail!("{} needs root", entry.name);
    }
    Ok(())
}

/// Where the built tools lie.
fn bin() -> Result<PathBuf> {
    cache::made("bin")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_tool_has_a_name_of_its_own() {
        let names: BTreeSet<_> = Tool::ALL.iter().map(|tool| tool.entry().name).collect();
        assert_eq!(names.len(), Tool::ALL.len());
    }

    #[test]
    fn of_several_versions_the_highest_number_wins() -> Result<()> {
        let folder = tempfile::tempdir()?;
        for version in ["9", "15", "100", "nightly"] {
            let bin = folder.path().join(version).join("bin");
            fs::create_dir_all(&bin)?;
            if version != "100" {
                fs::write(bin.join("postgres"), "")?;
            }
        }
        let pattern = format!("{}/*/bin/postgres", folder.path().display());
        let found = newest_match(&pattern);
        assert_eq!(found, Some(folder.path().join("15/bin/postgres")));
        assert_eq!(newest_match("/nowhere/*/bin/postgres"), None);
        Ok(())
    }
}
