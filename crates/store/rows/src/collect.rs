//! Garbage: what nothing uses any more goes, rows first, bytes after the commit.
//!
//! ```text
//!   review row (old enough) ──► nothing refers to it? ──► row deleted, its key to `dead` ──► bytes deleted ──► forgotten
//!                                      └── otherwise the review row goes; whoever takes the reference away makes a new one
//! ```
//! Correctness needs no clock: a row goes only if foreign keys let it go, bytes go only under a key that no row names
//! and none ever will. The grace spares clients an upload, the delay of a dead key spares readers an error.
//! Manifests without a tag stay; artifacts whose subject is absent, without tag or index, go after a grace of their own.

mod dead;
mod step;

pub(crate) use dead::bury;
pub use dead::{due_dead, forget_dead};
pub use step::{Collectable, Collected, collectable, step};

use crate::access::{Authorized, Pull};
use refloat_core::RepositoryId;
use refloat_database::{StoreError, Tx, sql};
use refloat_oci::Digest;

/// How long a key outlives its row, for readers on their way, in seconds.
pub const READ_SECONDS: i64 = 3600;
/// A read puts a review off if it was begun this long ago, in seconds: reads seldom write.
pub(crate) const TOUCH_SECONDS: i64 = 3600;

/// How long things that nothing uses stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectPolicy {
    /// A blob that no manifest of its repository uses, in seconds.
    pub grace_seconds: i64,
    /// An artifact whose subject is absent, in seconds.
    pub referrer_grace_seconds: i64,
    /// Bytes whose row is gone, in seconds.
    pub read_seconds: i64,
}

impl Default for CollectPolicy {
    fn default() -> Self {
        Self {
            grace_seconds: 24 * 3600,
            referrer_grace_seconds: 7 * 24 * 3600,
            read_seconds: READ_SECONDS,
        }
    }
}

/// Puts the review of an unused blob off because a client has just found it there. A courtesy: call it when
/// [`crate::registry::StoredBlob::touch_due`] says so.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn touch(
    tx: &mut dyn Tx,
    leave: &Authorized<Pull>,
    digest: &Digest,
) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute(
        sql("update review set since = $3 where kind = 'member' and repository_id = $1 and digest = $2"),
        &[leave.repository().id.as_str().into(), digest.to_row().into(), now.into()],
    )
    .await
    .map(drop)
}

/// A blob became a member, or was found to be one by an upload.
pub(crate) async fn review_member(
    tx: &mut dyn Tx,
    repository: &RepositoryId,
    digest: &Digest,
) -> Result<(), StoreError> {
    review(tx, "member", repository.as_str(), digest).await
}

/// A blob lost a membership, and perhaps its last.
pub(crate) async fn review_blob(tx: &mut dyn Tx, digest: &Digest) -> Result<(), StoreError> {
    review(tx, "blob", "", digest).await
}

/// An artifact with a subject was pushed.
pub(crate) async fn review_referrer(
    tx: &mut dyn Tx,
    repository: &RepositoryId,
    digest: &Digest,
) -> Result<(), StoreError> {
    review(tx, "referrer", repository.as_str(), digest).await
}

async fn review(
    tx: &mut dyn Tx,
    kind: &str,
    repository: &str,
    digest: &Digest,
) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute(
        sql(
            "insert into review (kind, repository_id, digest, since) values ($1, $2, $3, $4) \
             on conflict (kind, repository_id, digest) do update set since = excluded.since",
        ),
        &[
            kind.into(),
            repository.into(),
            digest.to_row().into(),
            now.into(),
        ],
    )
    .await
    .map(drop)
}

/// A manifest goes: its blobs may be used by none after it.
pub(crate) async fn review_members_of(
    tx: &mut dyn Tx,
    repository: &RepositoryId,
    manifest: &Digest,
) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute(
        sql("insert into review (kind, repository_id, digest, since) \
             select 'member', u.repository_id, u.blob, cast($3 as bigint) from manifest_blob u where u.repository_id = $1 and u.manifest = $2 \
             on conflict (kind, repository_id, digest) do update set since = excluded.since"),
        &[repository.as_str().into(), manifest.to_row().into(), now.into()],
    )
    .await
    .map(drop)
}

/// A manifest goes: what refers to it, and what it listed, may be held by nothing after it.
pub(crate) async fn review_referrers_of(
    tx: &mut dyn Tx,
    repository: &RepositoryId,
    manifest: &Digest,
) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute(
        sql("insert into review (kind, repository_id, digest, since) \
             select 'referrer', m.repository_id, m.digest, cast($3 as bigint) from manifest m where m.repository_id = $1 and m.subject = $2 \
             union select 'referrer', m.repository_id, m.digest, cast($3 as bigint) from manifest_child c \
             join manifest m on m.repository_id = c.repository_id and m.digest = c.child \
             where c.repository_id = $1 and c.parent = $2 and m.subject is not null \
             on conflict (kind, repository_id, digest) do update set since = excluded.since"),
        &[repository.as_str().into(), manifest.to_row().into(), now.into()],
    )
    .await
    .map(drop)
}

/// A tag left a manifest: if that has a subject, nothing else may hold it.
pub(crate) async fn review_untagged(
    tx: &mut dyn Tx,
    repository: &RepositoryId,
    manifest: &Digest,
) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute(
        sql("insert into review (kind, repository_id, digest, since) \
             select 'referrer', m.repository_id, m.digest, cast($3 as bigint) from manifest m \
             where m.repository_id = $1 and m.digest = $2 and m.subject is not null \
             on conflict (kind, repository_id, digest) do update set since = excluded.since"),
        &[
            repository.as_str().into(),
            manifest.to_row().into(),
            now.into(),
        ],
    )
    .await
    .map(drop)
}
