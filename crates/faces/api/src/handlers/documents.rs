//! Documents: applied together, shown without secrets, deleted.

use crate::answer::Answer;
use crate::asking::Asking;
use crate::face::Api;
use refloat_core::Rejection;
use refloat_documents::{Document, DocumentError, DocumentKind, Node, Problem, read_documents};
use refloat_flow::FlowError;
use refloat_flow::administer::ApplyError;
use serde_json::{Value, json};

/// The most documents of one request.
const DOCUMENTS_MAX: usize = refloat_documents::node::DOCUMENTS_MAX;

pub(crate) async fn list(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let kind = kind(asking)?;
    let owned = |name: &str| asking.parameter(name).map(str::to_owned);
    let found = api.administration.documents(&asking.caller, kind, owned("name"), owned("project"), &asking.page()?).await?;
    Ok(Answer::page(found, |document| {
        let mut json: Value = serde_json::from_str(&document.content).unwrap_or_default();
        if let (Value::Object(map), Some(project)) = (&mut json, owned("project")) {
            map.insert("project".to_owned(), Value::from(project));
        }
        json
    }))
}

pub(crate) async fn apply(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let project = asking.parameter("project").map(str::to_owned);
    let documents = match &asking.body {
        Value::String(yaml) => Node::read_yaml(yaml).and_then(read_documents).map_err(|error| rejection(&error, None))?,
        body => read_json(body)?,
    };
    let results = api.administration.apply(&asking.caller, documents, project).await.map_err(placed)?;
    let changed = results.iter().any(|result| result.changed);
    let item = |result: &refloat_flow::administer::DocumentApplied| {
        json!({
            "kind": result.kind.name(),
            "name": result.name,
            "project": result.project,
            "changed": result.changed,
            "version": result.version,
        })
    };
    let results: Vec<Value> = results.iter().map(item).collect();
    Ok(Answer::ok(json!({ "changed": changed, "results": results })))
}

fn read_json(body: &Value) -> Result<Vec<Document>, Rejection> {
    let list = match body {
        Value::Object(map) if map.contains_key("documents") => map.get("documents").and_then(Value::as_array),
        _ => None,
    };
    let list = list.ok_or_else(|| Rejection::Invalid("send {\"documents\":[..]}, or YAML as application/yaml".to_owned()))?;
    if list.len() > DOCUMENTS_MAX {
        return Err(Rejection::Invalid(format!("send at most {DOCUMENTS_MAX} documents at a time")));
    }
    let read = |(index, value): (usize, &Value)| Document::read(Node::from_json(value.clone())).map_err(|error| rejection(&error, Some(index)));
    list.iter().enumerate().map(read).collect()
}

fn rejection(error: &DocumentError, index: Option<usize>) -> Rejection {
    let place = index.map(|index| format!("document {}: ", index + 1)).unwrap_or_default();
    match error.problem {
        Problem::Unsupported => {
            let what = error.message.strip_prefix("unsupported: ").unwrap_or(&error.message);
            Rejection::Unsupported(format!("{place}{what}"))
        }
        Problem::Invalid => Rejection::Invalid(format!("{place}{error}")),
    }
}

/// Says which of several documents was refused, where that can be said without changing what the refusal is.
fn placed(error: ApplyError) -> FlowError {
    match (error.error, error.document) {
        (FlowError::Rejected(Rejection::Invalid(text)), Some(index)) => Rejection::Invalid(format!("document {}: {text}", index + 1)).into(),
        (FlowError::Rejected(Rejection::Conflict(text)), Some(index)) => Rejection::Conflict(format!("document {}: {text}", index + 1)).into(),
        (error, _) => error,
    }
}

pub(crate) async fn delete(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let name = asking.required("name")?.to_owned();
    let project = asking.parameter("project").map(str::to_owned);
    api.administration.delete_document(&asking.caller, kind(asking)?, name, project).await?;
    Ok(Answer::changed(true))
}

fn kind(asking: &Asking) -> Result<DocumentKind, Rejection> {
    asking.required("kind")?.parse().map_err(|error| rejection(&error, None))
}
