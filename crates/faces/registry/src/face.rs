//! One request under `/v2`: read its path, find out who asks, and hand it to the use case of its route.

use crate::links::Links;
use crate::path::{Need, Route};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{ALLOW, CONTENT_LENGTH, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use refloat_core::{Action, Rejection};
use refloat_flow::sign_in::{Asked, By, SignedIn};
use refloat_flow::{Caller, FlowError, Registry, SignIn};
use refloat_http::{Context, Noted, signed_in, wire};
use refloat_oci::RepositoryName;
use std::sync::Arc;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The registry's face. Cheap to clone.
#[derive(Clone)]
pub struct Face {
    pub(crate) registry: Registry,
    pub(crate) sign_in: SignIn,
    pub(crate) links: Arc<Links>,
}

/// A request on its way to its use case.
pub(crate) struct Asking {
    pub(crate) method: Method,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) caller: Caller,
}

impl Face {
    /// The face of this registry.
    pub fn new(registry: Registry, sign_in: SignIn, links: Links) -> Self {
        Self {
            registry,
            sign_in,
            links: Arc::new(links),
        }
    }

    /// Who asks, and the repository's answer; or what is wrong with the path, which is the same for everybody.
    async fn dispatch(
        &self,
        request: Request,
        context: Context,
        noted: &mut Noted,
    ) -> Result<Response, Refused> {
        let parsed = Route::parse(request.uri().path());
        let signed_in =
            signed_in::signed_in(&self.sign_in, request.headers(), context.address).await;
        let signed_in = signed_in.map_err(|error| {
            let wrong = matches!(error, FlowError::Rejected(Rejection::Unauthenticated));
            let reason = if wrong { "invalid_token" } else { "" };
            let need = parsed
                .as_ref()
                .ok()
                .and_then(|route| route.shape().need(request.method()));
            self.refused(&error, parsed.as_ref().ok(), need, reason)
        })?;
        noted.user = signed_in
            .principal
            .id
            .is_some()
            .then(|| signed_in.principal.name.clone());
        let route = parsed.map_err(|rejection| self.refused(&rejection.into(), None, None, ""))?;
        let shape = route.shape();
        noted.route = shape.pattern;
        let Some(need) = shape.need(request.method()) else {
            return Ok(not_allowed(&shape.allow()));
        };
        self.check_token(&signed_in, &route, need)?;
        let (parts, body) = request.into_parts();
        let mut principal = refloat_core::Principal::clone(&signed_in.principal);
        if route == Route::Catalog {
            // What was asked for is the whole list; rights are the account's own.
            principal.scopes = None;
        }
        let asking = Asking {
            method: parts.method,
            query: parts.uri.query().unwrap_or("").to_owned(),
            headers: parts.headers,
            body,
            caller: context.caller(principal),
        };
        let answered = self.answer_route(&route, asking).await;
        answered.map_err(|error| self.refused(&error, Some(&route), Some(need), ""))
    }

    /// A bearer token opens what it was asked for, nothing else; the client is told to ask anew.
    fn check_token(&self, signed_in: &SignedIn, route: &Route, need: Need) -> Result<(), Refused> {
        let refused = |reason| {
            self.refused(
                &Rejection::Unauthenticated.into(),
                Some(route),
                Some(need),
                reason,
            )
        };
        match (&signed_in.by, route.repository(), need.action()) {
            // Nobody writes without a token, be it an anonymous one: no body is read from a stranger.
            (By::Nothing, None, _)
            | (By::Nothing, Some(_), Some(Action::Push | Action::Delete)) => Err(refused("")),
            (By::Bearer(asked), None, _)
                if need == Need::Catalog && !asked.contains(&Asked::Catalog) =>
            {
                Err(refused("insufficient_scope"))
            }
            (By::Bearer(asked), Some(repository), Some(action))
                if !opens(asked, repository, action) =>
            {
                Err(refused("insufficient_scope"))
            }
            (By::Nothing | By::Account(_) | By::Bearer(_), _, _) => Ok(()),
        }
    }

    async fn answer_route(&self, route: &Route, asking: Asking) -> Result<Response, FlowError> {
        match route {
            Route::Base => Ok(base()),
            Route::Catalog => self.catalog(asking).await,
            Route::Tags(repository) => self.tags(repository, asking).await,
            Route::Manifest(repository, reference) => {
                self.manifest(repository, reference, asking).await
            }
            Route::Blob(repository, digest) => self.blob(repository, digest, asking).await,
            // Writing takes a lot of state; reading must not pay for it.
            Route::Uploads(repository) => Box::pin(self.begin_upload(repository, asking)).await,
            Route::Upload(repository, id) => Box::pin(self.upload(repository, id, asking)).await,
            Route::Referrers(repository, digest) => {
                self.referrers(repository, digest, asking).await
            }
        }
    }

    fn refused(
        &self,
        error: &FlowError,
        route: Option<&Route>,
        need: Option<Need>,
        reason: &str,
    ) -> Refused {
        let challenge = matches!(error, FlowError::Rejected(Rejection::Unauthenticated))
            .then(|| self.links.challenge(route, need, reason));
        Refused(Box::new(wire::registry_error(error, challenge.as_deref())))
    }
}

/// An answer that says what went wrong.
struct Refused(Box<Response>);

fn opens(asked: &[Asked], repository: &RepositoryName, action: Action) -> bool {
    asked.iter().any(|asked| match asked {
        Asked::Repository(name, actions) => name == repository && actions.contains(action),
        Asked::Catalog => false,
    })
}

impl refloat_http::entry::Registry for Face {
    async fn answer(&self, request: Request, context: Context) -> Response {
        let mut noted = Noted {
            route: "/v2/(other)",
            user: None,
        };
        let answered = Box::pin(self.dispatch(request, context, &mut noted)).await;
        let mut response = answered.unwrap_or_else(|Refused(response)| *response);
        response
            .headers_mut()
            .insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
        response.extensions_mut().insert(noted);
        response
    }
}

fn base() -> Response {
    wire::json_answer(StatusCode::OK, &serde_json::json!({}))
}

fn not_allowed(allow: &str) -> Response {
    let rejection = Rejection::Unsupported(format!("this path has {allow} only"));
    let mut response = wire::registry_error(&rejection.into(), None);
    set(response.headers_mut(), ALLOW, allow);
    response
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        response
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    response
}

/// Sets a header from text that we made; a text that cannot be a header is left out.
pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: impl Into<String>) {
    if let Ok(value) = HeaderValue::try_from(value.into()) {
        headers.insert(name, value);
    }
}

/// Sets digest and entity tag from one text.
pub(crate) fn set_digest(headers: &mut HeaderMap, digest: &refloat_oci::Digest) {
    let text = digest.to_string();
    set(headers, http::header::ETAG, format!("\"{text}\""));
    set(headers, CONTENT_DIGEST, text);
}

/// Whether `If-None-Match` names the digest (RFC 9110, section 13.1.2).
pub(crate) fn is_known(headers: &HeaderMap, digest: &refloat_oci::Digest) -> bool {
    let Some(value) = headers
        .get(http::header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let digest = digest.to_string();
    let names = |tag: &str| tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == digest;
    value.split(',').map(str::trim).any(names)
}
