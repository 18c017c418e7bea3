//! `bump`: reads, lets refloat-chart edit and prove, writes by renaming.

use super::source;
use crate::arguments::BumpArguments;
use crate::error::CliError;
use crate::output::Answer;
use crate::settings::Settings;
use refloat_chart::{
    BumpError, Bumped, ImageRef, ValuesPath, VersionChange, bump as edit, bump_version,
};
use refloat_oci::Reference;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

pub(in super::super) fn bump(
    arguments: &BumpArguments,
    settings: &Settings,
) -> Result<Answer, CliError> {
    if arguments.images.is_empty() && arguments.version.is_none() {
        return Err(CliError::usage(
            "there is nothing to change",
            "give --image PATH=REF or --version",
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
    if let (Some(version), Some(chart), true) = (&arguments.version, chart, is_new) {
        edits.push(version_line(chart, version)?);
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
    if arguments.version.is_some() && !chart.is_file() {
        return Err(CliError::usage(
            format!("there is no Chart.yaml beside {}", target.display()),
            "leave --version out, or give the chart's folder",
        ));
    }
    Ok((Some(target.clone()), Some(chart)))
}

fn images(path: PathBuf, images: &[String], settings: &Settings) -> Result<Edited, CliError> {
    let mut text = read(&path)?;
    let (mut changed, mut remarks) = (Vec::new(), Vec::new());
    for image in images {
        let (place, reference) = image.split_once('=').ok_or_else(|| {
            CliError::usage(
                format!("`{image}` is not PATH=REF"),
                "write for example web.image=registry.example.com/shop/web:1.3",
            )
        })?;
        let place: ValuesPath =
            place
                .parse()
                .map_err(|error: refloat_chart::bump::PathError| {
                    CliError::usage(error.to_string(), "")
                })?;
        let reference = Reference::parse(reference, settings.host().as_ref())?;
        let bumped = edit(&text, &place, &ImageRef::from(&reference))
            .map_err(|error| refused(&path, &error))?;
        if let Some(left_out) = bumped.left_out {
            remarks.push(format!(
                "{place} has no key `{left_out}`; it was not written"
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

fn version_line(path: PathBuf, version: &str) -> Result<Edited, CliError> {
    let text = read(&path)?;
    let change = version
        .parse()
        .unwrap_or(VersionChange::Exact(version.to_owned()));
    let bumped = bump_version(&text, &change).map_err(|error| refused(&path, &error))?;
    let changed = lines(&path, &bumped);
    Ok(Edited {
        path,
        text: bumped.text,
        changed,
        remarks: Vec::new(),
    })
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
