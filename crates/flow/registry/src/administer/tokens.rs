//! Long-lived tokens of the caller's own.

use super::{Administration, AskedPage, Paged};
use crate::asked::operation;
use crate::sign_in::new_long_token;
use crate::{Caller, FlowError};
use refloat_core::access::Scope;
use refloat_core::{PrincipalId, Rejection, Secret, TokenId};
use refloat_store::accounts::{self, NewToken, TokenPurpose};

pub use refloat_store::accounts::TokenRow;

/// What a personal token begins with, so that scanners of leaked secrets know it.
const PERSONAL_PREFIX: &str = "rfp_";

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAsked {
    /// What its owner calls it.
    pub label: String,
    /// What it is narrowed to; `None` may all that its owner may.
    pub scopes: Option<Vec<Scope>>,
    /// How long it is good for, in seconds.
    pub expires_seconds: Option<i64>,
}

impl Administration {
    /// Makes a token of the caller's, which nobody can see again.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`] for who is not signed in, [`Rejection::Denied`] for who came with a narrowed token.
    pub async fn create_token(
        &self,
        caller: &Caller,
        asked: TokenAsked,
    ) -> Result<(TokenId, Secret<String>), FlowError> {
        let owner = owner(caller)?;
        let (token, hash) = new_long_token(PERSONAL_PREFIX)?;
        let principal = caller.principal.clone();
        let made = self
            .store()
            .write(operation!(tx, [principal, owner, asked], {
                let new = NewToken {
                    purpose: TokenPurpose::Personal,
                    hash: &hash,
                    label: &asked.label,
                    scopes: asked.scopes.as_deref(),
                    expires_at: asked
                        .expires_seconds
                        .map(|seconds| tx.now().plus_seconds(seconds)),
                };
                accounts::create_token(tx, &principal, &owner, &new).await
            }));
        Ok((made.await?, token))
    }

    /// The caller's tokens.
    ///
    /// # Errors
    /// As [`Administration::create_token`].
    pub async fn tokens(
        &self,
        caller: &Caller,
        page: &AskedPage,
    ) -> Result<Paged<TokenRow>, FlowError> {
        let owner = owner(caller)?;
        let list = format!("tokens|{owner}");
        let after = self.opened(&list, page)?;
        let principal = caller.principal.clone();
        let found = self.store().read(operation!(
            tx,
            [principal, owner],
            accounts::list_tokens(tx, &principal, &owner).await
        ));
        // An account has few tokens; they are read at once and shown by the page.
        let mut rows = found.await?;
        rows.sort_by(|one, other| one.id.cmp(&other.id));
        rows.retain(|row| after.as_deref().is_none_or(|after| row.id.as_str() > after));
        self.paged(&list, rows, page.limit(), |row| row.id.to_string())
    }

    /// Revokes a token of the caller's, or of anybody by an administrator.
    ///
    /// # Errors
    /// [`Rejection::NotFound`] for a token that is absent or somebody else's.
    pub async fn revoke_token(&self, caller: &Caller, id: TokenId) -> Result<(), FlowError> {
        let principal = caller.principal.clone();
        Ok(self
            .store()
            .write(operation!(
                tx,
                [principal, id],
                accounts::revoke_token(tx, &principal, &id).await
            ))
            .await?)
    }
}

fn owner(caller: &Caller) -> Result<PrincipalId, Rejection> {
    caller
        .principal
        .id
        .clone()
        .ok_or(Rejection::Unauthenticated)
}
