//! The live stream of events: `text/event-stream`, one event each, with its cursor as the id to go on from.

use crate::asking::Asking;
use crate::face::Api;
use crate::handlers::log;
use crate::routes::Route;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use refloat_flow::FlowError;
use refloat_flow::administer::EventPage;
use std::time::Duration;

/// How long the stream may be silent before it says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What the stream does next.
enum Next {
    /// Sends this page.
    Send(EventPage),
    /// Asks for what comes behind this cursor.
    Ask(String),
}

/// Whether the request asks for the live stream.
pub(crate) fn is_wanted(route: &Route, headers: &HeaderMap) -> bool {
    let accepts = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    route.path == "/events" && accepts.is_some_and(|accepts| accepts.contains("text/event-stream"))
}

/// Starts the stream.
pub(crate) async fn stream(api: Api, asking: Asking) -> Result<Response, FlowError> {
    // The first page is read before anything is sent, so that a refusal has its status.
    let first = log::page(&api, &asking, Duration::ZERO).await?;
    let bodies = stream::unfold(Next::Send(first), move |next| {
        let (api, mut asking) = (api.clone(), asking.clone());
        Box::pin(async move {
            let page = match next {
                Next::Send(page) => page,
                Next::Ask(after) => {
                    asking.parameters.insert("after".to_owned(), after);
                    // What goes wrong ends the stream; the client comes back and is told.
                    log::page(&api, &asking, HEARTBEAT).await.ok()?
                }
            };
            Some((
                Ok::<_, std::io::Error>(rendered(&page)),
                Next::Ask(page.next),
            ))
        })
    });
    let mut response = Response::new(Body::from_stream(bodies));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The cursor stands behind the whole page, so only its last event carries it: whoever breaks off before comes back to its start.
fn rendered(page: &EventPage) -> String {
    let last = page.items.len().saturating_sub(1);
    let one = |(index, event): (usize, &serde_json::Value)| {
        let id = if index == last {
            format!("id: {}\n", page.next)
        } else {
            String::new()
        };
        format!(
            "event: {}\n{id}data: {event}\n\n",
            event["type"].as_str().unwrap_or("event")
        )
    };
    if page.items.is_empty() {
        return ": alive\n\n".to_owned();
    }
    page.items.iter().enumerate().map(one).collect()
}

/// `Last-Event-ID` of a client that comes back.
pub(crate) fn last_seen(headers: &HeaderMap) -> Option<String> {
    headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}
