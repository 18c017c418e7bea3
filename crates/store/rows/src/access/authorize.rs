//! The one place where leave to touch a repository is given.

use super::{ANONYMOUS, Authorized, Because, Op, Push, RepositoryRow, actor};
use crate::grants;
use crate::registry;
use refloat_core::access::Actions;
use refloat_core::{Action, Principal, PrincipalKind, Rejection};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::RepositoryName;
use std::any::TypeId;
use std::marker::PhantomData;

/// Leave for `principal` to do `O` on `repository`, which [`Push`] makes if it is absent.
///
/// # Errors
/// [`Rejection::Unauthenticated`] if nobody is signed in, or the account is gone; [`Rejection::RepositoryUnknown`]
/// for who is signed in and may not pull, the same as if it were absent; [`Rejection::Denied`] for who may pull.
pub async fn authorize<O: Op>(
    tx: &mut dyn Tx,
    principal: &Principal,
    repository: &RepositoryName,
) -> Result<Authorized<O>, StoreError> {
    leave(
        tx,
        principal,
        repository,
        TypeId::of::<O>() == TypeId::of::<Push>(),
    )
    .await
}

/// The same in a transaction that only reads: an absent repository stays absent, also for [`Push`].
///
/// # Errors
/// As [`authorize`], and [`Rejection::RepositoryUnknown`] for whoever may make the repository.
pub async fn authorize_existing<O: Op>(
    tx: &mut dyn Tx,
    principal: &Principal,
    repository: &RepositoryName,
) -> Result<Authorized<O>, StoreError> {
    leave(tx, principal, repository, false).await
}

async fn leave<O: Op>(
    tx: &mut dyn Tx,
    principal: &Principal,
    repository: &RepositoryName,
    creates: bool,
) -> Result<Authorized<O>, StoreError> {
    let found = lookup(tx, principal, repository).await?;
    let rights = match &found.repository {
        Some(_) => found.rights,
        None => grants::rights_by_pattern(tx, principal, repository).await?,
    };
    let rights = if found.administrator {
        Actions::EVERY
    } else {
        rights
    };
    let actions = rights.intersection(principal.scope_limit(repository));
    if !actions.contains(O::ACTION) {
        return Err(refused(principal, repository, actions, O::ACTION).into());
    }
    let row = match found.repository {
        Some(row) => row,
        None if creates => registry::create_repository(tx, repository, &actor(principal)).await?,
        None => return Err(unknown(repository).into()),
    };
    Ok(Authorized {
        repository: row,
        principal: Principal {
            administrator: found.administrator,
            ..principal.clone()
        },
        actions,
        account_actions: rights,
        personal: None,
        because: Because::default(),
        operation: PhantomData,
    })
}

/// Whether `repository` is absent and `principal` could pull from it if it were there: then an empty answer tells
/// nothing that its rights do not.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn could_pull_if_present(
    tx: &mut dyn Tx,
    principal: &Principal,
    repository: &RepositoryName,
) -> Result<bool, StoreError> {
    let found = lookup(tx, principal, repository).await?;
    if found.repository.is_some() {
        return Ok(false);
    }
    let rights = if found.administrator {
        Actions::EVERY
    } else {
        grants::rights_by_pattern(tx, principal, repository).await?
    };
    Ok(rights
        .intersection(principal.scope_limit(repository))
        .contains(Action::Pull))
}

fn unknown(repository: &RepositoryName) -> Rejection {
    Rejection::RepositoryUnknown(repository.to_string())
}

fn refused(
    principal: &Principal,
    repository: &RepositoryName,
    actions: Actions,
    needed: Action,
) -> Rejection {
    if principal.kind == PrincipalKind::Anonymous {
        Rejection::Unauthenticated
    } else if actions.contains(Action::Pull) {
        Rejection::Denied(format!("`{repository}` needs `{}`", needed.name()))
    } else {
        unknown(repository)
    }
}

struct Found {
    repository: Option<RepositoryRow>,
    rights: Actions,
    administrator: bool,
}

/// The repository, what is written out for the principal and for everybody, and the account as it stands: one statement.
async fn lookup(
    tx: &mut dyn Tx,
    principal: &Principal,
    repository: &RepositoryName,
) -> Result<Found, StoreError> {
    let now = tx.now();
    let subject = actor(principal);
    let rows = tx
        .query(
            sql("select r.id, r.project_id, r.name, r.immutable_tags, r.quarantine, \
                 coalesce(own.actions, 0), coalesce(everybody.actions, 0), account.administrator \
                 from (select cast($2 as text) as subject, cast($1 as text) as name) as asked \
                 left join repository r on r.name = asked.name \
                 left join grant_repository own on own.subject = asked.subject and own.repository_id = r.id \
                 left join grant_repository everybody on everybody.subject = 'anonymous' and everybody.repository_id = r.id \
                 left join principal account on account.id = asked.subject and (account.expires_at is null or account.expires_at > $3)"),
            &[repository.as_str().into(), subject.into(), now.into()],
        )
        .await?;
    let row = rows
        .first()
        .ok_or_else(|| StoreError::column(0, "missing"))?;
    let administrator = match principal.kind {
        PrincipalKind::System => true,
        PrincipalKind::Anonymous => false,
        PrincipalKind::User | PrincipalKind::Robot => row
            .optional(7, Row::flag)?
            .ok_or(Rejection::Unauthenticated)?,
    };
    let rights = Actions::from_row(row.int(5)?).union(Actions::from_row(row.int(6)?));
    let repository = if row.is_null(0)? {
        None
    } else {
        Some(repository_row(row)?)
    };
    Ok(Found {
        repository,
        rights,
        administrator,
    })
}

/// Columns 0 to 4 as a repository.
pub(crate) fn repository_row(row: &Row) -> Result<RepositoryRow, StoreError> {
    let immutable_tags = serde_json::from_str(row.text(3)?)
        .map_err(|_| StoreError::column(3, "not a list of rules"))?;
    Ok(RepositoryRow {
        id: row.parsed(0)?,
        project: row.parsed(1)?,
        name: row.parsed(2)?,
        immutable_tags,
        quarantine: row.parsed(4)?,
    })
}

/// The subjects whose rules count for a principal: itself, and everybody.
pub(crate) fn subjects(principal: &Principal) -> [String; 2] {
    [actor(principal), ANONYMOUS.to_owned()]
}
