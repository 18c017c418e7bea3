//! `dependency`: chooses versions, fetches archives into `charts/`, writes the lock.
//!
//! All archives are fetched and checked before the first file changes; each file is written beside its place and renamed.

mod fetch;
mod list;

use super::repositories::Repositories;
use super::source;
use crate::Local;
use crate::arguments::{AccessArguments, DependencyArguments, DependencyVerb, KeyringArguments};
use crate::error::CliError;
use crate::output::Answer;
use crate::settings::Settings;
use fetch::{Fetched, Fetcher};
use refloat_chart::Chart;
use refloat_chart::dependency::{
    DEPENDENCIES_MAX, DependencyError, Source, check_lock, digest, same_version,
};
use refloat_chart::metadata::{Dependency, Lock};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

pub(in super::super) fn dependency(
    verb: &DependencyVerb,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    match verb {
        DependencyVerb::Update(arguments) => update(arguments, settings, local),
        DependencyVerb::Build(arguments) => {
            let chart = source::folder(&arguments.chart)?;
            match chart.lock.clone() {
                Some(lock) => build(arguments, &chart, &lock, settings, local),
                None => update(arguments, settings, local),
            }
        }
        DependencyVerb::List {
            chart,
            max_col_width,
        } => list::list(chart, *max_col_width),
    }
}

/// `package --dependency-update` and `template --dependency-update`
pub(super) fn bring(
    folder: &Path,
    access: &AccessArguments,
    settings: &Settings,
    local: &Local,
) -> Result<(), CliError> {
    let arguments = DependencyArguments {
        chart: folder.to_owned(),
        skip_refresh: false,
        verify: false,
        keyring: KeyringArguments::default(),
        access: access.clone(),
    };
    update(&arguments, settings, local).map(|_| ())
}

fn update(
    arguments: &DependencyArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let chart = source::folder(&arguments.chart)?;
    let requested = named(&chart.metadata.dependencies)?;
    let mut fetcher = Fetcher::new(arguments, settings, local)?;
    let mut locked = Vec::new();
    for wanted in &requested {
        locked.push(Dependency {
            name: wanted.name.clone(),
            version: fetcher.version(wanted)?,
            repository: wanted.repository.clone(),
            ..Dependency::default()
        });
    }
    let fetched = fetcher.fetch(&locked)?;
    let mut changed = place(&arguments.chart, &locked, &fetched)?;
    let digest = digest(&requested, &locked);
    let known = chart.lock.as_ref().map(|lock| lock.digest.as_str());
    if !requested.is_empty() && known != Some(&digest) {
        let lock = Lock {
            generated: jiff::Timestamp::now().to_string(),
            digest,
            dependencies: locked.clone(),
        };
        write_lock(&arguments.chart, &lock, &chart)?;
        changed = true;
    }
    Ok(answer(&locked, changed))
}

fn build(
    arguments: &DependencyArguments,
    chart: &Chart,
    lock: &Lock,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let written = &chart.metadata.dependencies;
    let requested = named(written)?;
    let api_version = &chart.metadata.api_version;
    check_lock(lock, &requested, written, api_version).map_err(|error| wrong(&error))?;
    let locked = named(&lock.dependencies)?;
    let mut fetcher = Fetcher::new(arguments, settings, local)?;
    let fetched = fetcher.fetch(&locked)?;
    let changed = place(&arguments.chart, &locked, &fetched)?;
    Ok(answer(&locked, changed))
}

/// Names of repositories become their addresses, which is what a lock is made over.
fn named(dependencies: &[Dependency]) -> Result<Vec<Dependency>, CliError> {
    if dependencies.len() > DEPENDENCIES_MAX {
        return Err(CliError::failed(
            "dependencies",
            format!("a chart has at most {DEPENDENCIES_MAX} dependencies"),
            "",
        ));
    }
    let mut repositories = None;
    let mut named = dependencies.to_vec();
    for dependency in &mut named {
        let source = Source::parse(&dependency.repository).map_err(|error| wrong(&error))?;
        if let Source::Named(name) = source {
            let known = match repositories.take() {
                Some(known) => known,
                None => Repositories::load()?,
            };
            dependency.repository = known.named(&name)?.url;
            repositories = Some(known);
        }
    }
    Ok(named)
}

fn answer(locked: &[Dependency], changed: bool) -> Answer {
    let dependencies: Vec<_> = locked
        .iter()
        .map(
            |one| json!({ "name": one.name, "version": one.version, "repository": one.repository }),
        )
        .collect();
    let each = locked.iter().map(|one| match one.repository.as_str() {
        "" => format!("{} {} in charts/", one.name, one.version),
        place => format!("{} {} from {place}", one.name, one.version),
    });
    let mut lines: Vec<String> = each.collect();
    if !changed {
        lines.push("nothing had to change".to_owned());
    }
    let brief = locked.iter().map(|one| one.name.clone()).collect();
    let json = json!({ "dependencies": dependencies });
    Answer::done(json, changed, lines.join("\n")).with_brief(brief)
}

/// Puts the archives into `charts/` and removes those of other versions, as helm does; whether anything changed.
fn place(folder: &Path, locked: &[Dependency], fetched: &[Fetched]) -> Result<bool, CliError> {
    if locked.is_empty() {
        return Ok(false);
    }
    let charts = folder.join("charts");
    fs::create_dir_all(&charts).map_err(|error| unwritable(&charts, &error))?;
    let mut changed = false;
    let mut names = BTreeSet::new();
    for one in fetched {
        let path = charts.join(&one.file_name);
        if !fs::read(&path).is_ok_and(|old| old == one.archive) {
            replace(&path, &one.archive)?;
            changed = true;
        }
        names.insert(one.file_name.as_str());
    }
    let local = locked.iter().filter(|one| one.repository.is_empty());
    let local: BTreeSet<&str> = local.map(|one| one.name.as_str()).collect();
    let entries = fs::read_dir(&charts).map_err(|error| unwritable(&charts, &error))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let plain = entry.file_type().is_ok_and(|kind| kind.is_file());
        if !plain || names.contains(&*name) {
            continue;
        }
        // What is no chart is nobody's business here.
        let Ok(chart) = source::read(&entry.path()).and_then(|bytes| source::archive(&bytes))
        else {
            continue;
        };
        if !local.contains(chart.name()) {
            fs::remove_file(entry.path()).map_err(|error| unwritable(&entry.path(), &error))?;
            changed = true;
        }
    }
    Ok(changed)
}

fn write_lock(folder: &Path, lock: &Lock, chart: &Chart) -> Result<(), CliError> {
    let old = chart.metadata.api_version == "v1";
    let name = if old {
        "requirements.lock"
    } else {
        "Chart.lock"
    };
    let path = folder.join(name);
    if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
        return Err(CliError::failed(
            "failed",
            format!("{} is a symbolic link", path.display()),
            "replace it by a file",
        ));
    }
    replace(&path, lock.to_yaml().as_bytes())
}

/// Writes beside the file and renames: whoever reads has the old one or the new one.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let done = fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, path));
    done.map_err(|error| {
        let _ = fs::remove_file(&draft);
        unwritable(path, &error)
    })
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::failed(
        "failed",
        format!("cannot write {}: {error}", path.display()),
        "check the disk and permissions",
    )
}

fn wrong(error: &DependencyError) -> CliError {
    let text = error.to_string();
    let code = match error {
        DependencyError::OutOfSync(_) => "lock",
        DependencyError::Repository(_) => "repositories",
        DependencyError::Range { .. } | DependencyError::NoVersion { .. } => "dependencies",
    };
    match text.split_once("; ") {
        Some((message, advice)) => CliError::failed(code, message, advice),
        None => CliError::failed(code, text, "see `refloat dependency list`"),
    }
}

/// A chart whose name or version is not what was asked for.
fn unexpected(wanted: &Dependency, chart: &Chart) -> Option<CliError> {
    let fits =
        chart.name() == wanted.name && same_version(&wanted.version, &chart.metadata.version);
    (!fits).then(|| {
        CliError::failed(
            "dependencies",
            format!(
                "{} {} of {} is {} {}",
                wanted.name,
                wanted.version,
                wanted.repository,
                chart.name(),
                chart.metadata.version
            ),
            "the repository or the lock is wrong",
        )
    })
}
