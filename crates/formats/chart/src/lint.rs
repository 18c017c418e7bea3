//! What helm's linter finds in a chart, in its order and words (helm, pkg/chart/v2/lint).
//!
//! ```text
//! Chart.yaml ─► values.yaml, schema ─► templates: loaded, rendered, each document ─► dependencies ─► crds/
//! ```
//! Templates are rendered whatever values they ask for: `fail` and `required` give an empty text here.

mod address;
mod chart_file;
mod decode;
mod documents;
mod names;
mod resources;

use crate::capabilities::KubeVersion;
use crate::chart::Chart;
use crate::load::{ChartError, has_extension};
use crate::metadata::{Metadata, read_metadata};
use crate::render::{RenderError, RenderOptions, SchemaCheck, render_templates};
use crate::values::coalesce::{Nulls, tables};
use crate::values::{deep_copy, to_json};
use crate::{schema, values};
use refloat_template::{Answer, Map, Oracle, Question, Value, yaml};
use std::collections::{BTreeMap, BTreeSet};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A recommendation.
    Info,
    /// Against a convention; likely to work.
    Warning,
    /// Not likely to work.
    Error,
}

impl Severity {
    /// Helm's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file or folder, relative to the chart; the chart's own folder for dependencies.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = self.severity.as_str();
        write!(formatter, "[{severity}] {}: {}", self.path, self.message)
    }
}

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Nothing.
    Missing,
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// A chart as it lies on a disk, before anything is believed of it.
#[derive(Debug, Clone)]
pub struct LintInput {
    /// The absolute path of its folder, for messages.
    pub folder: String,
    /// `Chart.yaml`, if it is a file.
    pub chart_file: Option<Vec<u8>>,
    /// `values.yaml`
    pub values: Option<Vec<u8>>,
    /// `values.schema.json`
    pub schema: Option<Vec<u8>>,
    /// What stands under `templates`.
    pub templates: Entry,
    /// What stands under `crds`.
    pub crds: Entry,
    /// The chart, as a loader sees it.
    pub chart: Result<Chart, ChartError>,
}

impl LintInput {
    /// A chart whose files are at hand by their paths, as those of an archive are; `folder` is its place in messages.
    pub fn of_files(folder: &str, files: &BTreeMap<String, Vec<u8>>) -> Self {
        let entry = |below: &str| {
            if files.keys().any(|name| name.starts_with(below)) {
                Entry::Folder
            } else {
                Entry::Missing
            }
        };
        Self {
            folder: folder.to_owned(),
            chart_file: files.get("Chart.yaml").cloned(),
            values: files.get("values.yaml").cloned(),
            schema: files.get("values.schema.json").cloned(),
            templates: entry("templates/"),
            crds: entry("crds/"),
            chart: crate::load(files.clone()),
        }
    }
}

/// What a linter is told.
#[derive(Debug, Clone)]
pub struct LintOptions {
    /// `.Release.Namespace`
    pub namespace: String,
    /// The version of Kubernetes, if it is not the one that helm assumes.
    pub kube_version: Option<KubeVersion>,
    /// Whether the schema is looked at.
    pub schema: SchemaCheck,
}

/// Everything found, in helm's order.
pub fn lint(
    input: &LintInput,
    given: &Map,
    options: &LintOptions,
    oracle: &dyn Oracle,
) -> Vec<Finding> {
    let mut found = Findings::default();
    chart_file::check(input.chart_file.as_deref(), &mut found);
    check_values(input, given, options, &mut found);
    check_templates(input, given, options, oracle, &mut found);
    check_dependencies(input, &mut found);
    check_crds(input, &mut found);
    found.0
}

/// Findings so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, severity: Severity, path: &str, message: impl Into<String>) {
        self.0.push(Finding {
            severity,
            path: path.to_owned(),
            message: message.into(),
        });
    }

    fn error(&mut self, path: &str, message: impl Into<String>) {
        self.add(Severity::Error, path, message);
    }

    fn warning(&mut self, path: &str, message: impl Into<String>) {
        self.add(Severity::Warning, path, message);
    }
}

fn check_values(input: &LintInput, given: &Map, options: &LintOptions, found: &mut Findings) {
    let file = "values.yaml";
    let Some(bytes) = &input.values else {
        return found.add(Severity::Info, file, "file does not exist");
    };
    let values = match yaml::read(&String::from_utf8_lossy(bytes)) {
        Ok(Value::Map(values)) => values,
        Ok(nothing) if nothing.is_nil() => Map::new(),
        Ok(other) => {
            let reason = decode::wrong_value(&other, "map[string]interface {}");
            return found.error(file, format!("unable to parse YAML: {reason}"));
        }
        Err(error) => {
            let reason = format!("error converting YAML to JSON: {error}");
            return found.error(file, format!("unable to parse YAML: {reason}"));
        }
    };
    let Some(schema) = input.schema.as_deref().filter(|bytes| !bytes.is_empty()) else {
        return;
    };
    if options.schema == SchemaCheck::Check {
        let all = deep_copy(given);
        tables(&all, &values, Nulls::Delete);
        let wrong = schema::against(schema, &to_json(&Value::Map(all)));
        if !wrong.is_empty() {
            found.error(file, wrong);
        }
    }
}

fn check_templates(
    input: &LintInput,
    given: &Map,
    options: &LintOptions,
    oracle: &dyn Oracle,
    found: &mut Findings,
) {
    let folder = "templates/";
    match input.templates {
        Entry::Missing => return found.warning(folder, "directory does not exist"),
        Entry::File => return found.error(folder, "not a directory"),
        Entry::Folder => {}
    }
    let chart = match &input.chart {
        Ok(chart) => chart,
        Err(error) => {
            if let Some(error) = beyond_api_version(error, input) {
                found.error(folder, told(&error, input));
            }
            return;
        }
    };
    let texts = match rendered(chart, given, options, oracle) {
        Ok(texts) => texts,
        // Helm passes over values that do not fit the dependencies; `template` tells of them.
        Err(RenderError::Dependencies(_)) => return,
        Err(error) => {
            // A list of what does not fit a schema ends its last line; helm ends it once.
            let text = error.to_string();
            let once = text.strip_suffix('\n').filter(|text| text.ends_with('\n'));
            return found.error(folder, once.unwrap_or(&text));
        }
    };
    for template in &chart.templates {
        let name = template.name.as_str();
        let known = ["yaml", "yml", "tpl", "txt"];
        if !known.iter().any(|extension| has_extension(name, extension)) {
            let last = name.rsplit('/').next().unwrap_or(name);
            let extension = last.rfind('.').map_or("", |at| &last[at..]);
            found.error(
                name,
                format!("file extension '{extension}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt"),
            );
        }
        let lower = name.to_ascii_lowercase();
        if !(has_extension(&lower, "yaml") || has_extension(&lower, "yml")) {
            continue;
        }
        let text = texts.get(&format!("{}/{name}", chart.name()));
        let kube = options.kube_version.as_ref();
        if let Some(text) = text.filter(|text| !text.trim().is_empty())
            && !resources::check(name, text, kube, found)
        {
            return;
        }
    }
}

/// A key, a certificate, a hash, as far as a linter is concerned.
const STAND_IN: &str = "-----BEGIN STAND-IN-----\n-----END STAND-IN-----\n";

/// Lets charts ask for what they like.
struct Lenient<'a>(&'a dyn Oracle);

impl Oracle for Lenient<'_> {
    /// Keys and hashes that nobody will use may be stand-ins: what is rendered here is looked at and dropped.
    fn ask(&self, question: &Question<'_>) -> Option<Answer> {
        self.0.ask(question).or_else(|| match question {
            Question::Certificate { .. } => Some(Answer::Certificate {
                certificate: STAND_IN.to_owned(),
                key: STAND_IN.to_owned(),
            }),
            Question::Bcrypt(_) | Question::Htpasswd { .. } | Question::PrivateKey(_) => {
                Some(Answer::Text(STAND_IN.to_owned()))
            }
            _ => None,
        })
    }

    fn lets_charts_refuse(&self) -> bool {
        false
    }
}

fn rendered(
    chart: &Chart,
    given: &Map,
    options: &LintOptions,
    oracle: &dyn Oracle,
) -> Result<BTreeMap<String, String>, RenderError> {
    let mut render = RenderOptions::new("test-release", &options.namespace);
    render.schema = options.schema;
    if let Some(version) = &options.kube_version {
        render.capabilities.kube_version = version.clone();
    }
    let given = values::deep_copy(given);
    let texts = render_templates(chart, &given, &render, &Lenient(oracle));
    if !matches!(texts, Err(RenderError::KubeVersion { .. })) {
        return texts;
    }
    // A linter asks for no cluster that the chart would run on.
    let mut chart = chart.clone();
    chart.metadata.kube_version.clear();
    render_templates(&chart, &given, &render, &Lenient(oracle))
}

/// Why helm's linter would not load a chart. It loads one whose `apiVersion` it told to be wrong, if nothing else is.
fn beyond_api_version(error: &ChartError, input: &LintInput) -> Option<ChartError> {
    if !matches!(error, ChartError::ApiVersion(_)) {
        return Some(error.clone());
    }
    let text = String::from_utf8_lossy(input.chart_file.as_deref()?);
    let mut metadata = Metadata::default();
    let read = read_metadata(&mut metadata, "Chart.yaml", &text);
    read.and_then(|()| metadata.validate()).err()
}

/// Why a chart does not load, in helm's words also where `Chart.yaml` holds the wrong types.
fn told(error: &ChartError, input: &LintInput) -> String {
    match error {
        ChartError::Yaml { file, reason } if file == "Chart.yaml" => {
            let bytes = input.chart_file.as_deref().unwrap_or_default();
            let reason = chart_file::unparsable(bytes).unwrap_or_else(|| reason.clone());
            format!("cannot load {file}: {reason}")
        }
        other => other.to_string(),
    }
}

/// Values of a chart and of those below it must be readable; Helm reads them when it loads.
fn readable(chart: &Chart) -> Result<(), ChartError> {
    chart.values()?;
    chart.dependencies.iter().try_for_each(|below| {
        readable(below).map_err(|source| ChartError::Subchart {
            name: below.name().to_owned(),
            parent: chart.name().to_owned(),
            source: Box::new(source),
        })
    })
}

fn check_dependencies(input: &LintInput, found: &mut Findings) {
    let loaded = input.chart.as_ref().map_err(Clone::clone);
    let loaded = loaded.and_then(|chart| readable(chart).map(|()| chart));
    let chart = match &loaded {
        Ok(chart) => *chart,
        Err(error) => {
            let Some(error) = beyond_api_version(error, input) else {
                return;
            };
            let reason = told(&error, input);
            return found.error("", format!("unable to load chart\n\t{reason}"));
        }
    };
    let folder = &input.folder;
    let declared: BTreeSet<&str> = chart
        .metadata
        .dependencies
        .iter()
        .map(|wanted| wanted.name.as_str())
        .collect();
    let undeclared: Vec<&str> = chart
        .dependencies
        .iter()
        .map(Chart::name)
        .filter(|name| !declared.contains(name))
        .collect();
    if !undeclared.is_empty() {
        let names = undeclared.join(",");
        found.error(
            folder,
            format!("chart metadata is missing these dependencies: {names}"),
        );
    }
    // Two of one name were refused when the chart was loaded.
    let missing = chart.missing_dependencies();
    if !missing.is_empty() {
        let names = missing.join(",");
        found.warning(
            folder,
            format!("chart directory is missing these dependencies: {names}"),
        );
    }
}

fn check_crds(input: &LintInput, found: &mut Findings) {
    match input.crds {
        Entry::Missing => return,
        Entry::File => return found.error("crds/", "not a directory"),
        Entry::Folder => {}
    }
    let chart = match &input.chart {
        Ok(chart) => chart,
        Err(error) => return found.error("crds/", told(error, input)),
    };
    for crd in chart.crds() {
        if !resources::check_crd(&crd.file.name, &crd.file.text(), found) {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
