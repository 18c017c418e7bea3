//! A chart and values, as a deployer takes them and as helm's release record keeps them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use refloat_chart::render::{Hook, Manifest};
use refloat_chart::values::to_json as json_of;
use refloat_chart::{Chart, ChartError, ChartFile, RenderError, RenderOptions, render};
use refloat_ports::Rendered;
use refloat_template::{Map, Oracle, Value};
use serde_json::{Value as Json, json};

/// Why a chart cannot be rendered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AssembleError {
    /// The templates or values.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The chart's own values.
    #[error(transparent)]
    Chart(#[from] ChartError),
}

/// Renders a chart, and puts together what its record says.
///
/// # Errors
/// [`AssembleError`], in helm's words where helm has any.
pub fn assemble(
    chart: &Chart,
    given: &Map,
    options: &RenderOptions,
    oracle: &dyn Oracle,
) -> Result<Rendered, AssembleError> {
    let done = render(chart, given, options, oracle)?;
    let crds = done.crds.iter().map(|crd| {
        let text = crd.file.text();
        format!("---\n# Source: {}\n{text}\n", crd.path)
    });
    Ok(Rendered {
        name: options.release.clone(),
        namespace: options.namespace.clone(),
        manifest: done.manifest(),
        crds: crds.collect(),
        files: files(&done.manifests),
        hooks: done.hooks.iter().map(hook).collect(),
        chart: chart_json(chart)?,
        config: json_of(&Value::Map(given.clone())),
        notes: done.notes,
        description: String::new(),
    })
}

/// The documents of each template together, in the order of the manifest.
fn files(manifests: &[Manifest]) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for manifest in manifests {
        let text = format!("---\n# Source: {}\n{}\n", manifest.path, manifest.text);
        match files.iter_mut().find(|(path, _)| *path == manifest.path) {
            Some((_, file)) => file.push_str(&text),
            None => files.push((manifest.path.clone(), text)),
        }
    }
    files
}

fn hook(hook: &Hook) -> Json {
    let events: Vec<&str> = hook.events.iter().map(|event| event.as_str()).collect();
    json!({
        "name": hook.manifest.name,
        "kind": hook.manifest.kind,
        "path": hook.manifest.path,
        "manifest": hook.manifest.text,
        "events": events,
        "weight": hook.weight,
        "delete_policies": hook.delete_policies,
        "output_log_policies": hook.output_log_policies,
    })
}

/// Charts below `charts/` are not kept, as helm does not keep them.
fn chart_json(chart: &Chart) -> Result<Json, ChartError> {
    let file = |file: &ChartFile| json!({ "name": file.name, "data": STANDARD.encode(&file.data) });
    let list = |files: &[ChartFile]| files.iter().map(file).collect::<Vec<_>>();
    Ok(json!({
        "metadata": json_of(&chart.metadata.to_value()),
        "lock": Json::Null,
        "templates": list(&chart.templates),
        "values": json_of(&Value::Map(chart.values()?)),
        "schema": chart.schema.as_ref().map(|schema| STANDARD.encode(schema)),
        "files": list(&chart.files),
    }))
}

/// What is kept until its turn comes.
pub(crate) fn to_json(rendered: &Rendered) -> Json {
    json!({
        "name": rendered.name,
        "namespace": rendered.namespace,
        "manifest": rendered.manifest,
        "crds": rendered.crds,
        "files": rendered.files,
        "hooks": rendered.hooks,
        "chart": rendered.chart,
        "config": rendered.config,
        "notes": rendered.notes,
        "description": rendered.description,
    })
}

/// The same, read back; `None` if it is damaged.
pub(crate) fn from_text(text: &str) -> Option<Rendered> {
    let mut json: Json = serde_json::from_str(text).ok()?;
    let text = |key: &str| json[key].as_str().map(str::to_owned);
    Some(Rendered {
        name: text("name")?,
        namespace: text("namespace")?,
        manifest: text("manifest")?,
        crds: text("crds")?,
        notes: text("notes")?,
        description: text("description")?,
        files: serde_json::from_value(json["files"].clone()).ok()?,
        hooks: json["hooks"].take(),
        chart: json["chart"].take(),
        config: json["config"].take(),
    })
}
