//! References that move: what each names now, every digest it ever named, and the moves that are to be planned.
//!
//! A **generation** is a run of digests with the same images: a new wrapping of the same platforms stays in its generation.
//! What stands on an older generation is outdated.

use crate::images::{self, PlatformOf};
use crate::{By, record, rows};
use refloat_cascade::BaseName;
use refloat_core::event::{PlatformMove, SeenBy, WatchEvent};
use refloat_core::{CascadeId, Event, ProjectId, RecordId, Timestamp};
use refloat_database::{Row, StoreError, Tx, Value, sql};
use refloat_oci::{Digest, RepositoryName, TagName};
use std::collections::BTreeSet;

/// A reference as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseRow {
    /// What it names; `None` is a definite absence.
    pub digest: Option<Digest>,
    /// The generation of that.
    pub generation: i64,
    /// How often it moved.
    pub moves: i64,
    /// When it answered last.
    pub answered_at: Timestamp,
}

/// What a reference answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The reference.
    pub name: BaseName,
    /// The reference as people read it, `host/path:tag`.
    pub written: String,
    /// What it names; `None` is a definite absence.
    pub digest: Option<Digest>,
    /// What made us look.
    pub seen_by: SeenBy,
}

/// What an answer changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing.
    Same,
    /// It is watched from now on.
    Found,
    /// It names other images.
    Moved {
        /// The record, if anything stands on it.
        record: Option<RecordId>,
    },
    /// It names another index of the same images.
    Rewrapped,
    /// It is gone.
    Lost,
}

fn key(name: &BaseName) -> [Value; 3] {
    [
        name.host().into(),
        name.repository.as_str().into(),
        name.tag.as_str().into(),
    ]
}

/// A reference, if it was ever looked at.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn get(tx: &mut dyn Tx, name: &BaseName) -> Result<Option<BaseRow>, StoreError> {
    let row = tx
        .first(
            sql("select digest, generation, moves, answered_at from base where host = $1 and repository = $2 and tag = $3"),
            &key(name),
        )
        .await?;
    row.map(|row| {
        Ok(BaseRow {
            digest: row.optional(0, rows::digest)?,
            generation: row.int(1)?,
            moves: row.int(2)?,
            answered_at: row.instant(3)?,
        })
    })
    .transpose()
}

/// Every digest a reference ever named, with the generation it last belonged to.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn digests(tx: &mut dyn Tx, name: &BaseName) -> Result<Vec<(Digest, i64)>, StoreError> {
    let rows = tx
        .query(
            sql("select digest, generation from base_digest where host = $1 and repository = $2 and tag = $3 order by generation, digest"),
            &key(name),
        )
        .await?;
    rows.iter()
        .map(|row| Ok((rows::digest(row, 0)?, row.int(1)?)))
        .collect()
}

/// Takes an answer in: rows, and a record if it means anything. What it names must have been put into [`images`] before.
/// An own tag that nobody looked at yet is compared with the position it had before this one.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn answered(tx: &mut dyn Tx, answer: &Answer, by: &By) -> Result<Seen, StoreError> {
    let name = &answer.name;
    let before = match get(tx, name).await? {
        Some(before) => Some(before),
        None if name.registry.is_none() => from_history(tx, name, answer.digest.as_ref()).await?,
        None => None,
    };
    let Some(before) = before else {
        return found(tx, answer, by).await;
    };
    match (before.digest, answer.digest) {
        (old, new) if old == new => {
            write(tx, name, &before, new).await?;
            Ok(Seen::Same)
        }
        (Some(from), None) => {
            write(tx, name, &before, None).await?;
            let event = WatchEvent::BaseLost {
                reference: answer.written.clone(),
                from,
            };
            watched(tx, answer, by, event).await?;
            Ok(Seen::Lost)
        }
        (_, None) => Ok(Seen::Same),
        (old, Some(to)) => moved(tx, answer, by, before, old, to).await,
    }
}

async fn found(tx: &mut dyn Tx, answer: &Answer, by: &By) -> Result<Seen, StoreError> {
    let row = BaseRow {
        digest: answer.digest,
        generation: 1,
        moves: 0,
        answered_at: tx.now(),
    };
    write(tx, &answer.name, &row, answer.digest).await?;
    let Some(digest) = answer.digest else {
        return Ok(Seen::Same);
    };
    remember(tx, &answer.name, &digest, 1).await?;
    // What tasks stand on it stands on this: a first look triggers nothing.
    let [host, repository, tag] = key(&answer.name);
    tx.execute(
        sql("update task_edge set base_digest = $4 where base_host = $1 and base_repository = $2 and base_tag = $3 and base_digest is null"),
        &[host, repository, tag, digest.to_row().into()],
    )
    .await?;
    if answer.name.registry.is_some() {
        let event = WatchEvent::BaseFound {
            reference: answer.written.clone(),
            digest,
        };
        watched(tx, answer, by, event).await?;
    }
    Ok(Seen::Found)
}

async fn moved(
    tx: &mut dyn Tx,
    answer: &Answer,
    by: &By,
    before: BaseRow,
    old: Option<Digest>,
    to: Digest,
) -> Result<Seen, StoreError> {
    let name = &answer.name;
    let Some(from) = old.or(newest_known(tx, name).await?) else {
        return found(tx, answer, by).await;
    };
    let was = images::platforms(tx, name.host(), &name.repository, &from).await?;
    let is = images::platforms(tx, name.host(), &name.repository, &to).await?;
    let platforms = changes(&was, &is);
    if platforms.is_empty() && !is.is_empty() {
        write(tx, name, &before, Some(to)).await?;
        remember(tx, name, &to, before.generation).await?;
        let event = WatchEvent::BaseRewrapped {
            reference: answer.written.clone(),
            from,
            to,
            reason: "every platform has the configuration and layers it had".to_owned(),
        };
        if is_stood_on(tx, name).await? || name.registry.is_some() {
            watched(tx, answer, by, event).await?;
        }
        return Ok(Seen::Rewrapped);
    }
    let after = BaseRow {
        generation: before.generation + 1,
        moves: before.moves + 1,
        ..before
    };
    write(tx, name, &after, Some(to)).await?;
    remember(tx, name, &to, after.generation).await?;
    if name.registry.is_none() && (is.is_empty() || !is_stood_on(tx, name).await?) {
        return Ok(Seen::Moved { record: None });
    }
    let event = WatchEvent::BaseMoved {
        reference: answer.written.clone(),
        from,
        to,
        platforms,
        seen_by: answer.seen_by,
    };
    let record = watched(tx, answer, by, event).await?;
    refloat_fail::point("watch.moved")?;
    let state = if by.cascade.is_some() {
        "inside"
    } else {
        "due"
    };
    let now = tx.now();
    let [host, repository, tag] = key(name);
    tx.execute(
        sql("insert into base_move (record_id, project_id, host, repository, tag, from_digest, to_digest, state, at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"),
        &[
            record.as_str().into(),
            by.project.as_str().into(),
            host,
            repository,
            tag,
            from.to_row().into(),
            to.to_row().into(),
            state.into(),
            now.into(),
        ],
    )
    .await?;
    Ok(Seen::Moved {
        record: Some(record),
    })
}

async fn watched(
    tx: &mut dyn Tx,
    answer: &Answer,
    by: &By,
    event: WatchEvent,
) -> Result<RecordId, StoreError> {
    let id = format!(
        "{}/{}:{}",
        answer.name.host(),
        answer.name.repository,
        answer.name.tag
    );
    record(tx, by, "base", &id, Event::Watch(event)).await
}

/// The platforms whose image changed. The configuration names layers by their content, so that a new compression is no change.
fn changes(was: &[PlatformOf], is: &[PlatformOf]) -> Vec<PlatformMove> {
    let names: BTreeSet<&str> = was
        .iter()
        .chain(is)
        .map(|found| found.platform.as_str())
        .collect();
    let of = |list: &'_ [PlatformOf], name: &str| {
        list.iter().find(|found| found.platform == name).cloned()
    };
    names
        .into_iter()
        .filter_map(|name| {
            let (from, to) = (of(was, name), of(is, name));
            let same = from.as_ref().map(|one| one.config) == to.as_ref().map(|one| one.config);
            (!same).then(|| PlatformMove {
                platform: name.to_owned(),
                from: from.map(|one| one.digest),
                to: to.map(|one| one.digest),
            })
        })
        .collect()
}

/// Writes what a reference names now.
pub(crate) async fn write(
    tx: &mut dyn Tx,
    name: &BaseName,
    row: &BaseRow,
    digest: Option<Digest>,
) -> Result<(), StoreError> {
    let now = tx.now();
    let [host, repository, tag] = key(name);
    tx.execute(
        sql("insert into base (host, repository, tag, digest, generation, moves, answered_at) values ($1, $2, $3, $4, $5, $6, $7) \
             on conflict (host, repository, tag) do update set digest = excluded.digest, generation = excluded.generation, \
             moves = excluded.moves, answered_at = excluded.answered_at"),
        &[
            host,
            repository,
            tag,
            digest.map(|digest| digest.to_row()).into(),
            row.generation.into(),
            row.moves.into(),
            now.into(),
        ],
    )
    .await
    .map(drop)
}

async fn remember(
    tx: &mut dyn Tx,
    name: &BaseName,
    digest: &Digest,
    generation: i64,
) -> Result<(), StoreError> {
    let now = tx.now();
    let [host, repository, tag] = key(name);
    tx.execute(
        sql("insert into base_digest (host, repository, tag, digest, generation, first_at) values ($1, $2, $3, $4, $5, $6) \
             on conflict (host, repository, tag, digest) do update set generation = excluded.generation"),
        &[host, repository, tag, digest.to_row().into(), generation.into(), now.into()],
    )
    .await
    .map(drop)
}

async fn newest_known(tx: &mut dyn Tx, name: &BaseName) -> Result<Option<Digest>, StoreError> {
    Ok(digests(tx, name).await?.pop().map(|(digest, _)| digest))
}

/// An own tag's positions before this one, as if each had been looked at.
async fn from_history(
    tx: &mut dyn Tx,
    name: &BaseName,
    now: Option<&Digest>,
) -> Result<Option<BaseRow>, StoreError> {
    let rows = tx
        .query(
            sql("select h.digest from tag_history h join repository r on r.id = h.repository_id \
                 where r.name = $1 and h.name = $2 and h.digest is not null order by h.version desc limit 1000"),
            &[name.repository.as_str().into(), name.tag.as_str().into()],
        )
        .await?;
    let mut positions = Vec::with_capacity(rows.len());
    for row in &rows {
        positions.push(rows::digest(row, 0)?);
    }
    positions.reverse();
    positions.dedup();
    if positions.last() == now {
        positions.pop();
    }
    let Some(last) = positions.last().copied() else {
        return Ok(None);
    };
    let generation = i64::try_from(positions.len()).unwrap_or(i64::MAX);
    let row = BaseRow {
        digest: Some(last),
        generation,
        moves: generation - 1,
        answered_at: tx.now(),
    };
    write(tx, name, &row, Some(last)).await?;
    for (number, digest) in (1..).zip(&positions) {
        remember(tx, name, digest, number).await?;
    }
    Ok(Some(row))
}

/// Whether anything is known to stand on what this reference names or named.
async fn is_stood_on(tx: &mut dyn Tx, name: &BaseName) -> Result<bool, StoreError> {
    let row = tx
        .first(
            sql("select 1 from base_digest d \
                 join image_platform p on p.host = d.host and p.repository = d.repository and p.digest = d.digest \
                 join image_edge e on e.base_digest = p.child \
                 where d.host = $1 and d.repository = $2 and d.tag = $3 limit 1"),
            &key(name),
        )
        .await?;
    if row.is_some() {
        return Ok(true);
    }
    let row = tx
        .first(
            sql("select 1 from task_edge where base_host = $1 and base_repository = $2 and base_tag = $3 limit 1"),
            &key(name),
        )
        .await?;
    Ok(row.is_some())
}

/// A move that is to be planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Its record.
    pub record: RecordId,
    /// Whose it is.
    pub project: ProjectId,
    /// The reference.
    pub name: BaseName,
    /// What it named.
    pub from: Digest,
    /// What it names.
    pub to: Digest,
}

/// Moves that nobody planned yet, oldest first.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn due_moves(tx: &mut dyn Tx, at_most: i64) -> Result<Vec<Move>, StoreError> {
    let rows = tx
        .query(
            sql("select record_id, project_id, host, repository, tag, from_digest, to_digest from base_move \
                 where state = 'due' order by at, record_id limit $1"),
            &[at_most.into()],
        )
        .await?;
    rows.iter().map(read_move).collect()
}

fn read_move(row: &Row) -> Result<Move, StoreError> {
    Ok(Move {
        record: row.parsed(0)?,
        project: row.parsed(1)?,
        name: rows::base(row, 2)?,
        from: rows::digest(row, 5)?,
        to: rows::digest(row, 6)?,
    })
}

/// Ends a move: `planned` or `nothing`. Whether it was still due.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn end_move(
    tx: &mut dyn Tx,
    record: &RecordId,
    state: &'static str,
) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            sql("update base_move set state = $2 where record_id = $1 and state = 'due'"),
            &[record.as_str().into(), state.into()],
        )
        .await?;
    Ok(changed == 1)
}

/// References that have moved and are watched by name somewhere, of this repository, still naming one of `digests`: what stands
/// there by its layers alone may stand on them as well.
pub(crate) async fn others_naming(
    tx: &mut dyn Tx,
    name: &BaseName,
    digests: &[Digest],
) -> Result<Vec<(TagName, Digest)>, StoreError> {
    let [host, repository, tag] = key(name);
    let rows = tx
        .query(
            sql("select tag, digest from base where host = $1 and repository = $2 and tag <> $3 and moves > 0 and digest is not null limit 1000"),
            &[host, repository, tag],
        )
        .await?;
    let mut found = Vec::new();
    for row in &rows {
        let digest = rows::digest(row, 1)?;
        if digests.contains(&digest) {
            found.push((row.parsed(0)?, digest));
        }
    }
    Ok(found)
}

/// Whether images pushed before now are still to be read: what they stand on is not known yet.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn is_reading(tx: &mut dyn Tx, before: Timestamp) -> Result<bool, StoreError> {
    let row = tx
        .first(
            sql("select 1 from job where kind = 'index' and created_at <= $1 and ((state = 'waiting' and attempts = 0) or state = 'running') limit 1"),
            &[before.into()],
        )
        .await?;
    Ok(row.is_some())
}

/// The project of a repository of this registry, if it is there.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn project_of(
    tx: &mut dyn Tx,
    repository: &RepositoryName,
) -> Result<Option<ProjectId>, StoreError> {
    let row = tx
        .first(
            sql("select project_id from repository where name = $1"),
            &[repository.as_str().into()],
        )
        .await?;
    row.map(|row| row.parsed(0)).transpose()
}

/// Where an own tag stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTag {
    /// What it names; `None` if it was taken away.
    pub digest: Option<Digest>,
    /// The record that moved it there.
    pub record: RecordId,
    /// Its repository's project.
    pub project: ProjectId,
    /// The cascade that moved it there, if one did.
    pub cascade: Option<CascadeId>,
}

/// Where an own tag stands, if there ever was one.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn own_tag(
    tx: &mut dyn Tx,
    repository: &RepositoryName,
    tag: &TagName,
) -> Result<Option<OwnTag>, StoreError> {
    let row = tx
        .first(
            sql("select h.digest, h.record_id, r.project_id, c.cascade from tag_history h join repository r on r.id = h.repository_id \
                 left join record c on c.id = h.record_id \
                 where r.name = $1 and h.name = $2 order by h.version desc limit 1"),
            &[repository.as_str().into(), tag.as_str().into()],
        )
        .await?;
    row.map(|row| {
        Ok(OwnTag {
            digest: row.optional(0, rows::digest)?,
            record: row.parsed(1)?,
            project: row.parsed(2)?,
            cascade: row.optional(3, Row::parsed)?,
        })
    })
    .transpose()
}

/// References that have moved, with what they name now.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn moved_ever(tx: &mut dyn Tx) -> Result<Vec<(BaseName, Digest)>, StoreError> {
    let rows = tx
        .query(
            sql("select host, repository, tag, digest from base where moves > 0 and digest is not null order by host, repository, tag limit 10000"),
            &[],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((rows::base(row, 0)?, rows::digest(row, 3)?)))
        .collect()
}
