//! Our own registry as a place of images: the use cases of `flow`, called in this process by the server itself.

use bytes::Bytes;
use refloat_core::{Failure, Rejection};
use refloat_flow::{BeginUpload, Begun, Caller, FlowError, Mount, Page, PutManifest, Registry};
use refloat_oci::{Descriptor, Digest, RepositoryName, TagName, TagOrDigest};
use refloat_ports::{BlobRead, ByteStream, ImageManifest, Images, ImagesError, ImagesResult};

/// Our own registry.
#[derive(Clone)]
pub struct OwnImages {
    registry: Registry,
    caller: Caller,
}

impl OwnImages {
    /// The registry as the server itself sees it, or as `caller` does; its causes stand in every record.
    pub fn new(registry: Registry, caller: Caller) -> Self {
        Self { registry, caller }
    }

    async fn found(
        &self,
        repository: &RepositoryName,
        target: &TagOrDigest,
    ) -> Result<Option<ImageManifest>, ImagesError> {
        let body = self
            .registry
            .get_manifest(&self.caller, repository, target)
            .await;
        Ok(absent(body)?.map(|body| ImageManifest {
            digest: body.digest,
            media_type: body.media_type.to_string(),
            bytes: body.bytes,
        }))
    }

    async fn has(&self, repository: &RepositoryName, digest: &Digest) -> Result<bool, ImagesError> {
        let info = self
            .registry
            .head_blob(&self.caller, repository, digest)
            .await;
        Ok(absent(info)?.is_some())
    }

    async fn take(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        from: Option<&RepositoryName>,
    ) -> Result<bool, ImagesError> {
        if self.has(repository, digest).await? {
            return Ok(true);
        }
        let Some(from) = from else { return Ok(false) };
        if !self.has(from, digest).await? {
            return Ok(false);
        }
        let begin = BeginUpload {
            mount: Some(Mount {
                digest: *digest,
                from: Some(from.clone()),
            }),
            algorithm: None,
        };
        let begun = self
            .registry
            .begin_upload(&self.caller, repository, begin)
            .await
            .map_err(failed)?;
        match begun {
            Begun::Mounted(_) => Ok(true),
            Begun::Started(upload) => {
                // It went meanwhile: nothing is left of the attempt.
                let _ = self
                    .registry
                    .cancel_upload(&self.caller, repository, &upload.id)
                    .await;
                Ok(false)
            }
        }
    }
}

/// What is not there or hidden is a definite absence.
fn absent<T>(result: Result<T, FlowError>) -> Result<Option<T>, ImagesError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(FlowError::Rejected(
            Rejection::ManifestUnknown { .. }
            | Rejection::BlobUnknown { .. }
            | Rejection::RepositoryUnknown(_),
        )) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: FlowError) -> ImagesError {
    match error {
        FlowError::Rejected(rejection) => ImagesError::Refused(rejection.to_string()),
        FlowError::Failed(Failure::Damaged(text)) => ImagesError::Damaged(text),
        FlowError::Failed(failure) => ImagesError::Failed(failure),
    }
}

impl Images for OwnImages {
    fn resolve<'a>(
        &'a self,
        repository: &'a RepositoryName,
        target: &'a TagOrDigest,
    ) -> ImagesResult<'a, Option<Descriptor>> {
        Box::pin(async move {
            let found = self.found(repository, target).await?;
            Ok(found.map(|manifest| Descriptor {
                media_type: manifest.media_type,
                digest: manifest.digest,
                size: manifest.bytes.len() as u64,
            }))
        })
    }

    fn manifest<'a>(
        &'a self,
        repository: &'a RepositoryName,
        target: &'a TagOrDigest,
    ) -> ImagesResult<'a, Option<ImageManifest>> {
        Box::pin(self.found(repository, target))
    }

    fn blob<'a>(
        &'a self,
        repository: &'a RepositoryName,
        digest: &'a Digest,
    ) -> ImagesResult<'a, Option<BlobRead>> {
        Box::pin(async move {
            let opened = self
                .registry
                .open_blob(&self.caller, repository, digest, None)
                .await;
            Ok(absent(opened)?.map(|body| BlobRead {
                size: body.size,
                stream: body.stream,
            }))
        })
    }

    fn mount<'a>(
        &'a self,
        repository: &'a RepositoryName,
        digest: &'a Digest,
        from: Option<&'a RepositoryName>,
    ) -> ImagesResult<'a, bool> {
        Box::pin(self.take(repository, digest, from))
    }

    fn put_blob<'a>(
        &'a self,
        repository: &'a RepositoryName,
        digest: &'a Digest,
        size: u64,
        stream: ByteStream,
    ) -> ImagesResult<'a, ()> {
        Box::pin(async move {
            self.registry
                .put_blob(&self.caller, repository, Some(size), stream, *digest)
                .await
                .map(drop)
                .map_err(failed)
        })
    }

    fn put_manifest<'a>(
        &'a self,
        repository: &'a RepositoryName,
        target: &'a TagOrDigest,
        media_type: &'a str,
        bytes: Bytes,
    ) -> ImagesResult<'a, Digest> {
        Box::pin(async move {
            let put = PutManifest {
                reference: target.clone(),
                tags: Vec::new(),
                content_type: Some(media_type.to_owned()),
                bytes,
            };
            let done = self
                .registry
                .put_manifest(&self.caller, repository, put)
                .await
                .map_err(failed)?;
            Ok(done.digest)
        })
    }

    fn tags<'a>(
        &'a self,
        repository: &'a RepositoryName,
        after: Option<&'a TagName>,
        limit: usize,
    ) -> ImagesResult<'a, Vec<TagName>> {
        Box::pin(async move {
            let page = Page {
                after: after.cloned(),
                limit,
            };
            let listed = self
                .registry
                .list_tags(&self.caller, repository, page)
                .await;
            Ok(absent(listed)?
                .map(|listed| listed.items)
                .unwrap_or_default())
        })
    }
}
