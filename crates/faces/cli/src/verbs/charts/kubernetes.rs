//! What was rendered against the schemas of Kubernetes.

use crate::error::CliError;
use refloat_chart::{KubeVersion, Rendered};
use refloat_schemas::{Finding, Schemas};
use refloat_template::yaml;
use serde_json::Value;

/// A finding and where it is.
pub(super) struct Found {
    /// The template.
    pub(super) template: String,
    /// `Deployment/web`
    pub(super) object: String,
    pub(super) finding: Finding,
}

/// The schemas of a version of Kubernetes, with the definitions in these files.
pub(super) fn schemas(
    version: &KubeVersion,
    files: &[(String, String)],
) -> Result<Schemas, CliError> {
    let minor = version
        .minor
        .trim_end_matches('+')
        .parse()
        .unwrap_or_default();
    let mut schemas = Schemas::of_minor(minor).map_err(|error| {
        let (first, last) = (error.first, error.last);
        let advice = format!("write --kube-version 1.{first} to 1.{last}");
        CliError::usage(error.to_string(), advice)
    })?;
    for (name, text) in files {
        let added = schemas.add_definitions(text);
        added.map_err(|error| {
            CliError::failed("definitions", format!("{name}: {error}"), "see the file")
        })?;
    }
    Ok(schemas)
}

/// What is wrong with the objects of a rendering, and how many there are. Definitions among them count for the others.
pub(super) fn check(rendered: &Rendered, schemas: &mut Schemas) -> (usize, Vec<Found>) {
    for crd in &rendered.crds {
        // What cannot be read is found when it is installed; the chart's templates are what is checked here.
        let _ = schemas.add_definitions(&crd.file.text());
    }
    let manifests = rendered.manifests.iter();
    let manifests = manifests.map(|manifest| (manifest.path.as_str(), manifest.text.as_str()));
    let hooks = rendered.hooks.iter();
    let hooks = hooks.map(|hook| (hook.manifest.path.as_str(), hook.manifest.text.as_str()));
    let mut objects = Vec::new();
    for (path, text) in manifests.chain(hooks) {
        if let Ok(value) = yaml::read(text) {
            let json = refloat_chart::values::to_json(&value);
            // A document of comments alone is no object.
            if json.is_null() {
                continue;
            }
            schemas.add_definition(&json);
            objects.push((path, json));
        }
    }
    let mut found = Vec::new();
    for (path, object) in &objects {
        let findings = schemas.check(object).into_iter();
        found.extend(findings.map(|finding| Found {
            template: (*path).to_owned(),
            object: named(object),
            finding,
        }));
    }
    (objects.len(), found)
}

fn named(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    format!(
        "{}/{}",
        text(&object["kind"]),
        text(&object["metadata"]["name"])
    )
}
