//! Starting a cascade: the plan's nodes become rows, patched tags are given away, and an older cascade of the same base ends.

use super::{CascadeRow, columns, end_quietly, read, save};
use crate::nodes::{self, Detail};
use crate::plans::PlanRow;
use crate::{By, reach, record};
use refloat_cascade::rule::Patched;
use refloat_cascade::{CascadeState, LineName, NodeEvent};
use refloat_core::event::CascadeEvent;
use refloat_core::{CascadeId, Event, RecordId, Rejection};
use refloat_database::{StoreError, Tx, sql};
use refloat_oci::{Digest, TagName};

/// A cascade to be started.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCascade {
    /// Its id.
    pub id: CascadeId,
    /// Its plan.
    pub plan: PlanRow,
    /// The base as people read it.
    pub written: String,
    /// Its images, in the order of the plan.
    pub nodes: Vec<NewNode>,
}

/// One image of it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewNode {
    /// Its line.
    pub line: LineName,
    /// Its image as planned.
    pub image: Digest,
    /// What the plan froze.
    pub detail: Detail,
}

/// Starts it. An older cascade of the same base that is not at its end is superseded: what it has not begun is done here.
///
/// # Errors
/// [`Rejection::Conflict`] if a line names another image than the plan says: plan again.
pub async fn start(tx: &mut dyn Tx, new: &NewCascade, by: &By) -> Result<RecordId, StoreError> {
    for node in &new.nodes {
        let current = reach::current(tx, &node.line).await?;
        if current.is_none_or(|(_, digest)| digest != node.image) {
            let text = format!("{} moved while it was planned", node.line);
            return Err(Rejection::Conflict(text).into());
        }
    }
    let by = By {
        causes: vec![new.plan.record.clone()],
        cascade: Some(new.id.clone()),
        ..by.clone()
    };
    let event = CascadeEvent::CascadeStarted {
        cascade: new.id.clone(),
        plan: new.plan.id.clone(),
        reference: new.written.clone(),
        from: new.plan.from,
        to: new.plan.to,
    };
    let started = record(tx, &by, "cascade", new.id.as_str(), Event::Cascade(event)).await?;
    insert(tx, new, &started, &by).await?;
    for (number, node) in (0_i64..).zip(&new.nodes) {
        let tag = allot(tx, &node.line, &node.detail.tag).await?;
        nodes::insert(tx, &new.id, number, node, &tag).await?;
    }
    supersede(tx, new, &started, &by).await?;
    refloat_fail::point("cascade.started")?;
    Ok(started)
}

async fn insert(
    tx: &mut dyn Tx,
    new: &NewCascade,
    started: &RecordId,
    by: &By,
) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute(
        sql("insert into patch_cascade (id, project_id, plan_id, state, host, repository, tag, from_digest, to_digest, actor, record_id, created_at) \
             values ($1, $2, $3, 'running', $4, $5, $6, $7, $8, $9, $10, $11)"),
        &[
            new.id.as_str().into(),
            by.project.as_str().into(),
            new.plan.id.as_str().into(),
            new.plan.base.host().into(),
            new.plan.base.repository.as_str().into(),
            new.plan.base.tag.as_str().into(),
            new.plan.from.to_row().into(),
            new.plan.to.to_row().into(),
            by.actor.as_str().into(),
            started.as_str().into(),
            now.into(),
        ],
    )
    .await
    .map(drop)
}

async fn supersede(
    tx: &mut dyn Tx,
    new: &NewCascade,
    started: &RecordId,
    by: &By,
) -> Result<(), StoreError> {
    let base = &new.plan.base;
    let rows = tx
        .query(
            sql(columns!(
                "where host = $1 and repository = $2 and tag = $3 and state in ('running', 'paused') and id <> $4 order by id"
            )),
            &[
                base.host().into(),
                base.repository.as_str().into(),
                base.tag.as_str().into(),
                new.id.as_str().into(),
            ],
        )
        .await?;
    let older: Vec<CascadeRow> = rows.iter().map(read).collect::<Result<_, _>>()?;
    for old in older {
        let event = CascadeEvent::CascadeSuperseded {
            cascade: old.id.clone(),
            by: new.id.clone(),
        };
        let by = By {
            causes: vec![started.clone()],
            cascade: Some(old.id.clone()),
            ..by.clone()
        };
        record(tx, &by, "cascade", old.id.as_str(), Event::Cascade(event)).await?;
        let state = CascadeState::Superseded { by: new.id.clone() };
        save(tx, &old.id, &state, None).await?;
        for node in nodes::of_cascade(tx, &old.id).await? {
            if !node.state.is_ended() {
                let reason = format!("a newer base takes its place in cascade {}", new.id);
                end_quietly(tx, &old.id, &node, &NodeEvent::Skip { reason }).await?;
            }
        }
    }
    Ok(())
}

/// The next patched tag of what `tag` was made from: above every number given away and every tag there is.
async fn allot(tx: &mut dyn Tx, line: &LineName, tag: &TagName) -> Result<TagName, StoreError> {
    let original = Patched::of(tag.as_str()).original;
    let key = [
        line.host().into(),
        line.repository.as_str().into(),
        original.into(),
    ];
    let row = tx
        .first(
            sql("select coalesce(max(number), 0) from patch_tag where host = $1 and repository = $2 and original = $3"),
            &key,
        )
        .await?;
    let mut number = row.map_or(Ok(0), |row| row.int(0))?;
    let there = taken(tx, line, original).await?;
    let tag = loop {
        number += 1;
        let tag = Patched {
            original,
            number: number.unsigned_abs(),
        };
        let tag = tag.tag().ok_or_else(|| {
            Rejection::Invalid(format!(
                "tag `{original}` of {line} is too long to be patched"
            ))
        })?;
        if !there.contains(&tag) {
            break tag;
        }
    };
    let [host, repository, original] = key;
    tx.execute(
        sql("insert into patch_tag (host, repository, original, number) values ($1, $2, $3, $4)"),
        &[host, repository, original, number.into()],
    )
    .await?;
    Ok(tag)
}

/// Another patched tag for a node, since somebody else's image has the one that it was given.
///
/// # Errors
/// [`Rejection::Conflict`] if the cascade has ended.
pub async fn allot_again(
    tx: &mut dyn Tx,
    cascade: &CascadeId,
    node: &nodes::Node,
) -> Result<TagName, StoreError> {
    super::hold_open(tx, cascade).await?;
    let tag = allot(tx, &node.line, &node.detail.tag).await?;
    tx.execute(
        sql("update patch_node set patch_tag = $3 where cascade_id = $1 and number = $2"),
        &[
            cascade.as_str().into(),
            node.number.into(),
            tag.as_str().into(),
        ],
    )
    .await?;
    Ok(tag)
}

/// Tags of the form that exist already, made by somebody else.
async fn taken(
    tx: &mut dyn Tx,
    line: &LineName,
    original: &str,
) -> Result<Vec<TagName>, StoreError> {
    if line.registry.is_some() {
        return Ok(Vec::new());
    }
    let rows = tx
        .query(
            sql("select t.name from tag t join repository r on r.id = t.repository_id where r.name = $1 and t.name >= $2 and t.name < $3 limit 10000"),
            &[
                line.repository.as_str().into(),
                format!("{original}-p").into(),
                format!("{original}-q").into(),
            ],
        )
        .await?;
    rows.iter().map(|row| row.parsed(0)).collect()
}
