//! `lint`: reads charts as they lie on the disk, lets refloat-chart judge, prints what helm prints.

use super::{oracle, source, values};
use crate::Local;
use crate::arguments::LintArguments;
use crate::error::{CliError, EXIT_FAILED};
use crate::output::{Answer, View, remark};
use crate::settings::Settings;
use refloat_chart::lint::{Entry, Finding, LintInput, LintOptions, Severity, lint as find};
use refloat_chart::load::archive::unpack;
use refloat_chart::render::SchemaCheck;
use refloat_chart::{KubeVersion, load};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The most charts of one call.
const CHARTS_MAX: usize = 10_000;

/// What came of one chart.
struct Linted {
    path: String,
    findings: Vec<Finding>,
    /// Why there was nothing to lint.
    wrong: Option<String>,
}

pub(in super::super) fn lint(
    arguments: &LintArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let given = values::given(&arguments.values)?;
    let options = options(arguments)?;
    let mut charts = arguments.charts.clone();
    if arguments.with_subcharts {
        for chart in &arguments.charts {
            subcharts(&Path::new(chart).join("charts"), &mut charts);
        }
    }
    let lowest = if arguments.strict {
        Severity::Warning
    } else {
        Severity::Error
    };
    let mut report = Report {
        lowest,
        quiet: settings.quiet,
        ..Report::default()
    };
    for path in charts {
        let linted = match input(&path, settings, local) {
            Ok(input) => Linted {
                path,
                findings: find(&input, &given, &options, &oracle::System),
                wrong: None,
            },
            Err(error) => Linted {
                path,
                findings: Vec::new(),
                wrong: Some(error.message),
            },
        };
        report.add(&linted);
    }
    Ok(report.answer(settings))
}

fn options(arguments: &LintArguments) -> Result<LintOptions, CliError> {
    let kube_version =
        match &arguments.kube_version {
            None => None,
            Some(version) => {
                let version: Result<KubeVersion, _> = version.parse();
                Some(version.map_err(|error| {
                    CliError::usage(error.to_string(), "write for example 1.33")
                })?)
            }
        };
    Ok(LintOptions {
        namespace: arguments.namespace.clone(),
        kube_version,
        schema: if arguments.skip_schema_validation {
            SchemaCheck::Skip
        } else {
            SchemaCheck::Check
        },
    })
}

struct Report {
    lowest: Severity,
    quiet: bool,
    lines: Vec<String>,
    charts: Vec<Value>,
    failed: usize,
    /// Charts with a warning or an error.
    spoken_of: usize,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            lowest: Severity::Error,
            quiet: false,
            lines: Vec::new(),
            charts: Vec::new(),
            failed: 0,
            spoken_of: 0,
        }
    }
}

impl Report {
    fn add(&mut self, linted: &Linted) {
        let lowest = self.lowest;
        let fails = |finding: &Finding| finding.severity >= lowest;
        let failed = linted.wrong.is_some() || linted.findings.iter().any(fails);
        let finding = |finding: &Finding| {
            json!({
                "severity": finding.severity.as_str().to_ascii_lowercase(),
                "path": finding.path,
                "message": finding.message,
            })
        };
        self.charts.push(json!({
            "chart": linted.path,
            "failed": failed,
            "findings": linted.findings.iter().map(finding).collect::<Vec<_>>(),
            "error": linted.wrong,
        }));
        self.failed += usize::from(failed);
        let loud = |finding: &&Finding| finding.severity > Severity::Info;
        let spoken = failed || linted.findings.iter().any(|finding| loud(&finding));
        self.spoken_of += usize::from(spoken);
        if self.quiet && !spoken {
            return;
        }
        self.lines.push(format!("==> Linting {}", linted.path));
        if let Some(wrong) = &linted.wrong {
            self.lines.push(format!("Error {wrong}"));
        }
        let shown = linted.findings.iter();
        let shown = shown.filter(|finding| !self.quiet || loud(finding));
        let lines = shown.flat_map(|finding| {
            let text = finding.to_string();
            text.split('\n').map(str::to_owned).collect::<Vec<_>>()
        });
        self.lines.extend(lines);
        self.lines.push(String::new());
    }

    fn answer(mut self, settings: &Settings) -> Answer {
        let (linted, failed) = (self.charts.len(), self.failed);
        let summary = format!("{linted} chart(s) linted, {failed} chart(s) failed");
        if failed > 0 {
            // Where helm puts it: what is wrong is on standard output, that it failed is not.
            remark(&format!("refloat: {summary}"), settings);
        } else if !self.quiet || self.spoken_of > 0 {
            self.lines.push(summary);
        }
        let json = json!({ "charts": self.charts, "linted": linted, "failed": failed });
        let mut answer = Answer::read(json, View::Lines(self.lines));
        if failed > 0 {
            answer.exit = EXIT_FAILED;
        }
        answer
    }
}

/// Charts in charts, as helm walks to them.
fn subcharts(folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if found.len() >= CHARTS_MAX {
            return;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_link = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
        if name == "Chart.yaml" {
            found.push(folder.display().to_string());
        } else if is_archive(&path) {
            found.push(path.display().to_string());
        } else if !is_link && path.is_dir() {
            subcharts(&path, found);
        }
    }
}

fn is_archive(path: &Path) -> bool {
    let is_short = path.extension().is_some_and(|end| end == "tgz");
    is_short || path.to_string_lossy().ends_with(".tar.gz")
}

/// A chart before anything is believed of it.
fn input(text: &str, settings: &Settings, local: &Local) -> Result<LintInput, CliError> {
    let path = Path::new(text);
    if path.is_dir() || !(is_archive(path) || text.contains([':', '@'])) {
        return of_folder(path, text);
    }
    let bytes = if path.is_file() {
        source::read(path)?
    } else {
        source::pulled(text, &source::Wish::default(), settings, local)?.archive
    };
    let files = unpack(&bytes).map_err(|error| {
        CliError::failed("chart", format!("unable to extract tarball: {error}"), "")
    })?;
    let files: BTreeMap<String, Vec<u8>> = files
        .into_iter()
        .map(|file| (file.name, file.data.to_vec()))
        .collect();
    Ok(LintInput::of_files(text, &files))
}

fn of_folder(path: &Path, text: &str) -> Result<LintInput, CliError> {
    let chart_file = path.join("Chart.yaml");
    if let Err(error) = fs::metadata(&chart_file) {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            _ => error.to_string(),
        };
        // Go's `filepath.Join` leaves `.` out.
        let shown = Path::new(text).join("Chart.yaml");
        let shown: PathBuf = shown
            .components()
            .filter(|part| *part != Component::CurDir)
            .collect();
        let message = format!(
            "unable to check Chart.yaml file in chart: stat {}: {reason}",
            shown.display()
        );
        return Err(CliError::failed("not_found", message, ""));
    }
    let file = |name: &str| {
        let path = path.join(name);
        path.is_file().then(|| source::read(&path)).transpose()
    };
    let entry = |name: &str| match fs::metadata(path.join(name)) {
        Ok(metadata) if metadata.is_dir() => Entry::Folder,
        Ok(_) => Entry::File,
        Err(_) => Entry::Missing,
    };
    Ok(LintInput {
        folder: absolute(path).display().to_string(),
        chart_file: file("Chart.yaml")?,
        values: file("values.yaml")?,
        schema: file("values.schema.json")?,
        templates: entry("templates"),
        crds: entry("crds"),
        chart: load(source::files(path)?),
    })
}

/// Go's `filepath.Abs`: nothing is looked up.
fn absolute(path: &Path) -> PathBuf {
    let mut whole = std::env::current_dir().unwrap_or_default();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                whole.pop();
            }
            other => whole.push(other),
        }
    }
    whole
}
