//! Execution of trees over values (Go's `text/template/exec.go`).
//!
//! A [`Machine`] lives as long as one [`crate::Set::render`]; a [`Frame`] as long as one
//! template within it. Output goes to one text: what `include` gives is cut off its end.

mod call;
mod evaluate;
mod walk;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::context::Context;
use crate::error::{self, TemplateError};
use crate::set::{Set, Template};
use crate::syntax::display::Place;
use crate::syntax::parser;
use crate::syntax::tree::Tree;
use crate::value::{Str, Value, deep};

/// Helm's `recursionMaxNums`: how often a template may be within itself.
const RECURSION_MAX: u32 = 1000;

/// What Go prints for no value, and Helm deletes.
pub(crate) const NO_VALUE: &str = "<no value>";

/// The name of text given to `tpl`.
const TPL_NAME: &str = "gotpl";

/// Errors are rare and large.
#[derive(Debug)]
pub(crate) struct Fault(pub(crate) Box<TemplateError>);

impl From<TemplateError> for Fault {
    fn from(error: TemplateError) -> Self {
        Self(Box::new(error))
    }
}

/// What execution gives.
pub(crate) type Run<T> = Result<T, Fault>;

/// Why a function failed; the caller adds where.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Go's words behind `error calling NAME: `.
    Message(String),
    /// The chart's own words, by `fail` or `required`.
    Refused(String),
    /// A limit was reached.
    Limit(String),
    /// The function, or this use of it, is not built.
    Unsupported(String),
    /// A template that the function executed failed; what Go says before its error.
    Nested(String, Fault),
}

impl Failure {
    pub(crate) fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }
}

impl From<crate::value::CallError> for Failure {
    fn from(error: crate::value::CallError) -> Self {
        Self::Message(error.0)
    }
}

/// What a function gives.
pub(crate) type Outcome = Result<Value, Failure>;

/// Text given to `tpl`, parsed.
pub(crate) struct Parsed {
    main: Arc<Template>,
    defined: BTreeMap<Str, Arc<Template>>,
}

/// One rendering under way.
pub(crate) struct Machine<'c, 'o> {
    set: &'c Set,
    pub(crate) context: &'c mut Context<'o>,
    out: String,
    /// Variables of all frames, the innermost last.
    variables: Vec<(u32, Value)>,
    /// What the texts given to `tpl` define, the innermost last.
    overlays: Vec<Rc<Parsed>>,
    depth: u32,
}

/// One template under execution.
struct Frame<'m, 't, 'c, 'o> {
    machine: &'m mut Machine<'c, 'o>,
    template: &'t Template,
    tree: &'t Tree,
    /// Where the variables of this frame begin; the first is `$`.
    base: usize,
    /// What is being executed, for errors.
    at: Place<'t>,
}

impl<'c, 'o> Machine<'c, 'o> {
    pub(crate) fn new(set: &'c Set, context: &'c mut Context<'o>) -> Self {
        Self {
            set,
            context,
            out: String::with_capacity(4096),
            variables: Vec::with_capacity(64),
            overlays: Vec::new(),
            depth: 0,
        }
    }

    /// Executes a file or definition; the whole output of a rendering.
    pub(crate) fn render(mut self, name: &str, data: &Value) -> Run<String> {
        let Some(template) = self.find(name) else {
            return Err(TemplateError::NoTemplate(name.to_owned()).into());
        };
        self.execute(&template, data)?;
        let text = without_no_value(crate::raw::shown(&self.out).into_owned());
        // What was rendered is kept until the last file is.
        self.context.bytes = self.context.bytes.saturating_add(text.len() as u64);
        Ok(text)
    }

    fn find(&self, name: &str) -> Option<Arc<Template>> {
        let mut overlays = self.overlays.iter().rev();
        let overlaid = overlays.find_map(|overlay| overlay.defined.get(name));
        overlaid.or_else(|| self.set.template(name)).map(Arc::clone)
    }

    /// Helm's `include`.
    pub(crate) fn include(&mut self, name: &Str, data: &Value) -> Outcome {
        let nested = self.context.included.entry(Str::clone(name)).or_insert(0);
        if *nested > RECURSION_MAX {
            return Err(Failure::Message(format!(
                "rendering template has a nested reference name: {name}: unable to execute template"
            )));
        }
        *nested += 1;
        let Some(template) = self.find(name) else {
            let error = TemplateError::NoTemplate(name.to_string());
            return Err(Failure::Nested(String::new(), error.into()));
        };
        let start = self.out.len();
        self.execute(&template, data)
            .map_err(|error| Failure::Nested(String::new(), error))?;
        if let Some(nested) = self.context.included.get_mut(name) {
            *nested -= 1;
        }
        self.charge(self.out.len() - start)?;
        let text = Str::from(&self.out[start..]);
        self.out.truncate(start);
        Ok(Value::String(text))
    }

    /// Helm's `tpl`.
    pub(crate) fn tpl(&mut self, text: &Str, data: &Value) -> Outcome {
        if !text.contains("{{") {
            return Ok(Value::String(clean_text(text)));
        }
        let parsed = self.parse_text(text)?;
        let main = Arc::clone(&parsed.main);
        let start = self.out.len();
        self.overlays.push(parsed);
        let done = self.execute(&main, data);
        self.overlays.pop();
        done.map_err(|error| {
            let quoted = crate::format::quote(text);
            let words = format!("error during tpl function execution for {quoted}: ");
            Failure::Nested(words, error)
        })?;
        self.charge(self.out.len() - start)?;
        let text = clean_text(&Str::from(&self.out[start..]));
        self.out.truncate(start);
        Ok(Value::String(text))
    }

    /// Parses a text once for all times it is given to `tpl`.
    fn parse_text(&mut self, text: &Str) -> Result<Rc<Parsed>, Failure> {
        if let Some(parsed) = self.context.parsed.get(text) {
            return Ok(Rc::clone(parsed));
        }
        let trees = parser::parse(TPL_NAME, text).map_err(|error| match error {
            TemplateError::Unsupported { function, line, .. } => {
                Failure::Unsupported(format!("{function} (line {line} of the text given to tpl)"))
            }
            other => {
                let quoted = crate::format::quote(text);
                let words = error::go_text(&other);
                Failure::Message(format!("cannot parse template {quoted}: {words}"))
            }
        })?;
        let file = Str::from(TPL_NAME);
        let mut defined: BTreeMap<Str, Arc<Template>> = trees
            .into_iter()
            .map(|tree| {
                let template = Template {
                    name: Str::clone(&tree.name),
                    file: Str::clone(&file),
                    tree: Arc::new(tree),
                };
                (Str::clone(&template.name), Arc::new(template))
            })
            .collect();
        let main = defined
            .get(TPL_NAME)
            .map(Arc::clone)
            .ok_or_else(|| Failure::message("a text given to tpl has no tree"))?;
        // An empty definition replaces nothing that is known.
        defined.retain(|name, template| !template.tree.is_empty || self.find(name).is_none());
        let parsed = Rc::new(Parsed { main, defined });
        self.context
            .parsed
            .insert(Str::clone(text), Rc::clone(&parsed));
        Ok(parsed)
    }

    /// Executes a template with `data` as dot and `$`, appending to the output.
    fn execute(&mut self, template: &Template, data: &Value) -> Run<()> {
        let base = self.variables.len();
        let mut frame = Frame {
            machine: self,
            template,
            tree: &template.tree,
            base,
            at: Place::Nowhere,
        };
        if frame.machine.depth >= frame.machine.context.limits.depth {
            let limit = frame.machine.context.limits.depth;
            return Err(frame.limit(format!("{limit} templates within templates")));
        }
        frame.machine.depth += 1;
        frame.machine.variables.push((0, data.clone()));
        let done = frame.walk_all(data, &frame.tree.root);
        self.variables.truncate(base);
        self.depth -= 1;
        done.map(|_| ())
    }

    /// Counts bytes of a text that was made.
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), Failure> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.context.bytes = self.context.bytes.saturating_add(bytes);
        if self.context.bytes > self.context.limits.bytes {
            return Err(Failure::Limit(format!(
                "{} bytes of text",
                self.context.limits.bytes
            )));
        }
        Ok(())
    }

    /// Counts bytes of lists and maps that are made.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Failure> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.context.held = self.context.held.saturating_add(bytes);
        if self.context.held > self.context.limits.held {
            return Err(Failure::Limit(format!(
                "{} bytes of lists and maps",
                self.context.limits.held
            )));
        }
        Ok(())
    }

    /// Counts a value that was made with all that is in it.
    pub(crate) fn hold_all(&mut self, value: &Value) -> Result<(), Failure> {
        let left = self.context.limits.held.saturating_sub(self.context.held);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        self.hold(deep::weight(value, left))
    }

    /// Bytes that may still be made.
    pub(crate) fn bytes_left(&self) -> usize {
        let left = self.context.limits.bytes.saturating_sub(self.context.bytes);
        usize::try_from(left).unwrap_or(usize::MAX)
    }
}

impl Frame<'_, '_, '_, '_> {
    /// An error at the place of execution.
    fn fault(&self, message: impl Into<String>) -> Fault {
        let message = message.into();
        TemplateError::Execution {
            frames: vec![self.here(String::new())],
            message,
            blocks: true,
        }
        .into()
    }

    fn limit(&self, limit: String) -> Fault {
        let frames = vec![self.here(String::new())];
        TemplateError::Limit { frames, limit }.into()
    }

    fn here(&self, doing: String) -> error::Frame {
        let (line, column) = self.at.line_and_column(self.tree);
        error::Frame {
            file: self.template.file.to_string(),
            line,
            column,
            template: self.template.name.to_string(),
            at: self.at.text(self.tree),
            doing,
        }
    }

    /// An error of the function `name` called here.
    fn call_fault(&self, name: &str, failure: Failure) -> Fault {
        let frames = vec![self.here(String::new())];
        let error = match failure {
            Failure::Message(text) => TemplateError::Execution {
                frames,
                message: format!("error calling {name}: {text}"),
                blocks: false,
            },
            Failure::Refused(message) => TemplateError::Refused { frames, message },
            Failure::Limit(limit) => TemplateError::Limit { frames, limit },
            Failure::Unsupported(function) => TemplateError::Unsupported {
                function,
                file: self.template.file.to_string(),
                line: self.at.line_and_column(self.tree).0,
            },
            Failure::Nested(words, error) => {
                let outer = self.here(format!("error calling {name}: {words}"));
                error::wrap(outer, *error.0)
            }
        };
        error.into()
    }
}

/// Helm deletes what Go prints for no value.
fn without_no_value(text: String) -> String {
    if text.contains(NO_VALUE) {
        text.replace(NO_VALUE, "")
    } else {
        text
    }
}

fn clean_text(text: &Str) -> Str {
    if text.contains(NO_VALUE) {
        text.replace(NO_VALUE, "").into()
    } else {
        Str::clone(text)
    }
}

#[cfg(test)]
mod tests;
