//! `apply`, `get`, `delete`: documents. They are read and their values resolved here, so that errors name the line.

use super::{changed, text};
use crate::arguments::{ApplyArguments, DeleteArguments, GetArguments};
use crate::error::CliError;
use crate::output::{Answer, View};
use crate::settings::Settings;
use refloat_documents::{Document, DocumentError, DocumentKind, Node, ValueSource, resolve};
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// One document, where it stands, and what is sent.
struct Prepared {
    file: String,
    line: u64,
    body: Value,
}

pub(super) fn apply(arguments: &ApplyArguments, settings: &Settings) -> Result<Answer, CliError> {
    let mut stdin = Stdin::Unread;
    let mut prepared = Vec::new();
    for file in &arguments.files {
        prepared.extend(read_file(file, &mut stdin, settings)?);
    }
    if prepared.is_empty() {
        return Err(CliError::failed(
            "invalid",
            "there is no document in what was given",
            "see INTERFACE in the documentation for the kinds",
        ));
    }
    let bodies: Vec<&Value> = prepared.iter().map(|document| &document.body).collect();
    let json = settings
        .client()?
        .post("/documents", &json!({ "documents": bodies }))
        .map_err(|error| located(error, &prepared))?;
    let results = json["results"].as_array().cloned().unwrap_or_default();
    let line = |result: &Value| {
        let state = if changed(result) {
            "applied"
        } else {
            "unchanged"
        };
        format!("{} {} {state}", text(result, "kind"), text(result, "name"))
    };
    let lines: Vec<String> = results.iter().map(line).collect();
    let changed = changed(&json);
    let mut answer = Answer::done(json, changed, "");
    answer.view = View::Lines(lines);
    Ok(answer)
}

/// The server names a document by its position; people know files and lines.
fn located(error: CliError, prepared: &[Prepared]) -> CliError {
    let index = error.detail["document"]
        .as_u64()
        .and_then(|index| usize::try_from(index).ok());
    match index.and_then(|index| prepared.get(index)) {
        Some(document) => {
            let message = format!("{}:{}: {}", document.file, document.line, error.message);
            CliError { message, ..error }
        }
        None => error,
    }
}

fn read_file(
    file: &Path,
    stdin: &mut Stdin,
    settings: &Settings,
) -> Result<Vec<Prepared>, CliError> {
    let name = if file == Path::new("-") {
        "standard input".to_owned()
    } else {
        file.display().to_string()
    };
    let text = if file == Path::new("-") {
        stdin.take()
    } else {
        std::fs::read_to_string(file).map_err(|error| error.to_string())
    };
    let text = text.map_err(|reason| {
        CliError::failed(
            "file",
            format!("{name} cannot be read: {reason}"),
            "correct the path behind -f",
        )
    })?;
    let wrong = |error: DocumentError| document_error(&error, &name);
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let nodes = Node::read_yaml(&text).map_err(wrong)?;
    nodes
        .into_iter()
        .map(|node| prepare(node, &name, &folder, stdin, settings))
        .collect()
}

fn prepare(
    mut node: Node,
    name: &str,
    folder: &Path,
    stdin: &mut Stdin,
    settings: &Settings,
) -> Result<Prepared, CliError> {
    let wrong = |error: DocumentError| document_error(&error, name);
    resolve(&mut node, &mut |source| find(source, folder, stdin)).map_err(wrong)?;
    let document = Document::read(node.clone()).map_err(wrong)?;
    let mut body = node.to_json();
    if let (None, Some(project)) = (&document.project, &settings.project)
        && document.kind() != DocumentKind::Project
    {
        body["project"] = Value::from(project.as_str());
    }
    Ok(Prepared {
        file: name.to_owned(),
        line: document.line,
        body,
    })
}

fn document_error(error: &DocumentError, file: &str) -> CliError {
    let advice = if error.advice.is_empty() {
        "correct the line".to_owned()
    } else {
        error.advice.clone()
    };
    let mut failed = CliError::failed(error.code(), error.located(file), advice);
    failed.detail = json!({ "file": file, "line": error.line });
    failed
}

/// Standard input can be read once.
enum Stdin {
    Unread,
    Read,
}

impl Stdin {
    fn take(&mut self) -> Result<String, String> {
        match self {
            Self::Read => Err("standard input was read already".to_owned()),
            Self::Unread => {
                *self = Self::Read;
                let mut text = String::new();
                std::io::stdin()
                    .lock()
                    .read_to_string(&mut text)
                    .map_err(|error| error.to_string())?;
                Ok(text)
            }
        }
    }
}

fn find(source: &ValueSource, folder: &Path, stdin: &mut Stdin) -> Result<String, String> {
    let whole = |text: String| {
        text.strip_suffix('\n')
            .map(|text| text.strip_suffix('\r').unwrap_or(text).to_owned())
            .unwrap_or(text)
    };
    match source {
        ValueSource::Env(name) => {
            std::env::var(name).map_err(|_| format!("variable {name} is not set"))
        }
        ValueSource::File(path) => {
            let path: PathBuf = folder.join(path);
            std::fs::read_to_string(&path)
                .map(whole)
                .map_err(|error| format!("{}: {error}", path.display()))
        }
        ValueSource::Stdin => stdin.take().map(whole),
    }
}

fn kind(text: &str) -> Result<DocumentKind, CliError> {
    text.parse()
        .map_err(|error: DocumentError| CliError::failed(error.code(), error.message, error.advice))
}

pub(super) fn get(arguments: &GetArguments, settings: &Settings) -> Result<Answer, CliError> {
    let kind = kind(&arguments.kind)?;
    let client = settings.client()?;
    let mut query = vec![("kind", kind.name())];
    query.extend(
        settings
            .project
            .as_deref()
            .map(|project| ("project", project)),
    );
    query.extend(arguments.name.as_deref().map(|name| ("name", name)));
    let mut items = client.list("/documents", &query)?;
    let row = |item: &Value| {
        let name = if kind == DocumentKind::RepositoryPolicy {
            text(item, "match")
        } else {
            text(item, "name")
        };
        vec![name, text(item, "project")]
    };
    let rows = items.iter().map(row).collect();
    let view = View::Table(vec!["NAME", "PROJECT"], rows);
    let json = if arguments.name.is_some() && items.len() == 1 {
        items.remove(0)
    } else {
        Value::Array(items)
    };
    Ok(Answer::read(json, view))
}

pub(super) fn delete(arguments: &DeleteArguments, settings: &Settings) -> Result<Answer, CliError> {
    let kind = kind(&arguments.kind)?;
    let mut query = vec![("kind", kind.name()), ("name", arguments.name.as_str())];
    query.extend(
        settings
            .project
            .as_deref()
            .map(|project| ("project", project)),
    );
    let json = settings.client()?.delete("/documents", &query)?;
    let changed = changed(&json);
    Ok(Answer::done(
        json,
        changed,
        format!("{kind} {} is deleted", arguments.name),
    ))
}
