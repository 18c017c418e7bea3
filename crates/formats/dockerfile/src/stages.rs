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
    /// A trigger that is no instruction: wrong once something sets it off.
    pub(crate) broken: Option<DockerfileError>,
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
            ("onbuild", Some(stage)) => match trigger(&found.arguments, found.line) {
                Ok(inner) => inputs(&inner, &mut stage.triggers)?,
                Err(error) if is_forbidden(&found.arguments) => return Err(error),
                Err(error) => stage.triggers.broken = Some(error),
            },
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
    // Triggers are read by a parser of their own, which knows no directive of the file.
    let inner = instruction(text, line, '\\')?;
    if is_forbidden(text) {
        let message = format!(
            "{} is not allowed as a trigger of ONBUILD",
            inner.keyword.to_ascii_uppercase()
        );
        return Err(DockerfileError::new(line, message));
    }
    Ok(inner)
}

fn is_forbidden(text: &str) -> bool {
    let keyword = text.split_whitespace().next().unwrap_or_default();
    ["onbuild", "from", "maintainer"]
        .iter()
        .any(|word| keyword.eq_ignore_ascii_case(word))
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
                if let Some(name) = mount_from(mount, line)? {
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

/// The `from` of a mount, whatever its type; of several the last. Fields may be quoted as in CSV.
fn mount_from(mount: &str, line: u32) -> Result<Option<String>, DockerfileError> {
    let mut found = None;
    for field in fields(mount).map_err(|message| DockerfileError::new(line, message))? {
        if let Some((key, value)) = field.split_once('=')
            && key.eq_ignore_ascii_case("from")
        {
            found = (!value.is_empty()).then(|| value.to_owned());
        }
    }
    Ok(found)
}

/// The fields of a line of CSV (RFC 4180): a quote may only begin a field, and what it quotes ends with the field.
fn fields(text: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted_field(quoted)?
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (rest[..end].to_owned(), &rest[end..])
        };
        if !rest.starts_with('"') && field.contains('"') {
            return Err("a quote in the middle of a field of a mount".to_owned());
        }
        found.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(found),
            None => return Err("a quoted field of a mount goes on after its quote".to_owned()),
        }
    }
}

/// What stands up to the closing quote, and what follows it; two quotes are one.
fn quoted_field(text: &str) -> Result<(String, &str), String> {
    let (mut field, mut rest) = (String::new(), text);
    loop {
        let Some((before, after)) = rest.split_once('"') else {
            return Err("a quote in a mount is not closed".to_owned());
        };
        field.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Ok((field, after)),
        }
    }
}
