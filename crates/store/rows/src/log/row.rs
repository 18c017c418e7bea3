//! Records as rows.

use refloat_core::{CascadeId, RecordId, Recorded, Stream};
use refloat_database::{Row, StoreError};

/// The columns of a record, in the order in which [`recorded`] reads them.
macro_rules! columns {
    () => {
        "sequence, id, project_id, stream, stream_version, at, actor, causes, cascade, origin, body, body_hash, \
         personal_hash, previous, hash, type, repository"
    };
}
pub(super) use columns;

/// The type of a record whose body has expired. What happened to which repository stood in the body and goes with it: nothing
/// but the body's hash could say that the two columns beside it are what they were.
pub(super) const EXPIRED: &str = "expired";

/// Reads the record in columns 0 to 14; 15 and 16 repeat what stands in the body.
pub(super) fn recorded(row: &Row) -> Result<Recorded, StoreError> {
    Ok(Recorded {
        sequence: row.int(0)?,
        id: row.parsed(1)?,
        project: row.parsed(2)?,
        stream: Stream::from_row(row.text(3)?.to_owned()),
        stream_version: row.int(4)?,
        at: row.instant(5)?,
        actor: row.text(6)?.to_owned(),
        causes: causes(row.text(7)?)?,
        cascade: row.optional(8, Row::parsed::<CascadeId>)?,
        origin: row.optional(9, Row::text)?.map(str::to_owned),
        body: row.optional(10, Row::bytes)?.map(Vec::from),
        body_hash: row.bytes(11)?.to_vec(),
        personal_hash: row.bytes(12)?.to_vec(),
        previous: row
            .optional(13, Row::bytes)?
            .map(Vec::from)
            .unwrap_or_default(),
        hash: row
            .optional(14, Row::bytes)?
            .map(Vec::from)
            .unwrap_or_default(),
    })
}

fn causes(text: &str) -> Result<Vec<RecordId>, StoreError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let ids = text.split(',');
    ids.map(|id| {
        id.parse()
            .map_err(|_| StoreError::column(7, "not a list of record ids"))
    })
    .collect()
}
