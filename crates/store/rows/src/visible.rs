//! What can be read: one rule for manifests, whatever the route. A manifest is visible if its state in this repository
//! is cleared; otherwise it is as if it were absent, except to those who decide about it and say so.
//!
//! A blob is readable if a visible manifest of the repository uses it, or if none uses it and the reader may push.
//! A manifest that is pushed may name a blob of the repository that its pusher can read, or has uploaded.

use crate::access::Authorized;
use crate::lists;
use refloat_core::{Action, Rejection};
use refloat_database::{StoreError, Tx, Value, sql};
use refloat_oci::{Digest, TagOrDigest};
use std::str::FromStr;

/// What a reader wants to do with what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Use it. Only what is cleared can be used, whoever asks.
    Pull,
    /// Decide about it: whoever has `clear` sees all.
    Clear,
}

/// The quarantine state of a digest in a repository. It outlives the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageState {
    /// It can be pulled.
    Cleared,
    /// It waits for a verdict.
    Quarantined,
    /// It was judged and stays hidden.
    Rejected,
}

impl ImageState {
    /// The form in rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cleared => "cleared",
            Self::Quarantined => "quarantined",
            Self::Rejected => "rejected",
        }
    }
}

impl FromStr for ImageState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Cleared, Self::Quarantined, Self::Rejected];
        all.into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| format!("`{text}` is no state of an image"))
    }
}

/// 1 if a reader with this leave and purpose sees what is not cleared.
pub(crate) fn sees_hidden<O>(leave: &Authorized<O>, purpose: Purpose) -> Value {
    let all = match purpose {
        Purpose::Pull => false,
        Purpose::Clear => leave.actions().contains(Action::Clear),
    };
    Value::from(i64::from(all))
}

/// Whether the manifest is there for this reader.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn visible<O>(
    tx: &mut dyn Tx,
    leave: &Authorized<O>,
    digest: &Digest,
    purpose: Purpose,
) -> Result<bool, StoreError> {
    let row = tx
        .first(
            sql("select m.size from manifest m \
                 join image_state s on s.repository_id = m.repository_id and s.digest = m.digest \
                 where m.repository_id = $1 and m.digest = $2 and (s.quarantine = 'cleared' or cast($3 as bigint) = 1)"),
            &[leave.repository().id.as_str().into(), digest.to_row().into(), sees_hidden(leave, purpose)],
        )
        .await?;
    Ok(row.is_some())
}

/// The digest that a tag or digest names for this reader.
///
/// # Errors
/// [`Rejection::ManifestUnknown`], for what is absent and for what is hidden.
pub async fn resolve<O>(
    tx: &mut dyn Tx,
    leave: &Authorized<O>,
    reference: &TagOrDigest,
    purpose: Purpose,
) -> Result<Digest, StoreError> {
    let found = match reference {
        TagOrDigest::Digest(digest) => visible(tx, leave, digest, purpose)
            .await?
            .then_some(*digest),
        TagOrDigest::Tag(tag) => {
            let row = tx
                .first(
                    sql("select t.digest from tag t \
                         join image_state s on s.repository_id = t.repository_id and s.digest = t.digest \
                         where t.repository_id = $1 and t.name = $2 and (s.quarantine = 'cleared' or cast($3 as bigint) = 1)"),
                    &[leave.repository().id.as_str().into(), tag.as_str().into(), sees_hidden(leave, purpose)],
                )
                .await?;
            row.map(|row| lists::digest(&row, 0)).transpose()?
        }
    };
    found.ok_or_else(|| unknown(leave, reference).into())
}

pub(crate) fn unknown<O>(leave: &Authorized<O>, reference: &TagOrDigest) -> Rejection {
    Rejection::ManifestUnknown {
        repository: leave.repository().name.to_string(),
        reference: reference.to_string(),
    }
}
