//! A chart and values become manifests: what `helm template` and an installation compute before any cluster is asked
//! (helm, pkg/action/install.go, action.go `renderResources`, pkg/engine/engine.go).
//!
//! ```text
//! chart ─► dependencies decided ─► values coalesced ─► schema ─► kubeVersion ─► templates ─► notes apart ─► documents
//!                                                                                        ─► hooks apart, kinds in order
//! ```

mod kinds;
pub mod manifest;
mod objects;
mod output;

pub use kinds::compare_kinds;
pub use manifest::{Hook, HookEvent, Manifest, ManifestError, split_documents};
pub use output::{OutputError, OutputPart, TemplateOutput};

use crate::capabilities::Capabilities;
use crate::chart::{Chart, CrdFile};
use crate::load::ChartError;
use crate::prepare::Prepared;
use crate::schema;
use crate::values::coalesce::{Nulls, coalesce};
use crate::version;
use refloat_template::{Context, File, Limits, Map, MapKind, Oracle, Set, TemplateError, Value};
use std::collections::BTreeMap;

/// Whether a release is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseAction {
    /// `.Release.IsInstall`
    Install,
    /// `.Release.IsUpgrade`
    Upgrade,
}

/// Whose notes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notes {
    /// The chart's.
    Own,
    /// Those of the charts below it, too.
    All,
}

/// Whether `values.schema.json` is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaCheck {
    /// It is.
    Check,
    /// It is not.
    Skip,
}

/// What a rendering is for.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// `.Release.Name`
    pub release: String,
    /// `.Release.Namespace`
    pub namespace: String,
    /// `.Release.Revision`
    pub revision: i64,
    /// `.Release.IsInstall`, `.Release.IsUpgrade`
    pub action: ReleaseAction,
    /// `.Capabilities`
    pub capabilities: Capabilities,
    /// Whose notes are wanted.
    pub notes: Notes,
    /// Whether the schema is looked at.
    pub schema: SchemaCheck,
    /// How much a rendering may use.
    pub limits: Limits,
}

impl RenderOptions {
    /// A first installation with what Helm assumes without a cluster.
    pub fn new(release: impl Into<String>, namespace: impl Into<String>) -> Self {
        Self {
            release: release.into(),
            namespace: namespace.into(),
            revision: 1,
            action: ReleaseAction::Install,
            capabilities: Capabilities::default(),
            notes: Notes::Own,
            schema: SchemaCheck::Check,
            limits: Limits::default(),
        }
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Resources in the order of their installation.
    pub manifests: Vec<Manifest>,
    /// Hooks, in the order of kinds.
    pub hooks: Vec<Hook>,
    /// `NOTES.txt`
    pub notes: String,
    /// Files below `crds/` of the charts that are used.
    pub crds: Vec<CrdFile>,
}

impl Rendered {
    /// The manifest as a release record keeps it: every resource behind a line that names its template.
    pub fn manifest(&self) -> String {
        let part =
            |manifest: &Manifest| format!("---\n# Source: {}\n{}\n", manifest.path, manifest.text);
        self.manifests.iter().map(part).collect()
    }
}

/// Why nothing came of it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RenderError {
    /// The chart, or one below it.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// Values that do not fit the dependencies.
    #[error("chart dependencies processing failed: {0}")]
    Dependencies(String),
    /// Dependencies that are declared and not there.
    #[error(
        "found in Chart.yaml, but missing in charts/ directory: {0}; fetch them with `helm dependency build`"
    )]
    Missing(String),
    /// A library.
    #[error("library charts are not installable; give a chart that uses it")]
    Library,
    /// Values that do not fit the schema.
    #[error(
        "values don't meet the specifications of the schema(s) in the following chart(s):\n{0}"
    )]
    Schema(String),
    /// The chart is for other clusters.
    #[error("chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {found}")]
    KubeVersion {
        /// The range that the chart names.
        wanted: String,
        /// The version there is.
        found: String,
    },
    /// A template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A rendered text that is no manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// Renders a chart with what a user gives.
///
/// # Errors
/// [`RenderError`], in Helm's words where Helm has any.
pub fn render(
    chart: &Chart,
    given: &Map,
    options: &RenderOptions,
    oracle: &dyn Oracle,
) -> Result<Rendered, RenderError> {
    if chart.metadata.is_library() {
        return Err(RenderError::Library);
    }
    let missing = chart.missing_dependencies();
    if !missing.is_empty() {
        return Err(RenderError::Missing(missing.join(", ")));
    }
    let (prepared, mut files) = render_files(chart, given, options, oracle)?;
    let notes = take_notes(&mut files, prepared.name(), options.notes);
    let (manifests, hooks) = manifest::sort(&files)?;
    let mut crds = Vec::new();
    used_crds(&prepared, prepared.name(), &mut crds);
    Ok(Rendered {
        manifests,
        hooks,
        notes,
        crds,
    })
}

/// Renders every template but partials: path and text, before documents are split. What Helm's engine alone gives.
///
/// # Errors
/// [`RenderError`].
pub fn render_templates(
    chart: &Chart,
    given: &Map,
    options: &RenderOptions,
    oracle: &dyn Oracle,
) -> Result<BTreeMap<String, String>, RenderError> {
    render_files(chart, given, options, oracle).map(|(_, files)| files)
}

fn render_files<'c>(
    chart: &'c Chart,
    given: &Map,
    options: &RenderOptions,
    oracle: &dyn Oracle,
) -> Result<(Prepared<'c>, BTreeMap<String, String>), RenderError> {
    let mut prepared = Prepared::of(chart)?;
    prepared
        .decide_dependencies(given)
        .map_err(RenderError::Dependencies)?;
    let values = coalesce(&prepared, given, Nulls::Delete).map_err(RenderError::Dependencies)?;
    if options.schema == SchemaCheck::Check {
        schema::check(&prepared, &values).map_err(RenderError::Schema)?;
    }
    let (wanted, kube) = (
        &prepared.metadata.kube_version,
        &options.capabilities.kube_version,
    );
    if !wanted.is_empty() && !version::fits(wanted, &kube.normalized) {
        return Err(RenderError::KubeVersion {
            wanted: wanted.clone(),
            found: kube.version.clone(),
        });
    }
    let scopes = objects::scopes(&prepared, &values.with_kind(MapKind::Values), options);
    let files = execute(&scopes, options, oracle)?;
    Ok((prepared, files))
}

fn execute(
    scopes: &objects::Scopes<'_>,
    options: &RenderOptions,
    oracle: &dyn Oracle,
) -> Result<BTreeMap<String, String>, TemplateError> {
    let sources = scopes.iter().map(|(path, scope)| File {
        path,
        bytes: &scope.template.data,
        parsed: &scope.template.parsed,
    });
    let set = Set::of(sources.collect())?;
    let mut context = Context::with_limits(oracle, options.limits);
    let mut files = BTreeMap::new();
    for path in set.files() {
        let partial = path
            .rsplit('/')
            .next()
            .is_some_and(|name| name.starts_with('_'));
        let Some(scope) = scopes.get(&**path).filter(|_| !partial) else {
            continue;
        };
        scope.enter(path);
        let text = set.render(path, &Value::Map(scope.data.clone()), &mut context)?;
        files.insert(path.to_string(), text);
    }
    Ok(files)
}

/// Takes all `NOTES.txt` out of the files; those that are wanted are returned.
fn take_notes(files: &mut BTreeMap<String, String>, chart: &str, wanted: Notes) -> String {
    let own = format!("{chart}/templates/NOTES.txt");
    let mut notes = String::new();
    files.retain(|path, text| {
        if !path.ends_with("NOTES.txt") {
            return true;
        }
        if wanted == Notes::All || *path == own {
            if !notes.is_empty() {
                notes.push('\n');
            }
            notes.push_str(text);
        }
        false
    });
    notes
}

/// The files below `crds/` of the charts that are used, under the names they are used by.
fn used_crds(prepared: &Prepared<'_>, path: &str, found: &mut Vec<CrdFile>) {
    prepared.chart.own_crds(path, found);
    for below in &prepared.dependencies {
        used_crds(below, &format!("{path}/charts/{}", below.name()), found);
    }
}
