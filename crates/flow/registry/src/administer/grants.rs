//! Grants: rules by pattern, of one project.

use super::{Administration, AskedPage, DEFAULT_PROJECT, KEY_SEPARATOR, Paged, not_found};
use crate::asked::operation;
use crate::{Caller, FlowError};
use refloat_core::access::Actions;
use refloat_core::{Pattern, Rejection};
use refloat_store::access::{ANONYMOUS, AuthorizedProject, authorize_project};
use refloat_store::grants::{self, Source, Subject};
use refloat_store::{StoreError, Tx, accounts};

/// A rule, as its readers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRow {
    /// The subject's name.
    pub subject: String,
    /// What.
    pub actions: Actions,
    /// Where.
    pub pattern: Pattern,
    /// `person` or `member`.
    pub source: &'static str,
    /// The cursor's key.
    key: String,
}

/// What is to be granted or revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantAsked {
    /// A user's or robot's name, or `anonymous`.
    pub subject: String,
    /// What; all actions for a revocation that names none.
    pub actions: Actions,
    /// Where.
    pub pattern: Pattern,
    /// The project it belongs to; `None` is `default`.
    pub project: Option<String>,
}

impl Administration {
    /// Allows a subject something on a pattern; returns whether anything changed.
    ///
    /// # Errors
    /// [`Rejection::NotFound`] for an unknown subject or project, [`Rejection::Denied`] without leave.
    pub async fn grant(&self, caller: &Caller, asked: GrantAsked) -> Result<bool, FlowError> {
        let principal = caller.principal.clone();
        let done = self.store().write(operation!(tx, [principal, asked], {
            let leave = authorize_project(tx, &principal, project(&asked)).await?;
            let subject = subject(tx, &leave, &asked.subject).await?;
            grants::grant(tx, &leave, &subject, asked.actions, &asked.pattern).await
        }));
        Ok(done.await?)
    }

    /// Takes actions of a rule back; returns whether anything changed.
    ///
    /// # Errors
    /// As [`Administration::grant`].
    pub async fn revoke(&self, caller: &Caller, asked: GrantAsked) -> Result<bool, FlowError> {
        let principal = caller.principal.clone();
        let done = self.store().write(operation!(tx, [principal, asked], {
            let leave = authorize_project(tx, &principal, project(&asked)).await?;
            let subject = subject(tx, &leave, &asked.subject).await?;
            grants::revoke(tx, &leave, &subject, asked.actions, &asked.pattern).await
        }));
        Ok(done.await?)
    }

    /// The rules of a project.
    ///
    /// # Errors
    /// As [`Administration::grant`].
    pub async fn grants(
        &self,
        caller: &Caller,
        project: Option<String>,
        page: &AskedPage,
    ) -> Result<Paged<GrantRow>, FlowError> {
        let project = project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned());
        let list = format!("grants|{project}");
        let (principal, limit, after) = (
            caller.principal.clone(),
            page.limit(),
            self.opened(&list, page)?,
        );
        let found = self
            .store()
            .read(operation!(tx, [principal, project, after], {
                let leave = authorize_project(tx, &principal, &project).await?;
                let after = after
                    .as_deref()
                    .and_then(|key| key.split_once(KEY_SEPARATOR));
                grants::list(tx, &leave, after, limit + 1).await
            }));
        let rows = found.await?.into_iter().map(|rule| GrantRow {
            key: format!("{}{KEY_SEPARATOR}{}", rule.subject.as_str(), rule.pattern),
            subject: rule.name,
            actions: rule.actions,
            pattern: rule.pattern,
            source: match rule.source {
                Source::Person => "person",
                Source::Member => "member",
            },
        });
        self.paged(&list, rows.collect(), limit, |row| row.key.clone())
    }
}

fn project(asked: &GrantAsked) -> &str {
    asked.project.as_deref().unwrap_or(DEFAULT_PROJECT)
}

/// The subject of this name.
async fn subject(
    tx: &mut dyn Tx,
    _leave: &AuthorizedProject,
    name: &str,
) -> Result<Subject, StoreError> {
    if name == ANONYMOUS {
        return Ok(Subject::Anonymous);
    }
    let account = accounts::by_name(tx, name).await?;
    let unknown = || -> Rejection { not_found("account", name) };
    Ok(Subject::Account(account.ok_or_else(unknown)?.id))
}
