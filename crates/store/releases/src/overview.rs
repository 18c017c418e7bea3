//! Releases as people see them: what runs where, and what came before.

use crate::ReleaseKey;
use crate::deployments::{DeploymentRow, columns, deployment};
use refloat_database::{StoreError, Tx, sql};

/// A deployment, and what its change is.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The deployment.
    pub deployment: DeploymentRow,
    /// The change's number.
    pub number: i64,
    /// The chart as `repository:version`, or the git repository and path.
    pub chart: String,
}

/// The deployments of a release, the newest first; of one environment if it is named.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn history(
    tx: &mut dyn Tx,
    release: &ReleaseKey,
    environment: Option<&str>,
    at_most: i64,
) -> Result<Vec<Shown>, StoreError> {
    let rows = tx
        .query(
            sql(concat!(
                "select ",
                columns!(),
                ", (select number from release_change c where c.id = change_id), \
                   (select chart from release_change c where c.id = change_id) \
                 from release_deployment where project_id = $1 and release = $2 and ($3 = '' or environment = $3) \
                 order by 13 desc, position desc limit $4"
            )),
            &[
                release.project.as_str().into(),
                release.name.as_str().into(),
                environment.unwrap_or("").into(),
                at_most.into(),
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Shown {
                deployment: deployment(row)?,
                number: row.int(12)?,
                chart: row.text(13)?.to_owned(),
            })
        })
        .collect()
}
