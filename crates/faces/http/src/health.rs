//! `/healthz`, `/readyz`, `/metrics`: what operators and their machines ask. Open to all, and they tell nothing of what is stored.

use crate::context::Noted;
use crate::metrics::Metrics;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::future::BoxFuture;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use std::sync::Arc;

/// Asks whether this process can serve; `Err` names the part that cannot.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

#[derive(Clone)]
struct Watched {
    metrics: Arc<Metrics>,
    readiness: Readiness,
}

/// The routes of this module.
pub fn operations(metrics: Arc<Metrics>, readiness: Readiness) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(measured))
        .with_state(Watched { metrics, readiness })
}

async fn alive() -> Response {
    (noted("/healthz"), "ok\n").into_response()
}

async fn ready(State(watched): State<Watched>) -> Response {
    match (watched.readiness)().await {
        Ok(()) => (noted("/readyz"), "ready\n").into_response(),
        Err(part) => (
            StatusCode::SERVICE_UNAVAILABLE,
            noted("/readyz"),
            format!("not ready: {part}\n"),
        )
            .into_response(),
    }
}

async fn measured(State(watched): State<Watched>) -> Response {
    let kind = [(
        CONTENT_TYPE,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    )];
    (kind, noted("/metrics"), watched.metrics.render()).into_response()
}

fn noted(route: &'static str) -> axum::Extension<Noted> {
    axum::Extension(Noted { route, user: None })
}
