//! `/v2/NAME/blobs/uploads/`: blobs come in, in one request or many.

use crate::face::{Asking, CONTENT_DIGEST, Face, empty, set};
use crate::query::{Plus, Query};
use axum::body::{Body, HttpBody as _};
use axum::response::Response;
use http::header::{CONTENT_RANGE, HeaderName, LOCATION, RANGE};
use http::{HeaderMap, Method, StatusCode};
use refloat_core::{Rejection, UploadId};
use refloat_flow::{BeginUpload, Begun, ContentRange, FlowError, Mount, UploadStatus};
use refloat_http::{body, wire};
use refloat_oci::{Digest, RepositoryName};

const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

impl Face {
    /// `POST`: begin an upload, mount a blob, or take a whole one.
    pub(crate) async fn begin_upload(
        &self,
        repository: &RepositoryName,
        asking: Asking,
    ) -> Result<Response, FlowError> {
        let query = Query::parse(&asking.query, Plus::Itself)?;
        let mount = mount(&query);
        if let (Some(digest), None) = (query.get("digest"), &mount) {
            let digest = parsed(digest)?;
            let length = asking.body.size_hint().exact();
            let stream = body::incoming(asking.body);
            let digest = self
                .registry
                .put_blob(&asking.caller, repository, length, stream, digest)
                .await?;
            return Ok(self.created(repository, &digest));
        }
        let algorithm = query.get("digest-algorithm").map(str::parse).transpose();
        let algorithm = algorithm.map_err(|error: refloat_oci::DigestError| {
            Rejection::DigestInvalid(error.to_string())
        })?;
        match self
            .registry
            .begin_upload(&asking.caller, repository, BeginUpload { mount, algorithm })
            .await?
        {
            Begun::Mounted(digest) => Ok(self.created(repository, &digest)),
            Begun::Started(status) => Ok(self.progress(StatusCode::ACCEPTED, repository, &status)),
        }
    }

    /// `PATCH`, `PUT`, `GET`, `DELETE` of one upload.
    pub(crate) async fn upload(
        &self,
        repository: &RepositoryName,
        id: &UploadId,
        asking: Asking,
    ) -> Result<Response, FlowError> {
        match asking.method {
            Method::DELETE => {
                self.registry
                    .cancel_upload(&asking.caller, repository, id)
                    .await?;
                Ok(empty(StatusCode::NO_CONTENT))
            }
            Method::GET => {
                let status = self
                    .registry
                    .upload_status(&asking.caller, repository, id)
                    .await?;
                Ok(self.progress(StatusCode::NO_CONTENT, repository, &status))
            }
            _ => {
                let received = Box::pin(self.receive(repository, id, asking)).await;
                received.or_else(|error| self.out_of_order(repository, id, error))
            }
        }
    }

    /// Bytes for an upload: `PATCH` adds them, `PUT` adds them and ends it.
    async fn receive(
        &self,
        repository: &RepositoryName,
        id: &UploadId,
        asking: Asking,
    ) -> Result<Response, FlowError> {
        let Some(range) = content_range(&asking.headers) else {
            let status = self
                .registry
                .upload_status(&asking.caller, repository, id)
                .await?;
            let reason = "the Content-Range is not of the form FIRST-LAST".to_owned();
            return Err(Rejection::RangeInvalid {
                reason,
                length: status.received,
            }
            .into());
        };
        if asking.method == Method::PATCH {
            let (length, stream) = taken(asking.body);
            let status = self
                .registry
                .append_upload(&asking.caller, repository, id, range, length, stream)
                .await?;
            return Ok(self.progress(StatusCode::ACCEPTED, repository, &status));
        }
        let query = Query::parse(&asking.query, Plus::Itself)?;
        let missing = || {
            Rejection::DigestInvalid("the digest of the blob is missing: add ?digest=".to_owned())
        };
        let digest = parsed(query.get("digest").ok_or_else(missing)?)?;
        let (length, stream) = taken(asking.body);
        // Boxed: it holds the whole path of a body.
        let digest = Box::pin(self.registry.finish_upload(
            &asking.caller,
            repository,
            id,
            range,
            length,
            stream,
            digest,
        ))
        .await?;
        Ok(self.created(repository, &digest))
    }

    /// A 416 of an upload says where to go on.
    fn out_of_order(
        &self,
        repository: &RepositoryName,
        id: &UploadId,
        error: FlowError,
    ) -> Result<Response, FlowError> {
        let FlowError::Rejected(Rejection::RangeInvalid { length, .. }) = &error else {
            return Err(error);
        };
        let status = UploadStatus {
            id: id.clone(),
            received: *length,
        };
        let mut response = wire::registry_error(&error, None);
        response.headers_mut().remove(CONTENT_RANGE);
        self.set_progress(response.headers_mut(), repository, &status);
        Ok(response)
    }

    fn progress(
        &self,
        code: StatusCode,
        repository: &RepositoryName,
        status: &UploadStatus,
    ) -> Response {
        let mut response = empty(code);
        self.set_progress(response.headers_mut(), repository, status);
        response
    }

    fn set_progress(
        &self,
        headers: &mut HeaderMap,
        repository: &RepositoryName,
        status: &UploadStatus,
    ) {
        set(headers, LOCATION, self.links.upload(repository, &status.id));
        // Both ends are inclusive, so an upload without bytes and one of a single byte look the same.
        set(
            headers,
            RANGE,
            format!("0-{}", status.received.saturating_sub(1)),
        );
        set(headers, UPLOAD_ID, status.id.as_str());
    }

    fn created(&self, repository: &RepositoryName, digest: &Digest) -> Response {
        let mut response = empty(StatusCode::CREATED);
        let headers = response.headers_mut();
        set(headers, LOCATION, self.links.blob(repository, digest));
        set(headers, CONTENT_DIGEST, digest.to_string());
        response
    }
}

fn taken(body: Body) -> (Option<u64>, refloat_flow::ByteStream) {
    (body.size_hint().exact(), body::incoming(body))
}

fn parsed(digest: &str) -> Result<Digest, Rejection> {
    digest
        .parse()
        .map_err(|error: refloat_oci::DigestError| Rejection::DigestInvalid(error.to_string()))
}

/// What is to be mounted. A mount that cannot be read is an ordinary upload, as the specification wants it.
fn mount(query: &Query<'_>) -> Option<Mount> {
    let digest = query.get("mount")?.parse().ok()?;
    let from = query.get("from").and_then(|from| from.parse().ok());
    Some(Mount { digest, from })
}

/// `FIRST-LAST`, or with `bytes ` before and `/..` after it, as some clients write it. `None` if it is there and cannot
/// be read.
#[expect(
    clippy::option_option,
    reason = "absent and unreadable are answered differently"
)]
fn content_range(headers: &HeaderMap) -> Option<Option<ContentRange>> {
    let Some(value) = headers.get(CONTENT_RANGE) else {
        return Some(None);
    };
    let text = value.to_str().ok()?.trim();
    let text = text
        .strip_prefix("bytes ")
        .or_else(|| text.strip_prefix("bytes="))
        .unwrap_or(text);
    let text = text.split('/').next()?;
    let (first, last) = text.split_once('-')?;
    let number = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())
            .flatten()
    };
    let (first, last): (u64, u64) = (number(first)?, number(last)?);
    (first <= last).then_some(Some(ContentRange { first, last }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read_as_clients_write_them() {
        let range = |first, last| Some(Some(ContentRange { first, last }));
        let cases = [
            ("0-9", range(0, 9)),
            ("bytes 10-19/*", range(10, 19)),
            ("bytes=10-19/20", range(10, 19)),
            ("9-0", None),
            ("-9", None),
            ("9-", None),
            ("bytes */20", None),
            ("x", None),
            ("0-99999999999999999999999", None),
        ];
        for (text, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_RANGE, text.parse().expect("a value"));
            assert_eq!(content_range(&headers), expected, "{text}");
        }
        assert_eq!(content_range(&HeaderMap::new()), Some(None));
    }

    #[test]
    fn a_mount_that_cannot_be_read_is_an_upload() {
        let digest = Digest::sha256(b"");
        let text = format!("mount={digest}&from=apps/web");
        let query = Query::parse(&text, Plus::Itself).expect("a query");
        assert_eq!(
            mount(&query)
                .and_then(|mount| mount.from)
                .map(|from| from.to_string()),
            Some("apps/web".to_owned())
        );
        for text in ["mount=x&from=apps/web", "from=apps/web", ""] {
            assert_eq!(
                mount(&Query::parse(text, Plus::Itself).expect("a query")),
                None,
                "{text}"
            );
        }
    }
}
