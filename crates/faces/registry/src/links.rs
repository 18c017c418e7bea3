//! Where this registry is, as its answers say it. Everything comes from the configured public URL.

use crate::path::{Need, Route};
use refloat_core::UploadId;
use refloat_oci::{Digest, RepositoryName};
use std::fmt::Write as _;

/// A public URL that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("public_url `{0}` is not of the form http(s)://host[:port][/path]")]
pub struct LinksError(String);

/// The links of one registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    // Without a slash at its end.
    public_url: String,
    // Host and port: the service of tokens.
    host: String,
    // What stands before `/v2`, usually nothing.
    prefix: String,
}

impl Links {
    /// Links below `public_url`.
    ///
    /// # Errors
    /// [`LinksError`] if it is no such URL.
    pub fn new(public_url: &str) -> Result<Self, LinksError> {
        let wrong = || LinksError(public_url.chars().take(200).collect());
        let public_url = public_url.trim_end_matches('/');
        let uri: http::Uri = public_url.parse().map_err(|_| wrong())?;
        let scheme = uri.scheme_str().ok_or_else(wrong)?;
        let host = uri.authority().ok_or_else(wrong)?.as_str();
        let quotable = !public_url.contains(['"', '\\', '?', '#']) && !host.contains('@');
        if !matches!(scheme, "http" | "https") || !quotable {
            return Err(wrong());
        }
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self {
            public_url: public_url.to_owned(),
            host: host.to_owned(),
            prefix,
        })
    }

    /// The public URL, the issuer of tokens.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Host and port, the service of tokens.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where a blob is.
    pub(crate) fn blob(&self, repository: &RepositoryName, digest: &Digest) -> String {
        format!("{}/v2/{repository}/blobs/{digest}", self.prefix)
    }

    /// Where a manifest is.
    pub(crate) fn manifest(&self, repository: &RepositoryName, digest: &Digest) -> String {
        format!("{}/v2/{repository}/manifests/{digest}", self.prefix)
    }

    /// Where an upload goes on.
    pub(crate) fn upload(&self, repository: &RepositoryName, id: &UploadId) -> String {
        format!("{}/v2/{repository}/blobs/uploads/{id}", self.prefix)
    }

    /// The `Link` header to the next page: `path` is below `/v2/`, `query` its parameters.
    pub(crate) fn next_page(&self, path: &str, query: &str) -> String {
        format!("<{}/v2/{path}?{query}>; rel=\"next\"", self.prefix)
    }

    /// The challenge of a 401: where to get a token, and for what (distribution, docs/spec/auth/token.md).
    pub(crate) fn challenge(
        &self,
        route: Option<&Route>,
        need: Option<Need>,
        error: &str,
    ) -> String {
        let mut challenge = format!(
            "Bearer realm=\"{}/token\",service=\"{}\"",
            self.public_url, self.host
        );
        match (route.and_then(Route::repository), need) {
            (Some(repository), Some(need)) => {
                let _ = write!(
                    challenge,
                    ",scope=\"repository:{repository}:{}\"",
                    need.challenge()
                );
            }
            (None, Some(Need::Catalog)) => challenge.push_str(",scope=\"registry:catalog:*\""),
            (Some(_), None) | (None, _) => {}
        }
        if !error.is_empty() {
            let _ = write!(challenge, ",error=\"{error}\"");
        }
        challenge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stand_below_the_public_url() {
        let name: RepositoryName = "apps/web".parse().expect("a name");
        let digest = Digest::sha256(b"");
        let plain = Links::new("http://127.0.0.1:5000/").expect("a URL");
        assert_eq!(plain.host(), "127.0.0.1:5000");
        assert_eq!(
            plain.blob(&name, &digest),
            format!("/v2/apps/web/blobs/{digest}")
        );
        let below = Links::new("https://example.com/registry").expect("a URL");
        assert_eq!(
            below.manifest(&name, &digest),
            format!("/registry/v2/apps/web/manifests/{digest}")
        );
        let route = Route::Tags(name);
        assert_eq!(
            below.challenge(Some(&route), Some(Need::Push), ""),
            "Bearer realm=\"https://example.com/registry/token\",service=\"example.com\",scope=\"repository:apps/web:pull,push\""
        );
        for bad in [
            "",
            "example.com",
            "ftp://x",
            "https://",
            "https://a@b",
            "https://x/?q",
            "https://x/\"y",
        ] {
            assert!(Links::new(bad).is_err(), "{bad}");
        }
    }
}
