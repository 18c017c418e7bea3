//! Frozen plans.

use crate::{By, record, rows};
use refloat_cascade::BaseName;
use refloat_core::event::CascadeEvent;
use refloat_core::{Event, PlanId, ProjectId, RecordId, Rejection, Timestamp};
use refloat_database::{StoreError, Tx, sql};
use refloat_oci::Digest;

/// A plan to be frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPlan {
    /// Its id.
    pub id: PlanId,
    /// The base that moves.
    pub base: BaseName,
    /// The base as people read it.
    pub written: String,
    /// From.
    pub from: Digest,
    /// To.
    pub to: Digest,
    /// Its JSON, explanation included.
    pub content: String,
    /// How many images it reaches.
    pub nodes: u32,
}

/// A plan as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRow {
    /// Its id.
    pub id: PlanId,
    /// Whose it is.
    pub project: ProjectId,
    /// The base that moves.
    pub base: BaseName,
    /// From.
    pub from: Digest,
    /// To.
    pub to: Digest,
    /// Its JSON.
    pub content: String,
    /// Its record.
    pub record: RecordId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Freezes a plan; its record.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn put(tx: &mut dyn Tx, plan: &NewPlan, by: &By) -> Result<RecordId, StoreError> {
    let digest = Digest::sha256(plan.content.as_bytes());
    let event = CascadeEvent::PlanMade {
        plan: plan.id.clone(),
        digest,
        reference: plan.written.clone(),
        from: plan.from,
        to: plan.to,
        nodes: plan.nodes,
    };
    let record = record(tx, by, "plan", plan.id.as_str(), Event::Cascade(event)).await?;
    let now = tx.now();
    tx.execute(
        sql("insert into patch_plan (id, project_id, digest, content, host, repository, tag, from_digest, to_digest, record_id, created_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"),
        &[
            plan.id.as_str().into(),
            by.project.as_str().into(),
            digest.to_row().into(),
            plan.content.as_str().into(),
            plan.base.host().into(),
            plan.base.repository.as_str().into(),
            plan.base.tag.as_str().into(),
            plan.from.to_row().into(),
            plan.to.to_row().into(),
            record.as_str().into(),
            now.into(),
        ],
    )
    .await?;
    refloat_fail::point("cascade.planned")?;
    Ok(record)
}

/// A plan.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn get(tx: &mut dyn Tx, id: &PlanId) -> Result<PlanRow, StoreError> {
    let row = tx
        .first(
            sql("select id, project_id, host, repository, tag, from_digest, to_digest, content, record_id, created_at \
                 from patch_plan where id = $1"),
            &[id.as_str().into()],
        )
        .await?;
    let unknown = || Rejection::NotFound {
        kind: "plan",
        name: id.to_string(),
    };
    let row = row.ok_or_else(unknown)?;
    Ok(PlanRow {
        id: row.parsed(0)?,
        project: row.parsed(1)?,
        base: rows::base(&row, 2)?,
        from: rows::digest(&row, 5)?,
        to: rows::digest(&row, 6)?,
        content: row.text(7)?.to_owned(),
        record: row.parsed(8)?,
        created_at: row.instant(9)?,
    })
}
