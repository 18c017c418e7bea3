//! The edit of a chart: the references of its images, and its version. Exactly these lines change, or nothing does.

use crate::source::Files;
use refloat_chart::bump::{Bumped, ImageRef, ValuesPath, VersionChange};
use refloat_chart::{Chart, bump, bump_version, load, load_archive};
use refloat_core::event::ImageChange;
use refloat_oci::Reference;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The file whose images are moved.
const VALUES: &str = "values.yaml";
const METADATA: &str = "Chart.yaml";

/// A chart after its edit.
pub(crate) struct Edited {
    /// The chart, with the new references and the new version.
    pub(crate) chart: Chart,
    /// Whether anything differs from what was read.
    pub(crate) changed: bool,
    /// The files that differ, where the chart is a folder.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// Writes these images into a chart. `version` is what it gets if anything changes; `None` is the next patch.
///
/// # Errors
/// What was refused, by path and line.
pub(crate) fn edit(
    files: &Files,
    images: &[ImageChange],
    host: &str,
    version: Option<&str>,
) -> Result<Edited, String> {
    let mut chart = match files {
        Files::Archive(bytes) => load_archive(bytes),
        Files::Folder(files) => load(files.clone()),
    }
    .map_err(|error| error.to_string())?;
    let values = chart.values_file.as_deref().unwrap_or_default();
    let before = String::from_utf8(values.to_vec()).map_err(|_| format!("{VALUES} is no text"))?;
    let mut text = before.clone();
    for image in images {
        text = moved(&text, image, host)?;
    }
    let mut changed_files = BTreeMap::new();
    if text == before {
        return Ok(Edited {
            chart,
            changed: false,
            files: changed_files,
        });
    }
    let to = match version {
        Some(version) => version.to_owned(),
        None => next_version(&chart.metadata.version)?,
    };
    if let Files::Folder(files) = files {
        let metadata = files.get(METADATA).cloned().unwrap_or_default();
        let metadata = String::from_utf8(metadata).map_err(|_| format!("{METADATA} is no text"))?;
        let bumped = bump_version(&metadata, &VersionChange::Exact(to.clone()));
        let bumped = bumped.map_err(|error| format!("{METADATA}: {error}"))?;
        changed_files.insert(METADATA.to_owned(), bumped.text.into_bytes());
        changed_files.insert(VALUES.to_owned(), text.clone().into_bytes());
    }
    chart.metadata.version = to;
    chart.values_file = Some(Arc::from(text.into_bytes()));
    Ok(Edited {
        chart,
        changed: true,
        files: changed_files,
    })
}

/// The values with one image moved. Where they have no place for a digest and the tag has named something else before,
/// the digest goes with the tag, so that what is stored names one image only.
fn moved(text: &str, image: &ImageChange, host: &str) -> Result<String, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{VALUES}: {error}");
    let path: ValuesPath = image.path.parse().map_err(|error| wrong(&error))?;
    let repository = image
        .line
        .split_once('#')
        .map_or(image.line.as_str(), |(repository, _)| repository);
    // A line of a foreign registry has its host before it, with a dot or a port as everywhere.
    let (registry, repository) = match Reference::parse(repository, None) {
        Ok(foreign) => (foreign.registry.to_string(), foreign.repository.to_string()),
        Err(_) => (host.to_owned(), repository.to_owned()),
    };
    let reference = |tag: String, digest: Option<String>| ImageRef {
        registry: registry.clone(),
        repository: repository.clone(),
        tag: Some(tag),
        digest,
    };
    let write = |new: &ImageRef| -> Result<Bumped, String> {
        bump(text, &path, new).map_err(|error| wrong(&error))
    };
    let (tag, pinned) = match image.tag.split_once('@') {
        Some((tag, digest)) => (tag.to_owned(), Some(digest)),
        None => (image.tag.clone(), None),
    };
    let done = write(&reference(tag.clone(), Some(image.to.to_string())))?;
    match (done.left_out, pinned) {
        (Some("digest"), Some(digest)) => {
            Ok(write(&reference(format!("{tag}@{digest}"), None))?.text)
        }
        _ => Ok(done.text),
    }
}

/// The version after this one.
pub(crate) fn next_version(version: &str) -> Result<String, String> {
    let bumped = bump_version(&format!("version: {version}\n"), &VersionChange::Patch);
    let bumped = bumped.map_err(|error| error.to_string())?;
    let next = bumped.text.trim_end().strip_prefix("version: ");
    let next = next.map(|text| text.trim_matches(['"', '\'']).to_owned());
    next.ok_or_else(|| format!("`{version}` has no next version"))
}
