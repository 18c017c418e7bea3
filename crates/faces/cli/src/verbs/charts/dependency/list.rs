//! `dependency list`, as helm prints it.

use crate::error::CliError;
use crate::output::{Answer, View};
use crate::verbs::charts::source;
use refloat_chart::Chart;
use refloat_chart::dependency::{Found, status};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) fn list(path: &Path, column_max: usize) -> Result<Answer, CliError> {
    let chart = if path.is_file() {
        source::archive(&source::read(path)?)?
    } else {
        source::folder(path)?
    };
    let charts = path.join("charts");
    let dependencies = &chart.metadata.dependencies;
    if dependencies.is_empty() {
        let warning = format!("WARNING: no dependencies at {}", charts.display());
        let json = json!({ "dependencies": [], "undeclared": [] });
        return Ok(Answer::read(json, View::Lines(vec![warning])));
    }
    let files = files(&charts);
    let mut rows = vec![["NAME", "VERSION", "REPOSITORY", "STATUS"].map(str::to_owned)];
    let mut items = Vec::new();
    for wanted in dependencies {
        let status = status(wanted, &archives(&wanted.name, &files), &chart);
        items.push(json!({
            "name": wanted.name,
            "version": wanted.version,
            "repository": wanted.repository,
            "status": status,
        }));
        let row = [&wanted.name, &wanted.version, &wanted.repository].map(Clone::clone);
        let [name, version, repository] = row;
        rows.push([name, version, repository, status.to_owned()]);
    }
    let undeclared = undeclared(&chart, &files);
    let mut lines = table(&rows, column_max);
    lines.push(String::new());
    lines.extend(
        undeclared
            .iter()
            .map(|(path, what)| format!("WARNING: {:?} is {what}.", path.display().to_string())),
    );
    let undeclared = undeclared
        .iter()
        .map(|(path, _)| path.display().to_string());
    let json = json!({ "dependencies": items, "undeclared": undeclared.collect::<Vec<_>>() });
    Ok(Answer::read(json, View::Lines(lines)))
}

/// What lies in a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn archives(name: &str, files: &[PathBuf]) -> Vec<Found> {
    let found = files.iter().filter_map(|path| {
        let file = path.file_name()?.to_str()?;
        let version = file
            .strip_prefix(name)?
            .strip_prefix('-')?
            .strip_suffix(".tgz")?;
        let chart = source::read(path).and_then(|bytes| source::archive(&bytes));
        Some(Found {
            version: version.to_owned(),
            chart: chart.ok(),
        })
    });
    found.collect()
}

/// Charts that nothing asks for, and what is no chart at all.
fn undeclared(chart: &Chart, files: &[PathBuf]) -> Vec<(PathBuf, &'static str)> {
    let declared = |name: &str| {
        let mut all = chart.metadata.dependencies.iter();
        all.any(|wanted| wanted.name == name)
    };
    let mut found = Vec::new();
    for path in files {
        let loaded = if path.is_dir() {
            source::folder(path)
        } else if path.extension().is_some_and(|end| end == "tgz") {
            source::read(path).and_then(|bytes| source::archive(&bytes))
        } else {
            continue;
        };
        match loaded {
            Err(_) => found.push((path.clone(), "not a chart")),
            Ok(below) if !declared(below.name()) => found.push((path.clone(), "not in Chart.yaml")),
            Ok(_) => {}
        }
    }
    found
}

/// Cells filled up to the width of their column, with tabs between.
fn table(rows: &[[String; 4]], column_max: usize) -> Vec<String> {
    let cut = |text: &String| {
        if column_max > 0 && text.chars().count() > column_max {
            let head: String = text.chars().take(column_max.saturating_sub(3)).collect();
            format!("{head}...")
        } else {
            text.clone()
        }
    };
    let rows: Vec<[String; 4]> = rows.iter().map(|row| row.each_ref().map(cut)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths = [0, 1, 2, 3].map(|column| width(column).unwrap_or(0));
    let line = |row: &[String; 4]| {
        let cells = row.iter().zip(widths);
        let cells = cells.map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("\t")
    };
    rows.iter().map(line).collect()
}
