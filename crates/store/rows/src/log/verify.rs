//! Verifying the log: every record against its own hash, its neighbours, its body and its stream; every segment against its
//! signature. What does not fit is named: the first record, and the field as far as that can be told.

mod record;

use super::append::{first_previous, personal_hash};
use super::row::columns;
use super::segment::{Segment, segments};
use crate::Store;
use record::{Seen, check};
use refloat_database::{Row, StoreError, Tx, sql};

/// Records looked at in one snapshot.
const PAGE: i64 = 1000;

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// Everything fits.
    Intact(Intact),
    /// Something does not.
    Broken(Broken),
}

/// A log that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intact {
    /// The first number that is still there.
    pub first_sequence: i64,
    /// The newest number.
    pub last_sequence: i64,
    /// The newest record's hash: whoever keeps it can tell later that nothing up to here was changed.
    pub last_hash: Vec<u8>,
    /// How many segments are closed and signed.
    pub segments: usize,
}

/// The first thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is broken at `{field}`: {detail}", self.place())]
pub struct Broken {
    /// The number of the record, or of where one is missing; `None` for a segment or a stream.
    pub sequence: Option<i64>,
    /// The id of the record, the number of the segment or the name of the stream.
    pub id: Option<String>,
    /// The column that does not fit, as far as it can be told.
    pub field: String,
    /// What does not fit.
    pub detail: String,
}

impl Broken {
    fn place(&self) -> String {
        let id = self.id.as_deref().unwrap_or("of unknown id");
        self.sequence.map_or_else(
            || format!("the log's {id}"),
            |sequence| format!("record {sequence} ({id})"),
        )
    }
}

/// Verifies the whole log against the public key of its segments; without one their signatures are not looked at.
/// It reads in pages, each a snapshot; writers go on.
///
/// # Errors
/// A [`StoreError`] of the database. A broken log is no error but [`Verified::Broken`].
pub async fn verify(store: &Store, public: Option<&[u8]>) -> Result<Verified, StoreError> {
    let found = walk(store, public).await?;
    match found {
        Verified::Intact(_) => Ok(found),
        // A segment that expired between two pages looks like damage; damage looks the same again.
        Verified::Broken(_) => walk(store, public).await,
    }
}

async fn walk(store: &Store, public: Option<&[u8]>) -> Result<Verified, StoreError> {
    let (segments, genesis) = store
        .read(|tx| Box::pin(async move { Ok((segments(tx).await?, first_previous(tx).await?)) }))
        .await?;
    if let Some(broken) = check_segments(&segments, &genesis, public) {
        return Ok(Verified::Broken(broken));
    }
    let dropped = segments.iter().rev().find(|segment| segment.dropped);
    let mut seen = Seen {
        sequence: dropped.map_or(0, |segment| segment.last_sequence),
        hash: dropped.map_or(genesis, |segment| segment.last_hash.clone()),
    };
    let first = seen.sequence + 1;
    loop {
        let after = seen.sequence;
        let rows = store.read(move |tx| Box::pin(page(tx, after))).await?;
        let full = i64::try_from(rows.len()).unwrap_or(0) >= PAGE;
        for (index, row) in rows.iter().enumerate() {
            let segment = segments
                .iter()
                .find(|segment| segment.last_sequence > seen.sequence);
            match check(row, &seen, segment) {
                Ok(next) => seen = next,
                Err(mut broken) => {
                    sharpen(store, row, rows.get(index + 1), &mut broken, &seen).await?;
                    return Ok(Verified::Broken(broken));
                }
            }
        }
        if !full {
            break;
        }
    }
    if let Some(segment) = segments
        .last()
        .filter(|segment| segment.last_sequence > seen.sequence)
    {
        return Ok(Verified::Broken(missing(
            seen.sequence + 1,
            &format!(
                "segment {} goes on to {}",
                segment.number, segment.last_sequence
            ),
        )));
    }
    let kept_all = dropped.is_none();
    if let Some(broken) = store
        .read(move |tx| Box::pin(check_streams(tx, kept_all)))
        .await?
    {
        return Ok(Verified::Broken(broken));
    }
    Ok(Verified::Intact(Intact {
        first_sequence: first,
        last_sequence: seen.sequence,
        last_hash: seen.hash,
        segments: segments.len(),
    }))
}

async fn page(tx: &mut dyn Tx, after: i64) -> Result<Vec<Row>, StoreError> {
    let text = sql(concat!(
        "select ",
        columns!(),
        ", salt, data from record left join personal on record_id = id where sequence > $1 order by sequence limit $2"
    ));
    tx.query(text, &[after.into(), PAGE.into()]).await
}

fn missing(sequence: i64, detail: &str) -> Broken {
    Broken {
        sequence: Some(sequence),
        id: None,
        field: "sequence".to_owned(),
        detail: format!("no record has this number; {detail}"),
    }
}

fn check_segments(segments: &[Segment], genesis: &[u8], public: Option<&[u8]>) -> Option<Broken> {
    let mut previous = genesis;
    let mut expected = 1;
    let mut all_dropped = true;
    for (number, segment) in (1..).zip(segments) {
        let wrong = |field: &str, detail: &str| {
            Some(Broken {
                sequence: None,
                id: Some(format!("segment {}", segment.number)),
                field: field.to_owned(),
                detail: detail.to_owned(),
            })
        };
        if segment.number != number {
            return wrong("number", "segments are numbered without gaps");
        }
        if segment.first_sequence != expected || segment.last_sequence < segment.first_sequence {
            return wrong(
                "first_sequence",
                "it does not begin where the one before it ends",
            );
        }
        if public.is_some_and(|public| !segment.is_signed_by(public, previous)) {
            return wrong(
                "signature",
                "it is not this region's, for these numbers, this time and this hash",
            );
        }
        if segment.dropped && !(all_dropped && segment.bodies_expired) {
            return wrong(
                "dropped",
                "an older segment, or its own bodies, are still there",
            );
        }
        all_dropped = segment.dropped;
        previous = &segment.last_hash;
        expected = segment.last_sequence + 1;
    }
    None
}

/// Says more about what was found, where another record tells it.
async fn sharpen(
    store: &Store,
    row: &Row,
    next: Option<&Row>,
    broken: &mut Broken,
    seen: &Seen,
) -> Result<(), StoreError> {
    let sequence = seen.sequence + 1;
    if broken.field == "sequence" && broken.id.is_none() {
        let previous = seen.hash.clone();
        let text = sql("select id from record where previous = $1 limit 1");
        let found = store.read(move |tx| {
            let previous = previous.clone();
            Box::pin(async move { tx.first(text, &[previous.into()]).await })
        });
        broken.id = found
            .await?
            .map(|row| row.text(0).map(str::to_owned))
            .transpose()?;
    }
    if broken.field == record::HEADER {
        let fetched = match next {
            Some(_) => None,
            None => store
                .read(move |tx| Box::pin(page(tx, sequence)))
                .await?
                .into_iter()
                .next(),
        };
        let next = next
            .or(fetched.as_ref())
            .and_then(|next| next.bytes(13).ok());
        if record::computed(row).is_some_and(|computed| next.as_deref() == Some(&computed)) {
            "hash".clone_into(&mut broken.field);
            "the next record chains on another one".clone_into(&mut broken.detail);
        }
    }
    Ok(())
}

/// Streams have no gaps, and stand where their newest record says.
async fn check_streams(tx: &mut dyn Tx, kept_all: bool) -> Result<Option<Broken>, StoreError> {
    let text = sql(
        "select s.name, s.version, coalesce(r.first, 0), coalesce(r.last, 0), coalesce(r.count, 0) from stream s left join \
         (select stream, min(stream_version) as first, max(stream_version) as last, count(*) as count from record group by stream) r \
         on r.stream = s.name where (r.stream is null and $1 = 1) or (r.stream is not null and \
         (r.last <> s.version or r.count <> r.last - r.first + 1 or (r.first <> 1 and $1 = 1))) order by s.name limit 1",
    );
    let Some(row) = tx.first(text, &[kept_all.into()]).await? else {
        let text = sql(
            "select stream from record where not exists (select 1 from stream where name = stream) limit 1",
        );
        let row = tx.first(text, &[]).await?;
        return row
            .map(|row| {
                Ok(stream(
                    row.text(0)?,
                    "records continue a stream that is not there".to_owned(),
                ))
            })
            .transpose();
    };
    let (version, first, last, count) = (row.int(1)?, row.int(2)?, row.int(3)?, row.int(4)?);
    let detail = format!(
        "it stands at version {version}, and its {count} records go from {first} to {last}"
    );
    Ok(Some(stream(row.text(0)?, detail)))
}

fn stream(name: &str, detail: String) -> Broken {
    Broken {
        sequence: None,
        id: Some(format!("stream {name}")),
        field: "stream_version".to_owned(),
        detail,
    }
}
