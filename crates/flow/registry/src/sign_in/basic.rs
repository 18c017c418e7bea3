//! Signing in with a name and a secret: a password, or a long-lived token in its place.

use super::bearer::now_seconds;
use super::secrets::{stamp, token_hash};
use super::{
    By, CREDENTIAL_MAX_BYTES, Credential, REMEMBERED_SECONDS, SignIn, SignedIn, Verified, ends,
};
use crate::FlowError;
use refloat_core::{Rejection, Secret};
use refloat_store::sign_in::{self as rows, Account, Refresh, TokenOwner};
use std::net::IpAddr;
use std::sync::Arc;

impl SignIn {
    /// Signs in with a name and a password, or with a long-lived token in the place of the password.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`] whatever is wrong; [`Rejection::TooMany`] after too many wrong tries from `address`.
    pub async fn basic(
        &self,
        name: &str,
        password: &Secret<String>,
        address: IpAddr,
    ) -> Result<SignedIn, FlowError> {
        if name.len() > CREDENTIAL_MAX_BYTES || password.expose().len() > CREDENTIAL_MAX_BYTES {
            return Err(Rejection::Unauthenticated.into());
        }
        let fingerprint = self.inner.fingerprint.of(name, password);
        let now = now_seconds();
        let remembered = self
            .inner
            .verified
            .get(&fingerprint)
            .filter(|known| now < known.until);
        if let Some(known) = &remembered
            && self.is_current(known.generation)
        {
            return Ok(known.signed_in.clone());
        }
        let generation = self.inner.store.generation();
        let (account, token) = self.look_up(name, token_hash(password.expose())).await?;
        let verified = match token {
            Some(owner) => {
                let until = ends(
                    [owner.expires_at, owner.account.expires_at],
                    now + REMEMBERED_SECONDS,
                );
                Verified {
                    signed_in: SignedIn::by_token(owner),
                    password_hash: None,
                    until,
                    generation,
                }
            }
            None => Verified {
                generation,
                ..self
                    .by_password(account, password, remembered, address)
                    .await?
            },
        };
        let signed_in = verified.signed_in.clone();
        self.inner.verified.put(fingerprint, verified);
        Ok(signed_in)
    }

    /// Judges a password, without computing anything if it was right within the last minute and the account still has
    /// the same hash.
    async fn by_password(
        &self,
        account: Option<Account>,
        password: &Secret<String>,
        remembered: Option<Verified>,
        address: IpAddr,
    ) -> Result<Verified, FlowError> {
        let stored = account
            .as_ref()
            .and_then(|account| account.password_hash.as_deref());
        let before =
            remembered.filter(|known| stored.is_some() && known.password_hash.as_deref() == stored);
        if before.is_none() {
            self.inner.throttle.check(address)?;
            if !self.inner.passwords.verify(password, stored).await? {
                self.inner.throttle.failed(address);
                return Err(Rejection::Unauthenticated.into());
            }
        }
        let account = account.ok_or(Rejection::Unauthenticated)?;
        let latest = before.map_or_else(|| now_seconds() + REMEMBERED_SECONDS, |known| known.until);
        let credential =
            Credential::Password(stamp(account.password_hash.as_deref().unwrap_or("")));
        Ok(Verified {
            until: ends([account.expires_at, None], latest),
            signed_in: SignedIn {
                principal: Arc::new(account.principal),
                by: By::Account(credential),
            },
            password_hash: account.password_hash.map(Into::into),
            generation: None,
        })
    }

    /// The account of this name, and the token of this hash if it is one of its own.
    async fn look_up(
        &self,
        name: &str,
        hash: [u8; 32],
    ) -> Result<(Option<Account>, Option<TokenOwner>), FlowError> {
        let name = name.to_owned();
        let found = self.inner.store.read(move |tx| {
            let name = name.clone();
            Box::pin(async move {
                let account = rows::by_name(tx, &name).await?;
                let token = rows::by_token(tx, &hash, Refresh::Never).await?;
                Ok((
                    account,
                    token.filter(|token| token.account.principal.name == name),
                ))
            })
        });
        Ok(found.await?)
    }
}
