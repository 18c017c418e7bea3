//! What a registry's status means for the one who asked.

use refloat_core::Failure;
use refloat_ports::ImagesError;
use reqwest::{Response, StatusCode};

/// The most bytes of an error's body that are read.
const ERROR_BODY_MAX_BYTES: usize = 16 * 1024;

/// A request that got no answer, or one that broke off.
pub(crate) fn unreachable(host: &str, error: &reqwest::Error) -> ImagesError {
    let cause = root_cause(error);
    if cause.contains("certificate") {
        let text = format!(
            "{host} shows a certificate that is not trusted: {cause}; add its authority to the system's"
        );
        return ImagesError::Failed(Failure::Terminal(text));
    }
    let what = if error.is_timeout() {
        "does not answer in time".to_owned()
    } else {
        format!("does not answer: {cause}")
    };
    ImagesError::Failed(Failure::Transient(format!("{host} {what}")))
}

/// The error of an answer that is not the one hoped for. `what` names what was asked for.
pub(crate) async fn refusal(host: &str, what: &str, response: Response) -> ImagesError {
    let status = response.status();
    let wait = response
        .headers()
        .get(reqwest::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .map(|text| format!(" (Retry-After {text})"))
        .unwrap_or_default();
    let words = words(response).await;
    let said = |words: &str| match words {
        "" => format!("{host} answered {status} for {what}"),
        words => format!("{host} answered {status} for {what}: {words}"),
    };
    match status {
        StatusCode::TOO_MANY_REQUESTS => ImagesError::Failed(Failure::Transient(format!(
            "{host} allows no more requests for now{wait}"
        ))),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            ImagesError::NotPermitted(said(&words))
        }
        StatusCode::INSUFFICIENT_STORAGE => ImagesError::Failed(Failure::Full(said(&words))),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => {
            ImagesError::Failed(Failure::Transient(said(&words) + &wait))
        }
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
            ImagesError::Unsupported(said(&words))
        }
        status if status.is_server_error() => {
            ImagesError::Failed(Failure::Transient(said(&words) + &wait))
        }
        _ => ImagesError::Refused(said(&words)),
    }
}

/// The registry's own words: `errors[].code: message`, at most three; nothing if it has none.
async fn words(response: Response) -> String {
    let Ok(Some(bytes)) = capped(response, ERROR_BODY_MAX_BYTES).await else {
        return String::new();
    };
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(&bytes) else {
        return String::new();
    };
    let errors = json["errors"].as_array().cloned().unwrap_or_default();
    let words = errors.iter().take(3).map(|error| {
        let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        let line = format!("{} {}", text("code"), text("message"));
        line.trim().chars().take(300).collect::<String>()
    });
    words.collect::<Vec<_>>().join("; ")
}

/// The whole body, `None` if it is longer than `max` bytes.
pub(crate) async fn capped(
    mut response: Response,
    max: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut all = Vec::new();
    while let Some(frame) = response.chunk().await? {
        if all.len() + frame.len() > max {
            return Ok(None);
        }
        all.extend_from_slice(&frame);
    }
    Ok(Some(all))
}

/// The innermost cause, without the URL, which may be long.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
