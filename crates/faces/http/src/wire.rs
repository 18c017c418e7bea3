//! The one place where a rejection or failure becomes an answer on the wire.
//!
//! Statuses and codes of `/v2` are the distribution specification's (1.1, section "Error Codes") and DESIGN.md
//! section 8 "Wire answers of /v2"; `/api` has its own JSON with the same statuses. A failure of the world is told
//! to nobody but the log: the caller learns that it happened and whether to try again.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, StatusCode};
use refloat_core::{Failure, Rejection};
use refloat_flow::FlowError;
use serde_json::{Value, json};

/// How long a client is asked to wait after "try again", in seconds.
const RETRY_SECONDS: u64 = 2;
/// How long a client is asked to wait after too many requests, in seconds.
const TOO_MANY_RETRY_SECONDS: u64 = 10;

/// The answer to an error on `/v2`: `{"errors":[{"code","message","detail"}]}`. `challenge` is sent with a 401.
pub fn registry_error(error: &FlowError, challenge: Option<&str>) -> Response {
    let (status, code) = match error {
        FlowError::Rejected(rejection) => registry_shape(rejection),
        FlowError::Failed(failure) => failure_shape(failure),
    };
    let body =
        json!({"errors": [{"code": code, "message": message(error), "detail": detail(error)}]});
    let mut response = answer(status, error, &body);
    if status == StatusCode::UNAUTHORIZED
        && let Some(challenge) = challenge.and_then(|text| HeaderValue::from_str(text).ok())
    {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// The answer to an error on `/api`: `{"error":{"code","message","detail"}}`.
pub fn api_error(error: &FlowError) -> Response {
    let (status, code) = match error {
        FlowError::Rejected(rejection) => (api_status(rejection), rejection.code()),
        FlowError::Failed(failure) => {
            let code = match failure {
                Failure::Transient(_) => "unavailable",
                Failure::Full(_) => "no_space",
                Failure::Damaged(_) => "damaged",
                Failure::Terminal(_) => "internal",
            };
            (failure_shape(failure).0, code)
        }
    };
    let body = json!({"error": {"code": code, "message": message(error), "detail": detail(error)}});
    let mut response = answer(status, error, &body);
    if status == StatusCode::UNAUTHORIZED {
        let basic = HeaderValue::from_static("Basic realm=\"refloat\", charset=\"UTF-8\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, basic);
    }
    response
}

/// Status and code of `/v2`.
pub fn registry_shape(rejection: &Rejection) -> (StatusCode, &'static str) {
    match rejection {
        Rejection::Unauthenticated => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
        Rejection::Denied(_) | Rejection::Immutable(_) => (StatusCode::FORBIDDEN, "DENIED"),
        Rejection::RepositoryUnknown(_) | Rejection::NotFound { .. } => {
            (StatusCode::NOT_FOUND, "NAME_UNKNOWN")
        }
        Rejection::ManifestUnknown { .. } => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
        Rejection::BlobUnknown { .. } => (StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
        Rejection::ManifestReferencesUnknown { .. } => {
            (StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN")
        }
        Rejection::ManifestInvalid(_) => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID"),
        Rejection::NameInvalid(_) => (StatusCode::BAD_REQUEST, "NAME_INVALID"),
        Rejection::DigestInvalid(_) => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
        Rejection::SizeInvalid(_) => (StatusCode::BAD_REQUEST, "SIZE_INVALID"),
        Rejection::UploadUnknown(_) => (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
        Rejection::UploadInvalid(_) => (StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID"),
        Rejection::RangeInvalid { .. } => {
            (StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID")
        }
        Rejection::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID"),
        Rejection::InUse(_) | Rejection::Unsupported(_) => {
            (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED")
        }
        Rejection::Conflict(_) => (StatusCode::CONFLICT, "CONFLICT"),
        Rejection::Invalid(_) => (StatusCode::BAD_REQUEST, "INVALID"),
        Rejection::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
    }
}

/// The status on `/api`, where the code is [`Rejection::code`].
fn api_status(rejection: &Rejection) -> StatusCode {
    match rejection {
        Rejection::InUse(_) | Rejection::Immutable(_) => StatusCode::CONFLICT,
        Rejection::Unsupported(_) => StatusCode::BAD_REQUEST,
        Rejection::Unauthenticated
        | Rejection::Denied(_)
        | Rejection::RepositoryUnknown(_)
        | Rejection::ManifestUnknown { .. }
        | Rejection::BlobUnknown { .. }
        | Rejection::ManifestReferencesUnknown { .. }
        | Rejection::ManifestInvalid(_)
        | Rejection::NameInvalid(_)
        | Rejection::DigestInvalid(_)
        | Rejection::SizeInvalid(_)
        | Rejection::UploadUnknown(_)
        | Rejection::UploadInvalid(_)
        | Rejection::RangeInvalid { .. }
        | Rejection::TooLarge { .. }
        | Rejection::Conflict(_)
        | Rejection::NotFound { .. }
        | Rejection::Invalid(_)
        | Rejection::TooMany(_) => registry_shape(rejection).0,
    }
}

fn failure_shape(failure: &Failure) -> (StatusCode, &'static str) {
    match failure {
        Failure::Full(_) => (StatusCode::INSUFFICIENT_STORAGE, "INSUFFICIENT_STORAGE"),
        Failure::Transient(_) | Failure::Damaged(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE")
        }
        Failure::Terminal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
    }
}

/// What the caller is told. A failure's own text may name paths and hosts, so it stays in the log.
fn message(error: &FlowError) -> String {
    match error {
        FlowError::Rejected(rejection) => rejection.to_string(),
        FlowError::Failed(Failure::Full(_)) => {
            "no space left on the server; nothing was stored".to_owned()
        }
        FlowError::Failed(Failure::Transient(_)) => {
            "the server cannot do this now; try again".to_owned()
        }
        FlowError::Failed(Failure::Damaged(_)) => {
            "what is stored does not check; an administrator is needed".to_owned()
        }
        FlowError::Failed(Failure::Terminal(_)) => {
            "the server failed; its log names the request id".to_owned()
        }
    }
}

fn detail(error: &FlowError) -> Value {
    match error {
        FlowError::Rejected(Rejection::ManifestReferencesUnknown { missing, .. }) => {
            json!({"missing": missing})
        }
        FlowError::Rejected(Rejection::RangeInvalid { length, .. }) => json!({"length": length}),
        FlowError::Rejected(Rejection::TooLarge { limit_bytes, .. }) => {
            json!({"limit_bytes": limit_bytes})
        }
        FlowError::Rejected(Rejection::UploadUnknown(id)) => json!({"upload": id}),
        _ => Value::Null,
    }
}

fn answer(status: StatusCode, error: &FlowError, body: &Value) -> Response {
    if let FlowError::Failed(failure) = error {
        tracing::error!(status = status.as_u16(), %failure, "a request failed");
    }
    let mut response = json_answer(status, body);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match error {
        FlowError::Failed(Failure::Transient(_) | Failure::Damaged(_)) => {
            headers.insert(RETRY_AFTER, RETRY_SECONDS.into());
        }
        FlowError::Rejected(Rejection::TooMany(_)) => {
            headers.insert(RETRY_AFTER, TOO_MANY_RETRY_SECONDS.into());
        }
        FlowError::Rejected(Rejection::RangeInvalid { length, .. }) => {
            if let Ok(value) = HeaderValue::from_str(&format!("bytes */{length}")) {
                headers.insert(CONTENT_RANGE, value);
            }
        }
        FlowError::Rejected(_) | FlowError::Failed(_) => {}
    }
    response
}

/// A JSON answer with its length.
pub fn json_answer(status: StatusCode, body: &Value) -> Response {
    let bytes = body.to_string();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, bytes.len().into());
    *response.body_mut() = Body::from(bytes);
    response
}

#[cfg(test)]
mod tests;
