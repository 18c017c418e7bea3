//! Documents: what `apply` stores, and its effects, in one transaction. A document that changes nothing makes no record.

mod credential;
mod policy;
mod project;
mod release;
mod task;
mod upstream;

pub use credential::{
    CredentialRow, NewCredential, apply_credential, credential, credentials_with, delete_credential,
};
pub use policy::{NewPolicy, apply_policy, delete_policy};
pub use project::{NewProject, apply_project, delete_project};
pub use release::{apply_release, delete_release, releases};
pub use task::{NewTask, apply_task, delete_task};
pub use upstream::{NewUpstream, apply_upstream, delete_upstream};

use crate::access::{AuthorizedProject, actor};
use crate::lists::hex;
use crate::records::Records;
use crate::registry::limit;
use refloat_core::event::AccessEvent;
use refloat_core::record::sha256;
use refloat_core::{Principal, ProjectId, Rejection, Timestamp};
use refloat_database::{Row, StoreError, Tx, sql};

/// The longest document in bytes.
pub const DOCUMENT_MAX_BYTES: usize = 256 * 1024;

/// The kinds that are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredKind {
    /// A tenant.
    Project,
    /// A secret with its name and target.
    Credential,
    /// Rules for the repositories that match.
    RepositoryPolicy,
    /// A chart and where it goes.
    Release,
    /// A foreign registry, and what of it is watched.
    Upstream,
    /// How an image is built.
    Task,
}

impl StoredKind {
    /// The name in documents, rows and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Project => "Project",
            Self::Credential => "Credential",
            Self::RepositoryPolicy => "RepositoryPolicy",
            Self::Release => "Release",
            Self::Upstream => "Upstream",
            Self::Task => "Task",
        }
    }
}

/// A document as stored: JSON, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument {
    /// Its name; a policy's is its pattern.
    pub name: String,
    /// Its JSON.
    pub content: String,
    /// 1 for the first, one more with each change.
    pub version: i64,
    /// Since when.
    pub updated_at: Timestamp,
}

/// What applying did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Whether anything changed.
    pub changed: bool,
    /// The version now.
    pub version: i64,
}

/// A document of a project.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn get(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    kind: StoredKind,
    name: &str,
) -> Result<StoredDocument, StoreError> {
    find(tx, leave.id(), kind, name)
        .await?
        .ok_or_else(|| not_found(kind, name).into())
}

/// The documents of a kind in a project, by name, those after `after`.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn list(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    kind: StoredKind,
    after: Option<&str>,
    at_most: usize,
) -> Result<Vec<StoredDocument>, StoreError> {
    let rows = tx
        .query(
            sql("select name, content, version, updated_at from document \
                 where project_id = $1 and kind = $2 and name > $3 order by name limit $4"),
            &[
                leave.id().as_str().into(),
                kind.name().into(),
                after.unwrap_or("").into(),
                limit(at_most),
            ],
        )
        .await?;
    rows.iter().map(document).collect()
}

fn document(row: &Row) -> Result<StoredDocument, StoreError> {
    Ok(StoredDocument {
        name: row.text(0)?.to_owned(),
        content: row.text(1)?.to_owned(),
        version: row.int(2)?,
        updated_at: row.instant(3)?,
    })
}

async fn find(
    tx: &mut dyn Tx,
    project: &ProjectId,
    kind: StoredKind,
    name: &str,
) -> Result<Option<StoredDocument>, StoreError> {
    let row = tx
        .first(
            sql("select name, content, version, updated_at from document where project_id = $1 and kind = $2 and name = $3"),
            &[project.as_str().into(), kind.name().into(), name.into()],
        )
        .await?;
    row.as_ref().map(document).transpose()
}

fn not_found(kind: StoredKind, name: &str) -> Rejection {
    let kind = match kind {
        StoredKind::Project => "project",
        StoredKind::Credential => "credential",
        StoredKind::RepositoryPolicy => "repository policy",
        StoredKind::Release => "release",
        StoredKind::Upstream => "upstream",
        StoredKind::Task => "task",
    };
    Rejection::NotFound {
        kind,
        name: name.to_owned(),
    }
}

/// A document to be stored.
struct New<'a> {
    project: &'a ProjectId,
    kind: StoredKind,
    name: &'a str,
    content: &'a str,
}

/// What storing a text would do.
enum Stored {
    Same(Applied),
    Changed(Applied),
}

/// Stores the text unless it is there; whoever calls it writes the effects before the record.
async fn store(tx: &mut dyn Tx, new: &New<'_>, by_effect: Effects) -> Result<Stored, StoreError> {
    if new.content.len() > DOCUMENT_MAX_BYTES {
        return Err(Rejection::TooLarge {
            what: "the document",
            limit_bytes: DOCUMENT_MAX_BYTES as u64,
        }
        .into());
    }
    let before = find(tx, new.project, new.kind, new.name).await?;
    let version = before.as_ref().map_or(0, |before| before.version);
    if before.is_some_and(|before| before.content == new.content) && by_effect == Effects::Same {
        return Ok(Stored::Same(Applied {
            changed: false,
            version,
        }));
    }
    let now = tx.now();
    tx.execute(
        sql("insert into document (project_id, kind, name, content, version, updated_at) values ($1, $2, $3, $4, $5, $6) \
             on conflict (project_id, kind, name) do update set content = excluded.content, version = excluded.version, \
             updated_at = excluded.updated_at"),
        &[
            new.project.as_str().into(),
            new.kind.name().into(),
            new.name.into(),
            new.content.into(),
            (version + 1).into(),
            now.into(),
        ],
    )
    .await?;
    Ok(Stored::Changed(Applied {
        changed: true,
        version: version + 1,
    }))
}

/// Whether something changes that the text does not show, such as a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effects {
    Same,
    Changed,
}

async fn record_applied(tx: &mut dyn Tx, by: &Principal, new: &New<'_>) -> Result<(), StoreError> {
    let event = AccessEvent::DocumentApplied {
        kind: new.kind.name().to_owned(),
        name: new.name.to_owned(),
        content: hex(&sha256(new.content.as_bytes())),
    };
    record(tx, by, new.project, new.kind, new.name, event).await
}

/// Removes the row of a document and records it.
async fn remove(
    tx: &mut dyn Tx,
    by: &Principal,
    project: &ProjectId,
    kind: StoredKind,
    name: &str,
) -> Result<(), StoreError> {
    let gone = tx
        .execute(
            sql("delete from document where project_id = $1 and kind = $2 and name = $3"),
            &[project.as_str().into(), kind.name().into(), name.into()],
        )
        .await?;
    if gone == 0 {
        return Err(not_found(kind, name).into());
    }
    let event = AccessEvent::DocumentDeleted {
        kind: kind.name().to_owned(),
        name: name.to_owned(),
    };
    record(tx, by, project, kind, name, event).await
}

async fn record(
    tx: &mut dyn Tx,
    by: &Principal,
    project: &ProjectId,
    kind: StoredKind,
    name: &str,
    event: AccessEvent,
) -> Result<(), StoreError> {
    let mut records = Records::of(&actor(by), None);
    records.access(
        project,
        "document",
        &format!("{project}/{}/{name}", kind.name()),
        event,
    );
    records.append(tx).await.map(drop)
}
