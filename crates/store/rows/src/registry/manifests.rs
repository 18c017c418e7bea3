//! Manifests: reading one, and its end.

use super::tags::{TagChange, load_tags, write_tags};
use crate::access::{Authorized, Delete, Pull, RepositoryRow};
use crate::collect;
use crate::lists;
use crate::records::{Records, raced};
use crate::visible::{Purpose, sees_hidden, unknown, visible};
use bytes::Bytes;
use refloat_core::event::RegistryEvent;
use refloat_core::registry::{TagRules, decide_manifest_delete};
use refloat_database::{StoreError, Tx, sql};
use refloat_oci::{Digest, TagName, TagOrDigest};
use std::sync::Arc;

/// A manifest as it was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// Its digest.
    pub digest: Digest,
    /// The media type, byte for byte.
    pub media_type: Arc<str>,
    /// Its bytes, verbatim.
    pub bytes: Bytes,
}

/// The manifest that a tag or digest names, to be used: what is not cleared is not there.
///
/// # Errors
/// [`refloat_core::Rejection::ManifestUnknown`].
pub async fn manifest(
    tx: &mut dyn Tx,
    leave: &Authorized<Pull>,
    reference: &TagOrDigest,
    purpose: Purpose,
) -> Result<StoredManifest, StoreError> {
    let repository = leave.repository().id.as_str().into();
    let hidden = sees_hidden(leave, purpose);
    let row = match reference {
        TagOrDigest::Tag(tag) => {
            tx.first(
                sql("select m.digest, m.media_type, m.bytes from tag t \
                     join image_state s on s.repository_id = t.repository_id and s.digest = t.digest \
                     join manifest m on m.repository_id = t.repository_id and m.digest = t.digest \
                     where t.repository_id = $1 and t.name = $2 and (s.quarantine = 'cleared' or cast($3 as bigint) = 1)"),
                &[repository, tag.as_str().into(), hidden],
            )
            .await?
        }
        TagOrDigest::Digest(digest) => {
            tx.first(
                sql("select m.digest, m.media_type, m.bytes from manifest m \
                     join image_state s on s.repository_id = m.repository_id and s.digest = m.digest \
                     where m.repository_id = $1 and m.digest = $2 and (s.quarantine = 'cleared' or cast($3 as bigint) = 1)"),
                &[repository, digest.to_row().into(), hidden],
            )
            .await?
        }
    };
    let row = row.ok_or_else(|| unknown(leave, reference))?;
    Ok(StoredManifest {
        digest: lists::digest(&row, 0)?,
        media_type: row.text(1)?.into(),
        bytes: row.bytes(2)?,
    })
}

/// Deletes a manifest and its tags. Its blobs are reviewed, its referrers too.
///
/// # Errors
/// [`refloat_core::Rejection::ManifestUnknown`]; `InUse` names an index that lists it, `Immutable` a tag that holds it.
pub async fn delete_manifest(
    tx: &mut dyn Tx,
    leave: &Authorized<Delete>,
    digest: &Digest,
) -> Result<(), StoreError> {
    if !visible(tx, leave, digest, Purpose::Clear).await? {
        return Err(unknown(leave, &TagOrDigest::Digest(*digest)).into());
    }
    let repository = leave.repository();
    let key = [repository.id.as_str().into(), digest.to_row().into()];
    let parents = tx
        .query(sql("select parent from manifest_child where repository_id = $1 and child = $2 order by parent limit 1"), &key)
        .await?;
    let parents = parents
        .iter()
        .map(|row| lists::digest(row, 0))
        .collect::<Result<Vec<_>, _>>()?;
    let tags = tx
        .query(
            sql("select name from tag where repository_id = $1 and digest = $2 order by name"),
            &key,
        )
        .await?;
    let tags = tags
        .iter()
        .map(|row| row.parsed(0))
        .collect::<Result<Vec<TagName>, _>>()?;
    let rules = TagRules {
        repository: &repository.name,
        immutable: &repository.immutable_tags,
        actions: leave.actions(),
    };
    let events = decide_manifest_delete(&rules, *digest, &tags, &parents)?;
    let loaded = load_tags(tx, repository, &tags).await?;
    let mut versions = loaded.into_iter();
    let mut changes = Vec::with_capacity(tags.len());
    let mut gone = None;
    for event in events {
        match event {
            RegistryEvent::TagDeleted { .. } => {
                let tag = versions
                    .next()
                    .ok_or_else(|| StoreError::column(0, "missing"))?;
                changes.push(TagChange { tag, event });
            }
            _ => gone = Some((*digest, event)),
        }
    }
    write_tags(tx, repository, Records::by(leave), &changes, gone).await
}

/// Removes the rows of a manifest that nothing names any more, and has its blobs and referrers reviewed.
pub(crate) async fn remove_manifest(
    tx: &mut dyn Tx,
    repository: &RepositoryRow,
    digest: &Digest,
) -> Result<(), StoreError> {
    let key = [repository.id.as_str().into(), digest.to_row().into()];
    collect::review_members_of(tx, &repository.id, digest).await?;
    collect::review_referrers_of(tx, &repository.id, digest).await?;
    tx.execute(
        sql("delete from review where kind = 'referrer' and repository_id = $1 and digest = $2"),
        &key,
    )
    .await?;
    tx.execute(
        sql("delete from manifest where repository_id = $1 and digest = $2"),
        &key,
    )
    .await
    .map_err(raced)
    .map(drop)
}
