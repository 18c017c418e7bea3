//! A chart by what a person writes: a folder, a file, a reference.

use crate::Local;
use crate::error::{CliError, EXIT_NOT_FOUND};
use crate::settings::Settings;
use refloat_chart::load::archive::{CHART_MAX_BYTES, FILE_MAX_BYTES, FILES_MAX};
use refloat_chart::load::ignore::{FILE_NAME, IgnoreRules};
use refloat_chart::{Chart, ChartError, load, load_archive};
use refloat_oci::{Location, ReferenceError};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The deepest nesting of folders that is walked.
const DEPTH_MAX: usize = 64;

/// Loads the chart that `text` names; `version` is the tag of a reference without one.
pub(super) fn chart(
    text: &str,
    version: Option<&str>,
    settings: &Settings,
    local: &Local,
) -> Result<Chart, CliError> {
    let path = Path::new(text);
    if path.is_dir() {
        return folder(path);
    }
    if path.is_file() {
        return archive(&read(path)?);
    }
    let location = location(text, version, settings).map_err(|error| {
        let advice = "give a chart's folder, its .tgz, or registry/path:tag";
        CliError::failed(
            "not_found",
            format!("there is no chart at `{text}`: {error}"),
            advice,
        )
        .exiting(EXIT_NOT_FOUND)
    })?;
    archive(&(local.pull_chart)(&location, settings.host().as_ref())?)
}

/// A reference to a chart; `+` in a version stands as `_` in a tag.
pub(super) fn location(
    text: &str,
    version: Option<&str>,
    settings: &Settings,
) -> Result<Location, ReferenceError> {
    let (text, tagged) = match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (
            format!("{name}:{}", refloat_chart::artifact::tag_of(tag)),
            true,
        ),
        _ => (text.to_owned(), false),
    };
    let text = match version {
        Some(version) if !tagged => {
            format!("{text}:{}", refloat_chart::artifact::tag_of(version))
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
    load(walk.files).map_err(|error| wrong(&error))
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
