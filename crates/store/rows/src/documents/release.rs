//! Releases: the document is all there is here; what becomes of it stands in tables of its own.

use super::{
    Applied, Effects, New, Stored, StoredDocument, StoredKind, document, record_applied, remove,
    store,
};
use crate::access::AuthorizedProject;
use refloat_core::{ProjectId, Rejection};
use refloat_database::{StoreError, Tx, sql};

/// The most releases of one project.
const RELEASES_MAX: i64 = 5000;

/// Stores a release.
///
/// # Errors
/// [`Rejection::TooMany`], or a [`StoreError`] of the database.
pub async fn apply_release(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    name: &str,
    content: &str,
) -> Result<Applied, StoreError> {
    let new = New {
        project: leave.id(),
        kind: StoredKind::Release,
        name,
        content,
    };
    let applied = match store(tx, &new, Effects::Same).await? {
        Stored::Same(applied) => return Ok(applied),
        Stored::Changed(applied) => applied,
    };
    let count = tx
        .first(
            sql("select count(*) from document where project_id = $1 and kind = 'Release'"),
            &[leave.id().as_str().into()],
        )
        .await?;
    if count.map_or(Ok(0), |row| row.int(0))? > RELEASES_MAX {
        return Err(
            Rejection::TooMany(format!("a project has at most {RELEASES_MAX} releases")).into(),
        );
    }
    record_applied(tx, leave.principal(), &new).await?;
    Ok(applied)
}

/// Removes a release's document; what it deployed stays.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn delete_release(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    name: &str,
) -> Result<(), StoreError> {
    remove(tx, leave.principal(), leave.id(), StoredKind::Release, name).await
}

/// Every release of every project, with its project; or those of one name.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn releases(
    tx: &mut dyn Tx,
    name: Option<&str>,
) -> Result<Vec<(ProjectId, StoredDocument)>, StoreError> {
    let rows = tx
        .query(
            sql(
                "select name, content, version, updated_at, project_id from document \
                 where kind = 'Release' and ($1 = '' or name = $1) order by project_id, name",
            ),
            &[name.unwrap_or("").into()],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((row.parsed(4)?, document(row)?)))
        .collect()
}
