//! Users and robots. Passwords are hashed here, before any transaction; tokens are made here and kept as hashes only.

use super::{Administration, AskedPage, DEFAULT_PROJECT, Paged, not_found};
use crate::asked::operation;
use crate::sign_in::{Passwords, new_long_token};
use crate::{Caller, FlowError};
use refloat_core::{PrincipalId, PrincipalKind, Rejection, Secret};
use refloat_store::access::{authorize_project, authorize_server};
use refloat_store::accounts::{self, AdminMade, Standing};
use refloat_store::projects;
use refloat_store::{Store, StoreError, Tx};

pub use refloat_store::accounts::AccountRow;
/// Whether a new user administers the server.
pub use refloat_store::accounts::Standing as UserStanding;

/// The name of the first administrator.
pub const ADMIN: &str = "admin";

/// What a robot's tokens begin with, so that scanners of leaked secrets know them.
const ROBOT_PREFIX: &str = "rfb_";

/// A robot to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRobot {
    /// Its name.
    pub name: String,
    /// The project it belongs to; `None` is `default`.
    pub project: Option<String>,
    /// How long it lives, in seconds.
    pub expires_seconds: Option<i64>,
}

/// Makes the user `admin` with this password, unless there is an administrator. The password has been written down before.
///
/// # Errors
/// [`FlowError`] of the store.
pub async fn ensure_admin(
    store: &Store,
    passwords: &Passwords,
    password: &Secret<String>,
) -> Result<AdminMade, FlowError> {
    let hash = Secret::new(passwords.hash(password).await?);
    Ok(store
        .write(operation!(
            tx,
            [hash],
            accounts::ensure_admin(tx, ADMIN, &hash).await
        ))
        .await?)
}

/// Whether there is an administrator: if not, this is the first start.
///
/// # Errors
/// [`FlowError`] of the store.
pub async fn has_administrator(store: &Store) -> Result<bool, FlowError> {
    Ok(store
        .read(|tx| Box::pin(accounts::has_administrator(tx)))
        .await?)
}

impl Administration {
    /// Makes a user.
    ///
    /// # Errors
    /// [`Rejection::Conflict`] for a name that is taken, [`Rejection::Denied`] without leave.
    pub async fn create_user(
        &self,
        caller: &Caller,
        name: String,
        password: &Secret<String>,
        standing: Standing,
    ) -> Result<AccountRow, FlowError> {
        // Who may not is told before a hash is computed for them.
        self.require_administrator(caller).await?;
        let hash = Secret::new(self.inner.passwords.hash(password).await?);
        let principal = caller.principal.clone();
        let made = self.store().write(operation!(tx, [principal, name, hash], {
            let leave = authorize_server(tx, &principal).await?;
            accounts::create_user(tx, &leave, &name, &hash, standing).await
        }));
        Ok(made.await?)
    }

    /// Sets a password: one's own, or anybody's by an administrator.
    ///
    /// # Errors
    /// [`Rejection::NotFound`] for an account that is absent or somebody else's.
    pub async fn set_password(
        &self,
        caller: &Caller,
        name: &str,
        password: &Secret<String>,
    ) -> Result<(), FlowError> {
        if caller.principal.name != name {
            self.require_administrator(caller)
                .await
                .map_err(|_| FlowError::from(not_found("account", name)))?;
        }
        let hash = Secret::new(self.inner.passwords.hash(password).await?);
        let (principal, name) = (caller.principal.clone(), name.to_owned());
        let set = self.store().write(operation!(tx, [principal, name, hash], {
            let id = account_id(tx, &name, PrincipalKind::User).await?;
            accounts::set_password(tx, &principal, &id, &hash).await
        }));
        Ok(set.await?)
    }

    /// Users, by name.
    ///
    /// # Errors
    /// [`Rejection::Denied`] without leave.
    pub async fn users(
        &self,
        caller: &Caller,
        page: &AskedPage,
    ) -> Result<Paged<AccountRow>, FlowError> {
        self.require_administrator(caller).await?;
        self.accounts(caller, DEFAULT_PROJECT, PrincipalKind::User, page)
            .await
    }

    /// Robots of a project, by name.
    ///
    /// # Errors
    /// [`Rejection::NotFound`] or [`Rejection::Denied`] without leave.
    pub async fn robots(
        &self,
        caller: &Caller,
        project: Option<&str>,
        page: &AskedPage,
    ) -> Result<Paged<AccountRow>, FlowError> {
        self.accounts(
            caller,
            project.unwrap_or(DEFAULT_PROJECT),
            PrincipalKind::Robot,
            page,
        )
        .await
    }

    async fn accounts(
        &self,
        caller: &Caller,
        project: &str,
        kind: PrincipalKind,
        page: &AskedPage,
    ) -> Result<Paged<AccountRow>, FlowError> {
        let list = format!("accounts|{project}|{kind:?}");
        let (principal, project, limit, after) = (
            caller.principal.clone(),
            project.to_owned(),
            page.limit(),
            self.opened(&list, page)?,
        );
        let found = self
            .store()
            .read(operation!(tx, [principal, project, after], {
                let leave = authorize_project(tx, &principal, &project).await?;
                accounts::list(tx, &leave, kind, after.as_deref(), limit + 1).await
            }));
        self.paged(&list, found.await?, limit, |row| row.name.clone())
    }

    /// Makes a robot and its token, which nobody can see again.
    ///
    /// # Errors
    /// [`Rejection::Conflict`] for a name that is taken, [`Rejection::NotFound`] or [`Rejection::Denied`] without leave.
    pub async fn create_robot(
        &self,
        caller: &Caller,
        robot: NewRobot,
    ) -> Result<(AccountRow, Secret<String>), FlowError> {
        let (token, hash) = new_long_token(ROBOT_PREFIX)?;
        let principal = caller.principal.clone();
        let made = self.store().write(operation!(tx, [principal, robot], {
            let leave = authorize_project(
                tx,
                &principal,
                robot.project.as_deref().unwrap_or(DEFAULT_PROJECT),
            )
            .await?;
            let expires_at = robot
                .expires_seconds
                .map(|seconds| tx.now().plus_seconds(seconds));
            accounts::create_robot(tx, &leave, &robot.name, expires_at, &hash).await
        }));
        let (account, _) = made.await?;
        Ok((account, token))
    }

    /// Ends a user, with its tokens and grants.
    ///
    /// # Errors
    /// [`Rejection::NotFound`], [`Rejection::InUse`] for the last administrator, [`Rejection::Denied`] without leave.
    pub async fn delete_user(&self, caller: &Caller, name: &str) -> Result<(), FlowError> {
        self.require_administrator(caller).await?;
        self.delete_account(caller, name, PrincipalKind::User).await
    }

    /// Ends a robot, with its tokens and grants.
    ///
    /// # Errors
    /// [`Rejection::NotFound`], also for a robot of a project that the caller does not administer.
    pub async fn delete_robot(&self, caller: &Caller, name: &str) -> Result<(), FlowError> {
        self.delete_account(caller, name, PrincipalKind::Robot)
            .await
    }

    async fn delete_account(
        &self,
        caller: &Caller,
        name: &str,
        kind: PrincipalKind,
    ) -> Result<(), FlowError> {
        let (principal, name) = (caller.principal.clone(), name.to_owned());
        let gone = self.store().write(operation!(tx, [principal, name], {
            let unknown = || StoreError::from(not_found("account", &name));
            let account = accounts::by_name(tx, &name)
                .await?
                .filter(|account| account.kind == kind)
                .ok_or_else(unknown)?;
            let project = projects::by_id(tx, &account.project).await?;
            // A robot of a foreign project and one that is absent are the same answer.
            let leave = authorize_project(tx, &principal, &project.name)
                .await
                .map_err(|error| hidden(error, unknown()))?;
            accounts::delete(tx, &leave, &account.id).await
        }));
        Ok(gone.await?)
    }
}

/// Lack of leave looks like absence.
fn hidden(error: StoreError, absent: StoreError) -> StoreError {
    match error {
        StoreError::Rejected(Rejection::Denied(_) | Rejection::NotFound { .. }) => absent,
        other => other,
    }
}

async fn account_id(
    tx: &mut dyn Tx,
    name: &str,
    kind: PrincipalKind,
) -> Result<PrincipalId, StoreError> {
    let account = accounts::by_name(tx, name)
        .await?
        .filter(|account| account.kind == kind);
    Ok(account.ok_or_else(|| not_found("account", name))?.id)
}
