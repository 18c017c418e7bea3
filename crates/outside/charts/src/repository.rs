//! Files of a classic chart repository over HTTP: an index, archives, provenance files. Every body has a cap.

use reqwest::header::HeaderMap;
use reqwest::{Certificate, Identity, StatusCode, Url};
use std::time::Duration;

/// The largest `index.yaml` that is read.
pub const INDEX_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// The largest archive that is read.
pub const ARCHIVE_MAX_BYTES: u64 = 100 * 1024 * 1024;
/// How many redirects are followed.
const REDIRECTS_MAX: usize = 5;
/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long a body may bring nothing.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// What opens a repository, as helm's `repositories.yaml` keeps it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// The account; empty for none.
    pub username: String,
    /// Its password.
    pub password: String,
    /// PEM of the authorities to trust beside the system's.
    pub authorities: Option<Vec<u8>>,
    /// PEM of a client certificate and its key.
    pub identity: Option<Vec<u8>>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("(secret)")
    }
}

/// A body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// No address of a file.
    #[error("{0} is no address of a repository; write http(s)://host/path")]
    Address(String),
    /// It is not there.
    #[error("{0}: not found")]
    NotFound(String),
    /// The repository refuses.
    #[error("{address}: {status}; check the account in helm's repositories.yaml")]
    Refused {
        /// The file's address.
        address: String,
        /// The answer.
        status: StatusCode,
    },
    /// It does not answer, or not now.
    #[error("{address}: {reason}")]
    Unreachable {
        /// The file's address.
        address: String,
        /// What happened.
        reason: String,
    },
    /// A body that is too large.
    #[error("{address} is larger than {limit} bytes")]
    TooLarge {
        /// The file's address.
        address: String,
        /// The cap.
        limit: u64,
    },
    /// Certificates that cannot be used.
    #[error("the certificates of {address} cannot be used: {reason}")]
    Certificates {
        /// The file's address.
        address: String,
        /// What is wrong.
        reason: String,
    },
}

/// Fetches one file. `login` goes to the host of `address` only; a redirect elsewhere goes without it.
///
/// # Errors
/// [`RepositoryError`].
pub async fn fetch(address: &str, login: &Login, limit: u64) -> Result<Fetched, RepositoryError> {
    let url = Url::parse(address).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or_else(|| RepositoryError::Address(shown(address)))?;
    let address = shown(address);
    let unreachable = |error: reqwest::Error| RepositoryError::Unreachable {
        address: address.clone(),
        reason: cause(&error),
    };
    let mut request = client(login, &address)?.get(url);
    if !login.username.is_empty() {
        request = request.basic_auth(&login.username, Some(&login.password));
    }
    let mut answer = request.send().await.map_err(unreachable)?;
    let status = answer.status();
    if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) {
        return Err(RepositoryError::NotFound(address));
    }
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        let reason = status.to_string();
        return Err(RepositoryError::Unreachable { address, reason });
    }
    if !status.is_success() {
        return Err(RepositoryError::Refused { address, status });
    }
    let too_large = || RepositoryError::TooLarge {
        address: address.clone(),
        limit,
    };
    if answer.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Fetched { bytes })
}

fn client(login: &Login, address: &str) -> Result<reqwest::Client, RepositoryError> {
    let wrong = |error: reqwest::Error| RepositoryError::Certificates {
        address: address.to_owned(),
        reason: cause(&error),
    };
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::limited(REDIRECTS_MAX))
        .connect_timeout(CONNECT_MAX)
        .read_timeout(SILENCE_MAX)
        .default_headers(HeaderMap::new())
        .user_agent(concat!("refloat/", env!("CARGO_PKG_VERSION")));
    if let Some(pem) = &login.authorities {
        let authorities = Certificate::from_pem_bundle(pem).map_err(wrong)?;
        builder = builder.tls_certs_merge(authorities);
    }
    if let Some(pem) = &login.identity {
        builder = builder.identity(Identity::from_pem(pem).map_err(wrong)?);
    }
    builder.build().map_err(wrong)
}

/// An address without the account that may stand in it.
fn shown(address: &str) -> String {
    match Url::parse(address) {
        Ok(mut url) if url.password().is_some() || !url.username().is_empty() => {
            let _ = url.set_password(None);
            let _ = url.set_username("");
            url.to_string()
        }
        _ => address.to_owned(),
    }
}

/// The innermost cause: what a person can do something about.
fn cause(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
