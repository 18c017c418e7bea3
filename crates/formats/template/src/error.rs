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
    /// What Go says before the error of the next frame; empty for the innermost.
    pub doing: String,
}

/// Why a set could not be parsed or a template not be executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The text is no template, or uses a function that does not exist.
    #[error("parse error at ({file}:{line}): {}", last_part(message))]
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
    #[error("{}", execution(frames, message, *blocks))]
    Execution {
        /// The way to it, outermost first.
        frames: Vec<Frame>,
        /// What failed.
        message: String,
        /// True if Helm tells it in a block per template, false if in one line.
        blocks: bool,
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
    #[error(
        "template: no template {} associated with template \"gotpl\"",
        crate::format::quote(_0)
    )]
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

/// Helm keeps what follows the last colon.
fn last_part(message: &str) -> &str {
    message.rsplit(": ").next().unwrap_or(message)
}

fn place(frames: &[Frame]) -> String {
    frames.first().map(ToString::to_string).unwrap_or_default()
}

/// Helm's form: a block per template, the failure last; or Go's, in one line.
fn execution(frames: &[Frame], message: &str, blocks: bool) -> String {
    if !blocks {
        return line(frames, message);
    }
    let mut parts: Vec<String> = frames.iter().map(block).collect();
    parts.push(message.to_owned());
    let last_is_separate = message.starts_with("template: ") || frames.is_empty();
    let between = if last_is_separate { "\n" } else { "\n    " };
    let message = parts.pop().unwrap_or_default();
    format!("{}{between}{message}", parts.join("\n"))
        .trim()
        .to_owned()
}

fn block(frame: &Frame) -> String {
    let Frame {
        template,
        at,
        doing,
        ..
    } = frame;
    let doing = doing.trim_end();
    let doing = if doing.is_empty() {
        String::new()
    } else {
        format!("\n    {doing}")
    };
    let template = crate::format::quote(template);
    format!("{frame}\n  executing {template} at <{at}>:{doing}")
}

fn line(frames: &[Frame], message: &str) -> String {
    let mut text = String::new();
    for frame in frames {
        let Frame {
            template,
            at,
            doing,
            ..
        } = frame;
        let template = crate::format::quote(template);
        let words = format_args!("template: {frame}: executing {template} at <{at}>: {doing}");
        crate::format::append(&mut text, words);
    }
    text + message
}

/// An error as Go's `text/template` words it.
pub(crate) fn go_text(error: &TemplateError) -> String {
    match error {
        TemplateError::Parse {
            file,
            line,
            message,
        } => {
            format!("template: {file}:{line}: {message}")
        }
        TemplateError::Execution {
            frames, message, ..
        } => line(frames, message),
        other => other.to_string(),
    }
}

/// Puts the template that called before the one that failed.
pub(crate) fn wrap(outer: Frame, error: TemplateError) -> TemplateError {
    let through_tpl = !outer.doing.ends_with("include: ") && !outer.doing.is_empty();
    let around = |mut frames: Vec<Frame>| {
        frames.insert(0, outer.clone());
        frames
    };
    match error {
        TemplateError::Execution {
            frames,
            message,
            blocks,
        } => TemplateError::Execution {
            frames: around(frames),
            message,
            blocks: blocks && !through_tpl,
        },
        TemplateError::Refused { frames, message } => TemplateError::Refused {
            frames: around(frames),
            message,
        },
        TemplateError::Limit { frames, limit } => TemplateError::Limit {
            frames: around(frames),
            limit,
        },
        TemplateError::NoTemplate(name) => {
            let message = TemplateError::NoTemplate(name).to_string();
            TemplateError::Execution {
                frames: vec![outer],
                message,
                blocks: !through_tpl,
            }
        }
        other @ (TemplateError::Parse { .. } | TemplateError::Unsupported { .. }) => other,
    }
}
