//! The scrub's rows: which blob was read back longest ago, and what was found wrong with it.

use crate::lists::{self, digest_list, digests, hex};
use crate::projects::default_project;
use crate::records::Records;
use crate::registry::{BlobContent, limit};
use bytes::Bytes;
use refloat_core::Timestamp;
use refloat_core::event::AuditEvent;
use refloat_database::{StoreError, Tx, sql};
use refloat_oci::Digest;

/// A blob to read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrubBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Where its bytes are.
    pub content: BlobContent,
    /// XXH3-64 of each MiB, little endian, in order.
    pub checksums: Bytes,
    /// When it was last found to be right.
    pub verified_at: Timestamp,
    /// What was found wrong with it.
    pub damage: Option<String>,
}

/// Blobs last verified at `before` or earlier, the longest ago first.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn due(
    tx: &mut dyn Tx,
    before: Timestamp,
    at_most: usize,
) -> Result<Vec<ScrubBlob>, StoreError> {
    let rows = tx
        .query(
            sql(
                "select digest, size, bytes, storage_key, checksums, verified_at, damage from blob \
                 where verified_at <= $1 order by verified_at, digest limit $2",
            ),
            &[before.into(), limit(at_most)],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(ScrubBlob {
                digest: lists::digest(row, 0)?,
                size: row.unsigned(1)?,
                content: crate::registry::content(row, 2, 3)?,
                checksums: row.bytes(4)?,
                verified_at: row.instant(5)?,
                damage: row
                    .optional(6, refloat_database::Row::text)?
                    .map(str::to_owned),
            })
        })
        .collect()
}

/// Blobs that were found damaged, by digest, those after `after`.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn damaged(
    tx: &mut dyn Tx,
    after: Option<&Digest>,
    at_most: usize,
) -> Result<Vec<(Digest, String)>, StoreError> {
    let rows = tx
        .query(
            sql("select digest, damage from blob where damage is not null and digest > $1 order by digest limit $2"),
            &[after.map_or_else(Vec::new, Digest::to_row).into(), limit(at_most)],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((lists::digest(row, 0)?, row.text(1)?.to_owned())))
        .collect()
}

/// Notes that these were read back and are right; damage noted before is cleared.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn verified(tx: &mut dyn Tx, right: &[Digest]) -> Result<(), StoreError> {
    let now = tx.now();
    let statement = digest_list!(
        "update blob set verified_at = $1, damage = null where digest in ",
        "$2",
        ""
    );
    tx.execute(statement, &[now.into(), digests(right)])
        .await
        .map(drop)
}

/// Notes damage of a blob whose bytes are still where `seen` says: another upload may have healed it meanwhile. The
/// first finding makes a record. Returns whether it was noted.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn mark_damaged(
    tx: &mut dyn Tx,
    seen: &ScrubBlob,
    detail: &str,
) -> Result<bool, StoreError> {
    let now = tx.now();
    let key = match &seen.content {
        BlobContent::Inline(_) => None,
        BlobContent::Stored(key) => Some(key.as_str()),
    };
    let noted = tx
        .execute(
            sql("update blob set damage = $2, verified_at = $3 where digest = $1 and coalesce(storage_key, '') = $4"),
            &[seen.digest.to_row().into(), detail.into(), now.into(), key.unwrap_or("").into()],
        )
        .await?;
    if noted == 1 && seen.damage.is_none() {
        let mut records = Records::of("system", None);
        let event = AuditEvent::DamageFound {
            digest: seen.digest,
            detail: detail.to_owned(),
        };
        records.audit(
            &default_project(),
            "damage",
            &hex(&seen.digest.to_row()),
            event,
        );
        records.append(tx).await?;
    }
    Ok(noted == 1)
}
