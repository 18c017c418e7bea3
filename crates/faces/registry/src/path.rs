//! Paths under `/v2`, read from their end: names of repositories may hold any of the words.
//!
//! Pure. One table, [`SHAPES`], says for every shape which methods it has and what each needs; the parser, the `Allow`
//! header, the challenge and the matrix of authorization tests all come from it.

use http::Method;
use refloat_core::{Action, Rejection, UploadId};
use refloat_oci::reference::TagOrDigest;
use refloat_oci::{Digest, RepositoryName};
use std::borrow::Cow;

/// The longest path that is read, in bytes: a name, the longest words, a SHA-512 digest.
pub const PATH_MAX_BYTES: usize = 1024;

/// What a path under `/v2` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `/v2/`: whether this is a registry, and who asks.
    Base,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/NAME/tags/list`
    Tags(RepositoryName),
    /// `/v2/NAME/manifests/REFERENCE`
    Manifest(RepositoryName, TagOrDigest),
    /// `/v2/NAME/blobs/DIGEST`
    Blob(RepositoryName, Digest),
    /// `/v2/NAME/blobs/uploads/`
    Uploads(RepositoryName),
    /// `/v2/NAME/blobs/uploads/ID`
    Upload(RepositoryName, UploadId),
    /// `/v2/NAME/referrers/DIGEST`
    Referrers(RepositoryName, Digest),
}

/// What a method of a shape asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// To be signed in, or to show an anonymous token.
    SignedIn,
    /// The list of repositories.
    Catalog,
    /// To pull from the repository.
    Pull,
    /// To push to it.
    Push,
    /// To delete in it.
    Delete,
}

impl Need {
    /// The actions that a challenge names (distribution, docs/spec/auth/scope.md).
    pub fn challenge(self) -> &'static str {
        match self {
            Self::SignedIn => "",
            Self::Catalog => "*",
            Self::Pull => "pull",
            Self::Push => "pull,push",
            Self::Delete => "pull,delete",
        }
    }

    /// The action on the repository, if it is about one.
    pub fn action(self) -> Option<Action> {
        match self {
            Self::SignedIn | Self::Catalog => None,
            Self::Pull => Some(Action::Pull),
            Self::Push => Some(Action::Push),
            Self::Delete => Some(Action::Delete),
        }
    }
}

/// One shape of path with its methods.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// The path with its parts named; also the label in metrics.
    pub pattern: &'static str,
    /// The methods, each with what it needs, in the order of the `Allow` header.
    pub methods: &'static [(Method, Need)],
}

const BASE: Shape = Shape {
    pattern: "/v2/",
    methods: &[
        (Method::GET, Need::SignedIn),
        (Method::HEAD, Need::SignedIn),
    ],
};
const CATALOG: Shape = Shape {
    pattern: "/v2/_catalog",
    methods: &[(Method::GET, Need::Catalog)],
};
const TAGS: Shape = Shape {
    pattern: "/v2/{name}/tags/list",
    methods: &[(Method::GET, Need::Pull)],
};
const MANIFEST: Shape = Shape {
    pattern: "/v2/{name}/manifests/{reference}",
    methods: &[
        (Method::GET, Need::Pull),
        (Method::HEAD, Need::Pull),
        (Method::PUT, Need::Push),
        (Method::DELETE, Need::Delete),
    ],
};
const BLOB: Shape = Shape {
    pattern: "/v2/{name}/blobs/{digest}",
    methods: &[
        (Method::GET, Need::Pull),
        (Method::HEAD, Need::Pull),
        (Method::DELETE, Need::Delete),
    ],
};
const UPLOADS: Shape = Shape {
    pattern: "/v2/{name}/blobs/uploads/",
    methods: &[(Method::POST, Need::Push)],
};
const UPLOAD: Shape = Shape {
    pattern: "/v2/{name}/blobs/uploads/{id}",
    methods: &[
        (Method::GET, Need::Push),
        (Method::PATCH, Need::Push),
        (Method::PUT, Need::Push),
        (Method::DELETE, Need::Push),
    ],
};
const REFERRERS: Shape = Shape {
    pattern: "/v2/{name}/referrers/{digest}",
    methods: &[(Method::GET, Need::Pull)],
};

/// Every shape of path that this registry answers.
pub const SHAPES: [&Shape; 8] = [
    &BASE, &CATALOG, &TAGS, &MANIFEST, &BLOB, &UPLOADS, &UPLOAD, &REFERRERS,
];

impl Shape {
    /// What `method` needs; `None` if this shape does not have it.
    pub fn need(&self, method: &Method) -> Option<Need> {
        self.methods
            .iter()
            .find(|(own, _)| own == method)
            .map(|(_, need)| *need)
    }

    /// The value of the `Allow` header.
    pub fn allow(&self) -> String {
        let methods: Vec<_> = self
            .methods
            .iter()
            .map(|(method, _)| method.as_str())
            .collect();
        methods.join(", ")
    }
}

impl Route {
    /// The shape of this path.
    pub fn shape(&self) -> &'static Shape {
        match self {
            Self::Base => &BASE,
            Self::Catalog => &CATALOG,
            Self::Tags(_) => &TAGS,
            Self::Manifest(..) => &MANIFEST,
            Self::Blob(..) => &BLOB,
            Self::Uploads(_) => &UPLOADS,
            Self::Upload(..) => &UPLOAD,
            Self::Referrers(..) => &REFERRERS,
        }
    }

    /// The repository that it is about.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Base | Self::Catalog => None,
            Self::Tags(name)
            | Self::Manifest(name, _)
            | Self::Blob(name, _)
            | Self::Uploads(name)
            | Self::Upload(name, _)
            | Self::Referrers(name, _) => Some(name),
        }
    }

    /// Reads a request's whole path.
    ///
    /// # Errors
    /// The rejection says what is wrong with the text; it depends on nothing but the text.
    pub fn parse(path: &str) -> Result<Self, Rejection> {
        if path.len() > PATH_MAX_BYTES {
            return Err(Rejection::NameInvalid(format!(
                "the path is longer than {PATH_MAX_BYTES} bytes"
            )));
        }
        let path = decoded(path)?;
        let unknown = || Rejection::RepositoryUnknown(path.clone().into_owned());
        let rest = match path.strip_prefix("/v2").ok_or_else(unknown)? {
            "" | "/" => return Ok(Self::Base),
            "/_catalog" => return Ok(Self::Catalog),
            rest => rest.strip_prefix('/').ok_or_else(unknown)?,
        };
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Ok(Self::Tags(repository(name)?));
        }
        if let Some(name) = rest
            .strip_suffix("/blobs/uploads")
            .or_else(|| rest.strip_suffix("/blobs/uploads/"))
        {
            return Ok(Self::Uploads(repository(name)?));
        }
        let (front, last) = rest.rsplit_once('/').ok_or_else(unknown)?;
        if let Some(name) = front.strip_suffix("/manifests") {
            let name = repository(name)?;
            return reference(&name, last).map(|reference| Self::Manifest(name, reference));
        }
        if let Some(name) = front.strip_suffix("/blobs/uploads") {
            let name = repository(name)?;
            let id = last
                .parse()
                .map_err(|_| Rejection::UploadUnknown(last.chars().take(60).collect()))?;
            return Ok(Self::Upload(name, id));
        }
        if let Some(name) = front.strip_suffix("/blobs") {
            return Ok(Self::Blob(repository(name)?, digest(last)?));
        }
        if let Some(name) = front.strip_suffix("/referrers") {
            return Ok(Self::Referrers(repository(name)?, digest(last)?));
        }
        Err(unknown())
    }
}

fn repository(text: &str) -> Result<RepositoryName, Rejection> {
    text.parse()
        .map_err(|error: refloat_oci::NameError| Rejection::NameInvalid(error.to_string()))
}

fn digest(text: &str) -> Result<Digest, Rejection> {
    text.parse()
        .map_err(|error: refloat_oci::DigestError| Rejection::DigestInvalid(error.to_string()))
}

/// A text with a colon can be a digest only. One that is neither tag nor digest names no manifest.
fn reference(name: &RepositoryName, text: &str) -> Result<TagOrDigest, Rejection> {
    if text.contains(':') {
        return digest(text).map(TagOrDigest::Digest);
    }
    let unknown = |_| Rejection::ManifestUnknown {
        repository: name.to_string(),
        reference: text.chars().take(200).collect(),
    };
    text.parse().map(TagOrDigest::Tag).map_err(unknown)
}

/// Undoes percent-encoding, which some clients apply to the colon of a digest. An encoded slash is refused: whoever
/// stands in front of this server would read another path.
fn decoded(path: &str) -> Result<Cow<'_, str>, Rejection> {
    if !path.contains('%') {
        return Ok(Cow::Borrowed(path));
    }
    let wrong = || Rejection::NameInvalid("the path's percent-encoding cannot be read".to_owned());
    let bytes = crate::query::percent_decoded(path.as_bytes()).ok_or_else(wrong)?;
    let text = String::from_utf8(bytes).map_err(|_| wrong())?;
    if text.matches('/').count() != path.matches('/').count() {
        return Err(wrong());
    }
    Ok(Cow::Owned(text))
}

#[cfg(test)]
mod tests;
