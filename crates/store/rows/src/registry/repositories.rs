//! Repositories come to be by the first push under their name.

use crate::access::{QuarantinePolicy, RepositoryRow};
use crate::fresh;
use crate::grants::{self, Placed, Subjects};
use crate::projects::owner_of;
use crate::records::{Records, raced};
use refloat_core::RepositoryId;
use refloat_core::event::RegistryEvent;
use refloat_database::{StoreError, Tx, sql};
use refloat_oci::RepositoryName;

/// Makes a repository in the project that owns its name, with rules and policies written out.
pub(crate) async fn create_repository(
    tx: &mut dyn Tx,
    name: &RepositoryName,
    actor: &str,
) -> Result<RepositoryRow, StoreError> {
    grants::hold(tx).await?;
    let project = owner_of(tx, name).await?;
    let now = tx.now();
    let id = RepositoryId::from_ulid(fresh::ulid(now)?);
    tx.execute(
        sql("insert into repository (id, project_id, name, created_at) values ($1, $2, $3, $4)"),
        &[
            id.as_str().into(),
            project.as_str().into(),
            name.as_str().into(),
            now.into(),
        ],
    )
    .await
    .map_err(raced)?;
    let placed = Placed {
        id,
        project,
        name: name.clone(),
    };
    grants::write_out(tx, std::slice::from_ref(&placed), Subjects::All).await?;
    let row = tx
        .first(
            sql("select immutable_tags from repository where id = $1"),
            &[placed.id.as_str().into()],
        )
        .await?
        .ok_or_else(|| StoreError::column(0, "missing"))?;
    let immutable_tags = serde_json::from_str(row.text(0)?)
        .map_err(|_| StoreError::column(0, "not a list of rules"))?;
    let mut records = Records::of(actor, None);
    records.repository(
        &placed.project,
        &placed.id,
        RegistryEvent::RepositoryCreated {
            repository: name.clone(),
        },
    );
    records.append(tx).await?;
    Ok(RepositoryRow {
        id: placed.id,
        project: placed.project,
        name: placed.name,
        immutable_tags,
        quarantine: QuarantinePolicy::Off,
    })
}
