//! All templates of a rendering in one namespace.

use crate::context::Context;
use crate::error::TemplateError;
use crate::value::Value;

/// Parsed templates: files and what they define. Cheap to clone, shared between threads.
#[derive(Clone, Default)]
pub struct Set {
    files: Vec<String>,
}

impl Set {
    /// Parses `(path, text)` of all files of all charts into one namespace.
    ///
    /// The order given does not matter: files are parsed by path depth descending, then by
    /// name descending, so that a definition of the parent chart wins (Helm's
    /// `pkg/engine/engine.go`, `sortTemplates`).
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, TemplateError> {
        let mut paths: Vec<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        paths.sort_by(|a, b| {
            let depth = |path: &str| path.matches('/').count();
            depth(b).cmp(&depth(a)).then_with(|| b.cmp(a))
        });
        Ok(Self { files: paths })
    }

    /// The paths of the files in the order in which Helm executes them.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// Executes the template `name` (a file or a definition) over `data`.
    pub fn render(
        &self,
        name: &str,
        data: &Value,
        context: &mut Context<'_>,
    ) -> Result<String, TemplateError> {
        let _ = (data, context.limits, context.oracle);
        Err(TemplateError::NoTemplate(name.to_owned()))
    }
}
