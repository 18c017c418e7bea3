//! One request after another to one registry: credentials, tokens and redirects, so that the verbs know none of them.

use crate::answer::{refusal, unreachable};
use crate::challenge::Challenge;
use crate::credentials::{Credential, CredentialSource};
use crate::limits::RateLimit;
use crate::realm;
use crate::tokens::{Realm, Tokens};
use refloat_core::Failure;
use refloat_oci::RegistryHost;
use refloat_ports::ImagesError;
use reqwest::header::{AUTHORIZATION, HeaderMap, LOCATION};
use reqwest::{Body, Method, Response, StatusCode, Url};
use std::sync::{Mutex, PoisonError};
use tokio::sync::OnceCell;

/// The most redirects of one request.
const REDIRECTS_MAX: usize = 5;

/// What a request may do, as the token service writes it; sorted, so that equal needs share a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope(String);

impl Scope {
    pub(crate) fn pull(repository: &str) -> Self {
        Self(format!("repository:{repository}:pull"))
    }

    pub(crate) fn push(repository: &str) -> Self {
        Self(format!("repository:{repository}:pull,push"))
    }

    /// Pushing to one repository what is read from another.
    pub(crate) fn mount(repository: &str, from: &str) -> Self {
        let mut both = [Self::push(repository).0, Self::pull(from).0];
        both.sort();
        Self(both.join(" "))
    }
}

/// How a registry wants to be asked, once it has said so.
#[derive(Debug, Clone)]
enum Mode {
    Unknown,
    Basic,
    Bearer(Realm),
}

/// The way to one registry.
pub(crate) struct Session {
    pub(crate) host: RegistryHost,
    pub(crate) http: reqwest::Client,
    source: CredentialSource,
    credential: OnceCell<Option<Credential>>,
    base: OnceCell<Url>,
    mode: Mutex<Mode>,
    tokens: Tokens,
    limits: Mutex<Option<RateLimit>>,
}

/// A request as it can be repeated.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    /// The path below `/v2/`, with its query.
    pub(crate) path: &'a str,
    pub(crate) scope: &'a Scope,
    pub(crate) headers: HeaderMap,
    /// Bytes that can be sent again.
    pub(crate) body: Option<bytes::Bytes>,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(method: Method, path: &'a str, scope: &'a Scope) -> Self {
        Self {
            method,
            path,
            scope,
            headers: HeaderMap::new(),
            body: None,
        }
    }
}

impl Session {
    pub(crate) fn new(host: RegistryHost, http: reqwest::Client, source: CredentialSource) -> Self {
        Self {
            host,
            http,
            source,
            credential: OnceCell::new(),
            base: OnceCell::new(),
            mode: Mutex::new(Mode::Unknown),
            tokens: Tokens::default(),
            limits: Mutex::new(None),
        }
    }

    /// What the last answer said of limits.
    pub(crate) fn limits(&self) -> Option<RateLimit> {
        let limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        limits.clone()
    }

    /// The registry's `/v2/`. On loopback plain HTTP is tried first, as docker does.
    pub(crate) async fn base(&self) -> Result<&Url, ImagesError> {
        let found = self.base.get_or_try_init(|| async {
            let host = match self.host.as_str() {
                RegistryHost::DOCKER_HUB => "registry-1.docker.io",
                other => other,
            };
            let url = |scheme: &str| {
                Url::parse(&format!("{scheme}://{host}/v2/")).map_err(|error| {
                    ImagesError::Refused(format!("{} is no address: {error}", self.host))
                })
            };
            if !self.host.is_loopback() {
                return url("https");
            }
            let plain = url("http")?;
            match self.http.get(plain.clone()).send().await {
                // A TLS port answers plain HTTP with 400, or hangs up.
                Ok(answer) if answer.status() != StatusCode::BAD_REQUEST => Ok(plain),
                Err(error) if error.is_connect() => Ok(plain),
                Ok(_) | Err(_) => url("https"),
            }
        });
        found.await
    }

    /// Sends a request; asks again once, with what the registry's challenge wants. Redirects of reads are followed.
    pub(crate) async fn send(&self, ask: Ask<'_>) -> Result<Response, ImagesError> {
        let url = self.url(ask.path).await?;
        let mut response = self.once(&ask, &url).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && self.answer_challenge(&response, ask.scope).await?
        {
            response = self.once(&ask, &url).await?;
        }
        if matches!(ask.method, Method::GET | Method::HEAD) {
            return self.follow(&ask, url, response).await;
        }
        Ok(response)
    }

    /// Sends a body that cannot be repeated to an address that the registry gave.
    pub(crate) async fn send_to(
        &self,
        method: Method,
        url: &Url,
        scope: &Scope,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Response, ImagesError> {
        let mut request = self.http.request(method, url.clone()).headers(headers);
        if self.is_own(url).await?
            && let Some(value) = self.authorization(scope).await?
        {
            request = request.header(AUTHORIZATION, value);
        }
        let response = request.body(body).send().await;
        self.seen(response)
    }

    /// The error of an answer that is not the one hoped for.
    pub(crate) async fn refusal(&self, what: &str, response: Response) -> ImagesError {
        refusal(self.host.as_str(), what, response).await
    }

    /// An error of the wire.
    pub(crate) fn broken(&self, error: &reqwest::Error) -> ImagesError {
        unreachable(self.host.as_str(), error)
    }

    /// An address that an answer gave, absolute or relative. It is never less encrypted than the registry.
    pub(crate) async fn location(&self, response: &Response) -> Result<Url, ImagesError> {
        let text = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| self.odd("answers without a Location"))?;
        let url = response
            .url()
            .join(text)
            .map_err(|_| self.odd("answers with a Location that is no address"))?;
        let base = self.base().await?;
        let plain_at_home =
            url.scheme() == "http" && realm::is_loopback(&url) && base.scheme() == "http";
        let inward = realm::is_loopback(&url) && !realm::is_loopback(base);
        if (url.scheme() == "https" || plain_at_home) && !inward {
            Ok(url)
        } else {
            Err(self.odd("sends its client to an address that is not safe"))
        }
    }

    /// A registry that does not keep to the specification.
    pub(crate) fn odd(&self, what: &str) -> ImagesError {
        ImagesError::Failed(Failure::Terminal(format!("{} {what}", self.host)))
    }

    pub(crate) async fn url(&self, path: &str) -> Result<Url, ImagesError> {
        let base = self.base().await?;
        base.join(path)
            .map_err(|error| ImagesError::Refused(format!("{path} is no path: {error}")))
    }

    async fn once(&self, ask: &Ask<'_>, url: &Url) -> Result<Response, ImagesError> {
        let mut request = self
            .http
            .request(ask.method.clone(), url.clone())
            .headers(ask.headers.clone());
        if let Some(value) = self.authorization(ask.scope).await? {
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(body) = &ask.body {
            request = request.body(body.clone());
        }
        self.seen(request.send().await)
    }

    fn seen(&self, response: reqwest::Result<Response>) -> Result<Response, ImagesError> {
        let response = response.map_err(|error| self.broken(&error))?;
        if let Some(read) = RateLimit::read(response.headers()) {
            *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
        } else if response.status().is_success() {
            let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(limits) = limits.as_mut() {
                limits.retry_after = None;
            }
        }
        Ok(response)
    }

    /// Follows redirects; whoever is not the registry gets no `Authorization`.
    async fn follow(
        &self,
        ask: &Ask<'_>,
        mut url: Url,
        mut response: Response,
    ) -> Result<Response, ImagesError> {
        for _ in 0..REDIRECTS_MAX {
            if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED
            {
                return Ok(response);
            }
            url = self.location(&response).await?;
            response = if self.is_own(&url).await? {
                self.once(ask, &url).await?
            } else {
                let request = self
                    .http
                    .request(ask.method.clone(), url.clone())
                    .headers(ask.headers.clone());
                self.seen(request.send().await)?
            };
        }
        Err(self.odd(&format!(
            "redirects to {} and on and on",
            url.host_str().unwrap_or_default()
        )))
    }

    async fn is_own(&self, url: &Url) -> Result<bool, ImagesError> {
        Ok(self.base().await?.origin() == url.origin())
    }

    async fn credential(&self) -> Result<Option<&Credential>, ImagesError> {
        let found = self.credential.get_or_try_init(|| async {
            let (source, host) = (self.source.clone(), self.host.clone());
            let looked = tokio::task::spawn_blocking(move || source(&host)).await;
            let failed = |text: String| {
                ImagesError::Failed(Failure::Terminal(format!(
                    "no credential of {}: {text}",
                    self.host
                )))
            };
            looked
                .map_err(|error| failed(error.to_string()))?
                .map_err(|error| failed(error.to_string()))
        });
        Ok(found.await?.as_ref())
    }

    /// What stands in `Authorization` for `scope`, by what the registry has said it wants.
    async fn authorization(&self, scope: &Scope) -> Result<Option<String>, ImagesError> {
        let mode = self
            .mode
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match mode {
            Mode::Unknown => Ok(None),
            Mode::Basic => Ok(self.credential().await?.and_then(basic)),
            Mode::Bearer(realm) => {
                let token = match self.tokens.get(&scope.0) {
                    Some(token) => token,
                    None => self.fetch(&realm, scope).await?,
                };
                Ok(Some(format!("Bearer {}", token.expose())))
            }
        }
    }

    /// Takes in a challenge; whether asking again may help.
    async fn answer_challenge(
        &self,
        response: &Response,
        scope: &Scope,
    ) -> Result<bool, ImagesError> {
        let set = |mode: Mode| {
            *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
        };
        match Challenge::read(response.headers()) {
            None => Ok(false),
            Some(Challenge::Basic) => {
                set(Mode::Basic);
                Ok(self.credential().await?.and_then(basic).is_some())
            }
            Some(Challenge::Bearer { realm, service, .. }) => {
                let url = response
                    .url()
                    .join(&realm)
                    .map_err(|_| self.odd("names a token realm that is no address"))?;
                let realm = Realm { url, service };
                self.tokens.forget(&scope.0);
                self.fetch(&realm, scope).await?;
                set(Mode::Bearer(realm));
                Ok(true)
            }
        }
    }

    async fn fetch(
        &self,
        realm: &Realm,
        scope: &Scope,
    ) -> Result<refloat_core::Secret<String>, ImagesError> {
        let credential = self.credential().await?;
        let base = self.base().await?;
        self.tokens
            .fetch(&self.http, base, realm, credential, &scope.0)
            .await
    }
}

/// Basic credentials; an identity token has no name to go with.
fn basic(credential: &Credential) -> Option<String> {
    use base64::Engine as _;
    match credential {
        Credential::Password { username, password } => {
            let both = format!("{username}:{}", password.expose());
            let coded = base64::engine::general_purpose::STANDARD.encode(both);
            Some(format!("Basic {coded}"))
        }
        Credential::Token(_) => None,
    }
}
