//! Uploads: in one piece, or in chunks where the blob is so large that a broken connection would cost much.

use crate::remote::Remote;
use crate::session::{Ask, Scope};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use refloat_oci::{Digest, RepositoryName};
use refloat_ports::{ByteStream, ImagesError, verified};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Body, Method, StatusCode, Url};
use std::sync::{Arc, Mutex, PoisonError};

/// Larger blobs are sent in chunks.
const ONE_PIECE_MAX_BYTES: u64 = 256 * 1024 * 1024;
/// The length of a chunk.
const CHUNK_BYTES: usize = 16 * 1024 * 1024;
/// How often a chunk is sent.
const CHUNK_TRIES: usize = 3;

impl Remote {
    pub(crate) async fn upload(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        size: u64,
        stream: ByteStream,
    ) -> Result<(), ImagesError> {
        let scope = Scope::push(repository.as_str());
        let path = format!("{repository}/blobs/uploads/");
        let response = self
            .session
            .send(Ask::new(Method::POST, &path, &scope))
            .await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.session.refusal(&path, response).await);
        }
        let location = self.session.location(&response).await?;
        let stream = verified(stream, *digest, size);
        if size > ONE_PIECE_MAX_BYTES {
            return self.in_chunks(&scope, location, digest, stream).await;
        }
        self.in_one_piece(&scope, location, digest, size, stream)
            .await
    }

    async fn in_one_piece(
        &self,
        scope: &Scope,
        location: Url,
        digest: &Digest,
        size: u64,
        stream: ByteStream,
    ) -> Result<(), ImagesError> {
        let mut headers = octets();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
        // The source's own error says more than the client's "body broke off".
        let cause: Arc<Mutex<Option<ImagesError>>> = Arc::default();
        let noted = Arc::clone(&cause);
        let named = *digest;
        let body = stream.map(move |frame| {
            frame.inspect_err(|error| {
                let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
                *noted = Some(source_error(&named, error));
            })
        });
        let url = closing(location, digest);
        let sent = self
            .session
            .send_to(Method::PUT, &url, scope, headers, Body::wrap_stream(body))
            .await;
        if let Some(cause) = cause.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(cause);
        }
        self.stored(digest, sent?).await
    }

    async fn in_chunks(
        &self,
        scope: &Scope,
        mut location: Url,
        digest: &Digest,
        mut stream: ByteStream,
    ) -> Result<(), ImagesError> {
        let mut offset = 0;
        let mut rest = BytesMut::new();
        loop {
            let next = stream.next().await.transpose();
            let next = next.map_err(|error| source_error(digest, &error))?;
            let ended = next.is_none();
            rest.extend_from_slice(&next.unwrap_or_default());
            while rest.len() >= CHUNK_BYTES || (ended && !rest.is_empty()) {
                let chunk = rest.split_to(rest.len().min(CHUNK_BYTES)).freeze();
                let length = chunk.len() as u64;
                location = self.chunk(scope, location, offset, chunk).await?;
                offset += length;
            }
            if ended {
                break;
            }
        }
        let mut headers = octets();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        let url = closing(location, digest);
        let sent = self
            .session
            .send_to(Method::PUT, &url, scope, headers, Body::default())
            .await?;
        self.stored(digest, sent).await
    }

    /// Sends one chunk, again if the connection broke; where to go on.
    async fn chunk(
        &self,
        scope: &Scope,
        location: Url,
        offset: u64,
        chunk: Bytes,
    ) -> Result<Url, ImagesError> {
        let mut headers = octets();
        let range = format!("{offset}-{}", offset + chunk.len() as u64 - 1);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(chunk.len()));
        if let Ok(range) = HeaderValue::from_str(&range) {
            headers.insert(CONTENT_RANGE, range);
        }
        let mut tries = 1;
        loop {
            let body = Body::from(chunk.clone());
            let sent = self
                .session
                .send_to(Method::PATCH, &location, scope, headers.clone(), body)
                .await;
            match sent {
                Ok(response) if response.status().is_success() => {
                    return self.session.location(&response).await;
                }
                Ok(response) => {
                    return Err(self.session.refusal("a part of a blob", response).await);
                }
                Err(error) if tries == CHUNK_TRIES => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }

    async fn stored(
        &self,
        digest: &Digest,
        response: reqwest::Response,
    ) -> Result<(), ImagesError> {
        if response.status().is_success() {
            return Ok(());
        }
        let what = format!("blob {digest}");
        Err(self.session.refusal(&what, response).await)
    }
}

fn octets() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("application/octet-stream");
    headers.insert(CONTENT_TYPE, kind);
    headers
}

/// The upload's address with the digest that ends it.
fn closing(mut location: Url, digest: &Digest) -> Url {
    location
        .query_pairs_mut()
        .append_pair("digest", &digest.to_string());
    location
}

fn source_error(digest: &Digest, error: &std::io::Error) -> ImagesError {
    match error.kind() {
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => {
            ImagesError::Damaged(format!("blob {error}"))
        }
        _ => ImagesError::Failed(refloat_core::Failure::Transient(format!(
            "blob {digest}: {error}"
        ))),
    }
}
