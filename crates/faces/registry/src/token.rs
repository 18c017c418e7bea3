//! `/token`: bearer tokens by docker's token protocol (distribution, docs/spec/auth/token.md and oauth.md).
//!
//! ```text
//! GET  Basic or nothing, ?service= &scope=.. &offline_token=true           docker, podman, crane, helm, regctl
//! POST form: grant_type=password | refresh_token, access_type=offline      containerd, BuildKit, docker with a refresh token
//! ```
//! It is no error to ask for more than the account may do. A bearer token makes no other bearer token: it would live for ever.

use crate::face::Face;
use crate::query::{Plus, QUERY_MAX_BYTES, Query};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use refloat_core::{Rejection, Secret, Timestamp};
use refloat_flow::FlowError;
use refloat_flow::sign_in::{Asked, SignedIn};
use refloat_http::{Context, Noted, body, signed_in, wire};
use serde_json::{Value, json};

/// The route of the token service.
pub fn token_service(face: Face) -> Router {
    Router::new()
        .route("/token", get(by_query).post(by_form))
        .with_state(face)
}

/// Whether the client wants to stay signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    No,
    Offline,
}

async fn by_query(
    State(face): State<Face>,
    axum::Extension(context): axum::Extension<Context>,
    request: Request,
) -> Response {
    let answered = answer_query(&face, &context, request).await;
    finished(&face, answered)
}

async fn answer_query(
    face: &Face,
    context: &Context,
    request: Request,
) -> Result<(SignedIn, Value), FlowError> {
    let query = Query::parse(request.uri().query().unwrap_or(""), Plus::Space)?;
    let signed_in = signed_in::signed_in(&face.sign_in, request.headers(), context.address).await?;
    let stay = if query.get("offline_token") == Some("true") {
        Stay::Offline
    } else {
        Stay::No
    };
    let issued = face.issue(&signed_in, &query, stay).await?;
    Ok((signed_in, issued))
}

async fn by_form(
    State(face): State<Face>,
    axum::Extension(context): axum::Extension<Context>,
    request: Request,
) -> Response {
    let answered = answer_form(&face, &context, request).await;
    finished(&face, answered)
}

async fn answer_form(
    face: &Face,
    context: &Context,
    request: Request,
) -> Result<(SignedIn, Value), FlowError> {
    let bytes = body::whole(request.into_body(), "the form", QUERY_MAX_BYTES).await?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Rejection::Invalid("the form is not text".to_owned()))?;
    let form = Query::parse(text, Plus::Space)?;
    let field = |name: &str| {
        let missing = || Rejection::Invalid(format!("the form has no {name}"));
        form.get(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(missing)
    };
    let secret = |name: &str| field(name).map(|value| Secret::new(value.to_owned()));
    let stay = if form.get("access_type") == Some("offline") {
        Stay::Offline
    } else {
        Stay::No
    };
    match field("grant_type")? {
        "password" => {
            let signed_in = face
                .sign_in
                .basic(field("username")?, &secret("password")?, context.address)
                .await?;
            let issued = face.issue(&signed_in, &form, stay).await?;
            Ok((signed_in, issued))
        }
        "refresh_token" => {
            let refresh = secret("refresh_token")?;
            let signed_in = face.sign_in.refresh(&refresh, context.address).await?;
            let mut issued = face.issue(&signed_in, &form, Stay::No).await?;
            // The same one again: some clients store what they get, also if it is nothing.
            issued["refresh_token"] = json!(refresh.expose());
            Ok((signed_in, issued))
        }
        _ => Err(Rejection::Unsupported(
            "grant_type is neither password nor refresh_token".to_owned(),
        )
        .into()),
    }
}

impl Face {
    async fn issue(
        &self,
        signed_in: &SignedIn,
        asked: &Query<'_>,
        stay: Stay,
    ) -> Result<Value, FlowError> {
        if asked
            .get("service")
            .is_some_and(|service| !service.is_empty() && service != self.sign_in.service())
        {
            return Err(
                Rejection::Invalid(format!("the service is {}", self.sign_in.service())).into(),
            );
        }
        let scopes: Vec<_> = asked.all("scope").flat_map(Asked::parse).collect();
        let issued = self.sign_in.issue(signed_in, &scopes)?;
        let token = issued.token.expose();
        let issued_at = i64::try_from(issued.issued_at_seconds).unwrap_or(0);
        let mut answer = json!({
            "token": token,
            "access_token": token,
            "expires_in": issued.expires_in_seconds,
            "issued_at": Timestamp::default().plus_seconds(issued_at),
            "scope": asked.all("scope").collect::<Vec<_>>().join(" "),
        });
        if stay == Stay::Offline {
            let client = asked.get("client_id").unwrap_or("");
            if let Some(refresh) = self.sign_in.offer_refresh(signed_in, client).await? {
                answer["refresh_token"] = json!(refresh.expose());
            }
        }
        Ok(answer)
    }
}

fn finished(face: &Face, answered: Result<(SignedIn, Value), FlowError>) -> Response<Body> {
    let mut noted = Noted {
        route: "/token",
        user: None,
    };
    let mut response = match answered {
        Ok((signed_in, answer)) => {
            let principal = &signed_in.principal;
            noted.user = principal.id.is_some().then(|| principal.name.clone());
            wire::json_answer(StatusCode::OK, &answer)
        }
        Err(error) => {
            let challenge = format!(
                "Basic realm=\"{}\", charset=\"UTF-8\"",
                face.sign_in.service()
            );
            let mut response = wire::registry_error(&error, Some(&challenge));
            if response.status() != StatusCode::UNAUTHORIZED {
                response.headers_mut().remove(WWW_AUTHENTICATE);
            }
            response
        }
    };
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(noted);
    response
}
