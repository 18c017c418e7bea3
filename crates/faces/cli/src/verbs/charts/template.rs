//! `template`: what `helm template` prints or writes into a folder, and beyond it a check of the objects offline.

mod files;

use super::source::{self, Wish};
use super::{dependency, kubernetes, oracle, values, verbatim};
use crate::Local;
use crate::arguments::TemplateArguments;
use crate::error::{CliError, EXIT_NOT_FOUND};
use crate::output::{Answer, print};
use crate::settings::Settings;
use refloat_chart::name::name_by_template;
use refloat_chart::render::{ReleaseAction, RenderError, SchemaCheck};
use refloat_chart::{
    Capabilities, Chart, KubeVersion, RenderOptions, Rendered, TemplateOutput, render,
    render_templates,
};
use refloat_schemas::Severity;
use refloat_template::Map;
use serde_json::json;
use std::path::Path;

/// The longest name of a release; Kubernetes' names are built upon it.
const RELEASE_NAME_MAX: usize = 53;
/// What a release is called that nobody names; helm's `template` generates no other.
const UNNAMED: &str = "release-name";
/// The most objects that are told to be wrong at once.
const FINDINGS_MAX: usize = 20;

pub(in super::super) fn template(
    arguments: &TemplateArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    refuse(arguments)?;
    let (name, chart) = name_and_chart(arguments)?;
    release_name(&name)?;
    let chart = loaded(chart, arguments, settings, local)?;
    let given = values::given(&arguments.values)?;
    let options = options(&name, arguments)?;
    let rendered = render(&chart, &given, &options, &oracle::System).map_err(|error| {
        if arguments.debug && matches!(error, RenderError::Manifest(_)) {
            print(&unparsed(&chart, &given, &options));
        }
        refused(&error)
    })?;
    if arguments.validate {
        validated(&rendered, &options)?;
    }
    let output = TemplateOutput {
        show_only: arguments.show_only.clone(),
        crds: arguments.include_crds,
        no_hooks: arguments.no_hooks,
        skip_tests: arguments.skip_tests,
    };
    if let Some(folder) = &arguments.output_dir {
        let below = arguments.release_name.then_some(name.as_str());
        return files::write(&rendered, &output, folder, below);
    }
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

/// Flags of helm's that need a cluster, a network or another program.
fn refuse(arguments: &TemplateArguments) -> Result<(), CliError> {
    if arguments.post_renderer.is_some() || !arguments.post_renderer_args.is_empty() {
        return Err(source::declined(
            "--post-renderer: no other program is started",
            "pipe the output into it: refloat template .. | PROGRAM",
        ));
    }
    if arguments.enable_dns {
        return Err(source::declined(
            "--enable-dns: templates reach no network",
            "give the addresses as values",
        ));
    }
    match arguments.dry_run.as_deref() {
        None | Some("client" | "none" | "true" | "false" | "unset") => Ok(()),
        Some("server") => Err(source::declined(
            "--dry-run=server: no cluster is asked here",
            "use `refloat upgrade --install --dry-run`, or --validate, which checks offline",
        )),
        Some(other) => Err(CliError::usage(
            format!("--dry-run={other} is not known"),
            "write --dry-run=client",
        )),
    }
}

/// The release's name and the chart, as helm takes them.
fn name_and_chart(arguments: &TemplateArguments) -> Result<(String, &str), CliError> {
    if let Some(chart) = &arguments.second {
        return Ok((arguments.first.clone(), chart));
    }
    let Some(template) = &arguments.name_template else {
        return Ok((UNNAMED.to_owned(), &arguments.first));
    };
    let name = name_by_template(template, &oracle::System);
    let name = name.map_err(|error| {
        CliError::usage(
            format!("--name-template: {error}"),
            "write for example 'shop-{{ randAlpha 5 | lower }}'",
        )
    })?;
    Ok((name, &arguments.first))
}

fn loaded(
    text: &str,
    arguments: &TemplateArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Chart, CliError> {
    let wish = Wish::of(&arguments.source);
    let chart = source::chart(text, &wish, settings, local)?;
    let path = Path::new(text);
    let is_folder = wish.repo.is_none() && path.is_dir();
    if !(arguments.dependency_update && is_folder) || chart.missing_dependencies().is_empty() {
        return Ok(chart);
    }
    dependency::bring(path, &arguments.source.access, settings, local)?;
    source::chart(text, &wish, settings, local)
}

/// The files of a rendering that is no manifest.
fn unparsed(chart: &Chart, given: &Map, options: &RenderOptions) -> String {
    let files = render_templates(chart, given, options, &oracle::System).unwrap_or_default();
    let files = files.iter().filter(|(_, text)| !text.trim().is_empty());
    let part = |(path, text): (&String, &String)| format!("---\n# Source: {path}\n{text}\n");
    files.map(part).collect()
}

/// `--validate`: every object against the schemas of the version that is rendered for.
fn validated(rendered: &Rendered, options: &RenderOptions) -> Result<(), CliError> {
    let version = &options.capabilities.kube_version;
    let mut schemas = kubernetes::schemas(version, &[])?;
    let (_, found) = kubernetes::check(rendered, &mut schemas);
    let wrong = found
        .iter()
        .filter(|found| found.finding.severity == Severity::Error);
    let lines: Vec<String> = wrong
        .map(|found| {
            let (path, message) = (&found.finding.path, &found.finding.message);
            format!("{}: {} {path}: {message}", found.template, found.object)
        })
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    let shown = lines.iter().take(FINDINGS_MAX).cloned().collect::<Vec<_>>();
    let message = format!(
        "{} of the objects' fields do not fit Kubernetes {}:\n  {}",
        lines.len(),
        version.version,
        shown.join("\n  ")
    );
    Err(CliError::failed(
        "invalid_objects",
        message,
        "see `refloat values check` for all environments at once, and --crd",
    ))
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
pub(super) fn release_name(name: &str) -> Result<(), CliError> {
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
        RenderError::Missing(names) => {
            return CliError::failed(
                "dependencies",
                format!("found in Chart.yaml, but missing in charts/ directory: {names}"),
                "fetch them with `refloat dependency build`, or use --dependency-update",
            );
        }
        RenderError::Chart(_) | RenderError::Library => ("chart", "see the chart's files"),
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
