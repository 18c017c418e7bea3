//! The audit family: what the log says about itself and about stored bytes.

use crate::id::RecordId;
use refloat_oci::Digest;
use serde::{Deserialize, Serialize};

/// What happens to the log and to the bytes it speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditEvent {
    /// A segment of the log was closed and signed.
    #[serde(rename = "audit.segment_closed")]
    SegmentClosed {
        /// Its number, from 1.
        segment: i64,
        /// Its last sequence.
        last_sequence: i64,
    },
    /// The bodies of old segments were dropped by the retention rule.
    #[serde(rename = "audit.bodies_expired")]
    BodiesExpired {
        /// The last sequence whose body is gone.
        up_to_sequence: i64,
    },
    /// A record's personal data was erased.
    #[serde(rename = "audit.personal_erased")]
    PersonalErased {
        /// The record.
        record: RecordId,
    },
    /// The scrub found stored bytes that do not have their checksum.
    #[serde(rename = "audit.damage_found")]
    DamageFound {
        /// The blob.
        digest: Digest,
        /// What is wrong.
        detail: String,
    },
    /// The data was restored from a backup.
    #[serde(rename = "audit.restored")]
    Restored {
        /// The last sequence in the backup.
        up_to_sequence: i64,
    },
}

super::names!(AuditEvent {
    SegmentClosed = "audit.segment_closed",
    BodiesExpired = "audit.bodies_expired",
    PersonalErased = "audit.personal_erased",
    DamageFound = "audit.damage_found",
    Restored = "audit.restored",
});
