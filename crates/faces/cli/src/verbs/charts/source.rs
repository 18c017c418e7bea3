//! A chart by what a person writes: a folder, a file, a reference.

mod access;

pub(super) use access::{Origin, Wish, declined};

use super::places::{Freshness, PulledChart, RepositoryLogin};
use super::provenance;
use super::repositories::{self, Repositories};
use crate::Local;
use crate::error::{CliError, EXIT_NOT_FOUND};
use crate::output::remark;
use crate::settings::Settings;
use refloat_chart::artifact::{tag_of, version_of};
use refloat_chart::dependency::choose;
use refloat_chart::load::archive::{CHART_MAX_BYTES, FILE_MAX_BYTES, FILES_MAX};
use refloat_chart::load::ignore::{FILE_NAME, IgnoreRules};
use refloat_chart::metadata::Dependency;
use refloat_chart::{Chart, ChartError, load, load_archive};
use refloat_oci::{Location, ReferenceError};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The deepest nesting of folders that is walked.
const DEPTH_MAX: usize = 64;

/// Loads the chart that `text` names.
pub(super) fn chart(
    text: &str,
    wish: &Wish<'_>,
    settings: &Settings,
    local: &Local,
) -> Result<Chart, CliError> {
    let path = Path::new(text);
    if wish.repo.is_none() && path.is_dir() {
        if wish.keyring.is_some() {
            return Err(CliError::usage(
                format!("{text} is a folder, and unpacked charts cannot be verified"),
                "package it, or leave --verify out",
            ));
        }
        return folder(path);
    }
    if wish.repo.is_none() && path.is_file() {
        let bytes = read(path)?;
        if let Some(keyring) = wish.keyring {
            provenance::beside(path, &bytes, keyring)?;
        }
        return archive(&bytes);
    }
    let pulled = pulled(text, wish, settings, local)?;
    let chart = archive(&pulled.archive)?;
    if let Some(keyring) = wish.keyring {
        let name = pulled.origin.file_name(&chart);
        let bytes = pulled.origin.provenance(wish, settings, local)?;
        let bytes = bytes.ok_or_else(|| provenance::missing(&name))?;
        provenance::proven(
            &pulled.archive,
            &name,
            &bytes,
            &provenance::keyring(keyring)?,
        )?;
    }
    Ok(chart)
}

/// A chart that was fetched.
pub(super) struct Pulled {
    /// Its archive.
    pub(super) archive: Vec<u8>,
    /// The manifest's digest, of what lies in a registry.
    pub(super) digest: Option<String>,
    /// Where it lies.
    pub(super) origin: Origin,
}

/// Fetches the archive of the chart that `text` names, out of the store if it is there.
pub(super) fn pulled(
    text: &str,
    wish: &Wish<'_>,
    settings: &Settings,
    local: &Local,
) -> Result<Pulled, CliError> {
    if let Some(repo) = wish.repo {
        let login = match repo.strip_prefix('@') {
            Some(name) => Repositories::load()?.named(name)?,
            None => Repositories::load()?.at(repo),
        };
        let login = wish.login(login)?;
        let index = repositories::index(&login, Freshness::Fresh, local)?;
        let version = wish.version.unwrap_or_default();
        let entry = repositories::find(&index, &login.url, text, version)?;
        let (address, found) = repositories::archive(entry, &login, local)?;
        return Ok(noted(found, Origin::Repository(address, login), settings));
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        let login = wish.login(RepositoryLogin::open(text))?;
        let found = (local.charts.file)(text, &login, None)?;
        return Ok(noted(
            found,
            Origin::Repository(text.to_owned(), login),
            settings,
        ));
    }
    let place = location(text, None, settings).map_err(|error| {
        let advice = "give a chart's folder, its .tgz, or registry/path:tag";
        CliError::failed(
            "not_found",
            format!("there is no chart at `{text}`: {error}"),
            advice,
        )
        .exiting(EXIT_NOT_FOUND)
    })?;
    let place = with_version(place, wish, settings, local)?;
    let found = (local.charts.pull)(&place, &wish.reach(&place, settings)?)?;
    Ok(noted(found, Origin::Place(place), settings))
}

fn noted(found: PulledChart, origin: Origin, settings: &Settings) -> Pulled {
    if let Some(offline) = &found.offline {
        remark(
            &format!("refloat: {offline}; using what was pulled before"),
            settings,
        );
    }
    Pulled {
        archive: found.archive,
        digest: found.digest,
        origin,
    }
}

/// A reference without a tag or digest gets the tag of a version; of a range, the newest that fits.
fn with_version(
    mut place: Location,
    wish: &Wish<'_>,
    settings: &Settings,
    local: &Local,
) -> Result<Location, CliError> {
    let reach = wish.reach(&place, settings)?;
    let version = wish.version;
    let Location::Registry(reference) = &mut place else {
        return Ok(place);
    };
    if reference.tag.is_some() || reference.digest.is_some() {
        return Ok(place);
    }
    let exact = version.filter(|version| refloat_chart::version::is_lenient(version));
    let tag = if let Some(version) = exact {
        tag_of(version)
    } else {
        let name = reference.to_string();
        let tags = (local.charts.tags)(&Location::Registry(reference.clone()), &reach)?;
        let versions: Vec<String> = tags.iter().map(|tag| version_of(tag)).collect();
        let strict = versions.iter().map(String::as_str);
        let strict = strict.filter(|version| refloat_chart::version::is_strict(version));
        let wanted = Dependency {
            name: name.clone(),
            version: version
                .filter(|range| !range.is_empty())
                .unwrap_or("*")
                .to_owned(),
            repository: name,
            ..Dependency::default()
        };
        let chosen = choose(&wanted, strict).map_err(|error| {
            CliError::failed("not_found", error.to_string(), "see `refloat tags`")
                .exiting(EXIT_NOT_FOUND)
        })?;
        tag_of(chosen)
    };
    reference.tag = Some(tag.parse().map_err(refloat_oci::ReferenceError::from)?);
    Ok(place)
}

/// A reference to a chart; `+` in a version stands as `_` in a tag.
pub(super) fn location(
    text: &str,
    version: Option<&str>,
    settings: &Settings,
) -> Result<Location, ReferenceError> {
    let (text, tagged) = match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (format!("{name}:{}", tag_of(tag)), true),
        _ => (text.to_owned(), false),
    };
    let text = match version {
        Some(version) if !tagged => {
            format!("{text}:{}", tag_of(version))
        }
        _ => text,
    };
    Location::parse(&text, settings.host().as_ref())
}

/// A packaged chart.
pub(super) fn archive(bytes: &[u8]) -> Result<Chart, CliError> {
    load_archive(bytes).map_err(|error| wrong(&error))
}

/// A chart's folder.
pub(super) fn folder(path: &Path) -> Result<Chart, CliError> {
    load(files(path)?).map_err(|error| wrong(&error))
}

/// The files of a chart's folder that are not ignored.
pub(super) fn files(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, CliError> {
    let rules = match fs::read(path.join(FILE_NAME)) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    };
    let rules = IgnoreRules::parse(&rules).map_err(|error| wrong(&error.into()))?;
    let mut walk = Walk {
        rules,
        files: BTreeMap::new(),
        bytes: 0,
    };
    walk.folder(path, "", 0)?;
    if !walk.files.contains_key("Chart.yaml") {
        return Err(CliError::failed(
            "not_found",
            format!("{} has no Chart.yaml", path.display()),
            "give the folder of a chart",
        )
        .exiting(EXIT_NOT_FOUND));
    }
    Ok(walk.files)
}

struct Walk {
    rules: IgnoreRules,
    files: BTreeMap<String, Vec<u8>>,
    bytes: u64,
}

impl Walk {
    /// Reads what is not ignored; links are followed, as helm follows them.
    fn folder(&mut self, path: &Path, prefix: &str, depth: usize) -> Result<(), CliError> {
        if depth > DEPTH_MAX {
            return Err(too_large(
                path,
                "folders lie too deep, or a link leads back into itself",
            ));
        }
        for entry in fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
            let entry = entry.map_err(|error| unreadable(path, &error))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let inner = if prefix.is_empty() {
                name.into_owned()
            } else {
                format!("{prefix}/{name}")
            };
            let path = entry.path();
            let metadata = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
            if metadata.is_dir() {
                if !self.rules.ignores_folder(&inner) {
                    self.folder(&path, &inner, depth + 1)?;
                }
                continue;
            }
            if self.rules.ignores_file(&inner) {
                continue;
            }
            if !metadata.is_file() {
                return Err(too_large(
                    &path,
                    "is no plain file; leave it out by .helmignore",
                ));
            }
            self.bytes += metadata.len();
            let many = self.files.len() >= FILES_MAX || self.bytes > CHART_MAX_BYTES;
            if metadata.len() > FILE_MAX_BYTES || many {
                return Err(too_large(
                    &path,
                    "makes the chart too large; leave it out by .helmignore",
                ));
            }
            self.files.insert(inner, read(&path)?);
        }
        Ok(())
    }
}

/// The bytes of a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

/// A file that cannot be read.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> CliError {
    let not_found = error.kind() == std::io::ErrorKind::NotFound;
    let failed = CliError::failed(
        if not_found { "not_found" } else { "failed" },
        format!("cannot read {}: {error}", path.display()),
        "check the path and its permissions",
    );
    if not_found {
        failed.exiting(EXIT_NOT_FOUND)
    } else {
        failed
    }
}

fn too_large(path: &Path, reason: &str) -> CliError {
    CliError::failed("chart", format!("{} {reason}", path.display()), "")
}

/// A chart that cannot be loaded.
pub(super) fn wrong(error: &ChartError) -> CliError {
    CliError::failed("chart", error.to_string(), "correct the file that is named")
}
