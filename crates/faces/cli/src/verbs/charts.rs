//! Charts: `template`, `show`, `lint`, `dependency`, `bump`, `package`, `push`, `pull`, `verify`, `search`. The rules are refloat-chart's; here files are read and
//! written, and registries asked through [`Local`].

mod check;
mod dependency;
mod edit;
mod environments;
mod explain;
mod kubernetes;
mod lint;
mod oracle;
mod places;
mod provenance;
mod registry;
mod release;
mod repositories;
mod search;
mod secrets;
mod source;
mod values;

pub(super) use check::values;
pub(super) use dependency::dependency;
pub(super) use edit::bump;
pub(super) use explain::explain;
pub(super) use lint::lint;
pub use places::{ChartPlaces, Freshness, PulledChart, PushedChart, RepositoryLogin};
pub(super) use provenance::verify;
pub(super) use registry::{package, pull, push};
pub use release::{Newness, ReleaseQuestion};
pub(super) use release::{history, install, list, release, status, upgrade};
pub(super) use search::search;

use crate::Local;
use crate::arguments::{ShowArguments, ShowVerb, TemplateArguments};
use crate::error::{CliError, EXIT_NOT_FOUND};
use crate::output::{Answer, View};
use crate::settings::Settings;
use refloat_chart::render::{ReleaseAction, RenderError, SchemaCheck};
use refloat_chart::{Capabilities, Chart, KubeVersion, RenderOptions, TemplateOutput, render};
use serde_json::{Value, json};

/// The longest name of a release; Kubernetes' names are built upon it.
const RELEASE_NAME_MAX: usize = 53;

pub(super) fn template(
    arguments: &TemplateArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let (name, chart) = match &arguments.second {
        Some(chart) => (arguments.first.as_str(), chart),
        None => ("release-name", &arguments.first),
    };
    release_name(name)?;
    let wish = source::Wish {
        version: arguments.version.as_deref(),
        repo: arguments.repo.as_deref(),
    };
    let chart = source::chart(chart, &wish, settings, local)?;
    let given = values::given(&arguments.values)?;
    let options = options(name, arguments)?;
    let rendered =
        render(&chart, &given, &options, &oracle::System).map_err(|error| refused(&error))?;
    let output = TemplateOutput {
        show_only: arguments.show_only.clone(),
        crds: arguments.include_crds,
        no_hooks: arguments.no_hooks,
        skip_tests: arguments.skip_tests,
    };
    let text = output.text(&rendered).map_err(|error| {
        let advice = "paths are relative to the chart, for example templates/deployment.yaml";
        CliError::failed("not_found", error.to_string(), advice).exiting(EXIT_NOT_FOUND)
    })?;
    let json = json!({
        "release": name,
        "namespace": arguments.namespace,
        "chart": { "name": chart.name(), "version": chart.metadata.version },
        "manifest": text,
        "notes": rendered.notes,
    });
    Ok(verbatim(json, &text))
}

fn options(name: &str, arguments: &TemplateArguments) -> Result<RenderOptions, CliError> {
    let mut capabilities = Capabilities::default();
    if let Some(version) = &arguments.kube_version {
        let version: Result<KubeVersion, _> = version.parse();
        capabilities.kube_version = version
            .map_err(|error| CliError::usage(error.to_string(), "write for example 1.33"))?;
    }
    capabilities
        .api_versions
        .extend(arguments.api_versions.iter().cloned());
    let mut options = RenderOptions::new(name, &arguments.namespace);
    options.capabilities = capabilities;
    if arguments.is_upgrade {
        options.action = ReleaseAction::Upgrade;
    }
    if arguments.skip_schema_validation {
        options.schema = SchemaCheck::Skip;
    }
    Ok(options)
}

/// The rule of Kubernetes' names, as helm applies it.
fn release_name(name: &str) -> Result<(), CliError> {
    let edge = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    let label = |label: &str| {
        let bytes = label.as_bytes();
        edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(inner)
    };
    if name.len() <= RELEASE_NAME_MAX && name.split('.').all(label) {
        return Ok(());
    }
    Err(CliError::usage(
        format!("`{name}` cannot be the name of a release"),
        "use lower-case letters, digits, - and . between them, at most 53 characters",
    ))
}

/// A rendering that did not come about.
fn refused(error: &RenderError) -> CliError {
    let (code, advice) = match error {
        RenderError::Chart(_) | RenderError::Library => ("chart", "see the chart's files"),
        RenderError::Missing(_) => ("dependencies", "put the charts below charts/"),
        RenderError::Dependencies(_) => ("values", "a dependency's values must be a map"),
        RenderError::Schema(_) => (
            "schema",
            "change these values, or use --skip-schema-validation",
        ),
        RenderError::KubeVersion { .. } => {
            ("kube_version", "set --kube-version to that of your cluster")
        }
        RenderError::Template(refloat_template::TemplateError::Unsupported { .. }) => (
            "unsupported",
            "this function is not built yet; render this chart with helm",
        ),
        RenderError::Template(_) => ("template", "the first line names file, line and column"),
        RenderError::Manifest(_) => ("manifest", "see what this template renders to"),
    };
    CliError::failed(code, error.to_string(), advice)
}

/// Text that is printed as it is.
fn verbatim(json: Value, text: &str) -> Answer {
    if text.is_empty() {
        return Answer::read(json, View::Lines(Vec::new()));
    }
    let text = text.strip_suffix('\n').unwrap_or(text);
    let lines = text.split('\n').map(str::to_owned).collect();
    Answer::read(json, View::Lines(lines))
}

pub(super) fn show(
    verb: &ShowVerb,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let load = |arguments: &ShowArguments| {
        let wish = source::Wish {
            version: arguments.version.as_deref(),
            repo: arguments.repo.as_deref(),
        };
        source::chart(&arguments.chart, &wish, settings, local)
    };
    let (chart, text) = match verb {
        ShowVerb::Chart(arguments) => {
            let chart = load(arguments)?;
            let text = format!("{}\n", chart.metadata.to_yaml());
            (chart, text)
        }
        ShowVerb::Values(arguments) => {
            let chart = load(arguments)?;
            let text = values_text(&chart);
            (chart, text)
        }
        ShowVerb::Readme(arguments) => {
            let chart = load(arguments)?;
            let text = readme(&chart).unwrap_or_default();
            (chart, text)
        }
        ShowVerb::Crds(arguments) => {
            let chart = load(arguments)?;
            let text = crds_text(&chart);
            (chart, text)
        }
        ShowVerb::All(arguments) => {
            let chart = load(arguments)?;
            let text = all_text(&chart);
            (chart, text)
        }
    };
    let values = chart.values().map_err(|error| source::wrong(&error))?;
    let json = json!({
        "chart": refloat_chart::values::to_json(&chart.metadata.to_value()),
        "values": refloat_chart::values::to_json(&values.into()),
        "text": text,
    });
    Ok(verbatim(json, &text))
}

fn values_text(chart: &Chart) -> String {
    let values = chart.values_file.as_deref();
    values.map_or_else(String::new, |bytes| {
        format!("{}\n", String::from_utf8_lossy(bytes))
    })
}

fn all_text(chart: &Chart) -> String {
    let mut text = format!("{}\n", chart.metadata.to_yaml());
    text += "---\n";
    text += &values_text(chart);
    if let Some(readme) = readme(chart) {
        text.push_str(&["---\n", &*readme].concat());
    }
    text + &crds_text(chart)
}

fn readme(chart: &Chart) -> Option<String> {
    let names = ["readme.md", "readme.txt", "readme"];
    let is_it = |name: &str| names.contains(&name.to_ascii_lowercase().as_str());
    let file = chart.files.iter().find(|file| is_it(&file.name))?;
    Some(format!("{}\n", file.text()))
}

fn crds_text(chart: &Chart) -> String {
    let mut text = String::new();
    for crd in chart.crds() {
        let separator = if crd.file.data.starts_with(b"---") {
            ""
        } else {
            "---\n"
        };
        text.push_str(&[separator, &*crd.file.text(), "\n"].concat());
    }
    text
}
