//! Upstreams: what is watched elsewhere, and since when that is due. `store/patches` owns the rows after this.

use super::{Applied, Effects, New, Stored, StoredKind, record_applied, remove, store};
use crate::access::AuthorizedProject;
use crate::lists::json;
use refloat_core::Rejection;
use refloat_database::{StoreError, Tx, sql};
use refloat_oci::RegistryHost;

/// The most upstreams of one project.
const UPSTREAMS_MAX: i64 = 100;

/// An upstream to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpstream {
    /// Its name.
    pub name: String,
    /// The registry.
    pub registry: RegistryHost,
    /// The credential that opens it.
    pub credential: Option<String>,
    /// What is watched, `repository:tag` or a pattern of tags.
    pub watch: Vec<String>,
    /// How often, in seconds.
    pub every_seconds: i64,
    /// The document as JSON.
    pub content: String,
}

/// Stores an upstream; its next sweep is due at once. What was verified before holds only for the same references.
///
/// # Errors
/// [`Rejection::TooMany`].
pub async fn apply_upstream(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    upstream: &NewUpstream,
) -> Result<Applied, StoreError> {
    let new = New {
        project: leave.id(),
        kind: StoredKind::Upstream,
        name: &upstream.name,
        content: &upstream.content,
    };
    let applied = match store(tx, &new, Effects::Same).await? {
        Stored::Same(applied) => return Ok(applied),
        Stored::Changed(applied) => applied,
    };
    let now = tx.now();
    tx.execute(
        sql("insert into upstream (project_id, name, host, credential, watch, every_seconds, due_at) values ($1, $2, $3, $4, $5, $6, $7) \
             on conflict (project_id, name) do update set host = excluded.host, credential = excluded.credential, watch = excluded.watch, \
             every_seconds = excluded.every_seconds, due_at = excluded.due_at, verified_until = null"),
        &[
            leave.id().as_str().into(),
            upstream.name.as_str().into(),
            upstream.registry.as_str().into(),
            upstream.credential.clone().into(),
            json(&upstream.watch),
            upstream.every_seconds.into(),
            now.into(),
        ],
    )
    .await?;
    let count = tx
        .first(
            sql("select count(*) from upstream where project_id = $1"),
            &[leave.id().as_str().into()],
        )
        .await?;
    if count.map_or(Ok(0), |row| row.int(0))? > UPSTREAMS_MAX {
        return Err(
            Rejection::TooMany(format!("a project has at most {UPSTREAMS_MAX} upstreams")).into(),
        );
    }
    record_applied(tx, leave.principal(), &new).await?;
    Ok(applied)
}

/// Removes an upstream; what it watched is not asked for any more.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn delete_upstream(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    name: &str,
) -> Result<(), StoreError> {
    tx.execute(
        sql("delete from upstream where project_id = $1 and name = $2"),
        &[leave.id().as_str().into(), name.into()],
    )
    .await?;
    remove(
        tx,
        leave.principal(),
        leave.id(),
        StoredKind::Upstream,
        name,
    )
    .await
}
