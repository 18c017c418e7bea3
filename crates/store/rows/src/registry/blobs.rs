//! Blobs of a repository: where their bytes are, for who may read them, and the end of their membership.

use crate::access::{Authorized, Delete, Pull};
use crate::collect::TOUCH_SECONDS;
use crate::lists;
use crate::records::{Records, raced};
use bytes::Bytes;
use refloat_core::registry::decide_blob_delete;
use refloat_core::{Action, Rejection, StorageKey};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::Digest;

/// Where the bytes of a blob are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobContent {
    /// In the row: blobs up to 64 KiB.
    Inline(Bytes),
    /// Under this key of the blob store.
    Stored(StorageKey),
}

/// A blob that the reader may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Where its bytes are.
    pub content: BlobContent,
    /// XXH3-64 of each MiB, little endian, in order.
    pub checksums: Bytes,
    /// What the scrub found wrong with the bytes.
    pub damage: Option<String>,
    /// No manifest uses it and its review is near: call [`crate::collect::touch`] to put that off, as a courtesy.
    pub touch_due: bool,
}

/// Columns size, bytes, storage_key, checksums, damage as content.
pub(crate) fn content(row: &Row, bytes: usize, key: usize) -> Result<BlobContent, StoreError> {
    match row.optional(key, Row::parsed)? {
        Some(key) => Ok(BlobContent::Stored(key)),
        None => Ok(BlobContent::Inline(row.bytes(bytes)?)),
    }
}

/// A blob of the repository: visible through a manifest, or used by none and the reader may push.
///
/// # Errors
/// [`Rejection::BlobUnknown`], for what is absent and for what is hidden.
pub async fn blob(
    tx: &mut dyn Tx,
    leave: &Authorized<Pull>,
    digest: &Digest,
) -> Result<StoredBlob, StoreError> {
    let pushes = i64::from(leave.account_actions().contains(Action::Push));
    let now = tx.now();
    let row = tx
        .first(
            sql("select b.size, b.bytes, b.storage_key, b.checksums, b.damage, \
                 (select r.since from review r where r.kind = 'member' and r.repository_id = m.repository_id and r.digest = m.digest \
                  and not exists (select 1 from manifest_blob u where u.repository_id = m.repository_id and u.blob = m.digest)) \
                 from repository_blob m join blob b on b.digest = m.digest \
                 where m.repository_id = $1 and m.digest = $2 and ( \
                 exists (select 1 from manifest_blob u \
                  join image_state s on s.repository_id = u.repository_id and s.digest = u.manifest \
                  where u.repository_id = m.repository_id and u.blob = m.digest and s.quarantine = 'cleared') \
                 or (cast($3 as bigint) = 1 and not exists (select 1 from manifest_blob u where u.repository_id = m.repository_id and u.blob = m.digest)))"),
            &[leave.repository().id.as_str().into(), digest.to_row().into(), pushes.into()],
        )
        .await?
        .ok_or_else(|| unknown(leave, digest))?;
    let since = row.optional(5, Row::instant)?;
    Ok(StoredBlob {
        digest: *digest,
        size: row.unsigned(0)?,
        content: content(&row, 1, 2)?,
        checksums: row.bytes(3)?,
        damage: row.optional(4, Row::text)?.map(str::to_owned),
        touch_due: since.is_some_and(|since| now.seconds_since(since) >= TOUCH_SECONDS),
    })
}

/// Ends the membership of a blob that no manifest of the repository uses. Its bytes go once no repository has it.
///
/// # Errors
/// [`Rejection::BlobUnknown`]; [`Rejection::InUse`] names a manifest that needs it.
pub async fn delete_blob(
    tx: &mut dyn Tx,
    leave: &Authorized<Delete>,
    digest: &Digest,
) -> Result<(), StoreError> {
    let repository = leave.repository();
    let key = [repository.id.as_str().into(), digest.to_row().into()];
    let member = tx
        .first(
            sql("select created_at from repository_blob where repository_id = $1 and digest = $2"),
            &key,
        )
        .await?;
    member.ok_or_else(|| unknown(leave, digest))?;
    let users = tx
        .query(
            sql("select u.manifest, s.quarantine from manifest_blob u \
                 join image_state s on s.repository_id = u.repository_id and s.digest = u.manifest \
                 where u.repository_id = $1 and u.blob = $2 order by case when s.quarantine = 'cleared' then 0 else 1 end, u.manifest limit 1"),
            &key,
        )
        .await?;
    if let Some(user) = users.first()
        && user.text(1)? != "cleared"
        && !leave.actions().contains(Action::Clear)
    {
        // Only hidden manifests use it: for this caller it is not there.
        return Err(unknown(leave, digest).into());
    }
    let users = users
        .iter()
        .map(|row| lists::digest(row, 0))
        .collect::<Result<Vec<_>, _>>()?;
    let event = decide_blob_delete(&repository.name, *digest, &users)?;
    tx.execute(
        sql("delete from repository_blob where repository_id = $1 and digest = $2"),
        &key,
    )
    .await
    .map_err(raced)?;
    tx.execute(
        sql("delete from review where kind = 'member' and repository_id = $1 and digest = $2"),
        &key,
    )
    .await?;
    crate::collect::review_blob(tx, digest).await?;
    let mut records = Records::by(leave);
    records.blob(&repository.project, &repository.id, digest, event);
    records.append(tx).await.map(drop)
}

fn unknown<O>(leave: &Authorized<O>, digest: &Digest) -> Rejection {
    Rejection::BlobUnknown {
        repository: leave.repository().name.to_string(),
        digest: digest.to_string(),
    }
}
