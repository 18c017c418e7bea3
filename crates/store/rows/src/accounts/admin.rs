//! The first administrator.

use super::{AccountRow, NewAccount, Standing, by_name, insert};
use crate::projects::default_project;
use crate::records::Records;
use refloat_core::{PrincipalKind, Rejection, Secret};
use refloat_database::{StoreError, Tx, sql};

/// Who made the first administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminMade {
    /// This call: its password counts.
    Here(AccountRow),
    /// Somebody else, before.
    Before,
}

/// Makes the first administrator, unless there is an account of this name or any administrator. The caller has written
/// the password down before, and drops it if somebody else was first.
///
/// # Errors
/// [`Rejection::NameInvalid`].
pub async fn ensure_admin(
    tx: &mut dyn Tx,
    name: &str,
    password_hash: &Secret<String>,
) -> Result<AdminMade, StoreError> {
    if has_administrator(tx).await? || by_name(tx, name).await?.is_some() {
        return Ok(AdminMade::Before);
    }
    let account = NewAccount {
        project: default_project(),
        kind: PrincipalKind::User,
        name,
        password_hash: Some(password_hash),
        standing: Standing::Administrator,
        expires_at: None,
    };
    let mut records = Records::of("system", None);
    let made = match insert(tx, &account, &mut records).await {
        Ok(made) => made,
        Err(StoreError::Rejected(Rejection::Conflict(_))) => return Ok(AdminMade::Before),
        Err(error) => return Err(error),
    };
    records.append(tx).await?;
    Ok(AdminMade::Here(made))
}

/// Whether there is an administrator.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn has_administrator(tx: &mut dyn Tx) -> Result<bool, StoreError> {
    Ok(tx
        .first(
            sql("select id from principal where administrator = 1 limit 1"),
            &[],
        )
        .await?
        .is_some())
}
