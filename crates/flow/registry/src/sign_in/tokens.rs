//! Signing in with a token alone, and the tokens that this registry gives.

use super::bearer::{Claims, now_seconds};
use super::secrets::{new_long_token, stamp, token_hash};
use super::{
    Asked, By, CREDENTIAL_MAX_BYTES, Credential, IssuedToken, Opened, SignIn, SignedIn, ends, scope,
};
use crate::FlowError;
use refloat_core::{Principal, PrincipalId, Rejection, Secret};
use refloat_store::sign_in::{self as rows, Account, Ends, Refresh, TokenOwner};
use std::net::IpAddr;
use std::sync::Arc;

/// What is kept of a client's name as the label of its refresh token.
const CLIENT_MAX_CHARACTERS: usize = 40;

impl SignIn {
    /// Signs in with a bearer token: one of `/token`, or a long-lived one.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`] whatever is wrong.
    pub async fn bearer(&self, token: &str) -> Result<SignedIn, FlowError> {
        if let Some(opened) = self.inner.opened.get(token)
            && now_seconds() < opened.until
            && self.is_current(opened.generation)
        {
            return Ok(opened.signed_in);
        }
        if token.split('.').count() != 3 {
            return self.by_long_token(token).await;
        }
        let claims = self
            .inner
            .bearers
            .open(token)
            .map_err(|_| Rejection::Unauthenticated)?;
        let generation = self.inner.store.generation();
        let asked = claims.asked();
        let scopes = Some(scope::narrowed(
            scope::scopes(&asked),
            claims.outer.as_deref(),
        ));
        let (principal, until) = match claims.principal_id() {
            None => (
                Principal {
                    scopes,
                    ..Principal::anonymous()
                },
                claims.exp,
            ),
            Some(id) => {
                let (account, until) = self.still(id, &claims).await?;
                (
                    Principal {
                        scopes,
                        ..account.principal
                    },
                    until,
                )
            }
        };
        let signed_in = SignedIn {
            principal: Arc::new(principal),
            by: By::Bearer(asked.into()),
        };
        let opened = Opened {
            signed_in: signed_in.clone(),
            until,
            generation,
        };
        self.inner.opened.put(token.into(), opened);
        Ok(signed_in)
    }

    /// The account of a bearer token, if what it showed for the token is still good, and until when.
    async fn still(&self, id: PrincipalId, claims: &Claims) -> Result<(Account, u64), FlowError> {
        let token = match &claims.credential {
            Some(Credential::Token(token)) => Some(token.clone()),
            Some(Credential::Password(_)) | None => None,
        };
        let found = self.inner.store.read(move |tx| {
            let (id, token) = (id.clone(), token.clone());
            Box::pin(async move {
                let account = rows::by_id(tx, &id).await?;
                let token = match &token {
                    Some(token) => rows::token_ends(tx, token, &id).await?,
                    None => None,
                };
                Ok((account, token))
            })
        });
        let (account, token) = found.await?;
        let account = account.ok_or(Rejection::Unauthenticated)?;
        let own = account.password_hash.as_deref().map(stamp);
        let end = match (&claims.credential, token) {
            (Some(Credential::Password(shown)), _) if own.as_ref() == Some(shown) => None,
            (Some(Credential::Token(_)), Some(Ends::Never)) => None,
            (Some(Credential::Token(_)), Some(Ends::At(end))) => Some(end),
            (_, _) => return Err(Rejection::Unauthenticated.into()),
        };
        let until = ends([account.expires_at, end], claims.exp);
        Ok((account, until))
    }

    async fn by_long_token(&self, token: &str) -> Result<SignedIn, FlowError> {
        if token.is_empty() || token.len() > CREDENTIAL_MAX_BYTES {
            return Err(Rejection::Unauthenticated.into());
        }
        let owner = self.token_owner(token_hash(token), Refresh::Never).await?;
        Ok(SignedIn::by_token(owner.ok_or(Rejection::Unauthenticated)?))
    }

    async fn token_owner(
        &self,
        hash: [u8; 32],
        refresh: Refresh,
    ) -> Result<Option<TokenOwner>, FlowError> {
        let found = self
            .inner
            .store
            .read(move |tx| Box::pin(async move { rows::by_token(tx, &hash, refresh).await }));
        Ok(found.await?)
    }

    /// A bearer token narrowed to `asked`. It is no error to ask for more than the account may do: what opens is
    /// decided when the token is shown.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`] for who signed in with a bearer token: it would live for ever.
    pub fn issue(&self, signed_in: &SignedIn, asked: &[Asked]) -> Result<IssuedToken, FlowError> {
        let credential = match &signed_in.by {
            By::Nothing => None,
            By::Account(credential) => Some(credential.clone()),
            By::Bearer(_) => return Err(Rejection::Unauthenticated.into()),
        };
        Ok(self
            .inner
            .bearers
            .issue(&signed_in.principal, credential, asked)?)
    }

    /// A refresh token of an account, for a client that asked to stay signed in. `None` but for who showed the account's
    /// password: a long-lived token needs none, and its end and narrowing would be lost.
    ///
    /// # Errors
    /// [`FlowError`] of the store.
    pub async fn offer_refresh(
        &self,
        signed_in: &SignedIn,
        client: &str,
    ) -> Result<Option<Secret<String>>, FlowError> {
        let (By::Account(Credential::Password(_)), Some(account)) =
            (&signed_in.by, signed_in.principal.id.clone())
        else {
            return Ok(None);
        };
        let (token, hash) = new_long_token("rfr_")?;
        let label: String = client
            .chars()
            .filter(|letter| !letter.is_control())
            .take(CLIENT_MAX_CHARACTERS)
            .collect();
        let by = signed_in.principal.clone();
        let kept = self.inner.store.write(move |tx| {
            let (by, account, label) = (by.clone(), account.clone(), label.clone());
            Box::pin(async move { rows::add_refresh(tx, &by, &account, &hash, &label).await })
        });
        kept.await?;
        Ok(Some(token))
    }

    /// Signs in with a refresh token.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`] if it opens nothing; [`Rejection::TooMany`] after too many wrong tries.
    pub async fn refresh(
        &self,
        token: &Secret<String>,
        address: IpAddr,
    ) -> Result<SignedIn, FlowError> {
        let found = self
            .token_owner(token_hash(token.expose()), Refresh::Only)
            .await?;
        if let Some(owner) = found {
            return Ok(SignedIn::by_token(owner));
        }
        self.inner.throttle.check(address)?;
        self.inner.throttle.failed(address);
        Err(Rejection::Unauthenticated.into())
    }
}
