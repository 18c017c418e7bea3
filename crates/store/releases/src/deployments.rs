//! A change in an environment: started once, ended once; a failure stops what comes after.

use crate::changes::shortened;
use crate::{ReleaseKey, digest, record};
use refloat_core::event::ReleaseEvent;
use refloat_core::{CascadeId, ChangeId, RecordId, ReleaseId, Timestamp};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::Digest;
use refloat_release::{Deployment, DeploymentEvent};

/// A deployment as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentRow {
    /// Its id.
    pub id: ReleaseId,
    /// The change it brings.
    pub change: ChangeId,
    /// The environment.
    pub environment: String,
    /// Where it stands.
    pub state: Deployment,
    /// SHA-256 of the manifest.
    pub manifest_digest: Digest,
    /// The images that run.
    pub images: Vec<Digest>,
    /// The record `release.started`.
    pub started_record: Option<RecordId>,
    /// The record of its end.
    pub ended_record: Option<RecordId>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        "id, change_id, environment, state, manifest_digest, images, revision, error, started_record, ended_record, started_at, ended_at"
    };
}
pub(crate) use columns;

pub(crate) fn deployment(row: &Row) -> Result<DeploymentRow, StoreError> {
    let error = row.optional(7, Row::text)?.unwrap_or_default().to_owned();
    let ended_at = row.optional(11, Row::instant)?;
    let state = match row.text(3)? {
        "waiting" => Deployment::Waiting,
        "started" => Deployment::Started,
        "deployed" => Deployment::Deployed {
            revision: u32::try_from(row.int(6)?).unwrap_or(u32::MAX),
            at: ended_at.unwrap_or_default(),
        },
        "stopped" => Deployment::Stopped { by: error },
        "superseded" => Deployment::Superseded,
        _ => Deployment::Failed { error },
    };
    let images = row.text(5)?.split(',').filter(|text| !text.is_empty());
    let images: Result<Vec<Digest>, _> = images.map(str::parse).collect();
    Ok(DeploymentRow {
        id: row.parsed(0)?,
        change: row.parsed(1)?,
        environment: row.text(2)?.to_owned(),
        state,
        manifest_digest: digest(row, 4)?,
        images: images.map_err(|_| StoreError::column(5, "no digests"))?,
        started_record: row.optional(8, Row::parsed)?,
        ended_record: row.optional(9, Row::parsed)?,
        started_at: row.optional(10, Row::instant)?,
        ended_at,
    })
}

/// The deployments of a change, in the order of its environments.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn of_change(
    tx: &mut dyn Tx,
    change: &ChangeId,
) -> Result<Vec<DeploymentRow>, StoreError> {
    let rows = tx
        .query(
            sql(concat!(
                "select ",
                columns!(),
                " from release_deployment where change_id = $1 order by position"
            )),
            &[change.as_str().into()],
        )
        .await?;
    rows.iter().map(deployment).collect()
}

/// What is deployed, JSON.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn rendered(tx: &mut dyn Tx, id: &ReleaseId) -> Result<Option<String>, StoreError> {
    let row = tx
        .first(
            sql("select rendered from release_deployment where id = $1"),
            &[id.as_str().into()],
        )
        .await?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// How often a release was deployed to an environment.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn deployed_before(
    tx: &mut dyn Tx,
    release: &ReleaseKey,
    environment: &str,
) -> Result<i64, StoreError> {
    let row = tx
        .first(
            sql("select count(*) from release_deployment where project_id = $1 and release = $2 and environment = $3 and revision is not null"),
            &[
                release.project.as_str().into(),
                release.name.as_str().into(),
                environment.into(),
            ],
        )
        .await?;
    row.map_or(Ok(0), |row| row.int(0))
}

async fn find(tx: &mut dyn Tx, id: &ReleaseId) -> Result<Option<DeploymentRow>, StoreError> {
    let row = tx
        .first(
            sql(concat!(
                "select ",
                columns!(),
                " from release_deployment where id = $1"
            )),
            &[id.as_str().into()],
        )
        .await?;
    row.as_ref().map(deployment).transpose()
}

/// Starts a deployment: its causes are the change, and the environments that had to run it first. Nothing if it was started.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn start(
    tx: &mut dyn Tx,
    release: &ReleaseKey,
    id: &ReleaseId,
    causes: Vec<RecordId>,
    cascade: Option<CascadeId>,
) -> Result<(), StoreError> {
    let Some(row) = find(tx, id).await? else {
        return Ok(());
    };
    if row.state.next(&DeploymentEvent::Started).is_err() {
        return Ok(());
    }
    let event = ReleaseEvent::ReleaseStarted {
        id: id.clone(),
        release: release.name.clone(),
        environment: row.environment,
        change: row.change,
        manifest_digest: row.manifest_digest,
    };
    let now = tx.now();
    let record = record(tx, release, causes, cascade, event).await?;
    tx.execute(
        sql("update release_deployment set state = 'started', started_record = $2, started_at = $3 where id = $1"),
        &[id.as_str().into(), record.as_str().into(), now.into()],
    )
    .await?;
    refloat_fail::point("release.started")?;
    Ok(())
}

/// Ends a deployment as deployed or failed; a failure stops `followers`, and the record says so. Nothing if it has ended.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn end(
    tx: &mut dyn Tx,
    release: &ReleaseKey,
    id: &ReleaseId,
    event: &DeploymentEvent,
    followers: &[String],
    cascade: Option<CascadeId>,
) -> Result<(), StoreError> {
    let Some(row) = find(tx, id).await? else {
        return Ok(());
    };
    let Ok(next) = row.state.next(event) else {
        return Ok(());
    };
    let Some(recorded) = ended(release, id, &row, &next, followers) else {
        return Ok(());
    };
    let (revision, error) = match &next {
        Deployment::Deployed { revision, .. } => (Some(i64::from(*revision)), None),
        Deployment::Failed { error } => (None, Some(shortened(error).to_owned())),
        Deployment::Waiting
        | Deployment::Started
        | Deployment::Stopped { .. }
        | Deployment::Superseded => (None, None),
    };
    let now = tx.now();
    let causes = row.started_record.into_iter().collect();
    let record = record(tx, release, causes, cascade, recorded).await?;
    tx.execute(
        sql("update release_deployment set state = $2, revision = $3, error = $4, ended_record = $5, ended_at = $6 where id = $1"),
        &[
            id.as_str().into(),
            next.name().into(),
            revision.into(),
            error.into(),
            record.as_str().into(),
            now.into(),
        ],
    )
    .await?;
    if let Deployment::Failed { .. } = next {
        stop(tx, &row.change, &row.environment, followers).await?;
    }
    refloat_fail::point("release.ended")?;
    Ok(())
}

/// What the log says of an end; `None` for what is no end.
fn ended(
    release: &ReleaseKey,
    id: &ReleaseId,
    row: &DeploymentRow,
    next: &Deployment,
    followers: &[String],
) -> Option<ReleaseEvent> {
    let (id, release) = (id.clone(), release.name.clone());
    let (environment, change) = (row.environment.clone(), row.change.clone());
    match next {
        Deployment::Deployed { revision, .. } => Some(ReleaseEvent::ReleaseDeployed {
            id,
            release,
            environment,
            change,
            revision: *revision,
            images: row.images.clone(),
        }),
        Deployment::Failed { error } => {
            let mut error = shortened(error).to_owned();
            if !followers.is_empty() {
                error.push_str("; not released to ");
                error.push_str(&followers.join(", "));
            }
            Some(ReleaseEvent::ReleaseFailed {
                id,
                release,
                environment,
                change,
                error,
            })
        }
        Deployment::Waiting
        | Deployment::Started
        | Deployment::Stopped { .. }
        | Deployment::Superseded => None,
    }
}

/// Environments that come after the one that failed stay as they are.
async fn stop(
    tx: &mut dyn Tx,
    change: &ChangeId,
    failed: &str,
    followers: &[String],
) -> Result<(), StoreError> {
    let now = tx.now();
    for follower in followers {
        tx.execute(
            sql(
                "update release_deployment set state = 'stopped', error = $3, ended_at = $4 \
                 where change_id = $1 and environment = $2 and state = 'waiting'",
            ),
            &[
                change.as_str().into(),
                follower.as_str().into(),
                failed.into(),
                now.into(),
            ],
        )
        .await?;
    }
    Ok(())
}
