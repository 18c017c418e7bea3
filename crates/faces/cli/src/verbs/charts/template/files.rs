//! `--output-dir`: a file for each template, with all its documents.

use crate::error::{CliError, EXIT_NOT_FOUND};
use crate::output::{Answer, View};
use refloat_chart::{Rendered, TemplateOutput};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Writes what `output` selects below `folder`, or below the release's folder in it; `crds/` keep their place, as helm has it.
pub(super) fn write(
    rendered: &Rendered,
    output: &TemplateOutput,
    folder: &Path,
    release: Option<&str>,
) -> Result<Answer, CliError> {
    let parts = output.files(rendered).map_err(|error| {
        let advice = "paths are relative to the chart, for example templates/deployment.yaml";
        CliError::failed("not_found", error.to_string(), advice).exiting(EXIT_NOT_FOUND)
    })?;
    let mut order: Vec<PathBuf> = Vec::new();
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    for part in parts {
        let is_inner = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !Path::new(part.path).components().all(is_inner) {
            let message = format!("{} would be written outside of the folder", part.path);
            return Err(CliError::failed("chart", message, "rename the template"));
        }
        let below = release.filter(|_| !part.is_crd).unwrap_or_default();
        let path = folder.join(below).join(part.path);
        if !texts.contains_key(&path) {
            order.push(path.clone());
        }
        texts.entry(path).or_default().push_str(&part.text);
    }
    let mut changed = false;
    let mut lines = Vec::new();
    for path in &order {
        let text = &texts[path];
        let same = fs::read(path).is_ok_and(|old| old == text.as_bytes());
        if !same {
            let parent = path.parent().unwrap_or(folder);
            let done = fs::create_dir_all(parent).and_then(|()| fs::write(path, text));
            done.map_err(|error| {
                CliError::failed(
                    "failed",
                    format!("cannot write {}: {error}", path.display()),
                    "check the disk and permissions",
                )
            })?;
        }
        changed |= !same;
        lines.push(format!("wrote {}", path.display()));
    }
    let names: Vec<String> = order
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let mut answer = Answer::done(json!({ "files": names }), changed, "").with_brief(names);
    lines.push(String::new());
    answer.view = View::Lines(lines);
    Ok(answer)
}
