//! Uploads: begin or mount, append, finish, ask, cancel.

use crate::{Caller, FlowError, Registry};
use refloat_core::{Failure, UploadId};
use refloat_oci::{Algorithm, Digest, RepositoryName};
use refloat_ports::ByteStream;

/// How an upload is to begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BeginUpload {
    /// A blob that the client believes to be on this server already.
    pub mount: Option<Mount>,
    /// The algorithm of the digest that will be given at the end; SHA-256 if it is not announced.
    pub algorithm: Option<Algorithm>,
}

/// A request to take a blob from another repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The blob.
    pub digest: Digest,
    /// The repository; without it the mount is never done, since membership is per repository.
    pub from: Option<RepositoryName>,
}

/// What became of a begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The blob is a member of the repository already; nothing needs to be sent.
    Mounted(Digest),
    /// An upload waits for bytes.
    Started(UploadStatus),
}

/// Where an upload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadStatus {
    /// Its id.
    pub id: UploadId,
    /// Bytes that are on disk.
    pub received: u64,
}

/// Where in the blob the bytes of a request belong, both ends inclusive, as `Content-Range` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// The first byte.
    pub first: u64,
    /// The last byte.
    pub last: u64,
}

impl Registry {
    /// Starts an upload, or mounts a blob that the caller may read elsewhere.
    pub async fn begin_upload(&self, _caller: &Caller, _repository: &RepositoryName, _begin: BeginUpload) -> Result<Begun, FlowError> {
        Err(unbuilt())
    }

    /// Adds `body` to an upload. When it returns, the bytes are on disk and the offset is in its row.
    pub async fn append_upload(
        &self,
        _caller: &Caller,
        _repository: &RepositoryName,
        _id: &UploadId,
        _range: Option<ContentRange>,
        _length: Option<u64>,
        _body: ByteStream,
    ) -> Result<UploadStatus, FlowError> {
        Err(unbuilt())
    }

    /// Adds `body`, which may be empty, and makes the upload a blob of the repository if it has `digest`.
    #[expect(clippy::too_many_arguments, reason = "they are the request's, and each is its own type")]
    pub async fn finish_upload(
        &self,
        _caller: &Caller,
        _repository: &RepositoryName,
        _id: &UploadId,
        _range: Option<ContentRange>,
        _length: Option<u64>,
        _body: ByteStream,
        _digest: Digest,
    ) -> Result<Digest, FlowError> {
        Err(unbuilt())
    }

    /// A blob in one request: `POST` with a digest.
    pub async fn put_blob(
        &self,
        _caller: &Caller,
        _repository: &RepositoryName,
        _length: Option<u64>,
        _body: ByteStream,
        _digest: Digest,
    ) -> Result<Digest, FlowError> {
        Err(unbuilt())
    }

    /// Where an upload stands.
    pub async fn upload_status(&self, _caller: &Caller, _repository: &RepositoryName, _id: &UploadId) -> Result<UploadStatus, FlowError> {
        Err(unbuilt())
    }

    /// Gives an upload up.
    pub async fn cancel_upload(&self, _caller: &Caller, _repository: &RepositoryName, _id: &UploadId) -> Result<(), FlowError> {
        Err(unbuilt())
    }
}

fn unbuilt() -> FlowError {
    Failure::Terminal("uploads are not built yet".to_owned()).into()
}
