//! What goes wrong, where, and through which templates.

use std::fmt;

/// One template on the way to a failure, the outermost first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The file that the failing action stands in: `chart/templates/_helpers.tpl`; `gotpl`
    /// for text that was given to `tpl`.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// Bytes since the line began, as Go counts them.
    pub column: usize,
    /// The template that was executing: the file, or the name of its `define`.
    pub template: String,
    /// The action or operand, as written in canonical form.
    pub at: String,
}

/// Why a set could not be parsed or a template not be executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The text is no template, or uses a function that does not exist.
    #[error("parse error at ({file}:{line}): {message}")]
    Parse {
        /// The file.
        file: String,
        /// From 1.
        line: usize,
        /// Go's words where there are any.
        message: String,
    },
    /// A function that charts may use but that is not built here.
    #[error("unsupported: function {function}, {file}:{line}")]
    Unsupported {
        /// Its name.
        function: String,
        /// The file that calls it.
        file: String,
        /// From 1.
        line: usize,
    },
    /// An action failed.
    #[error("{}", execution(frames, message))]
    Execution {
        /// The way to it, outermost first.
        frames: Vec<Frame>,
        /// What failed.
        message: String,
    },
    /// The chart itself refused, by `fail` or `required`.
    #[error("execution error at ({}): {message}", place(frames))]
    Refused {
        /// The way to it, outermost first.
        frames: Vec<Frame>,
        /// The chart's words.
        message: String,
    },
    /// A limit of the rendering was reached.
    #[error("{}: limit reached: {limit}", place(frames))]
    Limit {
        /// The way to it, outermost first.
        frames: Vec<Frame>,
        /// Which one.
        limit: String,
    },
    /// There is no template of that name.
    #[error("template: no template {0:?} associated with template \"gotpl\"")]
    NoTemplate(String),
}

impl TemplateError {
    /// The templates on the way to the failure, outermost first.
    pub fn frames(&self) -> &[Frame] {
        match self {
            Self::Execution { frames, .. }
            | Self::Refused { frames, .. }
            | Self::Limit { frames, .. } => frames,
            Self::Parse { .. } | Self::Unsupported { .. } | Self::NoTemplate(_) => &[],
        }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

fn place(frames: &[Frame]) -> String {
    frames.first().map(ToString::to_string).unwrap_or_default()
}

/// Helm's form: a block per template, the failure last.
fn execution(frames: &[Frame], message: &str) -> String {
    let mut text = String::new();
    let last = frames.len().saturating_sub(1);
    for (index, frame) in frames.iter().enumerate() {
        let Frame { template, at, .. } = frame;
        let words = if index == last {
            message
        } else {
            "error calling include:"
        };
        text.push_str(&format!(
            "{frame}\n  executing {template:?} at <{at}>:\n    {words}\n"
        ));
    }
    if frames.is_empty() {
        text.push_str(message);
    }
    text.trim_end().to_owned()
}
