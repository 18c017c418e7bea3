//! `values check`: the keys of every environment, what it renders to, and whether a cluster would take it.

use super::environments::{Ground, Named};
use super::kubernetes::{self, Found};
use super::{oracle, source};
use crate::Local;
use crate::arguments::{CheckArguments, ValuesVerb};
use crate::error::{CliError, EXIT_FAILED};
use crate::output::{Answer, View};
use crate::settings::Settings;
use refloat_chart::render::RenderError;
use refloat_chart::{
    Capabilities, Chart, GivenValues, KubeVersion, RenderOptions, ValuesPath, render,
};
use refloat_schemas::Severity;
use refloat_values::{
    Environment, Known, Layer, Level, Problem, check as keys, explain, used_paths,
};
use serde_json::{Value, json};

pub(in super::super) fn values(
    verb: &ValuesVerb,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    match verb {
        ValuesVerb::Check(arguments) => check(arguments, settings, local),
    }
}

fn check(
    arguments: &CheckArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let mut ground = Ground::load(&arguments.chart, &arguments.environments, settings, local)?;
    for file in &arguments.files {
        ground.add(file, super::values::text(file)?)?;
    }
    for name in &arguments.environment {
        ground.named(name)?;
    }
    let worlds = worlds(arguments)?;
    let problems = key_problems(&ground)?;
    let none = Named {
        name: "(no environment)".to_owned(),
        namespace: "default".to_owned(),
        files: Vec::new(),
    };
    // Without environments the chart itself is still rendered and checked.
    let environments = if ground.environments.is_empty() {
        vec![(&none, Vec::new())]
    } else {
        ground.environments.iter().zip(problems).collect()
    };
    let mut report = Report::default();
    for (environment, problems) in environments {
        let wanted = &arguments.environment;
        if !wanted.is_empty() && !wanted.contains(&environment.name) {
            continue;
        }
        let mut rows: Vec<Row> = problems.into_iter().map(Row::of_key).collect();
        let mut objects = 0;
        if !arguments.keys_only {
            for world in &worlds {
                let (count, found) = rendered(&ground, environment, world)?;
                objects = objects.max(count);
                for row in found {
                    // What is wrong in several versions is said once.
                    if !rows.contains(&row) {
                        rows.push(row);
                    }
                }
            }
        }
        report.add(environment, objects, &rows);
    }
    Ok(report.answer(&ground.chart, &worlds, arguments.strict))
}

/// A cluster that is taken for granted.
struct World {
    capabilities: Capabilities,
    definitions: Vec<(String, String)>,
}

fn worlds(arguments: &CheckArguments) -> Result<Vec<World>, CliError> {
    let mut definitions = Vec::new();
    for path in &arguments.crd {
        let text = String::from_utf8_lossy(&source::read(path)?).into_owned();
        definitions.push((path.display().to_string(), text));
    }
    let world = |capabilities: Capabilities| {
        // A version without schemas is wrong usage, before anything is rendered. Templates see what it serves.
        let schemas = kubernetes::schemas(&capabilities.kube_version, &definitions)?;
        let mut capabilities = capabilities;
        capabilities.api_versions = schemas.apis();
        let more = arguments.api_versions.iter().cloned();
        capabilities.api_versions.extend(more);
        Ok(World {
            capabilities,
            definitions: definitions.clone(),
        })
    };
    if arguments.kube_version.is_empty() {
        return Ok(vec![world(Capabilities::default())?]);
    }
    let versions = arguments.kube_version.iter().map(|version| {
        let version: Result<KubeVersion, _> = version.parse();
        let kube_version = version
            .map_err(|error| CliError::usage(error.to_string(), "write for example 1.33"))?;
        world(Capabilities {
            kube_version,
            ..Capabilities::default()
        })
    });
    versions.collect()
}

fn key_problems(ground: &Ground) -> Result<Vec<Vec<Problem>>, CliError> {
    let mut defaults = ground.defaults()?;
    for file in &ground.shared {
        defaults.push(file.layer()?);
    }
    let schema = ground.chart.schema.as_deref();
    let schema: Option<Value> = schema.and_then(|bytes| serde_json::from_slice(bytes).ok());
    let mut texts = Vec::new();
    templates(&ground.chart, &mut texts);
    let used = used_paths(texts.iter().map(String::as_str));
    let mut environments = Vec::new();
    for environment in &ground.environments {
        let layers: Result<Vec<Layer>, _> = environment
            .files
            .iter()
            .map(super::environments::ValuesFile::layer)
            .collect();
        environments.push(Environment {
            name: environment.name.clone(),
            layers: layers?,
        });
    }
    let known = Known {
        defaults: &defaults,
        schema: schema.as_ref(),
        used: &used,
    };
    Ok(keys(&known, &environments))
}

/// The chart's own templates; those below it have values of their own.
fn templates(chart: &Chart, texts: &mut Vec<String>) {
    texts.extend(chart.templates.iter().map(|file| file.text().into_owned()));
    // A library's templates speak of the values of the chart that uses it.
    for below in &chart.dependencies {
        if below.metadata.is_library() {
            templates(below, texts);
        }
    }
}

/// A finding as it is told.
#[derive(PartialEq)]
struct Row {
    is_error: bool,
    code: String,
    key: String,
    file: String,
    line: usize,
    message: String,
    suggestion: Option<String>,
}

impl Row {
    fn of_key(problem: Problem) -> Self {
        Self {
            is_error: problem.level == Level::Error,
            code: problem.code.to_owned(),
            key: problem.key,
            file: problem.file,
            line: problem.line,
            message: problem.message,
            suggestion: problem.suggestion,
        }
    }

    fn of_object(found: Found) -> Self {
        let path = &found.finding.path;
        let place = if path.is_empty() {
            String::new()
        } else {
            format!(" {path}")
        };
        Self {
            is_error: found.finding.severity == Severity::Error,
            code: found.finding.code.to_owned(),
            key: path.clone(),
            file: found.template,
            line: 0,
            message: format!("{}{place}: {}", found.object, found.finding.message),
            suggestion: None,
        }
    }

    fn json(&self) -> Value {
        json!({
            "level": if self.is_error { "error" } else { "warning" },
            "code": self.code,
            "key": self.key,
            "file": self.file,
            "line": (self.line > 0).then_some(self.line),
            "message": self.message,
            "suggestion": self.suggestion,
        })
    }
}

/// Renders an environment and checks its objects; what hinders a rendering is a finding, too.
fn rendered(
    ground: &Ground,
    environment: &Named,
    world: &World,
) -> Result<(usize, Vec<Row>), CliError> {
    let files = ground.shared.iter().chain(&environment.files);
    let given = GivenValues {
        files: files.map(super::environments::ValuesFile::given).collect(),
        ..GivenValues::default()
    };
    let open = |name: &str| Err(format!("`{name}` cannot be read here"));
    let given = given
        .merged(&open)
        .map_err(|error| CliError::failed("values", error.to_string(), "see the file"))?;
    let mut options = RenderOptions::new(ground.release.as_str(), &environment.namespace);
    options.capabilities = world.capabilities.clone();
    let rendered = match render(&ground.chart, &given, &options, &oracle::System) {
        Ok(rendered) => rendered,
        Err(error) => return Ok((0, refused(ground, environment, &error)?)),
    };
    let mut schemas = kubernetes::schemas(&world.capabilities.kube_version, &world.definitions)?;
    let (count, found) = kubernetes::check(&rendered, &mut schemas);
    Ok((count, found.into_iter().map(Row::of_object).collect()))
}

/// Why an environment does not render; what its schema refuses is told with the file and line of the value.
fn refused(
    ground: &Ground,
    environment: &Named,
    error: &RenderError,
) -> Result<Vec<Row>, CliError> {
    let row = |key: String, file: String, line: usize, message: String| Row {
        is_error: true,
        code: if matches!(error, RenderError::Schema(_)) {
            "schema"
        } else {
            "render"
        }
        .to_owned(),
        key,
        file,
        line,
        message,
        suggestion: None,
    };
    let RenderError::Schema(text) = error else {
        return Ok(vec![row(
            String::new(),
            String::new(),
            0,
            error.to_string(),
        )]);
    };
    let mut layers = ground.defaults()?;
    for file in ground.shared.iter().chain(&environment.files) {
        layers.push(file.layer()?);
    }
    let mut rows = Vec::new();
    for line in text.lines() {
        let Some((pointer, reason)) = line
            .trim_start()
            .strip_prefix("- at '")
            .and_then(|rest| rest.split_once("': "))
        else {
            continue;
        };
        if reason == "validation failed" {
            continue;
        }
        let key = pointer
            .trim_start_matches('/')
            .replace('.', "\\.")
            .replace('/', ".");
        let path: Option<ValuesPath> = key.parse().ok();
        let place = path.map(|path| explain(&layers, &path)).unwrap_or_default();
        let place = place.into_iter().next().map(|one| one.won);
        let (file, at) = place.map_or_else(
            || (ground.shown("values.schema.json"), 0),
            |place| (place.layer, place.line),
        );
        let shown = if key.is_empty() { "the values" } else { &key };
        rows.push(row(key.clone(), file, at, format!("{shown}: {reason}")));
    }
    if rows.is_empty() {
        rows.push(row(String::new(), String::new(), 0, error.to_string()));
    }
    Ok(rows)
}

#[derive(Default)]
struct Report {
    environments: Vec<Value>,
    lines: Vec<String>,
    errors: usize,
    warnings: usize,
}

impl Report {
    fn add(&mut self, environment: &Named, objects: usize, rows: &[Row]) {
        let errors = rows.iter().filter(|row| row.is_error).count();
        self.errors += errors;
        self.warnings += rows.len() - errors;
        let state = match (errors, rows.len() - errors) {
            (0, 0) => format!("fine, {objects} objects"),
            (errors, warnings) => {
                format!("{errors} errors, {warnings} warnings, {objects} objects")
            }
        };
        self.lines.push(format!("{}: {state}", environment.name));
        for row in rows {
            let level = if row.is_error { "error" } else { "warning" };
            let place = match (row.file.as_str(), row.line) {
                ("", _) => String::new(),
                (file, 0) => format!("{file}: "),
                (file, line) => format!("{file}:{line}: "),
            };
            self.lines
                .push(format!("  {place}{level}: {}", row.message));
        }
        let files: Vec<&str> = environment
            .files
            .iter()
            .map(|file| file.name.as_str())
            .collect();
        self.environments.push(json!({
            "name": environment.name,
            "files": files,
            "objects": objects,
            "errors": errors,
            "problems": rows.iter().map(Row::json).collect::<Vec<_>>(),
        }));
    }

    fn answer(self, chart: &Chart, worlds: &[World], strict: bool) -> Answer {
        let versions: Vec<&str> = worlds
            .iter()
            .map(|world| world.capabilities.kube_version.version.as_str())
            .collect();
        let failed = self.errors > 0 || strict && self.warnings > 0;
        let json = json!({
            "chart": { "name": chart.name(), "version": chart.metadata.version },
            "kube_versions": versions,
            "environments": self.environments,
            "errors": self.errors,
            "warnings": self.warnings,
        });
        let mut answer = Answer::read(json, View::Lines(self.lines));
        if failed {
            answer.exit = EXIT_FAILED;
        }
        answer
    }
}
