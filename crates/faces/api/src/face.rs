//! From the table of routes to a router.

use crate::answer::{Answer, Secrecy};
use crate::asking::Asking;
use crate::follow;
use crate::routes::{Body, ROUTES, Right, Route};
use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use refloat_builds::Builds;
use refloat_core::{Principal, PrincipalKind, Rejection};
use refloat_flow::administer::Repeat;
use refloat_flow::{Administration, FlowError, Registry, SignIn};
use refloat_http::{Context, Noted, body, signed_in, wire};
use refloat_patches::Patches;
use refloat_releases::Releases;
use serde_json::Value;
use std::collections::BTreeMap;

/// The most parameters of one request.
const PARAMETERS_MAX: usize = 32;
/// The longest query in bytes.
const QUERY_MAX_BYTES: usize = 8 * 1024;

/// What the routes need. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    pub(crate) administration: Administration,
    pub(crate) registry: Registry,
    pub(crate) sign_in: SignIn,
    pub(crate) builds: Builds,
    pub(crate) patches: Patches,
    pub(crate) releases: Releases,
}

impl Api {
    /// The API over these use cases.
    pub fn new(
        administration: Administration,
        registry: Registry,
        sign_in: SignIn,
        builds: Builds,
        patches: Patches,
        releases: Releases,
    ) -> Self {
        Self {
            administration,
            registry,
            sign_in,
            builds,
            patches,
            releases,
        }
    }
}

/// The router of `/api/v1`. Everything below `/api` that is no route answers as one that is not known.
pub fn router(api: Api) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let filter = MethodFilter::try_from(route.method.clone()).unwrap_or(MethodFilter::GET);
        let answer = move |State(api): State<Api>,
                           parameters: RawPathParams,
                           axum::Extension(context): axum::Extension<Context>,
                           request: Request| async move {
            let parameters = parameters
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            Box::pin(answer(route, &api, parameters, context, request)).await
        };
        router = router.route(&format!("/api/v1{}", route.path), on(filter, answer));
    }
    let unknown = || async { wire::api_error(&unknown().into()) };
    router
        .method_not_allowed_fallback(|| async { other_methods() })
        .route("/api", axum::routing::any(unknown))
        .route("/api/{*rest}", axum::routing::any(unknown))
        .with_state(api)
}

fn other_methods() -> Response {
    let mut response = wire::api_error(
        &Rejection::Unsupported("this path has other methods only".to_owned()).into(),
    );
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

fn unknown() -> Rejection {
    Rejection::NotFound {
        kind: "route",
        name: "/api/..".to_owned(),
    }
}

async fn answer(
    route: &'static Route,
    api: &Api,
    parameters: BTreeMap<String, String>,
    context: Context,
    request: Request,
) -> Response {
    let mut user = None;
    let answered = dispatch(route, api, parameters, context, request, &mut user).await;
    let mut response = answered.unwrap_or_else(|error| wire::api_error(&error));
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    // The pattern itself is noted by the entry.
    response.extensions_mut().insert(Noted { route: "", user });
    response
}

async fn dispatch(
    route: &'static Route,
    api: &Api,
    mut parameters: BTreeMap<String, String>,
    context: Context,
    request: Request,
    user: &mut Option<String>,
) -> Result<Response, FlowError> {
    let (parts, body) = request.into_parts();
    let principal = signed_in::principal(&api.sign_in, &parts.headers, context.address).await?;
    *user = principal.id.is_some().then(|| principal.name.clone());
    if needs_account(route.right) && principal.kind == PrincipalKind::Anonymous {
        return Err(Rejection::Unauthenticated.into());
    }
    read_query(route, parts.uri.query().unwrap_or(""), &mut parameters)?;
    let follows = follow::is_wanted(route, &parts.headers);
    if let Some(seen) = follow::last_seen(&parts.headers).filter(|_| follows) {
        parameters.insert("after".to_owned(), seen);
    }
    let bytes = body::whole(body, "the body", route.body.bytes_max()).await?;
    let repeat = repeat(route, &parts.headers, &principal, &parameters, &bytes)?;
    let body = read_body(route.body, &parts.headers, &bytes)?;
    let asking = Asking {
        caller: context.caller(principal),
        parameters,
        body,
    };
    if follows {
        return follow::stream(api.clone(), asking).await;
    }
    let Some(repeat) = repeat else {
        return Ok(send(&(route.handler)(api, &asking).await?));
    };
    if let Some((status, json)) = api.administration.answered_before(&repeat).await? {
        return Ok(send(&Answer {
            status,
            json,
            secrecy: Secrecy::Plain,
        }));
    }
    let answer = (route.handler)(api, &asking).await?;
    let kept = match answer.secrecy {
        Secrecy::Plain => answer.json.clone(),
        Secrecy::ShownOnce => without_secret(&answer.json),
    };
    if answer.status < 400 {
        api.administration
            .keep_answer(&repeat, answer.status, &kept)
            .await?;
    }
    Ok(send(&answer))
}

/// What a repeated request is told of a token that was shown once.
fn without_secret(json: &Value) -> Value {
    let mut kept = json.clone();
    kept["token"] = Value::Null;
    kept
}

fn needs_account(right: Right) -> bool {
    match right {
        Right::Open | Right::Visible | Right::Touched | Right::Repository(_) => false,
        Right::SignedIn | Right::Project | Right::Administrator => true,
    }
}

fn send(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    wire::json_answer(status, &answer.json)
}

/// Reads the query into the parameters; a name that the route does not have is refused.
fn read_query(
    route: &Route,
    query: &str,
    parameters: &mut BTreeMap<String, String>,
) -> Result<(), Rejection> {
    if query.len() > QUERY_MAX_BYTES {
        return Err(Rejection::TooLarge {
            what: "the query",
            limit_bytes: QUERY_MAX_BYTES as u64,
        });
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name)?, decoded(value)?);
        if !route.query.iter().any(|known| known.name == name) {
            let name: String = name.chars().take(80).collect();
            return Err(Rejection::Invalid(format!(
                "parameter `{name}` is not known here"
            )));
        }
        let twice = parameters.insert(name, value).is_some();
        if twice || parameters.len() > PARAMETERS_MAX {
            return Err(Rejection::Invalid("a parameter stands twice".to_owned()));
        }
    }
    Ok(())
}

/// Undoes percent-encoding, with `+` for a space as forms write it.
fn decoded(text: &str) -> Result<String, Rejection> {
    let wrong = || Rejection::Invalid("the query is not well formed".to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [
                    rest.next().ok_or_else(wrong)?,
                    rest.next().ok_or_else(wrong)?,
                ];
                let digits = std::str::from_utf8(&digits).map_err(|_| wrong())?;
                u8::from_str_radix(digits, 16).map_err(|_| wrong())?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

fn read_body(body: Body, headers: &HeaderMap, bytes: &[u8]) -> Result<Value, Rejection> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let kind = kind
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    match body {
        _ if bytes.is_empty() => Ok(Value::Null),
        Body::None => Err(Rejection::Invalid("this route takes no body".to_owned())),
        Body::Documents if kind.ends_with("/yaml") || kind.ends_with("/x-yaml") => {
            // The documents use case reads YAML itself, so that its errors know their lines.
            let text = std::str::from_utf8(bytes)
                .map_err(|_| Rejection::Invalid("the body is not UTF-8".to_owned()))?;
            Ok(Value::String(text.to_owned()))
        }
        Body::Small | Body::Documents => {
            // A form or a plain text is what a foreign page can make a browser send with remembered credentials.
            if kind != "application/json" {
                return Err(Rejection::Invalid(
                    "send the body as application/json".to_owned(),
                ));
            }
            serde_json::from_slice(bytes).map_err(|error| {
                Rejection::Invalid(format!(
                    "the body is not JSON: line {}, column {}",
                    error.line(),
                    error.column()
                ))
            })
        }
    }
}

/// What makes two writes the same one: actor, key, route, parameters and body.
fn repeat(
    route: &Route,
    headers: &HeaderMap,
    principal: &Principal,
    parameters: &BTreeMap<String, String>,
    bytes: &[u8],
) -> Result<Option<Repeat>, Rejection> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    if route.method == Method::GET || principal.kind == PrincipalKind::Anonymous {
        return Ok(None);
    }
    let key = key
        .to_str()
        .map_err(|_| Rejection::Invalid("the Idempotency-Key is not plain text".to_owned()))?;
    let request = format!("{} {} {parameters:?}\n", route.method, route.path);
    Ok(Some(Repeat::new(
        principal,
        key,
        &[request.as_bytes(), bytes],
    )))
}

#[cfg(test)]
mod tests;
