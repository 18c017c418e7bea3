use super::*;
use crate::openapi;
use std::collections::BTreeSet;

#[test]
fn every_route_is_one_of_a_kind_and_described() {
    let mut seen = BTreeSet::new();
    let description = openapi::description();
    for route in ROUTES {
        assert!(
            seen.insert((route.method.to_string(), route.path)),
            "{} {} stands twice",
            route.method,
            route.path
        );
        let method = route.method.as_str().to_lowercase();
        let operation = &description["paths"][format!("/api/v1{}", route.path)][&method];
        assert_eq!(
            operation["summary"], route.summary,
            "{} {}",
            route.method, route.path
        );
        assert!(
            route.body == Body::None || route.method == Method::POST,
            "{} takes a body",
            route.path
        );
    }
}

#[test]
fn queries_are_read_or_refused() {
    let route = ROUTES
        .iter()
        .find(|route| route.path == "/tags" && route.method == Method::GET)
        .expect("a route");
    let read = |query: &str| {
        let mut parameters = BTreeMap::new();
        read_query(route, query, &mut parameters).map(|()| parameters)
    };
    let parameters = read("repository=apps%2Fweb&limit=2").expect("read");
    assert_eq!(parameters["repository"], "apps/web");
    for bad in [
        "colour=red",
        "repository=%",
        "repository=%zz",
        "repository=a&repository=b",
        "repository=%ff",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn bodies_are_json_and_say_so() {
    let mut headers = HeaderMap::new();
    assert_eq!(read_body(Body::Small, &headers, b""), Ok(Value::Null));
    assert!(read_body(Body::Small, &headers, b"{}").is_err(), "no type");
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    assert!(
        read_body(Body::Small, &headers, b"{}").is_err(),
        "a form of a foreign page"
    );
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    assert_eq!(
        read_body(Body::Small, &headers, b"{}"),
        Ok(serde_json::json!({}))
    );
    assert!(read_body(Body::None, &headers, b"{}").is_err());
    assert!(read_body(Body::Small, &headers, b"{").is_err());
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/yaml"),
    );
    assert_eq!(
        read_body(Body::Documents, &headers, b"a: 1"),
        Ok(Value::from("a: 1"))
    );
    assert!(read_body(Body::Small, &headers, b"{}").is_err());
}

#[test]
fn a_token_is_not_kept_for_repeated_requests() {
    let kept = without_secret(&serde_json::json!({ "name": "ci", "token": "rfb_x" }));
    assert_eq!(kept, serde_json::json!({ "name": "ci", "token": null }));
}
