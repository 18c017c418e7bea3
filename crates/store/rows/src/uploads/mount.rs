//! Mounts: a blob becomes a member without bytes on the wire, if the caller can read it where it is.

use super::finish::join;
use crate::access::{Authorized, Pull, Push, actor, authorize};
use crate::records::Records;
use crate::registry::blob;
use refloat_core::registry::decide_mount;
use refloat_core::{Principal, Rejection};
use refloat_database::{StoreError, Tx, sql};
use refloat_oci::{Digest, RepositoryName};

/// How many repositories that have a blob are asked for one whose copy the caller can read.
const SOURCES_MAX: i64 = 100;

/// Mounts a blob from `from`, or from any repository in which the caller can read it. `false`: there is none such,
/// whether for want of the blob or of the right; the caller uploads it.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn mount(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    digest: &Digest,
    from: Option<&RepositoryName>,
) -> Result<bool, StoreError> {
    let principal = leave.principal().clone();
    let candidates = match from {
        Some(from) => vec![from.clone()],
        None => sources(tx, &principal, digest).await?,
    };
    for from in candidates {
        if !readable(tx, &principal, &from, digest).await? {
            continue;
        }
        let repository = leave.repository();
        let member = join(tx, leave, digest).await?;
        let mut records = Records::by(leave);
        if let Some(event) = decide_mount(member, &repository.name, *digest, &from) {
            records.blob(&repository.project, &repository.id, digest, event);
        }
        records.append(tx).await?;
        return Ok(true);
    }
    Ok(false)
}

/// Repositories that have the blob and that rules let the caller pull from, at most [`SOURCES_MAX`].
async fn sources(
    tx: &mut dyn Tx,
    principal: &Principal,
    digest: &Digest,
) -> Result<Vec<RepositoryName>, StoreError> {
    let rows = tx
        .query(
            sql("select r.name from repository_blob m join repository r on r.id = m.repository_id \
                 where m.digest = $1 and (cast($2 as bigint) = 1 or exists (select 1 from grant_repository g where g.repository_id = r.id \
                 and g.subject in ($3, 'anonymous') and (g.actions & 33) <> 0)) limit $4"),
            &[
                digest.to_row().into(),
                i64::from(principal.administrator).into(),
                actor(principal).into(),
                SOURCES_MAX.into(),
            ],
        )
        .await?;
    rows.iter().map(|row| row.parsed(0)).collect()
}

async fn readable(
    tx: &mut dyn Tx,
    principal: &Principal,
    from: &RepositoryName,
    digest: &Digest,
) -> Result<bool, StoreError> {
    let leave = match authorize::<Pull>(tx, principal, from).await {
        Ok(leave) => leave,
        Err(StoreError::Rejected(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    match blob(tx, &leave, digest).await {
        Ok(found) => Ok(found.damage.is_none()),
        Err(StoreError::Rejected(Rejection::BlobUnknown { .. })) => Ok(false),
        Err(error) => Err(error),
    }
}
