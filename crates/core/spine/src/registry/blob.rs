//! Blobs: uploads that go on, membership that comes and goes.

use super::manifest::in_use;
use crate::event::RegistryEvent;
use crate::rejection::Rejection;
use refloat_oci::{Digest, RepositoryName};

/// An upload in progress, as far as one request is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadView {
    /// Bytes that are acknowledged and on disk.
    pub received: u64,
}

/// Takes the bytes from `from` to `to`, which are on disk.
///
/// # Errors
/// [`Rejection::RangeInvalid`] if they do not continue the upload.
pub fn decide_advance(view: UploadView, from: u64, to: u64) -> Result<UploadView, Rejection> {
    if from != view.received || to < from {
        return Err(Rejection::RangeInvalid {
            reason: format!(
                "the upload stands at {} bytes; bytes from {from} to {to} do not continue it",
                view.received
            ),
            length: view.received,
        });
    }
    Ok(UploadView { received: to })
}

/// Makes a blob, whose bytes are durable, a member of the repository; nothing if it is one.
pub fn decide_finish(
    member: bool,
    repository: &RepositoryName,
    digest: Digest,
    size_bytes: u64,
) -> Option<RegistryEvent> {
    (!member).then(|| RegistryEvent::UploadFinished {
        repository: repository.clone(),
        digest,
        size_bytes,
    })
}

/// Makes a blob of `from` a member of the repository; nothing if it is one.
pub fn decide_mount(
    member: bool,
    repository: &RepositoryName,
    digest: Digest,
    from: &RepositoryName,
) -> Option<RegistryEvent> {
    (!member).then(|| RegistryEvent::UploadMounted {
        repository: repository.clone(),
        digest,
        from: from.clone(),
    })
}

/// Ends a blob's membership.
///
/// # Errors
/// [`Rejection::InUse`] names a manifest that needs it.
pub fn decide_blob_delete(
    repository: &RepositoryName,
    digest: Digest,
    users: &[Digest],
) -> Result<RegistryEvent, Rejection> {
    if let Some(user) = users.first() {
        return Err(in_use("blob", digest, *user, repository));
    }
    Ok(RegistryEvent::UploadRemoved {
        repository: repository.clone(),
        digest,
        collected: false,
    })
}
