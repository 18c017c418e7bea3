//! Appending: the stream's version first, then the record; on SQLite also its number and hash.

use crate::fresh;
use refloat_core::record::{BODY_MAX_BYTES, CAUSES_MAX, causes_text, genesis, sha256};
use refloat_core::{NewRecord, RecordId, Recorded, Rejection, Timestamp};
use refloat_database::{Dialect, StoreError, Tx, Value, sql};

/// Bytes of salt under a hash of personal data.
const SALT_BYTES: usize = 16;

/// Appends a record to its stream; its id is known at once, its number on PostgreSQL later. The body may have
/// [`BODY_MAX_BYTES`]. On PostgreSQL it holds its stream's row until the transaction ends, so it is called last.
///
/// # Errors
/// [`StoreError::Conflict`] if the stream does not have the expected version, [`Rejection::TooLarge`] for a body or too many causes.
pub async fn append(tx: &mut dyn Tx, record: NewRecord) -> Result<RecordId, StoreError> {
    let body = record.event.to_body();
    let limit = |what, limit: usize| Rejection::TooLarge {
        what,
        limit_bytes: limit as u64,
    };
    if body.len() > BODY_MAX_BYTES {
        return Err(limit("the event's body", BODY_MAX_BYTES).into());
    }
    if record.causes.len() > CAUSES_MAX {
        return Err(Rejection::Invalid(format!("a record has at most {CAUSES_MAX} causes")).into());
    }
    let version = next_version(tx, &record).await?;
    let last = match tx.dialect() {
        Dialect::Sqlite => Some(last_numbered(tx).await?),
        Dialect::Postgres => None,
    };
    // Numbers follow the time: never before the stream's record before it, and on SQLite before none at all.
    let after = match &last {
        Some(last) => last.at,
        None => time_of(tx, &record, version - 1).await?,
    };
    let at = tx.tick(after);
    let personal = record.personal.as_deref().map(salted).transpose()?;
    let mut recorded = Recorded {
        sequence: 0,
        id: RecordId::from_ulid(fresh::ulid(at)?),
        project: record.project.clone(),
        stream: record.stream.clone(),
        stream_version: version,
        at,
        actor: record.actor.clone(),
        causes: record.causes.clone(),
        cascade: record.cascade.clone(),
        origin: None,
        body_hash: sha256(&body),
        body: Some(body),
        personal_hash: personal
            .as_ref()
            .map_or_else(Vec::new, |(_, hash)| hash.clone()),
        previous: Vec::new(),
        hash: Vec::new(),
    };
    if let Some(last) = last {
        recorded.sequence = last.sequence + 1;
        recorded.previous = last.hash;
        recorded.hash = recorded.computed_hash();
    }
    insert(tx, &recorded, &record).await?;
    super::causes::index(tx, &recorded.id, &record).await?;
    if let (Some(data), Some((salt, _))) = (record.personal, personal) {
        let text = sql("insert into personal (record_id, salt, data) values ($1, $2, $3)");
        tx.execute(
            text,
            &[recorded.id.as_str().into(), salt.into(), data.into()],
        )
        .await?;
    }
    refloat_fail::point("log.appended")?;
    Ok(recorded.id)
}

async fn next_version(tx: &mut dyn Tx, record: &NewRecord) -> Result<i64, StoreError> {
    let name = Value::from(record.stream.as_str());
    let row = match record.expected_version {
        None => {
            let text = sql(
                "insert into stream (name, version) values ($1, 1) on conflict (name) do update set version = stream.version + 1 \
                 returning version",
            );
            tx.first(text, &[name]).await?
        }
        Some(0) => {
            let text = sql(
                "insert into stream (name, version) values ($1, 1) on conflict (name) do nothing returning version",
            );
            tx.first(text, &[name]).await?
        }
        Some(expected) => {
            let text = sql(
                "update stream set version = version + 1 where name = $1 and version = $2 returning version",
            );
            tx.first(text, &[name, expected.into()]).await?
        }
    };
    row.ok_or(StoreError::Conflict)?.int(0)
}

/// Where the chain stands.
pub(super) struct Last {
    pub(super) sequence: i64,
    pub(super) hash: Vec<u8>,
    pub(super) at: Timestamp,
}

/// The newest numbered record, or what the first one chains on.
pub(super) async fn last_numbered(tx: &mut dyn Tx) -> Result<Last, StoreError> {
    let text = sql(
        "select sequence, hash, at from record where sequence is not null order by sequence desc limit 1",
    );
    if let Some(row) = tx.first(text, &[]).await? {
        return Ok(Last {
            sequence: row.int(0)?,
            hash: row.bytes(1)?.to_vec(),
            at: row.instant(2)?,
        });
    }
    Ok(Last {
        sequence: 0,
        hash: first_previous(tx).await?,
        at: Timestamp::default(),
    })
}

/// What the first record of the region chains on.
pub(super) async fn first_previous(tx: &mut dyn Tx) -> Result<Vec<u8>, StoreError> {
    let row = tx
        .first(sql("select value from meta where key = 'region'"), &[])
        .await?;
    let region = row
        .ok_or_else(|| StoreError::column(0, "missing: the region has no id"))?
        .parsed(0)?;
    Ok(genesis(&region))
}

async fn time_of(
    tx: &mut dyn Tx,
    record: &NewRecord,
    version: i64,
) -> Result<Timestamp, StoreError> {
    if version == 0 {
        return Ok(Timestamp::default());
    }
    let text = sql("select at from record where stream = $1 and stream_version = $2");
    let row = tx
        .first(text, &[record.stream.as_str().into(), version.into()])
        .await?;
    // Old records are dropped in the end; any time is later than theirs.
    row.map_or(Ok(Timestamp::default()), |row| row.instant(0))
}

async fn insert(
    tx: &mut dyn Tx,
    recorded: &Recorded,
    record: &NewRecord,
) -> Result<(), StoreError> {
    let numbered = recorded.sequence > 0;
    let parameters = [
        numbered.then_some(recorded.sequence).into(),
        recorded.id.as_str().into(),
        recorded.project.as_str().into(),
        recorded.stream.as_str().into(),
        recorded.stream_version.into(),
        recorded.at.into(),
        recorded.actor.as_str().into(),
        causes_text(&recorded.causes).into(),
        recorded
            .cascade
            .as_ref()
            .map(|id| id.as_str().to_owned())
            .into(),
        recorded.origin.clone().into(),
        recorded.body.clone().into(),
        recorded.body_hash.clone().into(),
        recorded.personal_hash.clone().into(),
        numbered.then(|| recorded.previous.clone()).into(),
        numbered.then(|| recorded.hash.clone()).into(),
        record.event.name().into(),
        record.event.repository().map(ToString::to_string).into(),
    ];
    let text = sql(concat!(
        "insert into record (",
        super::row::columns!(),
        ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
    ));
    tx.execute(text, &parameters).await?;
    Ok(())
}

/// A fresh salt, and the hash of the data under it.
fn salted(data: &str) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
    let salt = fresh::bytes::<SALT_BYTES>()?.to_vec();
    let hash = personal_hash(&salt, data);
    Ok((salt, hash))
}

/// What a record holds of its personal data: SHA-256 over the salt and the text.
pub(super) fn personal_hash(salt: &[u8], data: &str) -> Vec<u8> {
    sha256(&[salt, data.as_bytes()].concat())
}
