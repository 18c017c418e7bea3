//! Manifests: asked for by tag or digest, checked against the digest, put with their bytes as they are.

use crate::answer::capped;
use crate::referrers;
use crate::remote::{Remote, damaged, written};
use crate::session::{Ask, Scope};
use bytes::Bytes;
use refloat_oci::manifest::MANIFEST_MAX_BYTES;
use refloat_oci::{
    Algorithm, Descriptor, Digest, ManifestView, RepositoryName, TagOrDigest, media_type,
};
use refloat_ports::{ImageManifest, ImagesError};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode};

/// The digest that a registry says its answer has.
const CONTENT_DIGEST: &str = "docker-content-digest";
/// Says that the registry took notice of the subject (distribution-spec 1.1).
const OCI_SUBJECT: &str = "oci-subject";

fn accept() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let all = media_type::MANIFESTS.join(", ");
    if let Ok(value) = HeaderValue::from_str(&all) {
        headers.insert(ACCEPT, value);
    }
    headers
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

impl Remote {
    pub(crate) async fn head_manifest(
        &self,
        repository: &RepositoryName,
        target: &TagOrDigest,
    ) -> Result<Option<Descriptor>, ImagesError> {
        let (path, scope) = place(repository, target);
        let mut ask = Ask::new(Method::HEAD, &path, &scope);
        ask.headers = accept();
        let response = self.session.send(ask).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::METHOD_NOT_ALLOWED => return self.by_reading(repository, target).await,
            _ => {
                return Err(self
                    .session
                    .refusal(&self.named(repository, target), response)
                    .await);
            }
        }
        let told = header(&response, CONTENT_DIGEST).and_then(|text| text.parse().ok());
        let digest = match (target, told) {
            (TagOrDigest::Digest(digest), _) => Some(*digest),
            (TagOrDigest::Tag(_), told) => told,
        };
        let size = header(&response, CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok());
        let kind = header(&response, CONTENT_TYPE.as_str()).map(media_type::essence);
        match (digest, size, kind) {
            (Some(digest), Some(size), Some(media_type))
                if media_type::is_manifest(&media_type) =>
            {
                Ok(Some(Descriptor {
                    media_type,
                    digest,
                    size,
                }))
            }
            // Some registries say less by HEAD than by GET.
            _ => self.by_reading(repository, target).await,
        }
    }

    async fn by_reading(
        &self,
        repository: &RepositoryName,
        target: &TagOrDigest,
    ) -> Result<Option<Descriptor>, ImagesError> {
        let read = self.get_manifest(repository, target).await?;
        Ok(read.map(|read| Descriptor {
            media_type: read.media_type,
            digest: read.digest,
            size: read.bytes.len() as u64,
        }))
    }

    pub(crate) async fn get_manifest(
        &self,
        repository: &RepositoryName,
        target: &TagOrDigest,
    ) -> Result<Option<ImageManifest>, ImagesError> {
        let (path, scope) = place(repository, target);
        let mut ask = Ask::new(Method::GET, &path, &scope);
        ask.headers = accept();
        let response = self.session.send(ask).await?;
        let what = self.named(repository, target);
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.session.refusal(&what, response).await),
        }
        let told: Option<Digest> =
            header(&response, CONTENT_DIGEST).and_then(|text| text.parse().ok());
        let kind = header(&response, CONTENT_TYPE.as_str()).map(media_type::essence);
        let body = capped(response, MANIFEST_MAX_BYTES).await;
        let body = body.map_err(|error| self.session.broken(&error))?;
        let Some(body) = body else {
            let text = format!("{what} is larger than {MANIFEST_MAX_BYTES} bytes");
            return Err(ImagesError::Unsupported(text));
        };
        let expected = match target {
            TagOrDigest::Digest(digest) => Some(*digest),
            TagOrDigest::Tag(_) => told,
        };
        let algorithm = expected.map_or(Algorithm::Sha256, |digest| digest.algorithm());
        let digest = Digest::of(algorithm, &body);
        if expected.is_some_and(|expected| expected != digest) {
            let text = format!("{what}, whose bytes have the digest {digest},");
            return Err(damaged(&text, self.host()));
        }
        let media_type = effective_type(kind.as_deref(), &body, &what)?;
        Ok(Some(ImageManifest {
            digest,
            media_type,
            bytes: body.into(),
        }))
    }

    pub(crate) async fn send_manifest(
        &self,
        repository: &RepositoryName,
        target: &TagOrDigest,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Digest, ImagesError> {
        let algorithm = match target {
            TagOrDigest::Digest(digest) => digest.algorithm(),
            TagOrDigest::Tag(_) => Algorithm::Sha256,
        };
        let digest = Digest::of(algorithm, &bytes);
        if matches!(target, TagOrDigest::Digest(wanted) if *wanted != digest) {
            let text = format!("the manifest put under {target} has the digest {digest}");
            return Err(ImagesError::Refused(text));
        }
        let response = self
            .put(repository, target, media_type, bytes.clone())
            .await?;
        let noticed = header(&response, OCI_SUBJECT).is_some();
        let told: Option<Digest> =
            header(&response, CONTENT_DIGEST).and_then(|text| text.parse().ok());
        if told.is_some_and(|told| told.algorithm() == algorithm && told != digest) {
            let text = format!(
                "{} is stored under another digest",
                self.named(repository, target)
            );
            return Err(damaged(&text, self.host()));
        }
        let subject = ManifestView::parse(&bytes, Some(media_type))
            .ok()
            .and_then(|view| view.subject);
        if let (Some(subject), false) = (subject, noticed) {
            let referrer = referrers::descriptor(&bytes, media_type, &digest);
            self.list_under_tag(repository, &subject.digest, &referrer)
                .await?;
        }
        Ok(digest)
    }

    /// Puts a manifest and nothing else.
    pub(crate) async fn put(
        &self,
        repository: &RepositoryName,
        target: &TagOrDigest,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Response, ImagesError> {
        let path = format!("{repository}/manifests/{target}");
        let scope = Scope::push(repository.as_str());
        let mut ask = Ask::new(Method::PUT, &path, &scope);
        let kind = HeaderValue::from_str(media_type)
            .map_err(|_| ImagesError::Refused(format!("`{media_type}` is no media type")))?;
        ask.headers.insert(CONTENT_TYPE, kind);
        ask.body = Some(bytes);
        let response = self.session.send(ask).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self
            .session
            .refusal(&self.named(repository, target), response)
            .await)
    }

    pub(crate) fn named(&self, repository: &RepositoryName, target: &TagOrDigest) -> String {
        written(self.host(), repository, target)
    }
}

fn place(repository: &RepositoryName, target: &TagOrDigest) -> (String, Scope) {
    let path = format!("{repository}/manifests/{target}");
    (path, Scope::pull(repository.as_str()))
}

/// The type of the header; where a registry sends a general one, what the bytes say.
fn effective_type(kind: Option<&str>, body: &[u8], what: &str) -> Result<String, ImagesError> {
    if let Some(kind) = kind {
        if media_type::is_schema1(kind) {
            let text =
                format!("{what} is in docker's manifest schema 1; push it with a current client");
            return Err(ImagesError::Unsupported(text));
        }
        if media_type::is_manifest(kind) {
            return Ok(kind.to_owned());
        }
    }
    ManifestView::parse(body, None)
        .map(|view| view.media_type)
        .map_err(|error| ImagesError::Damaged(format!("{what} is no manifest: {error}")))
}
