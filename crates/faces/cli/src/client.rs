//! The client of `/api/v1`: one request, one answer, errors with the right exit code.

mod url;

pub(crate) use url::ServerUrl;

use crate::docker::{self, Credential};
use crate::error::{CliError, EXIT_FAILED, EXIT_NOT_FOUND, EXIT_POLICY};
use reqwest::Method;
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::Value;
use std::time::Duration;

/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long an answer may take; scrubs and backups of large stores are jobs, not one answer.
const ANSWER_MAX: Duration = Duration::from_mins(10);
/// The most items a list is read to.
const LIST_ITEMS_MAX: usize = 1_000_000;

/// A client of one server.
pub(crate) struct Client {
    http: reqwest::blocking::Client,
    pub(crate) server: ServerUrl,
    credential: Option<Credential>,
}

impl Client {
    /// A client with the credentials of the environment or of docker's configuration.
    pub(crate) fn new(server: ServerUrl) -> Result<Self, CliError> {
        let credential = match docker::from_environment() {
            Some(credential) => Some(credential),
            None => docker::Config::load()?.get(&server.host)?,
        };
        Ok(Self {
            http: http()?,
            server,
            credential,
        })
    }

    /// A client with these credentials.
    pub(crate) fn with(
        server: ServerUrl,
        credential: Option<Credential>,
    ) -> Result<Self, CliError> {
        Ok(Self {
            http: http()?,
            server,
            credential,
        })
    }

    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, CliError> {
        self.send(self.request(Method::GET, path).query(query))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.send(self.write(Method::POST, path).json(body))
    }

    pub(crate) fn delete(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, CliError> {
        self.send(self.write(Method::DELETE, path).query(query))
    }

    /// Every item of a paged list.
    pub(crate) fn list(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<Value>, CliError> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.extend(after.as_deref().map(|cursor| ("after", cursor)));
            let mut page = self.get(path, &query)?;
            if let Value::Array(list) = page["items"].take() {
                items.extend(list);
            }
            after = page["next"].as_str().map(str::to_owned);
            if after.is_none() || items.len() >= LIST_ITEMS_MAX {
                return Ok(items);
            }
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}/api/v1{path}", self.server));
        match &self.credential {
            None => request,
            Some(Credential::Password { username, password }) => {
                request.basic_auth(username, Some(password.expose()))
            }
            Some(Credential::Token(token)) => request.bearer_auth(token.expose()),
        }
    }

    fn write(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path)
            .header("Idempotency-Key", ulid::Ulid::new().to_string())
    }

    fn send(&self, request: RequestBuilder) -> Result<Value, CliError> {
        let response = request.send().map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return body(response);
        }
        Err(self.refused(status.as_u16(), &body(response).unwrap_or_default()))
    }

    fn unreachable(&self, error: &reqwest::Error) -> CliError {
        CliError::failed(
            "unreachable",
            format!("no answer from {}: {}", self.server, root_cause(error)),
            "check --server or REFLOAT_SERVER, and that the server runs",
        )
    }

    fn refused(&self, status: u16, body: &Value) -> CliError {
        let error = &body["error"];
        let code = error["code"].as_str().unwrap_or(match status {
            401 => "unauthorized",
            404 => "not_found",
            _ => "failed",
        });
        let text = error["message"].as_str().map_or_else(
            || format!("{} answered {status}", self.server),
            str::to_owned,
        );
        let (message, advice) = text
            .split_once("; ")
            .map_or((text.as_str(), ""), |(message, advice)| (message, advice));
        let advice = match (advice, status) {
            ("", 401) => format!("sign in: refloat login {}", self.server.host),
            ("", 403 | 404) => {
                "check the name, and ask an administrator what you may see".to_owned()
            }
            ("", _) if code == "immutable" => {
                "use another tag, or ask who keeps the RepositoryPolicy that matches".to_owned()
            }
            ("", 409) => "look at what is there already".to_owned(),
            ("", 429) => "wait a little, and try again".to_owned(),
            ("", 500..) => "look into the server's log".to_owned(),
            ("", _) => "correct what was asked; `--help` shows the forms".to_owned(),
            (advice, _) => advice.to_owned(),
        };
        let exit = match (status, code) {
            (_, "immutable" | "quarantined" | "held") => EXIT_POLICY,
            (401 | 403 | 404, _) => EXIT_NOT_FOUND,
            _ => EXIT_FAILED,
        };
        CliError {
            code: code.to_owned(),
            message: message.to_owned(),
            advice,
            detail: error["detail"].clone(),
            exit,
        }
    }
}

fn body(response: Response) -> Result<Value, CliError> {
    let text = response.text().map_err(|error| {
        CliError::failed(
            "unreachable",
            format!("the answer broke off: {}", root_cause(&error)),
            "try again",
        )
    })?;
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).map_err(|_| {
        CliError::failed(
            "not_refloat",
            "the answer is not one of a refloat server",
            "check the address of the server",
        )
    })
}

/// The HTTP client of every verb. Redirects are not followed: credentials go to no other host.
pub(crate) fn http() -> Result<reqwest::blocking::Client, CliError> {
    reqwest::blocking::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_MAX)
        .timeout(ANSWER_MAX)
        .user_agent(concat!("refloat/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| {
            CliError::failed(
                "tls",
                format!("no HTTP client: {}", root_cause(&error)),
                "check the system's certificates",
            )
        })
}

/// The innermost cause, without the URL, which may be long.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
