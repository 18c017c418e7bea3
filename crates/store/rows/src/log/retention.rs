//! How the log ages: bodies expire by segment, then whole segments go, and personal data goes when somebody asks.
//!
//! Nothing that a consumer has not dealt with expires: a cursor that stands still keeps what lies after it. The chain verifies
//! throughout: it rests on the hashes of what is gone, and in the end on the last dropped segment's.

use super::append::append;
use super::row::EXPIRED;
use super::segment::{Segment, read, said};
use refloat_core::event::AuditEvent;
use refloat_core::{RecordId, Rejection};
use refloat_database::{Sql, StoreError, Tx, sql};

/// How long things are kept, counted from the closing of their segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Bodies and personal data.
    pub body_seconds: i64,
    /// Whole records; never before their bodies.
    pub record_seconds: i64,
}

/// Lets the bodies and personal data of the oldest segment that is due expire, and says so in the log. `None` if none is due.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn expire_bodies(
    tx: &mut dyn Tx,
    retention: Retention,
) -> Result<Option<Segment>, StoreError> {
    let due = sql(
        "select number, first_sequence, last_sequence, last_hash, closed_at, signature, bodies_expired, dropped from segment \
         where bodies_expired = 0 and closed_at <= $1 and last_sequence <= coalesce((select min(sequence) from cursor), last_sequence) \
         order by number limit 1",
    );
    let before = tx.now().plus_seconds(-retention.body_seconds);
    let Some(segment) = tx
        .first(due, &[before.into()])
        .await?
        .as_ref()
        .map(read)
        .transpose()?
    else {
        return Ok(None);
    };
    let range = [segment.first_sequence.into(), segment.last_sequence.into()];
    let personal = sql(
        "delete from personal where record_id in (select id from record where sequence >= $1 and sequence <= $2)",
    );
    tx.execute(personal, &range).await?;
    let bodies = sql(
        "update record set body = null, type = $3, repository = null where sequence >= $1 and sequence <= $2",
    );
    tx.execute(
        bodies,
        &[
            segment.first_sequence.into(),
            segment.last_sequence.into(),
            EXPIRED.into(),
        ],
    )
    .await?;
    let done =
        sql("update segment set bodies_expired = 1 where number = $1 and bodies_expired = 0");
    if tx.execute(done, &[segment.number.into()]).await? == 0 {
        return Err(StoreError::Conflict);
    }
    let event = AuditEvent::BodiesExpired {
        up_to_sequence: segment.last_sequence,
    };
    append(tx, said(event)).await?;
    refloat_fail::point("retention.expired")?;
    Ok(Some(segment))
}

/// Deletes the records of the oldest segment whose bodies have expired and whose time is over. Its own row stays: the chain
/// begins with its last hash from then on. `None` if none is due.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn drop_segment(
    tx: &mut dyn Tx,
    retention: Retention,
) -> Result<Option<Segment>, StoreError> {
    let text = sql(
        "select number, first_sequence, last_sequence, last_hash, closed_at, signature, bodies_expired, dropped from segment \
         where dropped = 0 order by number limit 1",
    );
    let before = tx.now().plus_seconds(-retention.record_seconds);
    let oldest = tx.first(text, &[]).await?.as_ref().map(read).transpose()?;
    let Some(segment) =
        oldest.filter(|segment| segment.bodies_expired && segment.closed_at <= before)
    else {
        return Ok(None);
    };
    let range = [segment.first_sequence.into(), segment.last_sequence.into()];
    tx.execute(
        sql("delete from record where sequence >= $1 and sequence <= $2"),
        &range,
    )
    .await?;
    let done = sql("update segment set dropped = 1 where number = $1 and dropped = 0");
    if tx.execute(done, &[segment.number.into()]).await? == 0 {
        return Err(StoreError::Conflict);
    }
    refloat_fail::point("retention.dropped")?;
    Ok(Some(segment))
}

/// Erases the personal data of a record; its salted hash stays in the chain.
///
/// # Errors
/// [`Rejection::NotFound`] if the record has none.
pub async fn erase_personal(tx: &mut dyn Tx, record: &RecordId) -> Result<(), StoreError> {
    let text: Sql = sql("delete from personal where record_id = $1");
    if tx.execute(text, &[record.as_str().into()]).await? == 0 {
        return Err(Rejection::NotFound {
            kind: "personal data of record",
            name: record.to_string(),
        }
        .into());
    }
    let event = AuditEvent::PersonalErased {
        record: record.clone(),
    };
    append(tx, said(event)).await?;
    Ok(())
}
