//! Records of the log: what is written beside every state change, and how records chain.
//!
//! The hash of a record is SHA-256 over the text `refloat-record-1`, the previous record's hash, and the fields sequence, id,
//! project, stream, stream version, at, actor, causes, cascade, origin, H(body), H(personal data),
//! each length-prefixed with a big-endian u32. Bodies can expire and personal data be erased; the chain still verifies.

use crate::event::Event;
use crate::id::{CascadeId, ProjectId, RecordId, RegionId};
use crate::time::Timestamp;

/// The most bytes of a record's body.
pub const BODY_MAX_BYTES: usize = 16 * 1024;
/// The most causes of one record.
pub const CAUSES_MAX: usize = 64;

/// The name of a stream, `kind/id`: the unit of expected versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream(String);

impl Stream {
    /// The stream `kind/id`.
    pub fn new(kind: &str, id: impl std::fmt::Display) -> Self {
        Self(format!("{kind}/{id}"))
    }

    /// A stream name as it stands in a row.
    pub fn from_row(name: String) -> Self {
        Self(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A record to be appended; the store adds id, time, number and hash.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// The tenant the change belongs to.
    pub project: ProjectId,
    /// The stream it continues.
    pub stream: Stream,
    /// The version the stream must have now (0: it must not exist); `None` takes whatever it has.
    pub expected_version: Option<i64>,
    /// An opaque id of who acted: a principal's id, `anonymous` or `system`.
    pub actor: String,
    /// Records that led to this one.
    pub causes: Vec<RecordId>,
    /// The cascade it belongs to.
    pub cascade: Option<CascadeId>,
    /// What happened.
    pub event: Event,
    /// Personal data of the request (address, user agent); kept apart so that it can be erased.
    pub personal: Option<String>,
}

/// A record as it stands in the log, numbered and chained.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Dense number in this region, from 1.
    pub sequence: i64,
    /// Its id.
    pub id: RecordId,
    /// The tenant.
    pub project: ProjectId,
    /// The stream.
    pub stream: Stream,
    /// The stream's version after it, from 1.
    pub stream_version: i64,
    /// When, by the database.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// Why.
    pub causes: Vec<RecordId>,
    /// The cascade.
    pub cascade: Option<CascadeId>,
    /// Region and sequence where it was first recorded, if that was elsewhere.
    pub origin: Option<String>,
    /// The body as stored; `None` once it has expired.
    pub body: Option<Vec<u8>>,
    /// SHA-256 of the body.
    pub body_hash: Vec<u8>,
    /// Salted SHA-256 of the personal data; empty if there was none.
    pub personal_hash: Vec<u8>,
    /// The hash of the record before it.
    pub previous: Vec<u8>,
    /// Its own hash.
    pub hash: Vec<u8>,
}

impl Recorded {
    /// The hash these fields have, which [`Recorded::hash`] must equal.
    pub fn computed_hash(&self) -> Vec<u8> {
        let mut fields = FieldHash::new();
        fields.field(&self.previous);
        fields.field(self.sequence.to_string().as_bytes());
        fields.field(self.id.as_str().as_bytes());
        fields.field(self.project.as_str().as_bytes());
        fields.field(self.stream.as_str().as_bytes());
        fields.field(self.stream_version.to_string().as_bytes());
        fields.field(self.at.micros().to_string().as_bytes());
        fields.field(self.actor.as_bytes());
        fields.field(causes_text(&self.causes).as_bytes());
        fields.field(
            self.cascade
                .as_ref()
                .map_or("", |id| id.as_str())
                .as_bytes(),
        );
        fields.field(self.origin.as_deref().unwrap_or("").as_bytes());
        fields.field(&self.body_hash);
        fields.field(&self.personal_hash);
        fields.finish()
    }

    /// What happened; `None` if the body has expired or is of a type this version does not know.
    pub fn event(&self) -> Option<Event> {
        Event::from_body(self.body.as_deref()?).ok()
    }
}

/// Causes as rows and hashes have them: ids separated by commas.
pub fn causes_text(causes: &[RecordId]) -> String {
    causes
        .iter()
        .map(RecordId::as_str)
        .collect::<Vec<_>>()
        .join(",")
}

/// What the first record of a region chains on.
pub fn genesis(region: &RegionId) -> Vec<u8> {
    sha256(region.as_str().as_bytes())
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    refloat_oci::Digest::sha256(bytes).hash().to_vec()
}

struct FieldHash(refloat_oci::Hasher);

impl FieldHash {
    fn new() -> Self {
        let mut hash = Self(refloat_oci::Hasher::new(refloat_oci::Algorithm::Sha256));
        hash.field(b"refloat-record-1");
        hash
    }

    fn field(&mut self, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).expect("fields are capped far below 4 GiB");
        self.0.update(&length.to_be_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> Vec<u8> {
        self.0.finish().hash().to_vec()
    }
}
