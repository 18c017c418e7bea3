//! Documents: applied together, shown without secrets, deleted.

use crate::answer::Answer;
use crate::asking::Asking;
use crate::face::Api;
use refloat_core::Rejection;
use refloat_documents::{Document, DocumentError, DocumentKind, Node, Problem, read_documents};
use refloat_flow::FlowError;
use refloat_flow::administer::{ApplyError, DEFAULT_PROJECT};
use refloat_http::wire;
use serde_json::{Value, json};

/// The longest error in bytes.
const ERROR_MAX_BYTES: usize = 64 * 1024;
/// The most documents of one request.
const DOCUMENTS_MAX: usize = refloat_documents::node::DOCUMENTS_MAX;

pub(crate) async fn list(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let kind = kind(asking)?;
    let owned = |name: &str| asking.parameter(name).map(str::to_owned);
    let found = api
        .administration
        .documents(
            &asking.caller,
            kind,
            owned("name"),
            owned("project"),
            &asking.page()?,
        )
        .await?;
    Ok(Answer::page(found, |document| {
        let mut json: Value = serde_json::from_str(&document.content).unwrap_or_default();
        if let (Value::Object(map), false) = (&mut json, kind == DocumentKind::Project) {
            map.insert(
                "project".to_owned(),
                Value::from(owned("project").unwrap_or_else(|| DEFAULT_PROJECT.to_owned())),
            );
        }
        json
    }))
}

pub(crate) async fn apply(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let project = asking.parameter("project").map(str::to_owned);
    let documents = match &asking.body {
        Value::String(yaml) => Node::read_yaml(yaml)
            .and_then(read_documents)
            .map_err(|error| rejection(&error, None))?,
        body => read_json(body)?,
    };
    let results = match api
        .administration
        .apply(&asking.caller, documents, project)
        .await
    {
        Ok(results) => results,
        Err(error) => return placed(error).await,
    };
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
    Ok(Answer::ok(
        json!({ "changed": changed, "results": results }),
    ))
}

fn read_json(body: &Value) -> Result<Vec<Document>, Rejection> {
    let list = match body {
        Value::Object(map) if map.contains_key("documents") => {
            map.get("documents").and_then(Value::as_array)
        }
        _ => None,
    };
    let list = list.ok_or_else(|| {
        Rejection::Invalid("send {\"documents\":[..]}, or YAML as application/yaml".to_owned())
    })?;
    if list.len() > DOCUMENTS_MAX {
        return Err(Rejection::Invalid(format!(
            "send at most {DOCUMENTS_MAX} documents at a time"
        )));
    }
    let read = |(index, value): (usize, &Value)| {
        Document::read(Node::from_json(value.clone()))
            .map_err(|error| rejection(&error, Some(index)))
    };
    list.iter().enumerate().map(read).collect()
}

fn rejection(error: &DocumentError, index: Option<usize>) -> Rejection {
    let place = index
        .map(|index| format!("document {}: ", index + 1))
        .unwrap_or_default();
    match error.problem {
        Problem::Unsupported => {
            let what = error
                .message
                .strip_prefix("unsupported: ")
                .unwrap_or(&error.message);
            Rejection::Unsupported(format!("{place}{what}"))
        }
        Problem::Invalid => Rejection::Invalid(format!("{place}{error}")),
    }
}

/// The usual answer to the error, with the place of the document that was refused in its detail.
async fn placed(error: ApplyError) -> Result<Answer, FlowError> {
    let Some(index) = error.document else {
        return Err(error.error);
    };
    let response = wire::api_error(&error.error);
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), ERROR_MAX_BYTES).await;
    let mut json: Value = body
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    json["error"]["detail"] = json!({ "document": index });
    Ok(Answer {
        status,
        ..Answer::ok(json)
    })
}

pub(crate) async fn delete(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let name = asking.required("name")?.to_owned();
    let project = asking.parameter("project").map(str::to_owned);
    api.administration
        .delete_document(&asking.caller, kind(asking)?, name, project)
        .await?;
    Ok(Answer::changed(true))
}

fn kind(asking: &Asking) -> Result<DocumentKind, Rejection> {
    asking
        .required("kind")?
        .parse()
        .map_err(|error| rejection(&error, None))
}
