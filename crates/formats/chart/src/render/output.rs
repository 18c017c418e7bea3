//! What `helm template` prints (helm, pkg/cmd/template.go).

use super::{HookEvent, Rendered, split_documents};
use crate::load::pattern;

/// What of a rendering is printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateOutput {
    /// `--show-only`: patterns of template paths below the chart; empty means all.
    pub show_only: Vec<String>,
    /// `--include-crds`
    pub crds: bool,
    /// `--no-hooks`
    pub no_hooks: bool,
    /// `--skip-tests`
    pub skip_tests: bool,
}

/// `--show-only` named a template that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not find template {0} in chart")]
pub struct OutputError(pub String);

/// A document that is written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPart<'r> {
    /// The path of its template, from the top of the charts.
    pub path: &'r str,
    /// Whether it is a file of `crds/`.
    pub is_crd: bool,
    /// Its text, behind a line that names its template.
    pub text: String,
}

impl TemplateOutput {
    /// The text.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn text(&self, rendered: &Rendered) -> Result<String, OutputError> {
        let mut manifest = String::new();
        if self.crds {
            for crd in &rendered.crds {
                manifest += &part(&crd.path, &crd.file.text());
            }
        }
        manifest += &rendered.manifest();
        let mut text = format!("{}\n", manifest.trim());
        let hooks = rendered.hooks.iter().filter(|hook| {
            let test = self.skip_tests && hook.events.contains(&HookEvent::Test);
            !self.no_hooks && !test
        });
        for hook in hooks {
            text += &part(&hook.manifest.path, &hook.manifest.text);
        }
        if self.show_only.is_empty() {
            Ok(text)
        } else {
            self.shown(&text)
        }
    }

    /// The same, one part for each document and each file of `crds/`, by the path of its template.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn files<'r>(&self, rendered: &'r Rendered) -> Result<Vec<OutputPart<'r>>, OutputError> {
        let mut parts = Vec::new();
        if self.crds {
            let crds = rendered.crds.iter();
            parts.extend(crds.map(|crd| OutputPart {
                path: &crd.path,
                is_crd: true,
                text: part(&crd.path, &crd.file.text()),
            }));
        }
        let hooks = rendered.hooks.iter().filter(|hook| {
            let test = self.skip_tests && hook.events.contains(&HookEvent::Test);
            !self.no_hooks && !test
        });
        let manifests = rendered.manifests.iter();
        let manifests = manifests.chain(hooks.map(|hook| &hook.manifest));
        parts.extend(manifests.map(|manifest| OutputPart {
            path: &manifest.path,
            is_crd: false,
            text: part(&manifest.path, &manifest.text),
        }));
        if self.show_only.is_empty() {
            return Ok(parts);
        }
        let below = |path: &str| path.split_once('/').map(|(_, rest)| rest.to_owned());
        let fits = |wanted: &str, path: &str| {
            below(path).is_some_and(|path| pattern::matches(wanted, &path).unwrap_or(false))
        };
        let mut lacking = self.show_only.iter();
        let lacking = lacking.find(|wanted| !parts.iter().any(|part| fits(wanted, part.path)));
        if let Some(wanted) = lacking {
            return Err(OutputError(wanted.clone()));
        }
        parts.retain(|part| self.show_only.iter().any(|wanted| fits(wanted, part.path)));
        Ok(parts)
    }

    fn shown(&self, text: &str) -> Result<String, OutputError> {
        let documents = split_documents(text);
        let mut shown = String::new();
        for wanted in &self.show_only {
            let is_wanted = |document: &&&str| {
                source(document).is_some_and(|path| pattern::matches(wanted, path).unwrap_or(false))
            };
            let found: Vec<_> = documents.iter().filter(is_wanted).collect();
            if found.is_empty() {
                return Err(OutputError(wanted.clone()));
            }
            for document in found {
                shown.push_str("---\n");
                shown.push_str(document);
                shown.push('\n');
            }
        }
        Ok(shown)
    }
}

/// A document behind a line that names its template.
fn part(path: &str, text: &str) -> String {
    format!("---\n# Source: {path}\n{text}\n")
}

/// The template of a document, relative to the chart.
fn source(document: &str) -> Option<&str> {
    let mut lines = document.lines();
    lines.find_map(|line| {
        let (_, path) = line.split_once("# Source: ")?;
        let (chart, rest) = path.split_once('/')?;
        (!chart.is_empty() && !rest.is_empty()).then_some(rest)
    })
}
