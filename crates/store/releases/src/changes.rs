//! Changes: begun once for inputs that follow others, made or failed once.

use crate::{ReleaseKey, digest, ids, record};
use refloat_core::event::{ImageChange, ReleaseEvent};
use refloat_core::record::causes_text;
use refloat_core::{CascadeId, ChangeId, RecordId, ReleaseId, Timestamp};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::Digest;
use refloat_release::ChangeState;

/// The longest error that is kept, in bytes.
const ERROR_MAX_BYTES: usize = 4 * 1024;

/// A change as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeRow {
    /// Its id.
    pub id: ChangeId,
    /// From 1, per release.
    pub number: i64,
    /// The digest of its inputs.
    pub inputs: Digest,
    /// The chart it began with: its manifest's digest, or a commit.
    pub base: String,
    /// Where it stands.
    pub state: ChangeState,
    /// The version its chart gets.
    pub version: String,
    /// All images, also those that did not move.
    pub images: Vec<ImageChange>,
    /// Records that led to it.
    pub causes: Vec<RecordId>,
    /// The cascade it belongs to.
    pub cascade: Option<CascadeId>,
    /// The chart as `repository:version`, or the git repository and path; empty while it is being made.
    pub chart: String,
    /// The chart's manifest.
    pub chart_digest: Option<Digest>,
    /// The commit.
    pub commit: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// The record `change.made`.
    pub record: Option<RecordId>,
    /// Since when.
    pub created_at: Timestamp,
}

impl ChangeRow {
    /// The images that the change moves.
    pub fn moved(&self) -> Vec<ImageChange> {
        let moved = |image: &&ImageChange| image.from != Some(image.to);
        self.images.iter().filter(moved).cloned().collect()
    }
}

/// A change that begins.
#[derive(Debug, Clone, PartialEq)]
pub struct NewChange {
    /// The release.
    pub release: ReleaseKey,
    /// The number of the change before it; 0 if it is the first.
    pub after: i64,
    /// The digest of its inputs.
    pub inputs: Digest,
    /// The chart it began with: its manifest's digest, or a commit.
    pub base: String,
    /// The version its chart gets.
    pub version: String,
    /// All images, also those that did not move.
    pub images: Vec<ImageChange>,
    /// Records that led to it.
    pub causes: Vec<RecordId>,
    /// The cascade it belongs to.
    pub cascade: Option<CascadeId>,
}

/// A change as it was made: where it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The chart as `host/path:version`, or the git repository and path.
    pub chart: String,
    /// The chart's manifest.
    pub chart_digest: Option<Digest>,
    /// The commit.
    pub commit: Option<String>,
}

/// An environment that a change is rendered for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDeployment {
    /// The environment.
    pub environment: String,
    /// What is deployed, JSON.
    pub rendered: String,
    /// SHA-256 of the manifest.
    pub manifest_digest: Digest,
    /// The images that will run.
    pub images: Vec<Digest>,
}

macro_rules! columns {
    () => {
        "id, number, inputs, state, version, images, causes, cascade, chart, chart_digest, commit_hash, error, record_id, created_at, base"
    };
}

fn change(row: &Row) -> Result<ChangeRow, StoreError> {
    let state = match row.text(3)? {
        "making" => ChangeState::Making,
        "made" => ChangeState::Made,
        _ => ChangeState::Failed,
    };
    let images = serde_json::from_str(row.text(5)?);
    let owned = |text: &str| text.to_owned();
    Ok(ChangeRow {
        id: row.parsed(0)?,
        number: row.int(1)?,
        inputs: digest(row, 2)?,
        state,
        version: row.text(4)?.to_owned(),
        images: images.map_err(|_| StoreError::column(5, "no images"))?,
        causes: ids(row.text(6)?, 6)?,
        cascade: row.optional(7, Row::parsed)?,
        chart: row.text(8)?.to_owned(),
        chart_digest: row.optional(9, digest)?,
        commit: row.optional(10, Row::text)?.map(owned),
        error: row.optional(11, Row::text)?.map(owned),
        record: row.optional(12, Row::parsed)?,
        created_at: row.instant(13)?,
        base: row.text(14)?.to_owned(),
    })
}

/// The changes of a release, the newest first.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn newest(
    tx: &mut dyn Tx,
    release: &ReleaseKey,
    at_most: i64,
) -> Result<Vec<ChangeRow>, StoreError> {
    let rows = tx
        .query(
            sql(concat!(
                "select ",
                columns!(),
                " from release_change where project_id = $1 and release = $2 order by number desc limit $3"
            )),
            &[
                release.project.as_str().into(),
                release.name.as_str().into(),
                at_most.into(),
            ],
        )
        .await?;
    rows.iter().map(change).collect()
}

/// The newest change that was made.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn newest_made(
    tx: &mut dyn Tx,
    release: &ReleaseKey,
) -> Result<Option<ChangeRow>, StoreError> {
    let row = tx
        .first(
            sql(concat!(
                "select ",
                columns!(),
                " from release_change where project_id = $1 and release = $2 and state = 'made' order by number desc limit 1"
            )),
            &[release.project.as_str().into(), release.name.as_str().into()],
        )
        .await?;
    row.as_ref().map(change).transpose()
}

/// Begins a change; what waits of the one before it is superseded. `None` if somebody else began one meanwhile.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn begin(tx: &mut dyn Tx, new: &NewChange) -> Result<Option<ChangeId>, StoreError> {
    let before = newest(tx, &new.release, 1).await?;
    if before.first().map_or(0, |before| before.number) != new.after {
        return Ok(None);
    }
    let now = tx.now();
    let id = ChangeId::from_ulid(refloat_store::fresh::ulid(now)?);
    if let Some(before) = before.first() {
        tx.execute(
            sql("update release_deployment set state = 'superseded', ended_at = $2 where change_id = $1 and state = 'waiting'"),
            &[before.id.as_str().into(), now.into()],
        )
        .await?;
    }
    let images = serde_json::to_string(&new.images).unwrap_or_default();
    tx.execute(
        sql("insert into release_change (id, project_id, release, number, inputs, state, version, images, causes, cascade, chart, created_at, base) \
             values ($1, $2, $3, $4, $5, 'making', $6, $7, $8, $9, '', $10, $11)"),
        &[
            id.as_str().into(),
            new.release.project.as_str().into(),
            new.release.name.as_str().into(),
            (new.after + 1).into(),
            new.inputs.to_row().into(),
            new.version.as_str().into(),
            images.into(),
            causes_text(&new.causes).into(),
            new.cascade.as_ref().map(|id| id.as_str().to_owned()).into(),
            now.into(),
            new.base.as_str().into(),
        ],
    )
    .await
    .map_err(raced)?;
    refloat_fail::point("release.begun")?;
    Ok(Some(id))
}

/// Records the change as made, and what it is in each environment; nothing if that was done before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn made(
    tx: &mut dyn Tx,
    release: &ReleaseKey,
    row: &ChangeRow,
    made: &Made,
    deployments: &[NewDeployment],
) -> Result<(), StoreError> {
    if !leave_making(tx, &row.id, "made", None).await? {
        return Ok(());
    }
    let now = tx.now();
    for (position, new) in (0_i64..).zip(deployments) {
        let id = ReleaseId::from_ulid(refloat_store::fresh::ulid(now)?);
        let images: Vec<String> = new.images.iter().map(ToString::to_string).collect();
        tx.execute(
            sql("insert into release_deployment (id, change_id, project_id, release, environment, position, state, rendered, \
                 manifest_digest, images) values ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8, $9)"),
            &[
                id.as_str().into(),
                row.id.as_str().into(),
                release.project.as_str().into(),
                release.name.as_str().into(),
                new.environment.as_str().into(),
                position.into(),
                new.rendered.as_str().into(),
                new.manifest_digest.to_row().into(),
                images.join(",").into(),
            ],
        )
        .await?;
    }
    let event = ReleaseEvent::ChangeMade {
        change: row.id.clone(),
        release: release.name.clone(),
        images: row.moved(),
        chart: made.chart.clone(),
        chart_digest: made.chart_digest,
        commit: made.commit.clone(),
    };
    let record = record(tx, release, row.causes.clone(), row.cascade.clone(), event).await?;
    tx.execute(
        sql("update release_change set chart = $2, chart_digest = $3, commit_hash = $4, record_id = $5 where id = $1"),
        &[
            row.id.as_str().into(),
            made.chart.as_str().into(),
            made.chart_digest.map(|digest| digest.to_row()).into(),
            made.commit.clone().into(),
            record.as_str().into(),
        ],
    )
    .await?;
    refloat_fail::point("release.change_made")?;
    Ok(())
}

/// Records that the change cannot be made; nothing if it came to an end before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn failed(
    tx: &mut dyn Tx,
    release: &ReleaseKey,
    row: &ChangeRow,
    error: &str,
) -> Result<(), StoreError> {
    let error = shortened(error);
    if !leave_making(tx, &row.id, "failed", Some(error)).await? {
        return Ok(());
    }
    let event = ReleaseEvent::ChangeFailed {
        change: row.id.clone(),
        release: release.name.clone(),
        error: error.to_owned(),
    };
    record(tx, release, row.causes.clone(), row.cascade.clone(), event)
        .await
        .map(drop)
}

/// False if it came to its end before.
async fn leave_making(
    tx: &mut dyn Tx,
    change: &ChangeId,
    state: &str,
    error: Option<&str>,
) -> Result<bool, StoreError> {
    let left = tx
        .execute(
            sql("update release_change set state = $2, error = $3 where id = $1 and state = 'making'"),
            &[
                change.as_str().into(),
                state.into(),
                error.map(str::to_owned).into(),
            ],
        )
        .await?;
    Ok(left > 0)
}

/// At most [`ERROR_MAX_BYTES`] of it.
pub(crate) fn shortened(error: &str) -> &str {
    let mut end = error.len().min(ERROR_MAX_BYTES);
    while !error.is_char_boundary(end) {
        end -= 1;
    }
    &error[..end]
}

/// A second row at this place: somebody else committed in between.
fn raced(error: StoreError) -> StoreError {
    match error {
        StoreError::ForeignKey(_) | StoreError::Unique(_) => StoreError::Conflict,
        StoreError::Rejected(_) | StoreError::Failed(_) | StoreError::Conflict => error,
    }
}
