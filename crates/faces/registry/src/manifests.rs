//! `/v2/NAME/manifests/REFERENCE`: the bytes of manifests, in and out, as they are.

use crate::face::{Asking, Face, empty, is_known, set, set_digest};
use crate::query::{Plus, Query};
use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION, WARNING};
use http::{HeaderValue, Method, StatusCode};
use refloat_core::Rejection;
use refloat_flow::{FlowError, PutManifest};
use refloat_http::body;
use refloat_oci::reference::TagOrDigest;
use refloat_oci::{RepositoryName, TagName};

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const TAG: HeaderName = HeaderName::from_static("oci-tag");
/// The most tags of one push by digest; the specification asks for at least 10.
const TAGS_MAX: usize = 100;

impl Face {
    pub(crate) async fn manifest(
        &self,
        repository: &RepositoryName,
        reference: &TagOrDigest,
        asking: Asking,
    ) -> Result<Response, FlowError> {
        match asking.method {
            Method::PUT => Box::pin(self.put_manifest(repository, reference, asking)).await,
            Method::DELETE => {
                self.registry
                    .delete_manifest(&asking.caller, repository, reference)
                    .await?;
                Ok(empty(StatusCode::ACCEPTED))
            }
            _ => self.get_manifest(repository, reference, asking).await,
        }
    }

    /// GET and HEAD. `Accept` chooses nothing: a digest stands for its bytes, so there is nothing to choose from.
    async fn get_manifest(
        &self,
        repository: &RepositoryName,
        reference: &TagOrDigest,
        asking: Asking,
    ) -> Result<Response, FlowError> {
        let manifest = self
            .registry
            .get_manifest(&asking.caller, repository, reference)
            .await?;
        if is_known(&asking.headers, &manifest.digest) {
            let mut response = empty(StatusCode::NOT_MODIFIED);
            set_digest(response.headers_mut(), &manifest.digest);
            return Ok(response);
        }
        let length = manifest.bytes.len();
        let body = if asking.method == Method::HEAD {
            Body::empty()
        } else {
            Body::from(manifest.bytes)
        };
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        set_digest(headers, &manifest.digest);
        headers.insert(CONTENT_LENGTH, length.into());
        if let Ok(media_type) = HeaderValue::from_str(&manifest.media_type) {
            headers.insert(CONTENT_TYPE, media_type);
        }
        Ok(response)
    }

    async fn put_manifest(
        &self,
        repository: &RepositoryName,
        reference: &TagOrDigest,
        asking: Asking,
    ) -> Result<Response, FlowError> {
        let bytes_max =
            usize::try_from(self.registry.limits().manifest_bytes_max).unwrap_or(usize::MAX);
        let put = PutManifest {
            reference: reference.clone(),
            tags: tags(&asking.query)?,
            content_type: media_type(&asking),
            bytes: body::whole(asking.body, "the manifest", bytes_max).await?,
        };
        let done = self
            .registry
            .put_manifest(&asking.caller, repository, put)
            .await?;
        let mut response = empty(StatusCode::CREATED);
        let headers = response.headers_mut();
        set_digest(headers, &done.digest);
        set(
            headers,
            LOCATION,
            self.links.manifest(repository, &done.digest),
        );
        if let Some(subject) = done.subject {
            set(headers, SUBJECT, subject.to_string());
        }
        for tag in &done.tags {
            if let Ok(value) = HeaderValue::from_str(tag.as_str()) {
                headers.append(TAG, value);
            }
        }
        if done.quarantined {
            headers.insert(WARNING, HeaderValue::from_static("299 - \"quarantined\""));
        }
        Ok(response)
    }
}

/// The `?tag=` parameters of a push.
fn tags(query: &str) -> Result<Vec<TagName>, Rejection> {
    let query = Query::parse(query, Plus::Itself)?;
    let tags: Result<Vec<TagName>, _> = query
        .all("tag")
        .take(TAGS_MAX + 1)
        .map(str::parse)
        .collect();
    let tags =
        tags.map_err(|error: refloat_oci::NameError| Rejection::Invalid(error.to_string()))?;
    if tags.len() > TAGS_MAX {
        return Err(Rejection::Invalid(format!(
            "one push moves at most {TAGS_MAX} tags"
        )));
    }
    Ok(tags)
}

/// The media type without its parameters.
fn media_type(asking: &Asking) -> Option<String> {
    let value = asking.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let plain = value.split(';').next().unwrap_or("").trim();
    (!plain.is_empty()).then(|| plain.to_owned())
}
