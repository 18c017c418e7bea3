//! `bump`: reads, lets refloat-chart edit and prove, writes by renaming.

use super::source;
use crate::arguments::BumpArguments;
use crate::error::CliError;
use crate::output::Answer;
use crate::settings::Settings;
use refloat_chart::{
    BumpError, Bumped, FileEdit, ImageRef, VersionChange, bump_app_version, bump_file, bump_version,
};
use refloat_oci::Reference;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

pub(in super::super) fn bump(
    arguments: &BumpArguments,
    settings: &Settings,
) -> Result<Answer, CliError> {
    let is_version = arguments.version.is_some() || arguments.app_version.is_some();
    if arguments.images.is_empty() && !is_version {
        return Err(CliError::usage(
            "there is nothing to change",
            "give --image PATH=REF, --version or --app-version",
        ));
    }
    let (values, chart) = files(arguments)?;
    let mut edits = Vec::new();
    if let Some(values) = values.filter(|_| !arguments.images.is_empty()) {
        edits.push(images(values, &arguments.images, settings)?);
    }
    let content_changed = edits.iter().any(|file| !file.changed.is_empty());
    // A version is for what changed: bumping twice with the same image is no new version.
    let is_new = arguments.images.is_empty() || content_changed;
    if let (true, Some(chart), true) = (is_version, chart, is_new) {
        edits.push(version_lines(chart, arguments, settings)?);
    }
    let changed = edits.iter().any(|file| !file.changed.is_empty());
    if !arguments.dry_run {
        for file in edits.iter().filter(|file| !file.changed.is_empty()) {
            write(&file.path, &file.text)?;
        }
    }
    Ok(answer(&edits, changed))
}

/// One file, edited.
struct Edited {
    path: PathBuf,
    text: String,
    changed: Vec<Value>,
    remarks: Vec<String>,
}

/// The values file, and the Chart.yaml whose version may change.
fn files(arguments: &BumpArguments) -> Result<(Option<PathBuf>, Option<PathBuf>), CliError> {
    let target = &arguments.target;
    if target.is_dir() {
        return Ok((
            Some(target.join("values.yaml")),
            Some(target.join("Chart.yaml")),
        ));
    }
    if target.file_name().is_some_and(|name| name == "Chart.yaml") {
        if !arguments.images.is_empty() {
            return Err(CliError::usage(
                "Chart.yaml holds no images",
                "give the chart's folder or a values file",
            ));
        }
        return Ok((None, Some(target.clone())));
    }
    let chart = target.parent().unwrap_or(Path::new("")).join("Chart.yaml");
    let is_version = arguments.version.is_some() || arguments.app_version.is_some();
    if is_version && !chart.is_file() {
        return Err(CliError::usage(
            format!("there is no Chart.yaml beside {}", target.display()),
            "leave --version and --app-version out, or give the chart's folder",
        ));
    }
    Ok((Some(target.clone()), Some(chart)))
}

fn images(path: PathBuf, images: &[String], settings: &Settings) -> Result<Edited, CliError> {
    let mut text = read(&path)?;
    let (mut changed, mut remarks) = (Vec::new(), Vec::new());
    let file_name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    for image in images {
        // A reference holds no `=`; alone it means every image of its repository.
        let (place, written) = match image.split_once('=') {
            Some((place, reference)) => (Some(place), reference),
            None => (None, image.as_str()),
        };
        let reference = Reference::parse(written, settings.host().as_ref())?;
        let bumped = bump_file(&FileEdit {
            file_name: file_name.as_deref().unwrap_or_default(),
            text: &text,
            place,
            new: &ImageRef::from(&reference),
        })
        .map_err(|error| refused(&path, &error))?;
        let place = place.unwrap_or(written);
        if let Some(left_out) = bumped.left_out {
            remarks.push(format!(
                "{place} has no `{left_out}` here; it was not written"
            ));
        }
        changed.extend(lines(&path, &bumped));
        text = bumped.text;
    }
    Ok(Edited {
        path,
        text,
        changed,
        remarks,
    })
}

/// The version, and the appVersion: a text, or `image` for the tag of the first image that is written.
fn version_lines(
    path: PathBuf,
    arguments: &BumpArguments,
    settings: &Settings,
) -> Result<Edited, CliError> {
    let mut text = read(&path)?;
    let mut changed = Vec::new();
    if let Some(version) = &arguments.version {
        let change = version
            .parse()
            .unwrap_or(VersionChange::Exact(version.to_owned()));
        let bumped = bump_version(&text, &change).map_err(|error| refused(&path, &error))?;
        changed.extend(lines(&path, &bumped));
        text = bumped.text;
    }
    if let Some(version) = &arguments.app_version {
        let version = match version.as_str() {
            "image" => first_tag(&arguments.images, settings)?,
            other => other.to_owned(),
        };
        let bumped = bump_app_version(&text, &version).map_err(|error| refused(&path, &error))?;
        changed.extend(lines(&path, &bumped));
        text = bumped.text;
    }
    Ok(Edited {
        path,
        text,
        changed,
        remarks: Vec::new(),
    })
}

fn first_tag(images: &[String], settings: &Settings) -> Result<String, CliError> {
    let usage = || {
        CliError::usage(
            "--app-version image needs an image with a tag",
            "give --image PATH=REF with a tag, or the version itself",
        )
    };
    let image = images.first().ok_or_else(usage)?;
    let written = image
        .split_once('=')
        .map_or(image.as_str(), |(_, written)| written);
    let reference = Reference::parse(written, settings.host().as_ref())?;
    reference.tag.map(|tag| tag.to_string()).ok_or_else(usage)
}

fn lines(path: &Path, bumped: &Bumped) -> Vec<Value> {
    let line = |change: &refloat_chart::bump::ChangedValue| {
        json!({
            "file": path.display().to_string(),
            "line": change.line,
            "path": change.path,
            "old": change.old,
            "new": change.new,
        })
    };
    bumped.changed.iter().map(line).collect()
}

fn answer(edits: &[Edited], changed: bool) -> Answer {
    let changes: Vec<&Value> = edits.iter().flat_map(|file| &file.changed).collect();
    let remarks: Vec<&String> = edits.iter().flat_map(|file| &file.remarks).collect();
    let line = |change: &&Value| {
        let text = |key: &str| change[key].as_str().unwrap_or("nothing").to_owned();
        format!(
            "{}:{}: {}: {} -> {}",
            text("file"),
            change["line"],
            text("path"),
            text("old"),
            text("new")
        )
    };
    let mut text: Vec<String> = changes.iter().map(line).collect();
    text.extend(remarks.iter().map(|remark| (*remark).clone()));
    if text.is_empty() {
        text.push("nothing had to change".to_owned());
    }
    Answer::done(
        json!({ "changes": changes, "remarks": remarks }),
        changed,
        text.join("\n"),
    )
}

fn refused(path: &Path, error: &BumpError) -> CliError {
    let code = match error {
        BumpError::Ambiguous { .. } => "ambiguous",
        BumpError::Missing { .. } => "not_found",
        BumpError::Unproven { .. } => "unproven",
        BumpError::Yaml(_) | BumpError::Path(_) | BumpError::Form { .. } => "values",
    };
    let text = error.to_string();
    let (message, advice) = text
        .rsplit_once("; ")
        .unwrap_or((&text, "nothing was written"));
    CliError::failed(code, format!("{}: {message}", path.display()), advice)
}

fn read(path: &Path) -> Result<String, CliError> {
    String::from_utf8(source::read(path)?).map_err(|_| {
        CliError::failed(
            "values",
            format!("{} is not UTF-8", path.display()),
            "convert it first",
        )
    })
}

/// Writes beside and renames, so that a reader sees the old text or the new one.
fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".refloat-new");
    let beside = path.with_file_name(name);
    let done = fs::metadata(&path)
        .and_then(|metadata| {
            fs::write(&beside, text)?;
            fs::set_permissions(&beside, metadata.permissions())
        })
        .and_then(|()| fs::File::open(&beside)?.sync_all())
        .and_then(|()| fs::rename(&beside, &path));
    done.map_err(|error| {
        let _ = fs::remove_file(&beside);
        CliError::failed(
            "failed",
            format!("cannot write {}: {error}", path.display()),
            "check the disk and permissions",
        )
    })
}
