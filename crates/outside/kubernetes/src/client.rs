//! A thin client of the Kubernetes API: objects are JSON, paths come from discovery.
//!
//! Six verbs and no watch: what is waited for is looked at again. Answers have a bound.

use crate::kubeconfig::{Access, Verify};
use refloat_core::Failure;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Certificate, Identity, Method, StatusCode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// The longest answer that is read, in bytes.
const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The API server ends requests by itself after a minute.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(70);

/// Who owns the fields that we apply; helm's own name, so that either can go on with the other's releases.
pub(crate) const MANAGER: &str = "helm";

/// Why the API did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The API server's own answer.
    #[error("{message}")]
    Refused {
        /// The status of HTTP.
        status: u16,
        /// The reason as a word, for example `AlreadyExists`.
        reason: String,
        /// What it says.
        message: String,
    },
    /// The world.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl ApiError {
    /// Whether it will be refused again.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            // An object that does not fit its schema is answered with 500 by server-side apply.
            Self::Refused { message, .. } if message.contains("failed to create typed patch") => {
                true
            }
            Self::Refused { status, .. } => {
                (400..500).contains(status) && ![408, 429].contains(status)
            }
            Self::Failed(Failure::Transient(_) | Failure::Full(_)) => false,
            Self::Failed(Failure::Damaged(_) | Failure::Terminal(_)) => true,
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let is_final = error.is_final();
        match error {
            ApiError::Failed(failure) => failure,
            ApiError::Refused { message, .. } if is_final => {
                Self::Terminal(format!("kubernetes: {message}"))
            }
            ApiError::Refused { message, .. } => Self::Transient(format!("kubernetes: {message}")),
        }
    }
}

/// What the API calls a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Resource {
    plural: String,
    namespaced: bool,
}

/// One cluster.
pub struct Client {
    http: reqwest::Client,
    server: String,
    /// By `apiVersion`, then by kind.
    kinds: Mutex<BTreeMap<String, BTreeMap<String, Resource>>>,
}

impl Client {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    /// [`Failure::Terminal`] if certificates or credentials are none.
    pub fn new(access: &Access) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::Terminal(format!("kubeconfig: {what}"));
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if let Some(authority) = &access.authority {
            let authorities = Certificate::from_pem_bundle(authority);
            let authorities = authorities.map_err(|_| wrong("the authority is no certificate"))?;
            builder = builder.tls_certs_only(authorities);
        }
        if access.verify == Verify::No {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        if let Some(identity) = &access.identity {
            let identity = Identity::from_pem(identity.expose());
            let identity = identity.map_err(|_| wrong("the client certificate does not load"))?;
            builder = builder.identity(identity);
        }
        if let Some(authorization) = &access.authorization {
            let value = HeaderValue::from_str(authorization.expose());
            let mut value = value.map_err(|_| wrong("the token has characters it cannot have"))?;
            value.set_sensitive(true);
            builder = builder.default_headers(HeaderMap::from_iter([(AUTHORIZATION, value)]));
        }
        let http = builder.build();
        Ok(Self {
            http: http.map_err(|error| wrong(&error.to_string()))?,
            server: access.server.clone(),
            kinds: Mutex::default(),
        })
    }

    /// The object of the same kind and name, live; `None` if there is none, or no such kind.
    pub(crate) async fn get(
        &self,
        object: &Value,
        namespace: &str,
    ) -> Result<Option<Value>, ApiError> {
        let Some(path) = self.path(object, namespace).await? else {
            return Ok(None);
        };
        self.get_path(&path).await
    }

    pub(crate) async fn get_path(&self, path: &str) -> Result<Option<Value>, ApiError> {
        absent_as_none(self.ask(Method::GET, path, None).await)
    }

    /// Server-side apply. `force` takes fields over from other managers.
    pub(crate) async fn apply(
        &self,
        object: &Value,
        namespace: &str,
        force: Force,
    ) -> Result<Value, ApiError> {
        let path = self.known_path(object, namespace).await?;
        let force = force == Force::Yes;
        let path = format!("{path}?fieldManager={MANAGER}&force={force}");
        let content = "application/apply-patch+yaml";
        self.ask(Method::PATCH, &path, Some((content, object)))
            .await
    }

    pub(crate) async fn create(&self, path: &str, object: &Value) -> Result<Value, ApiError> {
        let path = format!("{path}?fieldManager={MANAGER}");
        self.ask(Method::POST, &path, Some(("application/json", object)))
            .await
    }

    pub(crate) async fn merge(&self, path: &str, patch: &Value) -> Result<Value, ApiError> {
        let path = format!("{path}?fieldManager={MANAGER}");
        let content = "application/merge-patch+json";
        self.ask(Method::PATCH, &path, Some((content, patch))).await
    }

    /// Removes it and, in the background, what belongs to it; success if it is not there.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), ApiError> {
        let options = serde_json::json!({ "propagationPolicy": "Background" });
        let asked = self.ask(Method::DELETE, path, Some(("application/json", &options)));
        absent_as_none(asked.await).map(drop)
    }

    /// The path of an object, or the API's refusal if it has no such kind.
    pub(crate) async fn known_path(
        &self,
        object: &Value,
        namespace: &str,
    ) -> Result<String, ApiError> {
        let path = self.path(object, namespace).await?;
        path.ok_or_else(|| {
            let kind = object["kind"].as_str().unwrap_or_default();
            let version = object["apiVersion"].as_str().unwrap_or_default();
            ApiError::Refused {
                status: 404,
                reason: "NoKind".to_owned(),
                message: format!("the cluster has no kind `{kind}` in `{version}`"),
            }
        })
    }

    /// The path of an object; `None` if the cluster has no such kind.
    pub(crate) async fn path(
        &self,
        object: &Value,
        namespace: &str,
    ) -> Result<Option<String>, ApiError> {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let kind = object["kind"].as_str().unwrap_or_default();
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        for part in [version, kind, name] {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:".contains(&byte);
            if part.is_empty() || part.contains("..") || !part.bytes().all(plain) {
                let message = format!("`{version}` `{kind}` `{name}` names no object");
                return Err(Failure::Terminal(message).into());
            }
        }
        let Some(resource) = self.resource(version, kind).await? else {
            return Ok(None);
        };
        let base = base(version);
        let namespace = object["metadata"]["namespace"]
            .as_str()
            .unwrap_or(namespace);
        let plural = resource.plural;
        Ok(Some(if resource.namespaced {
            format!("{base}/namespaces/{namespace}/{plural}/{name}")
        } else {
            format!("{base}/{plural}/{name}")
        }))
    }

    /// Whether the kind of this object lies in namespaces; `None` if the cluster has no such kind.
    pub(crate) async fn is_namespaced(&self, object: &Value) -> Result<Option<bool>, ApiError> {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let kind = object["kind"].as_str().unwrap_or_default();
        let resource = self.resource(version, kind).await?;
        Ok(resource.map(|resource| resource.namespaced))
    }

    /// The kinds of a version of the API.
    pub(crate) async fn kinds(&self, version: &str) -> Result<Vec<String>, ApiError> {
        let list = self.get_path(&base(version)).await?.unwrap_or_default();
        Ok(resources(&list).into_keys().collect())
    }

    async fn resource(&self, version: &str, kind: &str) -> Result<Option<Resource>, ApiError> {
        if let Some(resource) = self.known(version, kind) {
            return Ok(Some(resource));
        }
        // Asked again each time a kind is not found: it may have been defined meanwhile.
        let Some(list) = self.get_path(&base(version)).await? else {
            return Ok(None);
        };
        let found = resources(&list);
        let resource = found.get(kind).cloned();
        if let Ok(mut kinds) = self.kinds.lock() {
            kinds.insert(version.to_owned(), found);
        }
        Ok(resource)
    }

    fn known(&self, version: &str, kind: &str) -> Option<Resource> {
        self.kinds.lock().ok()?.get(version)?.get(kind).cloned()
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Value, ApiError> {
        let mut request = self.http.request(method, format!("{}{path}", self.server));
        if let Some((content, body)) = body {
            request = request.header(CONTENT_TYPE, content).body(body.to_string());
        }
        let unreachable = |error: reqwest::Error| {
            let error = error.without_url();
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let cause = cause.unwrap_or_default();
            Failure::Transient(format!("kubernetes at {}: {error} {cause}", self.server))
        };
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER_MAX_BYTES {
                let message = format!("an answer has more than {ANSWER_MAX_BYTES} bytes");
                return Err(Failure::Terminal(message).into());
            }
        }
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        let said = answer["message"].as_str().map(str::to_owned);
        Err(ApiError::Refused {
            status: status.as_u16(),
            reason: answer["reason"].as_str().unwrap_or_default().to_owned(),
            message: said.unwrap_or_else(|| format!("the API server answered {status}")),
        })
    }
}

/// Whether fields that others manage are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Force {
    Yes,
    No,
}

fn base(version: &str) -> String {
    if version.contains('/') {
        format!("/apis/{version}")
    } else {
        format!("/api/{version}")
    }
}

/// The kinds of an `APIResourceList`, without subresources.
fn resources(list: &Value) -> BTreeMap<String, Resource> {
    let all = list["resources"].as_array().into_iter().flatten();
    all.filter_map(|entry| {
        let plural = entry["name"].as_str().filter(|name| !name.contains('/'))?;
        let resource = Resource {
            plural: plural.to_owned(),
            namespaced: entry["namespaced"] == true,
        };
        Some((entry["kind"].as_str()?.to_owned(), resource))
    })
    .collect()
}

fn absent_as_none(answer: Result<Value, ApiError>) -> Result<Option<Value>, ApiError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(ApiError::Refused { status, .. }) if status == StatusCode::NOT_FOUND.as_u16() => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
