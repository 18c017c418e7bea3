//! `/v2/NAME/blobs/DIGEST`: blobs go out, whole or in part.

use crate::face::{Asking, Face, empty, is_known, set, set_digest};
use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use refloat_core::Rejection;
use refloat_flow::{ByteRange, FlowError};
use refloat_http::body;
use refloat_oci::{Digest, RepositoryName};

/// What a `Range` header asks for (RFC 9110, section 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Everything: there is no range, or one that this server may ignore, as several ranges at once.
    Whole,
    /// One part.
    Part(ByteRange),
    /// A part that no blob has.
    Impossible,
}

impl Face {
    pub(crate) async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        asking: Asking,
    ) -> Result<Response, FlowError> {
        match asking.method {
            Method::DELETE => {
                self.registry
                    .delete_blob(&asking.caller, repository, digest)
                    .await?;
                Ok(empty(StatusCode::ACCEPTED))
            }
            Method::HEAD => {
                let info = self
                    .registry
                    .head_blob(&asking.caller, repository, digest)
                    .await?;
                Ok(answer(
                    StatusCode::OK,
                    &info.digest,
                    info.size,
                    Body::empty(),
                ))
            }
            _ => self.get_blob(repository, digest, asking).await,
        }
    }

    async fn get_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        asking: Asking,
    ) -> Result<Response, FlowError> {
        let range = match wanted(&asking.headers, digest) {
            Wanted::Whole => None,
            Wanted::Part(range) => Some(range),
            Wanted::Impossible => {
                let info = self
                    .registry
                    .head_blob(&asking.caller, repository, digest)
                    .await?;
                let reason = "the range ends before it begins".to_owned();
                return Err(Rejection::RangeInvalid {
                    reason,
                    length: info.size,
                }
                .into());
            }
        };
        if asking.headers.contains_key(IF_NONE_MATCH) && is_known(&asking.headers, digest) {
            let info = self
                .registry
                .head_blob(&asking.caller, repository, digest)
                .await?;
            let mut response = empty(StatusCode::NOT_MODIFIED);
            set_digest(response.headers_mut(), &info.digest);
            return Ok(response);
        }
        let blob = self
            .registry
            .open_blob(&asking.caller, repository, digest, range)
            .await?;
        let stream = body::sized(blob.stream, blob.length);
        if range.is_none() {
            return Ok(answer(StatusCode::OK, &blob.digest, blob.length, stream));
        }
        let mut response = answer(
            StatusCode::PARTIAL_CONTENT,
            &blob.digest,
            blob.length,
            stream,
        );
        let last = (blob.first + blob.length).saturating_sub(1);
        set(
            response.headers_mut(),
            CONTENT_RANGE,
            format!("bytes {}-{last}/{}", blob.first, blob.size),
        );
        Ok(response)
    }
}

fn answer(status: StatusCode, digest: &Digest, length: u64, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    set_digest(headers, digest);
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

fn wanted(headers: &HeaderMap, digest: &Digest) -> Wanted {
    let Some(range) = headers.get(RANGE).and_then(|value| value.to_str().ok()) else {
        return Wanted::Whole;
    };
    // The part of another version is not wanted; a blob has one version for ever.
    let other = |value: &HeaderValue| value.as_bytes() != format!("\"{digest}\"").as_bytes();
    if headers.get(IF_RANGE).is_some_and(other) {
        return Wanted::Whole;
    }
    range.strip_prefix("bytes=").map_or(Wanted::Whole, part)
}

fn part(range: &str) -> Wanted {
    let number = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse::<u64>().ok())
            .flatten()
    };
    let Some((first, last)) = range.trim().split_once('-') else {
        return Wanted::Whole;
    };
    match (first.is_empty(), last.is_empty()) {
        (true, true) => Wanted::Whole,
        (true, false) => number(last).map_or(Wanted::Whole, |length| {
            Wanted::Part(ByteRange::Suffix(length))
        }),
        (false, true) => number(first).map_or(Wanted::Whole, |first| {
            Wanted::Part(ByteRange::From { first, last: None })
        }),
        (false, false) => match (number(first), number(last)) {
            (Some(first), Some(last)) if last < first => Wanted::Impossible,
            (Some(first), Some(last)) => Wanted::Part(ByteRange::From {
                first,
                last: Some(last),
            }),
            _ => Wanted::Whole,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_clients_write_them() {
        let from = |first, last| Wanted::Part(ByteRange::From { first, last });
        let cases = [
            ("bytes=500-1499", from(500, Some(1499))),
            ("bytes=500-", from(500, None)),
            ("bytes=-500", Wanted::Part(ByteRange::Suffix(500))),
            ("bytes=500-0", Wanted::Impossible),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("lines=1-2", Wanted::Whole),
            ("", Wanted::Whole),
        ];
        let digest = Digest::sha256(b"");
        for (text, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, text.parse().expect("a value"));
            assert_eq!(wanted(&headers, &digest), expected, "{text}");
            headers.insert(IF_RANGE, "\"another\"".parse().expect("a value"));
            assert_eq!(wanted(&headers, &digest), Wanted::Whole, "{text}");
        }
    }
}
