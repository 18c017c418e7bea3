//! Addresses of servers.

use crate::error::CliError;
use refloat_oci::RegistryHost;
use std::fmt;
use std::str::FromStr;

/// `http://host:port` or `https://host:port`, without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    scheme: &'static str,
    pub(crate) host: RegistryHost,
}

impl ServerUrl {
    /// The address of a host: plain HTTP on loopback only, as docker has it.
    pub(crate) fn of_host(host: RegistryHost) -> Self {
        let scheme = if host.is_loopback() { "http" } else { "https" };
        Self { scheme, host }
    }

    /// Whether it is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.scheme == "https"
    }

    /// The same host, encrypted.
    pub(crate) fn encrypted(&self) -> Self {
        Self {
            scheme: "https",
            host: self.host.clone(),
        }
    }
}

impl FromStr for ServerUrl {
    type Err = CliError;

    fn from_str(text: &str) -> Result<Self, CliError> {
        let trimmed = text.trim_end_matches('/');
        let (scheme, host) = match trimmed.split_once("://") {
            Some(("http", host)) => (Some("http"), host),
            Some(("https", host)) => (Some("https"), host),
            Some(_) => return Err(wrong(text)),
            None => (None, trimmed),
        };
        let host: RegistryHost = host.parse().map_err(|_| wrong(text))?;
        Ok(match scheme {
            Some(scheme) => Self { scheme, host },
            None => Self::of_host(host),
        })
    }
}

fn wrong(text: &str) -> CliError {
    CliError::usage(
        format!("`{text}` is not the address of a server"),
        "write http://host:port, https://host or host:port",
    )
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.host)
    }
}
