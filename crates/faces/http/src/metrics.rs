//! Metrics of HTTP, and the registry of metrics that other parts add theirs to. Every label has a bounded set of values.

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: &'static str,
}

/// The metrics of this process.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Answered, Counter>,
    durations: Family<Asked, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    connections: Gauge,
    received_bytes: Counter,
    sent_bytes: Counter,
    panics: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("refloat")),
            requests: Family::default(),
            durations: Family::new_with_constructor(duration_histogram),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            received_bytes: Counter::default(),
            sent_bytes: Counter::default(),
            panics: Counter::default(),
        };
        metrics.register(|registry| {
            registry.register(
                "http_requests",
                "Requests answered",
                metrics.requests.clone(),
            );
            let durations = metrics.durations.clone();
            registry.register(
                "http_request_duration_seconds",
                "From the request's head to the answer's head",
                durations,
            );
            registry.register(
                "http_requests_in_flight",
                "Requests not answered yet",
                metrics.in_flight.clone(),
            );
            registry.register(
                "http_connections",
                "Open connections",
                metrics.connections.clone(),
            );
            registry.register(
                "http_received_bytes",
                "Bytes of request bodies",
                metrics.received_bytes.clone(),
            );
            registry.register(
                "http_sent_bytes",
                "Bytes of answers' bodies",
                metrics.sent_bytes.clone(),
            );
            registry.register(
                "http_panics",
                "Requests that ended in a bug",
                metrics.panics.clone(),
            );
        });
        metrics
    }
}

/// 0.25 ms to about 65 s, each four times the one before.
fn duration_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.000_25, 4.0, 10))
}

impl Metrics {
    /// Lets another part add its metrics.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// All metrics in the text form of OpenMetrics 1.0.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        match prometheus_client::encoding::text::encode(&mut text, &registry) {
            Ok(()) => text,
            Err(_) => String::new(),
        }
    }

    /// A request began; it ends when the guard is dropped.
    pub fn begin(&self) -> InFlight {
        InFlight::new(&self.in_flight)
    }

    /// A connection was opened; it is closed when the guard is dropped.
    pub fn connected(&self) -> InFlight {
        InFlight::new(&self.connections)
    }

    /// A request was answered.
    pub fn answered(
        &self,
        method: &Method,
        route: &'static str,
        status: StatusCode,
        took: Duration,
    ) {
        let method = method_label(method);
        let status = status_class(status);
        self.requests
            .get_or_create(&Answered {
                method,
                route,
                status,
            })
            .inc();
        self.durations
            .get_or_create(&Asked { method, route })
            .observe(took.as_secs_f64());
    }

    /// A request ended in a bug.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// Bytes of request bodies, shared so that a body can count itself.
    pub fn received_bytes(&self) -> &Counter {
        &self.received_bytes
    }

    /// Bytes of answers' bodies.
    pub fn sent_bytes(&self) -> &Counter {
        &self.sent_bytes
    }
}

/// Counts one more as long as it lives.
pub struct InFlight(Gauge);

impl InFlight {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Methods outside of this list share a label: a client can invent any number of them.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "POST" => "POST",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_class() {
        let metrics = Metrics::default();
        let guard = metrics.begin();
        metrics.answered(
            &Method::GET,
            "/v2/",
            StatusCode::UNAUTHORIZED,
            Duration::from_millis(1),
        );
        let odd = Method::from_bytes(b"BREW").expect("a method");
        metrics.answered(&odd, "/v2/", StatusCode::METHOD_NOT_ALLOWED, Duration::ZERO);
        let text = metrics.render();
        assert!(
            text.contains(
                "refloat_http_requests_total{method=\"GET\",route=\"/v2/\",status=\"4xx\"} 1"
            ),
            "{text}"
        );
        assert!(text.contains("method=\"other\""), "{text}");
        assert!(text.contains("refloat_http_requests_in_flight 1"), "{text}");
        drop(guard);
        assert!(
            metrics
                .render()
                .contains("refloat_http_requests_in_flight 0")
        );
    }
}
