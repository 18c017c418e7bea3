//! Projects: tenants that own path prefixes of repositories. The longest prefix of whole segments wins; `default`
//! owns what no prefix claims. Repositories follow when prefixes change.

mod follow;

pub(crate) use follow::{repositories_follow, set_members, set_prefixes};

use crate::access::{AuthorizedProject, AuthorizedServer};
use crate::lists::{text_list, texts};
use refloat_core::access::Actions;
use refloat_core::{Principal, PrincipalId, ProjectId, Rejection, Timestamp};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::RepositoryName;

/// The id of the project `default`, which every store has from its first migration on.
pub const DEFAULT_PROJECT: &str = "prj_00000000000000000000000000";
/// The name of that project.
pub const DEFAULT_PROJECT_NAME: &str = "default";

/// The id of the project `default`.
#[expect(
    clippy::missing_panics_doc,
    reason = "the constant parses, and every test would see if it did not"
)]
pub fn default_project() -> ProjectId {
    DEFAULT_PROJECT.parse().expect("a constant of this module")
}

/// A project as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRow {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// When it came to be.
    pub created_at: Timestamp,
}

/// A project with what it owns and who belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectInfo {
    /// The project.
    pub project: ProjectRow,
    /// Its prefixes, sorted.
    pub prefixes: Vec<String>,
    /// Names of accounts (or `anonymous`) and what they may on its repositories, sorted.
    pub members: Vec<(String, Actions)>,
}

pub(crate) fn project_row(row: &Row) -> Result<ProjectRow, StoreError> {
    Ok(ProjectRow {
        id: row.parsed(0)?,
        name: row.text(1)?.to_owned(),
        created_at: row.instant(2)?,
    })
}

/// The project that owns a repository of this name.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn owner_of(
    tx: &mut dyn Tx,
    repository: &RepositoryName,
) -> Result<ProjectId, StoreError> {
    let name = repository.as_str();
    let ends = name
        .match_indices('/')
        .map(|(at, _)| &name[..at])
        .chain([name]);
    let row = tx
        .first(
            text_list!(
                "select project_id from project_prefix where prefix in ",
                "$1",
                " order by length(prefix) desc limit 1"
            ),
            &[texts(ends)],
        )
        .await?;
    row.map_or_else(|| Ok(default_project()), |row| row.parsed(0))
}

/// The project of this name, for who has been authorized for nothing yet; use [`crate::access::authorize_project`] for callers.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn by_name(tx: &mut dyn Tx, name: &str) -> Result<ProjectRow, StoreError> {
    let row = tx
        .first(
            sql("select id, name, created_at from project where name = $1"),
            &[name.into()],
        )
        .await?;
    let not_found = || Rejection::NotFound {
        kind: "project",
        name: name.to_owned(),
    };
    project_row(&row.ok_or_else(not_found)?)
}

/// The project with this id.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn by_id(tx: &mut dyn Tx, id: &ProjectId) -> Result<ProjectRow, StoreError> {
    let row = tx
        .first(
            sql("select id, name, created_at from project where id = $1"),
            &[id.as_str().into()],
        )
        .await?;
    let not_found = || Rejection::NotFound {
        kind: "project",
        name: id.to_string(),
    };
    project_row(&row.ok_or_else(not_found)?)
}

/// What a project owns and who belongs to it.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn info(tx: &mut dyn Tx, project: &AuthorizedProject) -> Result<ProjectInfo, StoreError> {
    let id = [project.id().as_str().into()];
    let prefixes = tx
        .query(
            sql("select prefix from project_prefix where project_id = $1 order by prefix"),
            &id,
        )
        .await?;
    let members = tx.query(sql("select subject, actions from project_member where project_id = $1 order by subject"), &id).await?;
    Ok(ProjectInfo {
        project: project.project().clone(),
        prefixes: prefixes
            .iter()
            .map(|row| row.text(0).map(str::to_owned))
            .collect::<Result<_, _>>()?,
        members: members
            .iter()
            .map(|row| Ok((row.text(0)?.to_owned(), Actions::from_row(row.int(1)?))))
            .collect::<Result<_, StoreError>>()?,
    })
}

/// The projects that `principal` is a member of or, for administrators, all; by name, those after `after`.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn list(
    tx: &mut dyn Tx,
    principal: &Principal,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<ProjectRow>, StoreError> {
    let everything = crate::access::is_administrator(tx, principal).await?;
    let rows = tx
        .query(
            sql("select p.id, p.name, p.created_at from project p where p.name > $1 and (cast($2 as bigint) = 1 or exists \
                 (select 1 from project_member m join principal a on a.name = m.subject \
                 where m.project_id = p.id and a.id = $3)) order by p.name limit $4"),
            &[
                after.unwrap_or("").into(),
                i64::from(everything).into(),
                principal.id.as_ref().map_or("", PrincipalId::as_str).into(),
                i64::try_from(limit).unwrap_or(i64::MAX).into(),
            ],
        )
        .await?;
    rows.iter().map(project_row).collect()
}

/// Makes a project without prefixes and members; its document is applied by [`crate::documents`].
///
/// # Errors
/// [`Rejection::Conflict`] if there is one.
pub(crate) async fn create(
    tx: &mut dyn Tx,
    _leave: &AuthorizedServer,
    name: &str,
) -> Result<ProjectRow, StoreError> {
    let now = tx.now();
    let id = ProjectId::from_ulid(crate::fresh::ulid(now)?);
    let made = tx
        .execute(
            sql("insert into project (id, name, created_at) values ($1, $2, $3) on conflict do nothing"),
            &[id.as_str().into(), name.into(), now.into()],
        )
        .await?;
    if made == 0 {
        return Err(StoreError::Conflict);
    }
    Ok(ProjectRow {
        id,
        name: name.to_owned(),
        created_at: now,
    })
}
