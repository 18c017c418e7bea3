//! Cascades: started, stopped for a while, ended; each change with its record.

mod start;

pub use start::{NewCascade, NewNode, allot_again, start};

use crate::{By, nodes, record, rows};
use refloat_cascade::{BaseName, CascadeEvent as Change, CascadeState, NodeEvent, NodeState};
use refloat_core::event::CascadeEvent;
use refloat_core::{CascadeId, Event, Failure, PlanId, ProjectId, RecordId, Rejection, Timestamp};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::Digest;

/// A cascade as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CascadeRow {
    /// Its id.
    pub id: CascadeId,
    /// Whose it is.
    pub project: ProjectId,
    /// Its plan.
    pub plan: PlanId,
    /// Where it stands.
    pub state: CascadeState,
    /// The base that moved.
    pub base: BaseName,
    /// From.
    pub from: Digest,
    /// To.
    pub to: Digest,
    /// Who started it.
    pub actor: String,
    /// The record of its start, or of its newest change by a person.
    pub record: RecordId,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// The columns of a cascade, in the order in which [`read`] takes them.
macro_rules! columns {
    ($tail:literal) => {
        concat!(
            "select id, project_id, plan_id, state, superseded_by, host, repository, tag, from_digest, to_digest, actor, record_id, created_at, ended_at from patch_cascade ",
            $tail
        )
    };
}
pub(crate) use columns;

pub(crate) fn read(row: &Row) -> Result<CascadeRow, StoreError> {
    let state = match row.text(3)? {
        "running" => CascadeState::Running,
        "paused" => CascadeState::Paused,
        "cancelled" => CascadeState::Cancelled,
        "superseded" => CascadeState::Superseded { by: row.parsed(4)? },
        "finished" => CascadeState::Finished,
        _ => return Err(StoreError::column(3, "not the state of a cascade")),
    };
    Ok(CascadeRow {
        id: row.parsed(0)?,
        project: row.parsed(1)?,
        plan: row.parsed(2)?,
        state,
        base: rows::base(row, 5)?,
        from: rows::digest(row, 8)?,
        to: rows::digest(row, 9)?,
        actor: row.text(10)?.to_owned(),
        record: row.parsed(11)?,
        created_at: row.instant(12)?,
        ended_at: row.optional(13, Row::instant)?,
    })
}

/// A cascade, if it is there.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn find(tx: &mut dyn Tx, id: &CascadeId) -> Result<Option<CascadeRow>, StoreError> {
    let row = tx
        .first(sql(columns!("where id = $1")), &[id.as_str().into()])
        .await?;
    row.as_ref().map(read).transpose()
}

/// A cascade.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn get(tx: &mut dyn Tx, id: &CascadeId) -> Result<CascadeRow, StoreError> {
    find(tx, id).await?.ok_or_else(|| unknown(id).into())
}

fn unknown(id: &CascadeId) -> Rejection {
    Rejection::NotFound {
        kind: "cascade",
        name: id.to_string(),
    }
}

/// Cascades, the newest first, those before `before`.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn list(
    tx: &mut dyn Tx,
    before: Option<&str>,
    at_most: i64,
) -> Result<Vec<CascadeRow>, StoreError> {
    let rows = tx
        .query(
            sql(columns!("where id < $1 order by id desc limit $2")),
            &[before.unwrap_or("~").into(), at_most.into()],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// The cascade that a run builds for, if one does.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn of_run(tx: &mut dyn Tx, run: &str) -> Result<Option<CascadeId>, StoreError> {
    let row = tx
        .first(
            sql("select cascade_id from patch_node where run_id = $1 limit 1"),
            &[run.into()],
        )
        .await?;
    row.map(|row| row.parsed(0)).transpose()
}

/// Cascades that may have something to do.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn open(tx: &mut dyn Tx, at_most: i64) -> Result<Vec<CascadeId>, StoreError> {
    let rows = tx
        .query(
            sql("select id from patch_cascade where state = 'running' order by id limit $1"),
            &[at_most.into()],
        )
        .await?;
    rows.iter().map(|row| row.parsed(0)).collect()
}

/// Holds the cascade's row until the end of the transaction, if patches may still be made.
///
/// # Errors
/// [`Rejection::Conflict`] if it has ended.
pub async fn hold_open(tx: &mut dyn Tx, id: &CascadeId) -> Result<(), StoreError> {
    let held = tx
        .execute(
            sql("update patch_cascade set ended_at = null where id = $1 and state in ('running', 'paused')"),
            &[id.as_str().into()],
        )
        .await?;
    if held == 0 {
        return Err(Rejection::Conflict(format!("cascade {id} has ended")).into());
    }
    Ok(())
}

/// What a person asks of a cascade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To stop for a while.
    Pause,
    /// To go on.
    Resume,
    /// To end.
    Cancel,
    /// To try again what is held or failed.
    Retry,
}

/// Does what a person asks. What was cancelled is skipped, but for what builds: that ends by itself and moves nothing.
///
/// # Errors
/// [`Rejection::NotFound`], [`Rejection::Conflict`] for a state that does not have this.
pub async fn ask(
    tx: &mut dyn Tx,
    id: &CascadeId,
    asked: Asked,
    by: &By,
) -> Result<CascadeRow, StoreError> {
    let row = get(tx, id).await?;
    let (change, event) = match asked {
        Asked::Pause => (
            Change::Pause,
            CascadeEvent::CascadePaused {
                cascade: id.clone(),
            },
        ),
        Asked::Resume => (
            Change::Resume,
            CascadeEvent::CascadeResumed {
                cascade: id.clone(),
            },
        ),
        Asked::Cancel => (
            Change::Cancel,
            CascadeEvent::CascadeCancelled {
                cascade: id.clone(),
            },
        ),
        Asked::Retry => (
            Change::Retry,
            CascadeEvent::CascadeResumed {
                cascade: id.clone(),
            },
        ),
    };
    let state = row
        .state
        .next(&change)
        .map_err(|illegal| Rejection::Conflict(illegal.to_string()))?;
    let by = By {
        project: row.project.clone(),
        causes: vec![row.record.clone()],
        cascade: Some(id.clone()),
        ..by.clone()
    };
    let record = record(tx, &by, "cascade", id.as_str(), Event::Cascade(event)).await?;
    save(tx, id, &state, Some(&record)).await?;
    match asked {
        Asked::Cancel => {
            for node in nodes::of_cascade(tx, id).await? {
                let reason = "the cascade was cancelled".to_owned();
                if !node.state.is_ended() {
                    end_quietly(tx, id, &node, &NodeEvent::Skip { reason }).await?;
                }
            }
        }
        Asked::Retry => {
            for node in nodes::of_cascade(tx, id).await? {
                if matches!(
                    node.state,
                    NodeState::Held { .. } | NodeState::Failed { .. }
                ) {
                    end_quietly(tx, id, &node, &NodeEvent::Retry).await?;
                }
            }
        }
        Asked::Pause | Asked::Resume => {}
    }
    get(tx, id).await
}

/// A step of a node that the record of its whole cascade tells.
pub(crate) async fn end_quietly(
    tx: &mut dyn Tx,
    id: &CascadeId,
    node: &nodes::Node,
    event: &NodeEvent,
) -> Result<(), StoreError> {
    let state = node
        .state
        .next(event)
        .map_err(|illegal| Failure::Damaged(illegal.to_string()))?;
    nodes::save(tx, id, node, &state, &nodes::Learned::default()).await
}

/// Writes a state.
pub(crate) async fn save(
    tx: &mut dyn Tx,
    id: &CascadeId,
    state: &CascadeState,
    record: Option<&RecordId>,
) -> Result<(), StoreError> {
    let superseded_by = match state {
        CascadeState::Superseded { by } => Some(by.to_string()),
        CascadeState::Running
        | CascadeState::Paused
        | CascadeState::Cancelled
        | CascadeState::Finished => None,
    };
    let now = tx.now();
    let ended = (!state.is_open()).then_some(now);
    tx.execute(
        sql("update patch_cascade set state = $2, superseded_by = $3, ended_at = $4, record_id = coalesce($5, record_id) where id = $1"),
        &[
            id.as_str().into(),
            state.name().into(),
            superseded_by.into(),
            ended.into(),
            record.map(RecordId::as_str).into(),
        ],
    )
    .await
    .map(drop)
}

/// Ends a cascade all of whose images have their end; whether it did.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn finish(tx: &mut dyn Tx, id: &CascadeId, by: &By) -> Result<bool, StoreError> {
    let Some(row) = find(tx, id).await? else {
        return Ok(false);
    };
    let nodes = nodes::of_cascade(tx, id).await?;
    if row.state != CascadeState::Running || nodes.iter().any(|node| !node.state.is_ended()) {
        return Ok(false);
    }
    hold_open(tx, id).await?;
    let count = |name: &str| {
        let number = nodes
            .iter()
            .filter(|node| node.state.name() == name)
            .count();
        u32::try_from(number).unwrap_or(u32::MAX)
    };
    let event = CascadeEvent::CascadeFinished {
        cascade: id.clone(),
        published: count("published"),
        held: count("held"),
        skipped: count("skipped"),
        failed: count("failed"),
    };
    let mut causes: Vec<RecordId> = nodes
        .iter()
        .filter_map(|node| node.record.clone())
        .collect();
    causes.sort();
    causes.dedup();
    causes.push(row.record.clone());
    causes.reverse();
    let by = By {
        causes,
        cascade: Some(id.clone()),
        ..by.clone()
    };
    record(tx, &by, "cascade", id.as_str(), Event::Cascade(event)).await?;
    save(tx, id, &CascadeState::Finished, None).await?;
    refloat_fail::point("cascade.finished")?;
    Ok(true)
}
