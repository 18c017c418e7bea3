//! All templates of a rendering in one namespace.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::context::Context;
use crate::error::TemplateError;
use crate::exec::Machine;
use crate::syntax::parser;
use crate::syntax::tree::Tree;
use crate::value::{Str, Value};

/// Parsed templates: files and what they define. Cheap to clone, shared between threads.
#[derive(Debug, Clone, Default)]
pub struct Set {
    files: Arc<[String]>,
    trees: Arc<BTreeMap<Str, Arc<Tree>>>,
}

impl Set {
    /// Parses `(path, text)` of all files of all charts into one namespace.
    ///
    /// The order given does not matter: files are parsed by path depth descending, then by
    /// name descending, so that a definition of the parent chart wins (Helm's
    /// `pkg/engine/engine.go`, `sortTemplates`).
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, TemplateError> {
        let mut sorted = files.to_vec();
        sorted.sort_by(|(a, _), (b, _)| {
            let depth = |path: &str| path.matches('/').count();
            depth(b).cmp(&depth(a)).then_with(|| b.cmp(a))
        });
        let mut trees: BTreeMap<Str, Arc<Tree>> = BTreeMap::new();
        for (path, text) in &sorted {
            for tree in parser::parse(path, text)? {
                match trees.entry(Str::clone(&tree.name)) {
                    Entry::Vacant(place) => {
                        place.insert(Arc::new(tree));
                    }
                    // What is empty replaces nothing (Go's `Template.associate`).
                    Entry::Occupied(_) if tree.is_empty => {}
                    Entry::Occupied(mut place) => {
                        place.insert(Arc::new(tree));
                    }
                }
            }
        }
        Ok(Self {
            files: sorted.iter().map(|(path, _)| (*path).to_owned()).collect(),
            trees: Arc::new(trees),
        })
    }

    /// The paths of the files in the order in which Helm executes them.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// Executes the template `name` (a file or a definition) over `data`.
    ///
    /// Every `<no value>` is deleted from the output, as Helm does.
    pub fn render(
        &self,
        name: &str,
        data: &Value,
        context: &mut Context<'_>,
    ) -> Result<String, TemplateError> {
        let machine = Machine::new(self, context);
        machine.render(name, data).map_err(|fault| *fault.0)
    }

    pub(crate) fn tree(&self, name: &str) -> Option<&Arc<Tree>> {
        self.trees.get(name)
    }
}
