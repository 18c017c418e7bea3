//! All templates of a rendering in one namespace.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, OnceLock};

use crate::context::Context;
use crate::error::TemplateError;
use crate::exec::Machine;
use crate::syntax::parser;
use crate::syntax::tree::Tree;
use crate::value::{Str, Value};

/// A template under the name it is called by.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) name: Str,
    /// The file it stands in; `gotpl` for text given to `tpl`.
    pub(crate) file: Str,
    pub(crate) tree: Arc<Tree>,
}

/// What a file was parsed into, once: a file's own tree first, then what it defines.
type Templates = Arc<[Arc<Template>]>;

/// The place beside a file where what it was parsed into is kept for the next rendering.
#[derive(Default)]
pub struct ParsedText(OnceLock<(Str, Templates)>);

impl std::fmt::Debug for ParsedText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let done = self.0.get().is_some();
        formatter.debug_tuple("ParsedText").field(&done).finish()
    }
}

/// A file of a set.
#[derive(Debug, Clone, Copy)]
pub struct File<'f> {
    /// Its path from the top of the charts.
    pub path: &'f str,
    /// Its text; what is no UTF-8 is replaced.
    pub bytes: &'f [u8],
    /// Where what it is parsed into is kept. One for one text, under whatever path.
    pub parsed: &'f ParsedText,
}

/// Parsed templates: files and what they define. Cheap to clone, shared between threads.
#[derive(Debug, Clone, Default)]
pub struct Set {
    files: Arc<[Str]>,
    templates: Arc<BTreeMap<Str, Arc<Template>>>,
}

impl Set {
    /// Parses `(path, text)` of all files of all charts into one namespace.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, TemplateError> {
        let kept: Vec<ParsedText> = files.iter().map(|_| ParsedText::default()).collect();
        let files = files.iter().zip(&kept);
        let files = files.map(|(&(path, text), parsed)| File {
            path,
            bytes: text.as_bytes(),
            parsed,
        });
        Self::of(files.collect())
    }

    /// All files of all charts in one namespace; those that were parsed before are not parsed again, and of those that
    /// are equal to the byte only one is.
    ///
    /// The order given does not matter: files are put in by path depth descending, then by
    /// name descending, so that a definition of the parent chart wins (Helm's
    /// `pkg/engine/engine.go`, `sortTemplates`).
    pub fn of(mut files: Vec<File<'_>>) -> Result<Self, TemplateError> {
        files.sort_by_cached_key(|file| {
            let depth = file.path.bytes().filter(|byte| *byte == b'/').count();
            std::cmp::Reverse((depth, file.path))
        });
        let mut paths = Vec::with_capacity(files.len());
        let mut templates: BTreeMap<Str, Arc<Template>> = BTreeMap::new();
        let mut equal = BTreeMap::new();
        for file in &files {
            let (path, found) = parsed(file, &mut equal)?;
            paths.push(path);
            for template in found.iter() {
                match templates.entry(Str::clone(&template.name)) {
                    Entry::Vacant(place) => {
                        place.insert(Arc::clone(template));
                    }
                    // What is empty replaces nothing (Go's `Template.associate`).
                    Entry::Occupied(_) if template.tree.is_empty => {}
                    Entry::Occupied(mut place) => {
                        place.insert(Arc::clone(template));
                    }
                }
            }
        }
        Ok(Self {
            files: paths.into(),
            templates: Arc::new(templates),
        })
    }

    /// The paths of the files in the order in which Helm executes them.
    pub fn files(&self) -> &[Str] {
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

    pub(crate) fn template(&self, name: &str) -> Option<&Arc<Template>> {
        self.templates.get(name)
    }
}

/// Texts of this set that were parsed, by length and content.
type Equal<'f> = BTreeMap<(usize, &'f [u8]), Templates>;

fn parsed<'f>(file: &File<'f>, equal: &mut Equal<'f>) -> Result<(Str, Templates), TemplateError> {
    if let Some((path, found)) = file.parsed.0.get() {
        if **path == *file.path {
            return Ok((Str::clone(path), Arc::clone(found)));
        }
        let path = Str::from(file.path);
        if let Some(found) = moved(found, &path) {
            return Ok((path, found));
        }
    }
    let path = Str::from(file.path);
    let place = (file.bytes.len(), file.bytes);
    if let Some(found) = equal.get(&place).and_then(|known| moved(known, &path)) {
        let kept = file.parsed.0.get_or_init(|| (Str::clone(&path), found));
        return Ok((path, Arc::clone(&kept.1)));
    }
    let text: Cow<'_, str> = String::from_utf8_lossy(file.bytes);
    let trees = parser::parse(&path, &text)?.into_iter().map(|tree| {
        Arc::new(Template {
            name: Str::clone(&tree.name),
            file: Str::clone(&path),
            tree: Arc::new(tree),
        })
    });
    let found: Templates = trees.collect();
    equal.insert(place, Arc::clone(&found));
    // Another thread may have been faster: what it kept is equal.
    let _ = file.parsed.0.set((Str::clone(&path), Arc::clone(&found)));
    Ok((path, found))
}

/// The same templates in a file of another path; none where the file's own tree could meet a definition of its name.
fn moved(templates: &Templates, path: &Str) -> Option<Templates> {
    let own = templates.iter().position(is_own)?;
    let meets = |(at, template): (usize, &Arc<Template>)| at != own && template.name == *path;
    if templates.iter().enumerate().any(meets) {
        return None;
    }
    let moved = templates.iter().enumerate().map(|(at, template)| {
        let name = if at == own { path } else { &template.name };
        Arc::new(Template {
            name: Str::clone(name),
            file: Str::clone(path),
            tree: Arc::clone(&template.tree),
        })
    });
    Some(moved.collect())
}

fn is_own(template: &Arc<Template>) -> bool {
    template.name == template.file
}
