//! A registry as a place of images, and the registries a process speaks to.

use crate::credentials::CredentialSource;
use crate::limits::RateLimit;
use crate::session::Session;
use bytes::Bytes;
use refloat_core::Failure;
use refloat_oci::{Descriptor, Digest, RegistryHost, RepositoryName, TagName, TagOrDigest};
use refloat_ports::{BlobRead, ByteStream, ImageManifest, Images, ImagesError, ImagesResult};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long an answer or a body may bring nothing.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// A registry.
pub struct Remote {
    pub(crate) session: Session,
}

impl Remote {
    /// A registry; nothing is asked of it yet.
    pub fn new(host: RegistryHost, http: reqwest::Client, credentials: CredentialSource) -> Self {
        Self {
            session: Session::new(host, http, credentials),
        }
    }

    /// Its host, as references write it.
    pub fn host(&self) -> &RegistryHost {
        &self.session.host
    }

    /// What its last answer said of its limits; `None` if it never said anything.
    pub fn rate_limit(&self) -> Option<RateLimit> {
        self.session.limits()
    }
}

/// The registries that a process speaks to: one [`Remote`] per host, so that tokens and connections are shared.
pub struct Remotes {
    http: reqwest::Client,
    credentials: CredentialSource,
    known: Mutex<BTreeMap<RegistryHost, Arc<Remote>>>,
}

impl Remotes {
    /// No registry yet.
    ///
    /// # Errors
    /// [`Failure::Terminal`] if the system has no certificates to trust.
    pub fn new(credentials: CredentialSource) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_MAX)
            .read_timeout(SILENCE_MAX)
            .user_agent(concat!("refloat/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                let cause = crate::answer::root_cause(&error);
                Failure::Terminal(format!(
                    "no HTTP client: {cause}; check the system's certificates"
                ))
            })?;
        Ok(Self {
            http,
            credentials,
            known: Mutex::new(BTreeMap::new()),
        })
    }

    /// The registry of a host.
    pub fn of(&self, host: &RegistryHost) -> Arc<Remote> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let remote = known.entry(host.clone()).or_insert_with(|| {
            let (http, credentials) = (self.http.clone(), self.credentials.clone());
            Arc::new(Remote::new(host.clone(), http, credentials))
        });
        Arc::clone(remote)
    }

    /// Forgets what is known of a host, its credential included: it has changed.
    pub fn forget(&self, host: &RegistryHost) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(host);
    }
}

impl Images for Remote {
    fn resolve<'a>(
        &'a self,
        repository: &'a RepositoryName,
        target: &'a TagOrDigest,
    ) -> ImagesResult<'a, Option<Descriptor>> {
        Box::pin(self.head_manifest(repository, target))
    }

    fn manifest<'a>(
        &'a self,
        repository: &'a RepositoryName,
        target: &'a TagOrDigest,
    ) -> ImagesResult<'a, Option<ImageManifest>> {
        Box::pin(self.get_manifest(repository, target))
    }

    fn blob<'a>(
        &'a self,
        repository: &'a RepositoryName,
        digest: &'a Digest,
    ) -> ImagesResult<'a, Option<BlobRead>> {
        Box::pin(self.get_blob(repository, digest))
    }

    fn mount<'a>(
        &'a self,
        repository: &'a RepositoryName,
        digest: &'a Digest,
        from: Option<&'a RepositoryName>,
    ) -> ImagesResult<'a, bool> {
        Box::pin(self.mount_blob(repository, digest, from))
    }

    fn put_blob<'a>(
        &'a self,
        repository: &'a RepositoryName,
        digest: &'a Digest,
        size: u64,
        stream: ByteStream,
    ) -> ImagesResult<'a, ()> {
        Box::pin(self.upload(repository, digest, size, stream))
    }

    fn put_manifest<'a>(
        &'a self,
        repository: &'a RepositoryName,
        target: &'a TagOrDigest,
        media_type: &'a str,
        bytes: Bytes,
    ) -> ImagesResult<'a, Digest> {
        Box::pin(self.send_manifest(repository, target, media_type, bytes))
    }

    fn tags<'a>(
        &'a self,
        repository: &'a RepositoryName,
        after: Option<&'a TagName>,
        limit: usize,
    ) -> ImagesResult<'a, Vec<TagName>> {
        Box::pin(self.list_tags(repository, after, limit))
    }
}

/// What was asked for, as people write it.
pub(crate) fn written(
    host: &RegistryHost,
    repository: &RepositoryName,
    target: &TagOrDigest,
) -> String {
    let mark = match target {
        TagOrDigest::Tag(_) => ':',
        TagOrDigest::Digest(_) => '@',
    };
    format!("{host}/{repository}{mark}{target}")
}

/// Bytes that are not what they claim.
pub(crate) fn damaged(what: &str, host: &RegistryHost) -> ImagesError {
    ImagesError::Damaged(format!("{what} from {host}"))
}
