//! What refers to a digest: manifests of the repository whose subject it is, whether it is there or not.

use super::limit;
use super::listing::Found;
use crate::access::{Authorized, Pull};
use crate::lists;
use refloat_database::{Row, StoreError, Tx, Value, sql};
use refloat_oci::Digest;

/// A manifest that refers to another, as a descriptor tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its artifact type: the one it names, or its config's media type.
    pub artifact_type: Option<String>,
    /// Its annotations, a JSON object.
    pub annotations: Option<String>,
}

/// The visible referrers of `subject`, by digest, those after `after`, of one artifact type if it is given. An unknown
/// or hidden subject has none; a hidden subject's referrers are hidden with it.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn referrers(
    tx: &mut dyn Tx,
    leave: &Authorized<Pull>,
    subject: &Digest,
    artifact_type: Option<&str>,
    after: Option<&Digest>,
    at_most: usize,
) -> Result<Found<Referrer>, StoreError> {
    let rows = tx
        .query(
            sql("select m.digest, m.media_type, m.size, m.artifact_type, m.annotations from manifest m \
                 join image_state s on s.repository_id = m.repository_id and s.digest = m.digest \
                 where m.repository_id = $1 and m.subject = $2 and m.digest > $3 and s.quarantine = 'cleared' \
                 and (cast($4 as text) is null or m.artifact_type = $4) \
                 and not exists (select 1 from image_state h join manifest hm on hm.repository_id = h.repository_id and hm.digest = h.digest \
                  where h.repository_id = $1 and h.digest = $2 and h.quarantine <> 'cleared') \
                 order by m.digest limit $5"),
            &[
                leave.repository().id.as_str().into(),
                subject.to_row().into(),
                after.map_or_else(Vec::new, Digest::to_row).into(),
                artifact_type.map_or(Value::Null, Value::from),
                limit(at_most.saturating_add(1)),
            ],
        )
        .await?;
    let found = rows.iter().map(referrer).collect::<Result<Vec<_>, _>>()?;
    Ok(Found::cut(found, at_most))
}

fn referrer(row: &Row) -> Result<Referrer, StoreError> {
    Ok(Referrer {
        digest: lists::digest(row, 0)?,
        media_type: row.text(1)?.to_owned(),
        size: row.unsigned(2)?,
        artifact_type: row.optional(3, Row::text)?.map(str::to_owned),
        annotations: row.optional(4, Row::text)?.map(str::to_owned),
    })
}
