//! Pushing a manifest: all that it needs is there, or nothing is done.

use super::tags::{TagChange, load_tags, write_tags};
use crate::access::{Authorized, Push, QuarantinePolicy};
use crate::collect;
use crate::lists::{self, digest_list, digests};
use crate::records::{Records, raced};
use crate::visible::ImageState;
use bytes::Bytes;
use refloat_core::event::RegistryEvent;
use refloat_core::registry::{ManifestFacts, PutView, TagRules, decide_put};
use refloat_core::{Action, RepositoryId};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::{Digest, TagName};

/// A manifest to store, parsed from its bytes.
#[derive(Debug, Clone)]
pub struct PutManifest {
    /// What the log says about it.
    pub facts: ManifestFacts,
    /// Annotations as a JSON object, for referrers.
    pub annotations: Option<String>,
    /// Its bytes, verbatim; the digest was computed from them.
    pub bytes: Bytes,
    /// Blobs it needs.
    pub blobs: Vec<Digest>,
    /// Blobs it names and does not need (layers that may not be distributed).
    pub optional_blobs: Vec<Digest>,
    /// Manifests it lists.
    pub children: Vec<Digest>,
    /// Tags to point at it.
    pub tags: Vec<TagName>,
}

/// What a push did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOutcome {
    /// The tags that name it now.
    pub tags: Vec<TagName>,
    /// Whether anything changed.
    pub changed: bool,
    /// Whether it is hidden until it is cleared.
    pub quarantined: bool,
}

/// Stores a manifest and points tags at it. The same push again changes nothing and makes no record.
///
/// # Errors
/// [`refloat_core::Rejection::ManifestReferencesUnknown`], `Denied` for a tag that would move without `update`, `Immutable`.
pub async fn put_manifest(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    put: &PutManifest,
) -> Result<PutOutcome, StoreError> {
    let repository = leave.repository();
    let digest = &put.facts.digest;
    let (stored, state) = stored(tx, &repository.id, digest).await?;
    let missing = if stored {
        Vec::new()
    } else {
        missing(tx, leave, put).await?
    };
    let mut wanted = put.tags.clone();
    wanted.sort();
    wanted.dedup();
    let loaded = load_tags(tx, repository, &wanted).await?;
    let view = PutView {
        rules: TagRules {
            repository: &repository.name,
            immutable: &repository.immutable_tags,
            actions: leave.actions(),
        },
        stored,
        missing,
        tags: loaded.iter().map(|tag| tag.view.clone()).collect(),
    };
    let events = decide_put(&view, &put.facts)?;
    let state = state.unwrap_or(match repository.quarantine {
        QuarantinePolicy::Off | QuarantinePolicy::Observe => ImageState::Cleared,
        QuarantinePolicy::Enforce => ImageState::Quarantined,
    });
    let outcome = PutOutcome {
        tags: put.tags.clone(),
        changed: !events.is_empty(),
        quarantined: state != ImageState::Cleared,
    };
    if !outcome.changed {
        return Ok(outcome);
    }
    let mut records = Records::by(leave);
    let mut changes = Vec::new();
    for event in events {
        let RegistryEvent::TagMoved { tag, .. } = &event else {
            insert(tx, &repository.id, put, state)
                .await
                .map_err(raced)?;
            records.manifest(&repository.project, &repository.id, digest, event);
            continue;
        };
        let tag = loaded
            .iter()
            .find(|loaded| loaded.view.tag == *tag)
            .ok_or_else(|| StoreError::column(0, "missing"))?
            .clone();
        changes.push(TagChange { tag, event });
    }
    refloat_fail::point("manifest.inserted")?;
    write_tags(tx, repository, records, &changes, None).await?;
    Ok(outcome)
}

/// Whether the manifest is stored, and the state that its digest has in this repository, stored or not.
async fn stored(
    tx: &mut dyn Tx,
    repository: &RepositoryId,
    digest: &Digest,
) -> Result<(bool, Option<ImageState>), StoreError> {
    let row = tx
        .first(
            sql("select s.quarantine, m.size from image_state s \
                 left join manifest m on m.repository_id = s.repository_id and m.digest = s.digest \
                 where s.repository_id = $1 and s.digest = $2"),
            &[repository.as_str().into(), digest.to_row().into()],
        )
        .await?;
    let Some(row) = row else {
        return Ok((false, None));
    };
    Ok((row.optional(1, Row::int)?.is_some(), Some(row.parsed(0)?)))
}

/// What the manifest needs and the pusher cannot name: not a member, or known to the pusher by its digest only.
async fn missing(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    put: &PutManifest,
) -> Result<Vec<Digest>, StoreError> {
    let repository = leave.repository().id.as_str();
    let mut missing = Vec::new();
    if !put.blobs.is_empty() {
        let rows = tx
            .query(
                digest_list!(
                    "select asked.value from ",
                    "$1",
                    " as asked where not exists (select 1 from repository_blob m where m.repository_id = $2 and m.digest = asked.value and ( \
                     m.uploaded_by = $3 or cast($4 as bigint) = 1 \
                     or not exists (select 1 from manifest_blob u where u.repository_id = $2 and u.blob = m.digest) \
                     or exists (select 1 from manifest_blob u join image_state s on s.repository_id = u.repository_id and s.digest = u.manifest \
                      where u.repository_id = $2 and u.blob = m.digest and s.quarantine = 'cleared')))"
                ),
                &[
                    digests(&put.blobs),
                    repository.into(),
                    crate::access::actor(leave.principal()).into(),
                    i64::from(leave.actions().contains(Action::Clear)).into(),
                ],
            )
            .await?;
        missing.extend(
            rows.iter()
                .map(|row| lists::digest(row, 0))
                .collect::<Result<Vec<_>, _>>()?,
        );
    }
    if !put.children.is_empty() {
        let rows = tx
            .query(
                digest_list!(
                    "select asked.value from ",
                    "$1",
                    " as asked where not exists (select 1 from manifest m where m.repository_id = $2 and m.digest = asked.value)"
                ),
                &[digests(&put.children), repository.into()],
            )
            .await?;
        missing.extend(
            rows.iter()
                .map(|row| lists::digest(row, 0))
                .collect::<Result<Vec<_>, _>>()?,
        );
    }
    Ok(missing)
}

async fn insert(
    tx: &mut dyn Tx,
    repository: &RepositoryId,
    put: &PutManifest,
    state: ImageState,
) -> Result<(), StoreError> {
    let now = tx.now();
    let id = repository.as_str();
    let digest = put.facts.digest.to_row();
    tx.execute(
        sql("insert into image_state (repository_id, digest, quarantine, changed_at) values ($1, $2, $3, $4) on conflict do nothing"),
        &[id.into(), digest.clone().into(), state.name().into(), now.into()],
    )
    .await?;
    tx.execute(
        sql("insert into manifest (repository_id, digest, media_type, artifact_type, subject, annotations, bytes, size, pushed_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"),
        &[
            id.into(),
            digest.clone().into(),
            put.facts.media_type.as_str().into(),
            put.facts.artifact_type.clone().into(),
            put.facts.subject.map(|subject| subject.to_row()).into(),
            put.annotations.clone().into(),
            put.bytes.clone().into(),
            i64::try_from(put.bytes.len()).unwrap_or(i64::MAX).into(),
            now.into(),
        ],
    )
    .await?;
    if !put.blobs.is_empty() {
        let statement = digest_list!(
            "insert into manifest_blob (repository_id, manifest, blob) select $2, $3, asked.value from ",
            "$1",
            " as asked where true on conflict do nothing"
        );
        tx.execute(
            statement,
            &[digests(&put.blobs), id.into(), digest.clone().into()],
        )
        .await?;
    }
    if !put.optional_blobs.is_empty() {
        let statement = digest_list!(
            "insert into manifest_blob (repository_id, manifest, blob) select $2, $3, asked.value from ",
            "$1",
            " as asked where exists (select 1 from repository_blob m where m.repository_id = $2 and m.digest = asked.value) on conflict do nothing"
        );
        tx.execute(
            statement,
            &[
                digests(&put.optional_blobs),
                id.into(),
                digest.clone().into(),
            ],
        )
        .await?;
    }
    if !put.children.is_empty() {
        let statement = digest_list!(
            "insert into manifest_child (repository_id, parent, child) select $2, $3, asked.value from ",
            "$1",
            " as asked where true on conflict do nothing"
        );
        tx.execute(
            statement,
            &[digests(&put.children), id.into(), digest.into()],
        )
        .await?;
    }
    if put.facts.subject.is_some() {
        collect::review_referrer(tx, repository, &put.facts.digest).await?;
    }
    Ok(())
}
