use super::*;
use axum::routing::get;
use http::StatusCode;
use http_body_util::BodyExt as _;

#[derive(Clone)]
struct Plain;

impl Registry for Plain {
    async fn answer(&self, request: Request, _context: Context) -> Response {
        assert_ne!(request.uri().path(), "/v2/panic", "asked for");
        let mut response = Response::new(Body::from("registry"));
        response.extensions_mut().insert(Noted {
            route: "/v2/",
            user: None,
        });
        response
    }
}

fn entry() -> Entry<Plain> {
    let others = Router::new().route("/api/{name}", get(|| async { "other" }));
    Entry::new(
        Plain,
        others,
        Arc::new(Metrics::default()),
        Duration::from_secs(30),
    )
}

async fn ask(entry: &Entry<Plain>, path: &str) -> (StatusCode, String) {
    let request = Request::builder()
        .uri(path)
        .body(Body::empty())
        .expect("a request");
    let response = entry.answer(request, IpAddr::from([127, 0, 0, 1])).await;
    assert!(response.headers().contains_key("x-request-id"));
    let status = response.status();
    let bytes = response
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    (status, String::from_utf8(bytes.to_vec()).expect("text"))
}

#[tokio::test]
async fn requests_reach_their_face_and_are_counted() {
    let entry = entry();
    for path in ["/v2", "/v2/", "/v2/a/manifests/b"] {
        assert_eq!(
            ask(&entry, path).await,
            (StatusCode::OK, "registry".to_owned()),
            "{path}"
        );
    }
    assert_eq!(
        ask(&entry, "/api/x").await,
        (StatusCode::OK, "other".to_owned())
    );
    assert_eq!(ask(&entry, "/v2x").await.0, StatusCode::NOT_FOUND);
    let text = entry.metrics().render();
    assert!(text.contains("route=\"/v2/\",status=\"2xx\"} 3"), "{text}");
    assert!(
        text.contains("route=\"/api/{name}\",status=\"2xx\"} 1"),
        "{text}"
    );
    assert!(text.contains("route=\"none\",status=\"4xx\"} 1"), "{text}");
}

#[tokio::test]
async fn a_bug_is_a_500_of_its_face() {
    let (status, body) = ask(&entry(), "/v2/panic").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(body.starts_with("{\"errors\":[{"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stands_still_is_broken_off() {
    let silent =
        Body::from_stream(futures_util::stream::pending::<std::io::Result<bytes::Bytes>>());
    let counter = prometheus_client::metrics::counter::Counter::default();
    let error = Incoming::new(silent, Duration::from_secs(30), counter)
        .collect()
        .await
        .expect_err("nothing comes");
    assert!(error.to_string().contains("nothing for too long"));
}

#[test]
fn the_log_has_no_values_of_queries() {
    let uri: Uri = "/token?service=x&password=hunter2".parse().expect("a uri");
    assert_eq!(scrubbed(&uri), "/token?service&password");
}
