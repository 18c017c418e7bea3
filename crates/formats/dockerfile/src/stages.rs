//! From instructions to stages: what each says about images, nothing resolved yet.

use crate::error::DockerfileError;
use crate::lines::{Instruction, Lines, instruction};
use crate::words::words;

/// `NAME` or `NAME=value` before the first `FROM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GlobalArgument {
    pub(crate) name: String,
    /// Still quoted.
    pub(crate) default: Option<String>,
    pub(crate) line: u32,
}

/// How an instruction names where it copies from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FromKind {
    /// `COPY --from`: a number is the index of a stage.
    Copy,
    /// `RUN --mount=from=`: a name only.
    Mount,
}

/// One place that an instruction of a stage takes files from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) kind: FromKind,
    pub(crate) name: String,
    pub(crate) line: u32,
}

/// What instructions of a stage take.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Inputs {
    pub(crate) taken: Vec<Taken>,
    /// URLs and repositories of `ADD`.
    pub(crate) others: Vec<(u32, String)>,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stage {
    /// In lower case.
    pub(crate) name: Option<String>,
    /// As written.
    pub(crate) base: String,
    /// As written.
    pub(crate) platform: Option<String>,
    pub(crate) line: u32,
    pub(crate) inputs: Inputs,
    /// What a stage on top of this one takes by this one's `ONBUILD`.
    pub(crate) triggers: Inputs,
}

/// A file by its stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stages {
    pub(crate) arguments: Vec<GlobalArgument>,
    pub(crate) stages: Vec<Stage>,
}

/// Sorts instructions into stages.
pub(crate) fn read(lines: &Lines) -> Result<Stages, DockerfileError> {
    let mut arguments = Vec::new();
    let mut stages: Vec<Stage> = Vec::new();
    for found in &lines.instructions {
        match (found.keyword.as_str(), stages.last_mut()) {
            ("from", _) => stages.push(from(found)?),
            ("arg", None) => arguments.extend(global_arguments(found, lines.escape)?),
            (keyword, None) => {
                let message = format!(
                    "{} stands before the first FROM; only ARG may",
                    keyword.to_ascii_uppercase()
                );
                return Err(DockerfileError::new(found.line, message));
            }
            ("onbuild", Some(stage)) => {
                let inner = trigger(&found.arguments, found.line)?;
                inputs(&inner, &mut stage.triggers)?;
            }
            (_, Some(stage)) => inputs(found, &mut stage.inputs)?,
        }
    }
    if stages.is_empty() {
        let line = lines.instructions.last().map_or(1, |last| last.line);
        return Err(DockerfileError::new(line, "no FROM: the file has no stage"));
    }
    Ok(Stages { arguments, stages })
}

/// The instruction of an `ONBUILD`.
pub(crate) fn trigger(text: &str, line: u32) -> Result<Instruction, DockerfileError> {
    let inner = instruction(text, line)?;
    if ["onbuild", "from", "maintainer"].contains(&inner.keyword.as_str()) {
        let message = format!(
            "{} is not allowed as a trigger of ONBUILD",
            inner.keyword.to_ascii_uppercase()
        );
        return Err(DockerfileError::new(line, message));
    }
    Ok(inner)
}

fn from(found: &Instruction) -> Result<Stage, DockerfileError> {
    let wrong = |message: String| DockerfileError::new(found.line, message);
    let mut platform = None;
    for flag in &found.flags {
        let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
        if name != "--platform" {
            return Err(wrong(format!("FROM has no flag `{name}`")));
        }
        if value.is_empty() {
            return Err(wrong("`--platform` has no value".to_owned()));
        }
        if platform.replace(value.to_owned()).is_some() {
            return Err(wrong("`--platform` stands twice".to_owned()));
        }
    }
    let words: Vec<&str> = found.arguments.split_whitespace().collect();
    let (base, name) = match words.as_slice() {
        [base] => (base, None),
        [base, word, name] if word.eq_ignore_ascii_case("as") => (base, Some(*name)),
        _ => {
            return Err(wrong(
                "FROM takes an image, or an image, AS and a name".to_owned(),
            ));
        }
    };
    let name = name.map(str::to_lowercase);
    if let Some(name) = name.as_ref().filter(|name| !is_stage_name(name)) {
        return Err(wrong(format!(
            "`{name}` is no name of a stage; use letters, digits, `-`, `_` and `.`, a letter first"
        )));
    }
    Ok(Stage {
        name,
        base: (*base).to_owned(),
        platform,
        line: found.line,
        inputs: Inputs::default(),
        triggers: Inputs::default(),
    })
}

fn is_stage_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte)
        })
}

fn global_arguments(
    found: &Instruction,
    escape: char,
) -> Result<Vec<GlobalArgument>, DockerfileError> {
    let argument = |word: String| {
        let (name, default) = match word.split_once('=') {
            Some((name, default)) => (name.to_owned(), Some(default.to_owned())),
            None => (word, None),
        };
        if name.is_empty() {
            return Err(DockerfileError::new(found.line, "ARG has an empty name"));
        }
        Ok(GlobalArgument {
            name,
            default,
            line: found.line,
        })
    };
    words(&found.arguments, escape)
        .into_iter()
        .map(argument)
        .collect()
}

/// What one instruction takes from elsewhere.
pub(crate) fn inputs(found: &Instruction, inputs: &mut Inputs) -> Result<(), DockerfileError> {
    let line = found.line;
    match found.keyword.as_str() {
        "copy" => {
            let mut seen = false;
            for name in found.flags.iter().filter_map(|flag| value(flag, "--from")) {
                if std::mem::replace(&mut seen, true) {
                    return Err(DockerfileError::new(line, "`--from` stands twice"));
                }
                if name.is_empty() {
                    return Err(DockerfileError::new(line, "`--from` has no value"));
                }
                inputs.taken.push(Taken {
                    kind: FromKind::Copy,
                    name: name.to_owned(),
                    line,
                });
            }
        }
        "run" => {
            for mount in found.flags.iter().filter_map(|flag| value(flag, "--mount")) {
                if let Some(name) = mount_from(mount) {
                    inputs.taken.push(Taken {
                        kind: FromKind::Mount,
                        name,
                        line,
                    });
                }
            }
        }
        "add" => {
            let sources =
                serde_json::from_str::<Vec<String>>(&found.arguments).unwrap_or_else(|_| {
                    found
                        .arguments
                        .split_whitespace()
                        .map(str::to_owned)
                        .collect()
                });
            let foreign = sources
                .iter()
                .rev()
                .skip(1)
                .rev()
                .filter(|source| is_remote(source));
            inputs
                .others
                .extend(foreign.map(|source| (line, source.clone())));
        }
        _ => {}
    }
    Ok(())
}

fn value<'a>(flag: &'a str, name: &str) -> Option<&'a str> {
    flag.strip_prefix(name)?.strip_prefix('=')
}

fn is_remote(source: &str) -> bool {
    ["http://", "https://", "git://", "ssh://", "git@"]
        .iter()
        .any(|scheme| source.starts_with(scheme))
}

/// The `from` of a mount, whatever its type; fields may be quoted as in CSV.
fn mount_from(mount: &str) -> Option<String> {
    fields(mount).into_iter().find_map(|field| {
        let (key, value) = field.split_once('=')?;
        let from = key.trim().eq_ignore_ascii_case("from") && !value.is_empty();
        from.then(|| value.to_owned())
    })
}

fn fields(text: &str) -> Vec<String> {
    let (mut found, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => found.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    found.push(field);
    found
}
