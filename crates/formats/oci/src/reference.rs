//! References: a repository with a tag or digest, in a registry or in a file, as people write them.
//!
//! `registry/path:tag`, `registry/path@sha256:..`, `oci://registry/path:tag` (the same), `oci:DIR:TAG`,
//! `oci-archive:FILE:TAG`, `docker-archive:FILE:TAG`. A short name (`apps/web:1`) means the configured server;
//! without one it is an error that suggests the full name. The grammar is the distribution project's.

#[cfg(test)]
mod tests;

use crate::digest::{Digest, DigestError};
use crate::name::{NameError, RepositoryName, TagName};
use std::fmt;
use std::str::FromStr;

/// What follows a repository in a request: a tag or a digest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TagOrDigest {
    /// A tag.
    Tag(TagName),
    /// A digest.
    Digest(Digest),
}

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The repository or tag cannot be.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The digest cannot be.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The host cannot be.
    #[error("`{0}` is not a registry; write host or host:port")]
    Registry(String),
    /// A short name, and no server is configured.
    #[error(
        "short name `{short}` and no server is configured; write the full name, for example `{suggestion}`, or set --server or REFLOAT_SERVER"
    )]
    Short {
        /// As it was written.
        short: String,
        /// A full name that may be meant.
        suggestion: String,
    },
    /// A form such as `oci:` without what must follow.
    #[error("`{0}` names no file or folder; write {1}")]
    Path(String, &'static str),
    /// Nothing at all.
    #[error("the reference is empty")]
    Empty,
}

impl FromStr for TagOrDigest {
    type Err = ReferenceError;

    /// A text with a colon is a digest: tags have none.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.contains(':') {
            Ok(Self::Digest(text.parse()?))
        } else {
            Ok(Self::Tag(text.parse()?))
        }
    }
}

impl fmt::Display for TagOrDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => fmt::Display::fmt(tag, formatter),
            Self::Digest(digest) => fmt::Display::fmt(digest, formatter),
        }
    }
}

/// A registry's `host` or `host:port`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct RegistryHost(String);

impl RegistryHost {
    /// Docker Hub, whose one-segment names lie under `library/`.
    pub const DOCKER_HUB: &str = "docker.io";

    /// The host and port as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether clients may speak plain HTTP to it: loopback only, as docker does.
    pub fn is_loopback(&self) -> bool {
        let host = match self.0.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.0.split(':').next().unwrap_or_default(),
        };
        let address = host.parse::<std::net::IpAddr>();
        host == "localhost"
            || host.ends_with(".localhost")
            || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for RegistryHost {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for RegistryHost {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let wrong = || ReferenceError::Registry(text.chars().take(200).collect());
        let (host, port) = split_port(text).ok_or_else(wrong)?;
        let port_fits = port.is_none_or(|port| {
            !port.starts_with('+') && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if text.len() <= 260 && port_fits && is_host(host) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(wrong())
        }
    }
}

/// `host`, `host:port` or `[v6]:port`; `None` if brackets do not close.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if text.starts_with('[') {
        let end = text.find(']')?;
        let (host, rest) = text.split_at(end + 1);
        return match rest {
            "" => Some((host, None)),
            _ => rest.strip_prefix(':').map(|port| (host, Some(port))),
        };
    }
    match text.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        let address = inner.strip_suffix(']').unwrap_or_default();
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        bytes.len() <= 63 && edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(inner)
    };
    host.split('.').all(label)
}

/// A repository of a registry with a tag, a digest, both or neither.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Where.
    pub registry: RegistryHost,
    /// The repository as the registry's API names it.
    pub repository: RepositoryName,
    /// The tag that was written.
    pub tag: Option<TagName>,
    /// The digest that was written; it decides where both are.
    pub digest: Option<Digest>,
}

impl Reference {
    /// Reads `[oci://][registry/]path[:tag][@digest]`; a short name lies on `server`.
    ///
    /// # Errors
    /// [`ReferenceError::Short`] for a short name without a server, others for what is malformed.
    pub fn parse(text: &str, server: Option<&RegistryHost>) -> Result<Self, ReferenceError> {
        let text = text.strip_prefix("oci://").unwrap_or(text);
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(digest.parse()?)),
            None => (text, None),
        };
        let (host, rest) = match named.split_once('/') {
            Some((first, rest)) if looks_like_host(first) => (Some(first), rest),
            _ => (None, named),
        };
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.parse()?)),
            None => (rest, None),
        };
        let registry = match (host, server) {
            (Some(host), _) => host.parse()?,
            (None, Some(server)) => server.clone(),
            (None, None) => {
                path.parse::<RepositoryName>()?;
                let library = if path.contains('/') { "" } else { "library/" };
                return Err(ReferenceError::Short {
                    short: text.to_owned(),
                    suggestion: format!("{}/{library}{text}", RegistryHost::DOCKER_HUB),
                });
            }
        };
        let hub = registry.as_str() == RegistryHost::DOCKER_HUB && !path.contains('/');
        let repository = if hub {
            format!("library/{path}").parse()?
        } else {
            path.parse()?
        };
        Ok(Self {
            registry,
            repository,
            tag,
            digest,
        })
    }

    /// What to ask the registry for: the digest if there is one, otherwise the tag.
    pub fn target(&self) -> Option<TagOrDigest> {
        let digest = self.digest.map(TagOrDigest::Digest);
        digest.or_else(|| self.tag.clone().map(TagOrDigest::Tag))
    }
}

/// Docker's rule: the first segment is a host if it has a dot or a port, or is `localhost`.
fn looks_like_host(segment: &str) -> bool {
    segment.contains(['.', ':', '[']) || segment == "localhost"
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(formatter, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// Where an image is: in a registry, or in files of the tools' common forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a registry.
    Registry(Reference),
    /// In an image layout folder, `oci:DIR:TAG`.
    Layout(FileReference),
    /// In an archive of an image layout, `oci-archive:FILE:TAG`.
    OciArchive(FileReference),
    /// In an archive of `docker save`, `docker-archive:FILE:TAG`.
    DockerArchive(FileReference),
}

/// A file or folder, and the name inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReference {
    /// The path as written.
    pub path: String,
    /// What follows the path: a tag, or in a docker archive a whole reference; `None` means the only image there.
    pub name: Option<String>,
}

impl Location {
    /// Reads any form; a short name lies on `server`.
    ///
    /// # Errors
    /// As [`Reference::parse`], and [`ReferenceError::Path`] for a form without a path.
    pub fn parse(text: &str, server: Option<&RegistryHost>) -> Result<Self, ReferenceError> {
        if text.starts_with("oci://") {
            return Reference::parse(text, server).map(Self::Registry);
        }
        if let Some(rest) = text.strip_prefix("oci:") {
            return file(text, rest, "oci:DIR:TAG").map(Self::Layout);
        }
        if let Some(rest) = text.strip_prefix("oci-archive:") {
            return file(text, rest, "oci-archive:FILE:TAG").map(Self::OciArchive);
        }
        if let Some(rest) = text.strip_prefix("docker-archive:") {
            return file(text, rest, "docker-archive:FILE:TAG").map(Self::DockerArchive);
        }
        Reference::parse(text, server).map(Self::Registry)
    }
}

fn file(whole: &str, rest: &str, form: &'static str) -> Result<FileReference, ReferenceError> {
    let (path, name) = match rest.split_once(':') {
        Some((path, name)) => (path, Some(name.to_owned()).filter(|name| !name.is_empty())),
        None => (rest, None),
    };
    if path.is_empty() {
        return Err(ReferenceError::Path(whole.to_owned(), form));
    }
    Ok(FileReference {
        path: path.to_owned(),
        name,
    })
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (form, file) = match self {
            Self::Registry(reference) => return fmt::Display::fmt(reference, formatter),
            Self::Layout(file) => ("oci", file),
            Self::OciArchive(file) => ("oci-archive", file),
            Self::DockerArchive(file) => ("docker-archive", file),
        };
        write!(formatter, "{form}:{}", file.path)?;
        match &file.name {
            Some(name) => write!(formatter, ":{name}"),
            None => Ok(()),
        }
    }
}
