//! Three kinds of wrong: a [`Rejection`] is the caller's, a [`Failure`] the world's, and a bug is an assertion.
//!
//! A rejection says to its caller no more than the caller may know. `faces/http` alone turns it into a wire code.

use refloat_oci::{Digest, RepositoryName};

/// Why a request was not carried out, as its caller may know it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nobody is signed in, or with wrong credentials.
    #[error("authentication required")]
    Unauthenticated,
    /// Signed in and allowed to see the thing, but not to do this.
    #[error("not permitted: {0}")]
    Denied(String),
    /// There is no such repository, or it may not be known.
    #[error("repository `{0}` is not known")]
    RepositoryUnknown(String),
    /// There is no such manifest or tag in the repository.
    #[error("manifest `{reference}` is not known in `{repository}`")]
    ManifestUnknown {
        /// The repository.
        repository: String,
        /// The tag or digest asked for.
        reference: String,
    },
    /// There is no such blob in the repository.
    #[error("blob `{digest}` is not known in `{repository}`")]
    BlobUnknown {
        /// The repository.
        repository: String,
        /// The digest asked for.
        digest: String,
    },
    /// A manifest names blobs or children that the repository does not have.
    #[error("the manifest names {} that `{repository}` does not have: push it first", .missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    ManifestReferencesUnknown {
        /// The repository.
        repository: RepositoryName,
        /// What is missing, at most the first ten.
        missing: Vec<Digest>,
    },
    /// The manifest's bytes are not what they claim to be.
    #[error("manifest invalid: {0}")]
    ManifestInvalid(String),
    /// A repository name, tag or pattern that cannot be.
    #[error("{0}")]
    NameInvalid(String),
    /// A digest that cannot be, or that the bytes do not have.
    #[error("{0}")]
    DigestInvalid(String),
    /// A length that does not fit the bytes.
    #[error("{0}")]
    SizeInvalid(String),
    /// There is no such upload for this caller.
    #[error("upload `{0}` is not known; start a new one")]
    UploadUnknown(String),
    /// The upload cannot go on as asked.
    #[error("{0}")]
    UploadInvalid(String),
    /// A range that does not continue the upload, or lies outside the blob.
    #[error("{reason}")]
    RangeInvalid {
        /// What is wrong.
        reason: String,
        /// How many bytes there are.
        length: u64,
    },
    /// Too many bytes.
    #[error("{what} is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The thing.
        what: &'static str,
        /// Its cap.
        limit_bytes: u64,
    },
    /// Something is still used by something else.
    #[error("{0}")]
    InUse(String),
    /// A rule or lock forbids the change, whoever asks.
    #[error("{0}")]
    Immutable(String),
    /// The thing changed meanwhile, or exists already.
    #[error("{0}")]
    Conflict(String),
    /// A thing of the API that does not exist or may not be known: `user`, `project`, `document`..
    #[error("{kind} `{name}` is not known")]
    NotFound {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A request that is not well formed.
    #[error("{0}")]
    Invalid(String),
    /// A thing that is not built, refused by name.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// Too many requests or too much work in progress; try again later.
    #[error("too many requests: {0}")]
    TooMany(String),
}

impl Rejection {
    /// The stable code of the JSON error on `/api/v1` and of the command line.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthorized",
            Self::Denied(_) => "denied",
            Self::RepositoryUnknown(_) => "repository_unknown",
            Self::ManifestUnknown { .. } => "manifest_unknown",
            Self::BlobUnknown { .. } => "blob_unknown",
            Self::ManifestReferencesUnknown { .. } => "manifest_blob_unknown",
            Self::ManifestInvalid(_) => "manifest_invalid",
            Self::NameInvalid(_) => "name_invalid",
            Self::DigestInvalid(_) => "digest_invalid",
            Self::SizeInvalid(_) => "size_invalid",
            Self::UploadUnknown(_) => "upload_unknown",
            Self::UploadInvalid(_) => "upload_invalid",
            Self::RangeInvalid { .. } => "range_invalid",
            Self::TooLarge { .. } => "too_large",
            Self::InUse(_) => "in_use",
            Self::Immutable(_) => "immutable",
            Self::Conflict(_) => "conflict",
            Self::NotFound { .. } => "not_found",
            Self::Invalid(_) => "invalid",
            Self::Unsupported(_) => "unsupported",
            Self::TooMany(_) => "too_many",
        }
    }
}

/// What the world did not comply with, by consequence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It may work later: a busy database, a peer that does not answer.
    #[error("{0}; try again")]
    Transient(String),
    /// There is no room; reads go on, writes work again when there is.
    #[error("no space left: {0}")]
    Full(String),
    /// Stored bytes are missing or damaged.
    #[error("damaged: {0}")]
    Damaged(String),
    /// It will not work until a person acts.
    #[error("{0}")]
    Terminal(String),
}
