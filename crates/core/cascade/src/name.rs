//! Names of what moves: a reference that is a base, a line that is patched. This registry has no host in them, since the name
//! under which it is reached may change; [`BaseName::written`] adds it where people read.

use crate::rule::Rule;
use refloat_oci::{Digest, RegistryHost, RepositoryName, TagName};
use std::fmt;

/// A tag that may move: of this registry, or of a foreign one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BaseName {
    /// The foreign registry; `None` is this one.
    pub registry: Option<RegistryHost>,
    /// The repository.
    pub repository: RepositoryName,
    /// The tag.
    pub tag: TagName,
}

impl BaseName {
    /// `host/path:tag`, where this registry is `own`.
    pub fn written(&self, own: &RegistryHost) -> String {
        let host = self.registry.as_ref().unwrap_or(own);
        format!("{host}/{}:{}", self.repository, self.tag)
    }

    /// `host/path@digest`.
    pub fn pinned(&self, own: &RegistryHost, digest: &Digest) -> String {
        let host = self.registry.as_ref().unwrap_or(own);
        format!("{host}/{}@{digest}", self.repository)
    }

    /// The host in rows: empty for this registry.
    pub fn host(&self) -> &str {
        self.registry.as_ref().map_or("", RegistryHost::as_str)
    }
}

/// A line: a repository and a rule for its tags.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineName {
    /// The foreign registry; `None` is this one.
    pub registry: Option<RegistryHost>,
    /// The repository.
    pub repository: RepositoryName,
    /// The rule.
    pub rule: Rule,
}

impl LineName {
    /// The host in rows: empty for this registry.
    pub fn host(&self) -> &str {
        self.registry.as_ref().map_or("", RegistryHost::as_str)
    }
}

impl fmt::Display for LineName {
    /// `[HOST/]REPO#RULE`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.registry {
            write!(formatter, "{host}/")?;
        }
        write!(formatter, "{}#{}", self.repository, self.rule)
    }
}

/// Whether `host` is this registry under another name of the same machine: `localhost:5000` for `127.0.0.1:5000`.
pub fn is_own(host: &RegistryHost, own: &RegistryHost) -> bool {
    let port = |host: &RegistryHost| {
        let text = host.as_str();
        text.rsplit_once(':').map(|(_, port)| port.to_owned())
    };
    host == own || (host.is_loopback() && own.is_loopback() && port(host) == port(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_several_names() {
        let own: RegistryHost = "127.0.0.1:5000".parse().expect("a host");
        for (host, expected) in [
            ("localhost:5000", true),
            ("127.0.0.1:5000", true),
            ("127.0.0.1:5001", false),
            ("registry.example.com:5000", false),
        ] {
            assert_eq!(
                is_own(&host.parse().expect("a host"), &own),
                expected,
                "{host}"
            );
        }
    }
}
