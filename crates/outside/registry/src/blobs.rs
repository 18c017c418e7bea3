//! Blobs: read with their digest checked, and mounted instead of sent.

use crate::remote::Remote;
use crate::session::{Ask, Scope};
use futures_util::StreamExt;
use refloat_oci::{Digest, RepositoryName};
use refloat_ports::{BlobRead, ByteStream, ImagesError, verified};
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, Method, Response, StatusCode};
use std::io;

impl Remote {
    pub(crate) async fn get_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<BlobRead>, ImagesError> {
        let path = format!("{repository}/blobs/{digest}");
        let scope = Scope::pull(repository.as_str());
        let response = self
            .session
            .send(Ask::new(Method::GET, &path, &scope))
            .await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.session.refusal(&path, response).await),
        }
        let size = match length(&response) {
            Some(size) => size,
            None => self
                .blob_size(repository, digest)
                .await?
                .ok_or_else(|| self.session.odd("does not say how long a blob is"))?,
        };
        let host = self.host().clone();
        let frames = response.bytes_stream().map(move |frame| {
            frame.map_err(|error| {
                let cause = crate::answer::root_cause(&error);
                io::Error::new(
                    io::ErrorKind::ConnectionAborted,
                    format!("{host} broke off: {cause}"),
                )
            })
        });
        let frames: ByteStream = Box::pin(frames);
        Ok(Some(BlobRead {
            size,
            stream: verified(frames, *digest, size),
        }))
    }

    pub(crate) async fn mount_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        from: Option<&RepositoryName>,
    ) -> Result<bool, ImagesError> {
        if self.blob_size(repository, digest).await?.is_some() {
            return Ok(true);
        }
        let Some(from) = from.filter(|from| *from != repository) else {
            return Ok(false);
        };
        let path = format!("{repository}/blobs/uploads/?mount={digest}&from={from}");
        let scope = Scope::mount(repository.as_str(), from.as_str());
        let response = self
            .session
            .send(Ask::new(Method::POST, &path, &scope))
            .await?;
        match response.status() {
            StatusCode::CREATED => Ok(true),
            StatusCode::ACCEPTED => {
                self.cancel(&response, &scope).await;
                Ok(false)
            }
            // Some registries refuse a mount that they will not do; the bytes can still be sent.
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(false),
            _ => Err(self.session.refusal(&path, response).await),
        }
    }

    /// The registry opened an upload instead of mounting. It ends by itself too, so this may fail.
    async fn cancel(&self, opened: &Response, scope: &Scope) {
        if let Ok(url) = self.session.location(opened).await {
            let (headers, body) = (reqwest::header::HeaderMap::new(), Body::default());
            let cancelled = self
                .session
                .send_to(Method::DELETE, &url, scope, headers, body);
            if let Err(error) = cancelled.await {
                tracing::debug!(%error, "an upload that was not wanted stays open");
            }
        }
    }

    async fn blob_size(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, ImagesError> {
        let path = format!("{repository}/blobs/{digest}");
        let scope = Scope::pull(repository.as_str());
        let response = self
            .session
            .send(Ask::new(Method::HEAD, &path, &scope))
            .await?;
        match response.status() {
            StatusCode::OK => Ok(Some(length(&response).unwrap_or(0))),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.session.refusal(&path, response).await),
        }
    }
}

fn length(response: &Response) -> Option<u64> {
    let text = response.headers().get(CONTENT_LENGTH)?.to_str().ok()?;
    text.parse().ok()
}
