//! Segments: stretches of the log, closed by time or size, each with a signature over where its chain ends.
//!
//! Whoever keeps the public key and one signed segment can tell later that nothing up to its end was changed, whatever
//! happened to the database.

use super::append::append;
use crate::projects::DEFAULT_PROJECT;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use refloat_core::event::{AuditEvent, Event};
use refloat_core::{Failure, NewRecord, Secret, Stream, Timestamp};
use refloat_database::{Row, StoreError, Tx, sql};

/// The key pair that signs segments.
pub struct SegmentKey(Ed25519KeyPair);

impl SegmentKey {
    /// Makes a new key pair, as PKCS#8 for the table of secrets.
    ///
    /// # Errors
    /// [`Failure::Terminal`] if the system gives no random bytes.
    pub fn generate() -> Result<Secret<Vec<u8>>, Failure> {
        let wrong = |_| Failure::Terminal("the system gives no random bytes".to_owned());
        let pair = Ed25519KeyPair::generate().map_err(wrong)?;
        let document = pair.to_pkcs8().map_err(wrong)?;
        Ok(Secret::new(document.as_ref().to_vec()))
    }

    /// Reads what [`SegmentKey::generate`] made.
    ///
    /// # Errors
    /// [`Failure::Damaged`] if it is not a key.
    pub fn from_pkcs8(document: &Secret<Vec<u8>>) -> Result<Self, Failure> {
        let pair = Ed25519KeyPair::from_pkcs8(document.expose());
        pair.map(Self)
            .map_err(|_| Failure::Damaged("the key that signs the log's segments".to_owned()))
    }

    /// The key pair of these 32 random bytes.
    ///
    /// # Errors
    /// [`Failure::Terminal`] if the library refuses them.
    pub fn from_seed(seed: &Secret<[u8; 32]>) -> Result<Self, Failure> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose());
        pair.map(Self).map_err(|_| {
            Failure::Terminal("the key that signs the log's segments is refused".to_owned())
        })
    }

    /// The public half: 32 bytes.
    pub fn public(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }
}

impl std::fmt::Debug for SegmentKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("(segment key)")
    }
}

/// When a segment is long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentRule {
    /// It has this many records.
    pub records_max: i64,
    /// Its first record is this old.
    pub age_seconds_max: i64,
}

impl Default for SegmentRule {
    /// 10,000 records, or a day.
    fn default() -> Self {
        Self {
            records_max: 10_000,
            age_seconds_max: 86_400,
        }
    }
}

/// A closed segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// 1, 2, 3..
    pub number: i64,
    /// The number of its first record.
    pub first_sequence: i64,
    /// The number of its last record.
    pub last_sequence: i64,
    /// The last record's hash.
    pub last_hash: Vec<u8>,
    /// When it was closed.
    pub closed_at: Timestamp,
    /// Ed25519 over the fields above and the hash that the segment chains on.
    pub signature: Vec<u8>,
    /// Whether its bodies are gone.
    pub bodies_expired: bool,
    /// Whether its records are gone.
    pub dropped: bool,
}

impl Segment {
    /// What is signed: `refloat-segment-1` and the fields, each length-prefixed (u32, big endian), numbers in decimal.
    fn message(&self, previous_hash: &[u8]) -> Vec<u8> {
        let mut message = Vec::with_capacity(160);
        let numbers = [
            self.number,
            self.first_sequence,
            self.last_sequence,
            self.closed_at.micros(),
        ]
        .map(|number| number.to_string());
        let fields = [b"refloat-segment-1", previous_hash, &self.last_hash].into_iter();
        for field in fields.chain(numbers.iter().map(String::as_bytes)) {
            let length = u32::try_from(field.len()).expect("hashes and numbers are short");
            message.extend_from_slice(&length.to_be_bytes());
            message.extend_from_slice(field);
        }
        message
    }

    /// Whether the signature is this key's, for a segment that chains on `previous_hash`.
    pub fn is_signed_by(&self, public: &[u8], previous_hash: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, public);
        key.verify(&self.message(previous_hash), &self.signature)
            .is_ok()
    }
}

/// Closes the next segment if the rule says that it is long enough, and says so in the log. `None` if there is nothing to close.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn close_segment(
    tx: &mut dyn Tx,
    key: &SegmentKey,
    rule: SegmentRule,
) -> Result<Option<Segment>, StoreError> {
    let text =
        sql("select number, last_sequence, last_hash from segment order by number desc limit 1");
    let (number, before, previous) = match tx.first(text, &[]).await? {
        Some(row) => (row.int(0)?, row.int(1)?, row.bytes(2)?.to_vec()),
        None => (0, 0, super::append::first_previous(tx).await?),
    };
    // A segment that holds nothing but the closing of the one before it says nothing.
    let text = sql(
        "select coalesce(max(sequence), 0), coalesce(min(at), 0), coalesce(max(case when type = 'audit.segment_closed' then 0 else 1 end), 0) \
         from record where sequence > $1 and sequence <= $2",
    );
    let end = before.saturating_add(rule.records_max.max(1));
    let row = tx
        .first(text, &[before.into(), end.into()])
        .await?
        .ok_or_else(|| StoreError::column(0, "missing"))?;
    let (last, oldest, worthwhile) = (row.int(0)?, row.instant(1)?, row.flag(2)?);
    let is_long = last >= end;
    let is_old = tx.now().seconds_since(oldest) >= rule.age_seconds_max;
    if !worthwhile || !(is_long || is_old) {
        return Ok(None);
    }
    let row = tx
        .first(
            sql("select hash from record where sequence = $1"),
            &[last.into()],
        )
        .await?;
    let mut segment = Segment {
        number: number + 1,
        first_sequence: before + 1,
        last_sequence: last,
        last_hash: row
            .ok_or_else(|| StoreError::column(0, "missing"))?
            .bytes(0)?
            .to_vec(),
        closed_at: tx.now(),
        signature: Vec::new(),
        bodies_expired: false,
        dropped: false,
    };
    segment.signature = key.0.sign(&segment.message(&previous)).as_ref().to_vec();
    if !insert(tx, &segment).await? {
        return Ok(None);
    }
    let event = AuditEvent::SegmentClosed {
        segment: segment.number,
        last_sequence: last,
    };
    append(tx, said(event)).await?;
    refloat_fail::point("segment.closed")?;
    Ok(Some(segment))
}

/// Writes the row; false if another process closed the same segment first.
async fn insert(tx: &mut dyn Tx, segment: &Segment) -> Result<bool, StoreError> {
    let text = sql(
        "insert into segment (number, first_sequence, last_sequence, last_hash, closed_at, signature) \
         values ($1, $2, $3, $4, $5, $6) on conflict (number) do nothing",
    );
    let parameters = [
        segment.number.into(),
        segment.first_sequence.into(),
        segment.last_sequence.into(),
        segment.last_hash.clone().into(),
        segment.closed_at.into(),
        segment.signature.clone().into(),
    ];
    Ok(tx.execute(text, &parameters).await? == 1)
}

/// What the log says about itself.
pub(super) fn said(event: AuditEvent) -> NewRecord {
    NewRecord {
        project: DEFAULT_PROJECT
            .parse()
            .expect("the default project's id is one"),
        stream: Stream::new("log", "audit"),
        expected_version: None,
        actor: "system".to_owned(),
        causes: Vec::new(),
        cascade: None,
        event: Event::Audit(event),
        personal: None,
    }
}

/// All segments, oldest first. A segment is a day or 10,000 records: there are few.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn segments(tx: &mut dyn Tx) -> Result<Vec<Segment>, StoreError> {
    let text = sql(
        "select number, first_sequence, last_sequence, last_hash, closed_at, signature, bodies_expired, dropped \
         from segment order by number",
    );
    tx.query(text, &[]).await?.iter().map(read).collect()
}

pub(super) fn read(row: &Row) -> Result<Segment, StoreError> {
    Ok(Segment {
        number: row.int(0)?,
        first_sequence: row.int(1)?,
        last_sequence: row.int(2)?,
        last_hash: row.bytes(3)?.to_vec(),
        closed_at: row.instant(4)?,
        signature: row.bytes(5)?.to_vec(),
        bodies_expired: row.flag(6)?,
        dropped: row.flag(7)?,
    })
}
