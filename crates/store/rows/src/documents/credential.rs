//! Credentials: a secret with its name, target and user name. The value is never in the document.

use super::{Applied, Effects, New, Stored, StoredKind, not_found, record_applied, remove, store};
use crate::access::AuthorizedProject;
use crate::registry::limit;
use crate::secrets::{self, MasterKey};
use refloat_core::{ProjectId, Rejection, Secret, SecretId};
use refloat_database::{Row, StoreError, Tx, sql};

/// The most credentials of a project that are looked through.
const CREDENTIALS_MAX: usize = 10_000;

/// A credential to apply.
#[derive(Debug)]
pub struct NewCredential {
    /// Its name.
    pub name: String,
    /// The host it is for.
    pub target: Option<String>,
    /// The user name.
    pub username: Option<String>,
    /// The value; `None` keeps the one that is stored.
    pub value: Option<Secret<Vec<u8>>>,
    /// The document as JSON, without the value.
    pub content: String,
}

/// A credential, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRow {
    /// The host it is for.
    pub target: Option<String>,
    /// The user name.
    pub username: Option<String>,
    /// Where the value is: [`crate::secrets::get`].
    pub secret: SecretId,
}

/// Stores a credential; a value that is the stored one changes nothing.
///
/// # Errors
/// [`Rejection::Invalid`] for a new credential without a value.
pub async fn apply_credential(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    master: &MasterKey,
    credential: &NewCredential,
) -> Result<Applied, StoreError> {
    let before = credential_row(tx, leave.id(), &credential.name).await?;
    let value = match (&credential.value, &before) {
        (None, None) => {
            return Err(Rejection::Invalid(format!(
                "credential `{}` needs a value",
                credential.name
            ))
            .into());
        }
        (None, Some(_)) => None,
        (Some(value), None) => Some(value),
        (Some(value), Some(before)) => {
            let stored = secrets::get(tx, master, &before.secret).await?;
            let same = bool::from(subtle::ConstantTimeEq::ct_eq(
                stored.expose().as_slice(),
                value.expose().as_slice(),
            ));
            (!same).then_some(value)
        }
    };
    let new = New {
        project: leave.id(),
        kind: StoredKind::Credential,
        name: &credential.name,
        content: &credential.content,
    };
    let effects = if value.is_some() {
        Effects::Changed
    } else {
        Effects::Same
    };
    let applied = match store(tx, &new, effects).await? {
        Stored::Same(applied) => return Ok(applied),
        Stored::Changed(applied) => applied,
    };
    let old = before.map(|before| before.secret);
    let secret = match (value, &old) {
        (Some(value), _) => secrets::put(tx, master, leave.id(), "credential", value).await?,
        (None, Some(old)) => old.clone(),
        (None, None) => return Err(not_found(StoredKind::Credential, &credential.name).into()),
    };
    tx.execute(
        sql("insert into credential (project_id, name, target, username, secret_id) values ($1, $2, $3, $4, $5) \
             on conflict (project_id, name) do update set target = excluded.target, username = excluded.username, \
             secret_id = excluded.secret_id"),
        &[
            leave.id().as_str().into(),
            credential.name.as_str().into(),
            credential.target.clone().into(),
            credential.username.clone().into(),
            secret.as_str().into(),
        ],
    )
    .await?;
    if let Some(old) = old.filter(|old| *old != secret) {
        secrets::delete(tx, &old).await?;
    }
    record_applied(tx, leave.principal(), &new).await?;
    Ok(applied)
}

/// A credential of a project, for who acts as that project.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn credential(
    tx: &mut dyn Tx,
    project: &ProjectId,
    name: &str,
) -> Result<CredentialRow, StoreError> {
    credential_row(tx, project, name)
        .await?
        .ok_or_else(|| not_found(StoredKind::Credential, name).into())
}

/// The credentials of a project whose documents have this key, `age_key` for example: name, and where the value is.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn credentials_with(
    tx: &mut dyn Tx,
    project: &ProjectId,
    key: &str,
) -> Result<Vec<(String, SecretId)>, StoreError> {
    let rows = tx
        .query(
            sql("select d.name, d.content, c.secret_id from document d \
                 join credential c on c.project_id = d.project_id and c.name = d.name \
                 where d.project_id = $1 and d.kind = $2 order by d.name limit $3"),
            &[
                project.as_str().into(),
                StoredKind::Credential.name().into(),
                limit(CREDENTIALS_MAX),
            ],
        )
        .await?;
    let mut found = Vec::new();
    for row in &rows {
        let content: serde_json::Value = serde_json::from_str(row.text(1)?).unwrap_or_default();
        if content.get(key).is_some() {
            found.push((row.text(0)?.to_owned(), row.parsed(2)?));
        }
    }
    Ok(found)
}

async fn credential_row(
    tx: &mut dyn Tx,
    project: &ProjectId,
    name: &str,
) -> Result<Option<CredentialRow>, StoreError> {
    let row = tx
        .first(
            sql("select target, username, secret_id from credential where project_id = $1 and name = $2"),
            &[project.as_str().into(), name.into()],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(CredentialRow {
        target: row.optional(0, Row::text)?.map(str::to_owned),
        username: row.optional(1, Row::text)?.map(str::to_owned),
        secret: row.parsed(2)?,
    }))
}

/// Removes a credential and its secret.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn delete_credential(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    name: &str,
) -> Result<(), StoreError> {
    let row = credential(tx, leave.id(), name).await?;
    tx.execute(
        sql("delete from credential where project_id = $1 and name = $2"),
        &[leave.id().as_str().into(), name.into()],
    )
    .await?;
    secrets::delete(tx, &row.secret).await?;
    remove(
        tx,
        leave.principal(),
        leave.id(),
        StoredKind::Credential,
        name,
    )
    .await
}
