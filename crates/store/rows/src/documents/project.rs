//! Projects: rows, prefixes and members out of their document. Repositories and rules follow.

use super::{Applied, Effects, New, Stored, StoredKind, record_applied, remove, store};
use crate::access::{AuthorizedProject, actor, authorize_project, authorize_server};
use crate::grants::{self, Subjects};
use crate::projects::{self, DEFAULT_PROJECT, DEFAULT_PROJECT_NAME, ProjectRow};
use refloat_core::access::Actions;
use refloat_core::{Action, Pattern, Principal, Rejection};
use refloat_database::{StoreError, Tx, Value, sql};
use refloat_oci::RepositoryName;

/// A project to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProject {
    /// Its name.
    pub name: String,
    /// Whole path segments that it owns repositories under.
    pub prefixes: Vec<RepositoryName>,
    /// Names of accounts, which may come later, or `anonymous`, and what they may on its repositories.
    pub members: Vec<(String, Actions)>,
    /// The document as JSON.
    pub content: String,
}

/// Stores a project: administrators may everything, its own administrators change its members, not its prefixes.
///
/// # Errors
/// [`Rejection::NotFound`] or `Denied` for others; [`Rejection::Conflict`] if another project owns a prefix;
/// [`Rejection::Invalid`] for prefixes or administrators of `default`.
pub async fn apply_project(
    tx: &mut dyn Tx,
    by: &Principal,
    project: &NewProject,
) -> Result<Applied, StoreError> {
    if project.name == DEFAULT_PROJECT_NAME {
        check_default(project)?;
    }
    let row = leave(tx, by, project).await?;
    let new = New {
        project: &row.id,
        kind: StoredKind::Project,
        name: &project.name,
        content: &project.content,
    };
    let applied = match store(tx, &new, Effects::Same).await? {
        Stored::Same(applied) => return Ok(applied),
        Stored::Changed(applied) => applied,
    };
    grants::change(tx).await?;
    let prefixes: Vec<_> = project.prefixes.iter().map(ToString::to_string).collect();
    let affected = projects::set_prefixes(tx, &row.id, &prefixes).await?;
    projects::set_members(tx, &row.id, &project.members).await?;
    if row.id.as_str() == DEFAULT_PROJECT {
        grants::reach(tx, &everywhere(), Subjects::All).await?;
    } else {
        projects::repositories_follow(tx, &affected, &actor(by)).await?;
    }
    record_applied(tx, by, &new).await?;
    Ok(applied)
}

fn check_default(project: &NewProject) -> Result<(), Rejection> {
    if !project.prefixes.is_empty() {
        return Err(Rejection::Invalid(
            "project `default` owns what no prefix claims: it has none of its own".to_owned(),
        ));
    }
    if project
        .members
        .iter()
        .any(|(_, actions)| actions.contains(Action::Admin))
    {
        return Err(Rejection::Invalid(
            "project `default` is administered by administrators: its members have no `admin`"
                .to_owned(),
        ));
    }
    Ok(())
}

fn everywhere() -> Pattern {
    "**".parse().expect("a constant pattern")
}

/// The project, made if an administrator asks for a new one.
async fn leave(
    tx: &mut dyn Tx,
    by: &Principal,
    project: &NewProject,
) -> Result<ProjectRow, StoreError> {
    match authorize_server(tx, by).await {
        Ok(server) => match projects::by_name(tx, &project.name).await {
            Err(StoreError::Rejected(Rejection::NotFound { .. })) => {
                projects::create(tx, &server, &project.name).await
            }
            found => found,
        },
        Err(StoreError::Rejected(Rejection::Denied(_))) => {
            let own = authorize_project(tx, by, &project.name).await?;
            let mut wanted: Vec<_> = project.prefixes.iter().map(ToString::to_string).collect();
            wanted.sort();
            wanted.dedup();
            if projects::info(tx, &own).await?.prefixes != wanted {
                return Err(Rejection::Denied(
                    "changing the prefixes of a project needs an administrator".to_owned(),
                )
                .into());
            }
            Ok(own.project().clone())
        }
        Err(error) => Err(error),
    }
}

/// Removes a project that has nothing but repositories: they go to whom their names belong then.
///
/// # Errors
/// [`Rejection::NotFound`]; [`Rejection::InUse`] while it has robots, credentials or policies, and for `default`.
pub async fn delete_project(tx: &mut dyn Tx, by: &Principal, name: &str) -> Result<(), StoreError> {
    authorize_server(tx, by).await?;
    let leave: AuthorizedProject = authorize_project(tx, by, name).await?;
    let id = leave.id().clone();
    if id.as_str() == DEFAULT_PROJECT {
        return Err(Rejection::InUse(
            "project `default` owns what no prefix claims: it stays".to_owned(),
        )
        .into());
    }
    let key = [Value::from(id.as_str())];
    for (what, statement) in [
        (
            "robots",
            "select id from principal where project_id = $1 limit 1",
        ),
        (
            "documents",
            "select name from document where project_id = $1 and kind <> 'Project' limit 1",
        ),
        ("jobs", "select id from job where project_id = $1 limit 1"),
    ] {
        if tx.first(sql(statement), &key).await?.is_some() {
            return Err(Rejection::InUse(format!(
                "project `{name}` still has {what}: delete them first"
            ))
            .into());
        }
    }
    grants::change(tx).await?;
    let affected = projects::set_prefixes(tx, &id, &[]).await?;
    tx.execute(
        sql("delete from project_member where project_id = $1"),
        &key,
    )
    .await?;
    tx.execute(sql("delete from grant_rule where project_id = $1"), &key)
        .await?;
    projects::repositories_follow(tx, &affected, &actor(by)).await?;
    remove_document(tx, by, &leave, name).await?;
    tx.execute(sql("delete from project where id = $1"), &key)
        .await
        .map_err(crate::records::raced)
        .map(drop)
}

/// A project that was made without a document has none to remove.
async fn remove_document(
    tx: &mut dyn Tx,
    by: &Principal,
    leave: &AuthorizedProject,
    name: &str,
) -> Result<(), StoreError> {
    match remove(tx, by, leave.id(), StoredKind::Project, name).await {
        Err(StoreError::Rejected(Rejection::NotFound { .. })) => Ok(()),
        other => other,
    }
}
