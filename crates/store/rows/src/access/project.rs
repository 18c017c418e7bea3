//! Leave to administer a project, or the whole server.

use super::actor;
use crate::projects::{DEFAULT_PROJECT, ProjectRow};
use refloat_core::access::Actions;
use refloat_core::{Action, Principal, PrincipalKind, ProjectId, Rejection};
use refloat_database::{Row, StoreError, Tx, sql};

/// Leave to change accounts, documents and rules of one project.
#[derive(Debug, Clone)]
pub struct AuthorizedProject {
    project: ProjectRow,
    principal: Principal,
}

impl AuthorizedProject {
    /// The project.
    pub fn project(&self) -> &ProjectRow {
        &self.project
    }

    /// Who may.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The id of the project.
    pub fn id(&self) -> &ProjectId {
        &self.project.id
    }
}

/// Leave to administer everything.
#[derive(Debug, Clone)]
pub struct AuthorizedServer {
    principal: Principal,
}

impl AuthorizedServer {
    /// Who may.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// Leave to administer the project named `project`: for administrators, and for its members with `admin` if it is not
/// `default`. A token that was narrowed to repositories administers nothing.
///
/// # Errors
/// [`Rejection::Unauthenticated`], or [`Rejection::NotFound`], the same for a foreign project and an absent one;
/// [`Rejection::Denied`] for a member without `admin`.
pub async fn authorize_project(
    tx: &mut dyn Tx,
    principal: &Principal,
    project: &str,
) -> Result<AuthorizedProject, StoreError> {
    let administrator = is_administrator(tx, principal).await?;
    let not_found = || Rejection::NotFound {
        kind: "project",
        name: project.to_owned(),
    };
    let row = tx
        .first(
            sql(
                "select p.id, p.name, p.created_at, coalesce(m.actions, 0) from project p \
                 left join principal account on account.id = $2 \
                 left join project_member m on m.project_id = p.id and m.subject = account.name \
                 where p.name = $1",
            ),
            &[project.into(), actor(principal).into()],
        )
        .await?
        .ok_or_else(not_found)?;
    let found = ProjectRow {
        id: row.parsed(0)?,
        name: row.text(1)?.to_owned(),
        created_at: row.instant(2)?,
    };
    let member = Actions::from_row(row.int(3)?);
    let unscoped = principal.scopes.is_none();
    let admin = member.contains(Action::Admin) && found.id.as_str() != DEFAULT_PROJECT;
    if unscoped && (administrator || admin) {
        return Ok(AuthorizedProject {
            project: found,
            principal: principal.clone(),
        });
    }
    if administrator || !member.is_empty() {
        return Err(
            Rejection::Denied(format!("administering project `{project}` needs `admin`")).into(),
        );
    }
    Err(not_found().into())
}

/// Leave to administer the server.
///
/// # Errors
/// [`Rejection::Unauthenticated`] or [`Rejection::Denied`].
pub async fn authorize_server(
    tx: &mut dyn Tx,
    principal: &Principal,
) -> Result<AuthorizedServer, StoreError> {
    if is_administrator(tx, principal).await? && principal.scopes.is_none() {
        return Ok(AuthorizedServer {
            principal: principal.clone(),
        });
    }
    Err(Rejection::Denied("this needs an administrator".to_owned()).into())
}

/// Whether the account, as its row stands now, administers the server.
pub(crate) async fn is_administrator(
    tx: &mut dyn Tx,
    principal: &Principal,
) -> Result<bool, StoreError> {
    match principal.kind {
        PrincipalKind::System => Ok(true),
        PrincipalKind::Anonymous => Err(Rejection::Unauthenticated.into()),
        PrincipalKind::User | PrincipalKind::Robot => {
            let now = tx.now();
            let row = tx
                .first(
                    sql("select administrator from principal where id = $1 and (expires_at is null or expires_at > $2)"),
                    &[actor(principal).into(), now.into()],
                )
                .await?;
            let flag = row.map(|row| Row::flag(&row, 0)).transpose()?;
            Ok(flag.ok_or(Rejection::Unauthenticated)?)
        }
    }
}
