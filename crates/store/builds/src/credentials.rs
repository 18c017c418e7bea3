//! What opens the git servers and registries of a project's tasks.

use refloat_core::{ProjectId, Rejection, Secret, SecretId};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_store::secrets::{self, MasterKey};

/// A user and what it shows.
#[derive(Debug, Clone)]
pub struct Opens {
    /// The user; a token alone has none.
    pub username: Option<String>,
    /// The password, token or key.
    pub value: Secret<String>,
}

/// The credential of this name.
///
/// # Errors
/// [`Rejection::NotFound`], or a [`StoreError`] of the database.
pub async fn named(
    tx: &mut dyn Tx,
    master: &MasterKey,
    project: &ProjectId,
    name: &str,
) -> Result<Opens, StoreError> {
    let text =
        sql("select username, secret_id from credential where project_id = $1 and name = $2");
    let row = tx
        .first(text, &[project.as_str().into(), name.into()])
        .await?;
    let row = row.ok_or_else(|| Rejection::NotFound {
        kind: "credential",
        name: name.to_owned(),
    })?;
    open(tx, master, &row).await
}

/// The first credential, by name, that is for this host.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn for_host(
    tx: &mut dyn Tx,
    master: &MasterKey,
    project: &ProjectId,
    host: &str,
) -> Result<Option<Opens>, StoreError> {
    let text = sql(
        "select username, secret_id from credential where project_id = $1 and target = $2 order by name limit 1",
    );
    match tx
        .first(text, &[project.as_str().into(), host.into()])
        .await?
    {
        Some(row) => open(tx, master, &row).await.map(Some),
        None => Ok(None),
    }
}

async fn open(tx: &mut dyn Tx, master: &MasterKey, row: &Row) -> Result<Opens, StoreError> {
    let username = row.optional(0, Row::text)?.map(str::to_owned);
    let id: SecretId = row.parsed(1)?;
    let bytes = secrets::get(tx, master, &id).await?;
    let value = String::from_utf8(bytes.expose().clone())
        .map_err(|_| Rejection::Invalid("the credential is not text".to_owned()))?;
    Ok(Opens {
        username,
        value: Secret::new(value),
    })
}
