//! Nodes: one patch of a cascade each, with what its plan froze and what came to be known of it.

use crate::cascades::NewNode;
use crate::{By, record, rows};
use refloat_cascade::{LineName, NodeEvent, NodeState, PatchPolicy};
use refloat_core::event::{CascadeEvent, EdgeKind, Method};
use refloat_core::{CascadeId, Event, Failure, ProjectId, RecordId, Rejection, RunId};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::{Digest, TagName};
use serde::{Deserialize, Serialize};

/// What a plan froze for a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// The tag of its image when it was planned.
    pub tag: TagName,
    /// The method that was forecast.
    pub method: Method,
    /// Why.
    pub because: Vec<String>,
    /// What it stands on: the base that moved (`None`), or the node with this number.
    pub edges: Vec<(EdgeKind, Option<usize>)>,
    /// The task that makes it.
    pub task: Option<DetailTask>,
    /// What policies said about it.
    pub policy: Option<PatchPolicy>,
}

/// The task of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailTask {
    /// Its project.
    pub project: ProjectId,
    /// Its name.
    pub name: String,
    /// The tags that the patch moves.
    pub stable: Vec<TagName>,
    /// The kinds of edges that make it run.
    pub triggers: Vec<EdgeKind>,
    /// Its tests, each as its arguments.
    #[serde(default)]
    pub tests: Vec<Vec<String>>,
}

/// A node as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its number in the plan.
    pub number: i64,
    /// Its line.
    pub line: LineName,
    /// Its image as planned.
    pub image: Digest,
    /// Where it stands.
    pub state: NodeState,
    /// How it is patched, once that is judged.
    pub method: Option<Method>,
    /// Its run.
    pub run: Option<RunId>,
    /// Its patched image.
    pub result: Option<Digest>,
    /// The unique tag that its patch gets.
    pub patch_tag: TagName,
    /// What the plan froze.
    pub detail: Detail,
    /// Verdict, packages and proof as they came to be known.
    pub outcome: serde_json::Value,
    /// The newest record about it.
    pub record: Option<RecordId>,
}

/// What a step found out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Learned {
    /// How it is patched.
    pub method: Option<Method>,
    /// Its run.
    pub run: Option<RunId>,
    /// Its patched image.
    pub result: Option<Digest>,
    /// Verdict, packages, proof: replaces what was known.
    pub outcome: Option<serde_json::Value>,
    /// The record of the step.
    pub record: Option<RecordId>,
}

pub(crate) async fn insert(
    tx: &mut dyn Tx,
    cascade: &CascadeId,
    number: i64,
    node: &NewNode,
    tag: &TagName,
) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute(
        sql("insert into patch_node (cascade_id, number, host, repository, rule, image, state, patch_tag, detail, updated_at) \
             values ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8, $9)"),
        &[
            cascade.as_str().into(),
            number.into(),
            node.line.host().into(),
            node.line.repository.as_str().into(),
            node.line.rule.to_string().into(),
            node.image.to_row().into(),
            tag.as_str().into(),
            serde_json::to_string(&node.detail).expect("plain data").into(),
            now.into(),
        ],
    )
    .await
    .map(drop)
}

/// The nodes of a cascade, in the order of its plan.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn of_cascade(tx: &mut dyn Tx, id: &CascadeId) -> Result<Vec<Node>, StoreError> {
    let rows = tx
        .query(
            sql("select number, host, repository, rule, image, state, reason, method, run_id, result, patch_tag, detail, outcome, record_id \
                 from patch_node where cascade_id = $1 order by number"),
            &[id.as_str().into()],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// One node of a cascade.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn find(
    tx: &mut dyn Tx,
    id: &CascadeId,
    number: i64,
) -> Result<Option<Node>, StoreError> {
    let row = tx
        .first(
            sql("select number, host, repository, rule, image, state, reason, method, run_id, result, patch_tag, detail, outcome, record_id \
                 from patch_node where cascade_id = $1 and number = $2"),
            &[id.as_str().into(), number.into()],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Node, StoreError> {
    let reason = || {
        row.optional(6, Row::text)
            .map(|text| text.unwrap_or_default().to_owned())
    };
    let method: Option<Method> = row.optional(7, rows::word)?;
    let run: Option<RunId> = row.optional(8, Row::parsed)?;
    let result = row.optional(9, rows::digest)?;
    let absent = |index| StoreError::column(index, "missing for its state");
    let state = match row.text(5)? {
        "waiting" => NodeState::Waiting,
        "judged" => NodeState::Judged {
            method: method.ok_or_else(|| absent(7))?,
        },
        "building" => NodeState::Building {
            run: run.clone().ok_or_else(|| absent(8))?,
        },
        "testing" => NodeState::Testing {
            run: run.clone().ok_or_else(|| absent(8))?,
        },
        "published" => NodeState::Published {
            digest: result.ok_or_else(|| absent(9))?,
        },
        "held" => NodeState::Held { reason: reason()? },
        "skipped" => NodeState::Skipped { reason: reason()? },
        "failed" => NodeState::Failed { error: reason()? },
        _ => return Err(StoreError::column(5, "not the state of a patch")),
    };
    Ok(Node {
        number: row.int(0)?,
        line: rows::line(row, 1)?,
        image: rows::digest(row, 4)?,
        state,
        method,
        run,
        result,
        patch_tag: row.parsed(10)?,
        detail: rows::json(row, 11)?,
        outcome: row
            .optional(12, rows::json)?
            .unwrap_or(serde_json::Value::Null),
        record: row.optional(13, Row::parsed)?,
    })
}

/// Writes a node's next state, if it still is in the one it was read in.
///
/// # Errors
/// [`Rejection::Conflict`] if somebody else was faster.
pub async fn save(
    tx: &mut dyn Tx,
    cascade: &CascadeId,
    node: &Node,
    state: &NodeState,
    learned: &Learned,
) -> Result<(), StoreError> {
    let method = learned.method.map(|method| {
        serde_json::to_value(method)
            .ok()
            .and_then(|word| word.as_str().map(str::to_owned))
            .unwrap_or_default()
    });
    let now = tx.now();
    let changed = tx
        .execute(
            sql("update patch_node set state = $4, reason = $5, method = coalesce($6, method), run_id = coalesce($7, run_id), \
                 result = coalesce($8, result), outcome = coalesce($9, outcome), record_id = coalesce($10, record_id), updated_at = $11 \
                 where cascade_id = $1 and number = $2 and state = $3"),
            &[
                cascade.as_str().into(),
                node.number.into(),
                node.state.name().into(),
                state.name().into(),
                state.reason().into(),
                method.into(),
                learned.run.as_ref().map(RunId::as_str).into(),
                learned.result.map(|digest| digest.to_row()).into(),
                learned.outcome.as_ref().map(ToString::to_string).into(),
                learned.record.as_ref().map(RecordId::as_str).into(),
                now.into(),
            ],
        )
        .await?;
    if changed == 1 {
        return Ok(());
    }
    Err(Rejection::Conflict(format!("the patch of {} went on meanwhile", node.line)).into())
}

/// Takes a node on: its state by the machine, the record, what was learned. The record's causes are `by`'s.
///
/// # Errors
/// [`Rejection::Conflict`] if somebody else was faster or the cascade has ended.
pub async fn step(
    tx: &mut dyn Tx,
    cascade: &CascadeId,
    node: &Node,
    event: &NodeEvent,
    learned: &Learned,
    told: (&By, CascadeEvent),
) -> Result<RecordId, StoreError> {
    crate::cascades::hold_open(tx, cascade).await?;
    let state = node
        .state
        .next(event)
        .map_err(|illegal| Failure::Damaged(illegal.to_string()))?;
    // The row first: on PostgreSQL the stream of records is held to the end.
    save(tx, cascade, node, &state, learned).await?;
    let (by, event) = told;
    let id = format!("{cascade}/{}", node.number);
    let record = record(tx, by, "patch", &id, Event::Cascade(event)).await?;
    tx.execute(
        sql("update patch_node set record_id = $3 where cascade_id = $1 and number = $2"),
        &[
            cascade.as_str().into(),
            node.number.into(),
            record.as_str().into(),
        ],
    )
    .await?;
    Ok(record)
}

/// Writes down which image a node is about to name in a foreign registry: whoever sees it there first knows whose it is.
///
/// # Errors
/// [`Rejection::Conflict`] if somebody else was faster or the cascade has ended.
pub async fn intend(
    tx: &mut dyn Tx,
    cascade: &CascadeId,
    node: &Node,
    result: Digest,
) -> Result<(), StoreError> {
    crate::cascades::hold_open(tx, cascade).await?;
    let learned = Learned {
        result: Some(result),
        ..Learned::default()
    };
    save(tx, cascade, node, &node.state, &learned).await
}

/// The cascade that is about to name this image there, and its newest record about it.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn intended(
    tx: &mut dyn Tx,
    host: &str,
    repository: &refloat_oci::RepositoryName,
    result: &Digest,
) -> Result<Option<(CascadeId, Option<RecordId>)>, StoreError> {
    let row = tx
        .first(
            sql("select n.cascade_id, n.record_id from patch_node n join patch_cascade c on c.id = n.cascade_id \
                 where n.host = $1 and n.repository = $2 and n.result = $3 and n.state in ('judged', 'building', 'testing') \
                 and c.state in ('running', 'paused') order by n.cascade_id desc limit 1"),
            &[host.into(), repository.as_str().into(), result.to_row().into()],
        )
        .await?;
    row.map(|row| Ok((row.parsed(0)?, row.optional(1, Row::parsed)?)))
        .transpose()
}

/// A patch that was made before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its result.
    pub digest: Digest,
    /// Its unique tag.
    pub tag: TagName,
    /// Its record.
    pub record: RecordId,
}

/// The patch of this key, if it was made.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn made(tx: &mut dyn Tx, key: &Digest) -> Result<Option<Made>, StoreError> {
    let row = tx
        .first(
            sql("select to_digest, tag, record_id from patch where key = $1"),
            &[key.to_row().into()],
        )
        .await?;
    row.map(|row| {
        Ok(Made {
            digest: rows::digest(&row, 0)?,
            tag: row.parsed(1)?,
            record: row.parsed(2)?,
        })
    })
    .transpose()
}

/// Remembers a patch by its key; `false` if it was made before, with whatever result.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn remember(
    tx: &mut dyn Tx,
    key: &Digest,
    cascade: &CascadeId,
    node: &Node,
    made: &Made,
) -> Result<bool, StoreError> {
    let now = tx.now();
    let inserted = tx.execute(
        sql("insert into patch (key, host, repository, rule, from_digest, to_digest, tag, cascade_id, record_id, at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (key) do nothing"),
        &[
            key.to_row().into(),
            node.line.host().into(),
            node.line.repository.as_str().into(),
            node.line.rule.to_string().into(),
            node.image.to_row().into(),
            made.digest.to_row().into(),
            made.tag.as_str().into(),
            cascade.as_str().into(),
            made.record.as_str().into(),
            now.into(),
        ],
    )
    .await?;
    Ok(inserted == 1)
}
