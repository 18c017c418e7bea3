//! Tags: made, moved, removed and brought back, each position kept with its record.

use super::limit;
use crate::access::{Authorized, Delete, Pull, Push, RepositoryRow, Update};
use crate::collect;
use crate::lines;
use crate::lists::{self, text_list, texts};
use crate::records::{Records, raced};
use crate::visible::{Purpose, resolve, sees_hidden};
use refloat_core::event::RegistryEvent;
use refloat_core::registry::{
    IllegalTransition, TagRules, TagState, TagView, decide_move, decide_undo, decide_untag,
};
use refloat_core::{Action, Failure, RecordId, Rejection, Timestamp};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::{Digest, TagName, TagOrDigest};
use std::collections::HashMap;

/// A tag as it stands, and the version of its stream.
#[derive(Debug, Clone)]
pub(crate) struct LoadedTag {
    pub(crate) view: TagView,
    pub(crate) version: i64,
}

/// A decided change of a tag.
pub(crate) struct TagChange {
    pub(crate) tag: LoadedTag,
    pub(crate) event: RegistryEvent,
}

/// Where a tag stood from some time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPosition {
    /// 1 for the first.
    pub version: i64,
    /// What it named; `None` where it was deleted.
    pub digest: Option<Digest>,
    /// Since when.
    pub at: Timestamp,
    /// Who moved it: a principal's id, `anonymous` or `system`.
    pub actor: String,
    /// The name of that account, while it exists.
    pub actor_name: Option<String>,
    /// The record.
    pub record: RecordId,
}

/// What pointing a tag did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagOutcome {
    /// What the tag names now.
    pub digest: Option<Digest>,
    /// Whether anything changed.
    pub changed: bool,
}

fn rules<O>(leave: &Authorized<O>) -> TagRules<'_> {
    let repository = leave.repository();
    TagRules {
        repository: &repository.name,
        immutable: &repository.immutable_tags,
        actions: leave.actions(),
    }
}

/// Points `new` at what `from` names, which the caller can pull.
///
/// # Errors
/// [`Rejection::ManifestUnknown`], `Denied` if the tag would move without `update`, `Immutable`.
pub async fn tag(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    from: &TagOrDigest,
    new: &TagName,
) -> Result<TagOutcome, StoreError> {
    if !leave.actions().contains(Action::Pull) {
        return Err(
            Rejection::Denied(format!("`{}` needs `pull`", leave.repository().name)).into(),
        );
    }
    let digest = resolve(tx, leave, from, Purpose::Pull).await?;
    let tag = load_tag(tx, leave.repository(), new).await?;
    let Some(event) = decide_move(&rules(leave), &tag.view, digest)? else {
        return Ok(TagOutcome {
            digest: Some(digest),
            changed: false,
        });
    };
    write_tags(
        tx,
        leave.repository(),
        Records::by(leave),
        &[TagChange { tag, event }],
        None,
    )
    .await?;
    Ok(TagOutcome {
        digest: Some(digest),
        changed: true,
    })
}

/// Removes a tag; its manifest stays.
///
/// # Errors
/// [`Rejection::ManifestUnknown`] for an absent or hidden tag, `Immutable`.
pub async fn untag(
    tx: &mut dyn Tx,
    leave: &Authorized<Delete>,
    name: &TagName,
) -> Result<(), StoreError> {
    resolve(tx, leave, &TagOrDigest::Tag(name.clone()), Purpose::Clear).await?;
    let tag = load_tag(tx, leave.repository(), name).await?;
    let event = decide_untag(&rules(leave), &tag.view)?;
    write_tags(
        tx,
        leave.repository(),
        Records::by(leave),
        &[TagChange { tag, event }],
        None,
    )
    .await
}

/// Brings a tag back to the position before its present one, which may be that there was no such tag.
///
/// # Errors
/// [`Rejection::ManifestUnknown`] if there never was such a tag, or what it named is gone; [`Rejection::Conflict`] if
/// it never had another position; `Denied`, `Immutable`.
pub async fn tag_undo(
    tx: &mut dyn Tx,
    leave: &Authorized<Update>,
    name: &TagName,
) -> Result<TagOutcome, StoreError> {
    let repository = leave.repository();
    let tag = load_tag(tx, repository, name).await?;
    let row = tx
        .first(
            sql("select digest from tag_history where repository_id = $1 and name = $2 and version = $3"),
            &[repository.id.as_str().into(), name.as_str().into(), (tag.version - 1).into()],
        )
        .await?;
    let previous = row.map(|row| row.optional(0, lists::digest)).transpose()?;
    let previous = previous.map(|digest| digest.map_or(TagState::Absent, TagState::Names));
    if let Some(TagState::Names(digest)) = previous {
        resolve(tx, leave, &TagOrDigest::Digest(digest), Purpose::Pull).await?;
    }
    let event = decide_undo(&rules(leave), &tag.view, previous)?;
    write_tags(
        tx,
        repository,
        Records::by(leave),
        &[TagChange { tag, event }],
        None,
    )
    .await?;
    Ok(TagOutcome {
        digest: previous.and_then(TagState::digest),
        changed: true,
    })
}

/// The positions of a tag, newest first, those before version `before`. Positions whose manifest is hidden are left out.
///
/// # Errors
/// [`Rejection::ManifestUnknown`] if there never was such a tag.
pub async fn tag_history(
    tx: &mut dyn Tx,
    leave: &Authorized<Pull>,
    name: &TagName,
    before: Option<i64>,
    at_most: usize,
) -> Result<Vec<TagPosition>, StoreError> {
    let rows = tx
        .query(
            sql("select h.version, h.digest, h.at, h.actor, p.name, h.record_id from tag_history h \
                 left join image_state s on s.repository_id = h.repository_id and s.digest = h.digest \
                 left join principal p on p.id = h.actor \
                 where h.repository_id = $1 and h.name = $2 and h.version < $3 \
                 and (h.digest is null or s.quarantine = 'cleared' or cast($4 as bigint) = 1) \
                 order by h.version desc limit $5"),
            &[
                leave.repository().id.as_str().into(),
                name.as_str().into(),
                before.unwrap_or(i64::MAX).into(),
                sees_hidden(leave, Purpose::Clear),
                limit(at_most),
            ],
        )
        .await?;
    if rows.is_empty() && before.is_none() {
        return Err(crate::visible::unknown(leave, &TagOrDigest::Tag(name.clone())).into());
    }
    rows.iter().map(position).collect()
}

fn position(row: &Row) -> Result<TagPosition, StoreError> {
    Ok(TagPosition {
        version: row.int(0)?,
        digest: row.optional(1, lists::digest)?,
        at: row.instant(2)?,
        actor: row.text(3)?.to_owned(),
        actor_name: row.optional(4, Row::text)?.map(str::to_owned),
        record: row.parsed(5)?,
    })
}

async fn load_tag(
    tx: &mut dyn Tx,
    repository: &RepositoryRow,
    name: &TagName,
) -> Result<LoadedTag, StoreError> {
    let loaded = load_tags(tx, repository, std::slice::from_ref(name)).await?;
    loaded
        .into_iter()
        .next()
        .ok_or_else(|| StoreError::column(0, "missing"))
}

/// The tags as they stand, in the order of `names`.
pub(crate) async fn load_tags(
    tx: &mut dyn Tx,
    repository: &RepositoryRow,
    names: &[TagName],
) -> Result<Vec<LoadedTag>, StoreError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx
        .query(
            text_list!(
                "select asked.value, t.digest, coalesce((select max(h.version) from tag_history h \
                 where h.repository_id = $2 and h.name = asked.value), 0) from ",
                "$1",
                " as asked left join tag t on t.repository_id = $2 and t.name = asked.value"
            ),
            &[
                texts(names.iter().map(TagName::as_str)),
                repository.id.as_str().into(),
            ],
        )
        .await?;
    let mut found = HashMap::new();
    for row in &rows {
        let state = row
            .optional(1, lists::digest)?
            .map_or(TagState::Absent, TagState::Names);
        found.insert(row.text(0)?.to_owned(), (state, row.int(2)?));
    }
    let load = |tag: &TagName| {
        let (state, version) = *found
            .get(tag.as_str())
            .ok_or_else(|| StoreError::column(0, "missing"))?;
        Ok(LoadedTag {
            view: TagView {
                tag: tag.clone(),
                state,
            },
            version,
        })
    };
    names.iter().map(load).collect()
}

/// Writes decided changes of tags, and after them the end of a manifest: rows, lines, records, history.
pub(crate) async fn write_tags(
    tx: &mut dyn Tx,
    repository: &RepositoryRow,
    mut records: Records,
    changes: &[TagChange],
    gone: Option<(Digest, RegistryEvent)>,
) -> Result<(), StoreError> {
    let actor = records.actor().to_owned();
    let first = records.count();
    let mut states = Vec::with_capacity(changes.len());
    for change in changes {
        let state = change
            .tag
            .view
            .state
            .next(&change.event)
            .map_err(|error| illegal(&error))?;
        write_state(tx, repository, &change.tag.view.tag, state).await?;
        if let TagState::Names(left) = change.tag.view.state {
            collect::review_untagged(tx, &repository.id, &left).await?;
        }
        states.push((&change.tag, state));
        records.tag(
            &repository.project,
            &repository.id,
            &change.tag.view.tag,
            change.tag.version,
            change.event.clone(),
        );
    }
    let moved: Vec<_> = states
        .iter()
        .map(|(tag, state)| (&tag.view.tag, *state))
        .collect();
    let by = match records.because().cascade {
        Some(_) => lines::MovedBy::Cascade,
        None => lines::MovedBy::Anybody,
    };
    lines::follow(tx, repository, &moved, by).await?;
    if let Some((digest, event)) = gone {
        super::remove_manifest(tx, repository, &digest).await?;
        records.manifest(&repository.project, &repository.id, &digest, event);
    }
    let ids = records.append(tx).await?;
    let now = tx.now();
    for ((tag, state), record) in states.iter().zip(ids.iter().skip(first)) {
        tx.execute(
            sql("insert into tag_history (repository_id, name, version, digest, at, actor, record_id) values ($1, $2, $3, $4, $5, $6, $7)"),
            &[
                repository.id.as_str().into(),
                tag.view.tag.as_str().into(),
                (tag.version + 1).into(),
                state.digest().map(|digest| digest.to_row()).into(),
                now.into(),
                actor.as_str().into(),
                record.as_str().into(),
            ],
        )
        .await
        .map_err(raced)?;
    }
    Ok(())
}

fn illegal(illegal: &IllegalTransition) -> StoreError {
    Failure::Damaged(illegal.to_string()).into()
}

async fn write_state(
    tx: &mut dyn Tx,
    repository: &RepositoryRow,
    tag: &TagName,
    state: TagState,
) -> Result<(), StoreError> {
    let now = tx.now();
    let (id, name) = (repository.id.as_str().into(), tag.as_str().into());
    match state {
        TagState::Absent => {
            tx.execute(
                sql("delete from tag where repository_id = $1 and name = $2"),
                &[id, name],
            )
            .await?
        }
        TagState::Names(digest) => {
            let statement = sql(
                "insert into tag (repository_id, name, digest, updated_at) values ($1, $2, $3, $4) \
                 on conflict (repository_id, name) do update set digest = excluded.digest, updated_at = excluded.updated_at",
            );
            tx.execute(statement, &[id, name, digest.to_row().into(), now.into()])
                .await
                .map_err(raced)?
        }
    };
    Ok(())
}
