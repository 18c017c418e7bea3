//! The entry: every request passes here once, on its way in and out.
//!
//! ```text
//! connection ─► Entry ─┬─ /v2, /v2/..  ─► the registry face, without a router in between
//!                      └─ all others   ─► the router of the other faces
//! ```
//!
//! It gives each request its id, counts it, writes its line of the access log (target `access`), and turns a panic
//! into a 500. What a face knows beyond that it says with [`Noted`].

mod measured_body;

use crate::context::{Context, Noted};
use crate::metrics::Metrics;
use crate::wire;
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use futures_util::FutureExt as _;
use http::{HeaderValue, Method, Uri};
use measured_body::{Incoming, Outgoing};
use refloat_core::Failure;
use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tower::ServiceExt as _;

/// Answers up to this length are counted when they are made; longer ones while they are sent.
const COUNTED_AT_ONCE_BYTES: u64 = 256 * 1024;

/// What answers under `/v2`. The registry face implements it, and the tests of this crate.
pub trait Registry: Clone + Send + Sync + 'static {
    /// Answers one request. It never fails: what goes wrong has an answer too.
    fn answer(&self, request: Request, context: Context) -> impl Future<Output = Response> + Send;
}

/// All faces behind one door. Cheap to clone.
#[derive(Clone)]
pub struct Entry<R> {
    registry: R,
    others: Router,
    metrics: Arc<Metrics>,
    body_idle_max: Duration,
}

impl<R: Registry> Entry<R> {
    /// An entry to these faces. A request body that makes no progress for `body_idle_max` is broken off.
    pub fn new(
        registry: R,
        others: Router,
        metrics: Arc<Metrics>,
        body_idle_max: Duration,
    ) -> Self {
        Self {
            registry,
            others: others.layer(from_fn(note_route)),
            metrics,
            body_idle_max,
        }
    }

    /// The metrics that this entry keeps.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Answers one request that came from `address`.
    pub async fn answer(&self, mut request: Request, address: IpAddr) -> Response {
        let started = Instant::now();
        let in_flight = self.metrics.begin();
        let context = Context::new(request.headers(), address);
        let method = request.method().clone();
        let uri = request.uri().clone();
        if !request.body().is_end_stream() {
            let counter = self.metrics.received_bytes().clone();
            let idle = self.body_idle_max;
            request = request.map(|body| Body::new(Incoming::new(body, idle, counter)));
        }
        let caught = AssertUnwindSafe(self.dispatch(request, context.clone()))
            .catch_unwind()
            .await;
        let mut response = caught.unwrap_or_else(|_| {
            self.metrics.panicked();
            tracing::error!(
                request_id = context.request_id,
                path = uri.path(),
                "a request ended in a bug"
            );
            let error = Failure::Terminal("a bug ended the request".to_owned()).into();
            if is_registry(uri.path()) {
                wire::registry_error(&error, None)
            } else {
                wire::api_error(&error)
            }
        });
        let noted = response
            .extensions_mut()
            .remove::<Noted>()
            .unwrap_or_default();
        self.metrics.answered(
            &method,
            route_label(noted.route),
            response.status(),
            started.elapsed(),
        );
        if let Ok(id) = HeaderValue::from_str(&context.request_id) {
            response.headers_mut().insert("x-request-id", id);
        }
        let line = Line {
            context,
            method,
            uri,
            user: noted.user,
            status: response.status().as_u16(),
            started,
        };
        self.finish(response, line, in_flight)
    }

    async fn dispatch(&self, mut request: Request, context: Context) -> Response {
        if is_registry(request.uri().path()) {
            return self.registry.answer(request, context).await;
        }
        request.extensions_mut().insert(context);
        match self.others.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// Counts the answer and writes its line: at once if its length is known and small, otherwise when it was sent.
    fn finish(
        &self,
        response: Response,
        line: Line,
        in_flight: crate::metrics::InFlight,
    ) -> Response {
        let length = match (response.body().size_hint().exact(), &line.method) {
            (_, &Method::HEAD) => Some(0),
            (exact, _) => exact,
        };
        match length {
            Some(bytes) if bytes <= COUNTED_AT_ONCE_BYTES => {
                self.metrics.sent_bytes().inc_by(bytes);
                line.write(bytes, "");
                response
            }
            _ => {
                let counter = self.metrics.sent_bytes().clone();
                response.map(|body| Body::new(Outgoing::new(body, counter, line, in_flight)))
            }
        }
    }
}

fn is_registry(path: &str) -> bool {
    path.strip_prefix("/v2")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn route_label(route: &'static str) -> &'static str {
    if route.is_empty() { "none" } else { route }
}

/// Notes the pattern of the route that a router chose; there are as many as routes.
async fn note_route(request: Request, next: Next) -> Response {
    let pattern = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| interned(path.as_str()));
    let mut response = next.run(request).await;
    if let Some(route) = pattern {
        let noted = response.extensions_mut().get_or_insert_default::<Noted>();
        if noted.route.is_empty() {
            noted.route = route;
        }
    }
    response
}

/// The pattern as a label that lives for ever. Leaks once per route of the router, which is fixed when it is built.
fn interned(pattern: &str) -> &'static str {
    static KNOWN: LazyLock<Mutex<HashMap<String, &'static str>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(label) = known.get(pattern) {
        return label;
    }
    let label: &'static str = Box::leak(pattern.to_owned().into_boxed_str());
    known.insert(pattern.to_owned(), label);
    label
}

/// One line of the access log. It has no header but the user agent, and no value of a query.
struct Line {
    context: Context,
    method: Method,
    uri: Uri,
    user: Option<String>,
    status: u16,
    started: Instant,
}

impl Line {
    fn write(&self, bytes: u64, broken: &str) {
        if !tracing::enabled!(target: "access", tracing::Level::INFO) {
            return;
        }
        tracing::info!(
            target: "access",
            request_id = self.context.request_id,
            address = %self.context.address,
            user = self.user.as_deref().unwrap_or("-"),
            method = self.method.as_str(),
            path = %scrubbed(&self.uri),
            status = self.status,
            bytes,
            micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            user_agent = self.context.user_agent.as_deref().unwrap_or("-"),
            broken,
        );
    }
}

/// Path and names of the query's parameters; their values may be secrets.
fn scrubbed(uri: &Uri) -> std::borrow::Cow<'_, str> {
    const PATH_MAX_BYTES: usize = 1024;
    let path = uri.path();
    let path = path.get(..path.len().min(PATH_MAX_BYTES)).unwrap_or("-");
    match uri.query() {
        None => path.into(),
        Some(query) => {
            let names: Vec<_> = query
                .split('&')
                .take(20)
                .map(|pair| pair.split('=').next().unwrap_or(""))
                .collect();
            format!(
                "{path}?{}",
                names
                    .join("&")
                    .get(..200)
                    .map_or_else(|| names.join("&"), str::to_owned)
            )
            .into()
        }
    }
}

#[cfg(test)]
mod tests;
