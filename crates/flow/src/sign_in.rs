//! Signing in: from a password, a long-lived token or a bearer token to a principal, and the tokens of `/token`.
//!
//! ```text
//! name + password ─► cache ─► row ─► argon2id ─┐
//! name + token ────► cache ─► row by hash ─────┼─► Principal ─► issue ─► bearer token (5 minutes)
//! refresh token ───► row by hash ──────────────┘                  ▲
//! bearer token ────► cache ─► signature and claims ─► row by id ──┘ narrowed to what it was asked for
//! ```
//!
//! A token never carries a right. Whatever is shown, the account is looked up again whenever anything has been
//! committed since the last look, so that a deleted account, a changed password or a revoked token counts at once.
//! Rights are decided in the store, by the grants of that moment and the token's narrowing.

mod bearer;
mod cache;
mod passwords;
mod scope;
mod secrets;
mod throttle;

pub use bearer::{SigningKey, TokenNames};
pub use passwords::{PasswordError, Passwords};
pub use scope::Asked;
pub use secrets::{new_long_token, token_hash};

use crate::FlowError;
use bearer::Bearers;
use cache::Cache;
use refloat_core::{Failure, Principal, Rejection, Secret, Timestamp, TokenId};
use refloat_store::Store;
use refloat_store::sign_in::{self as rows, Account, Refresh, TokenOwner};
use secrets::Fingerprint;
use std::net::IpAddr;
use std::sync::Arc;
use throttle::Throttle;

/// How long a bearer token opens anything, in seconds.
pub const BEARER_SECONDS: u64 = 300;
/// How long a verified password is remembered, in seconds.
const REMEMBERED_SECONDS: u64 = 60;
/// The most verified credentials and bearer tokens that are remembered, each.
const REMEMBERED_MAX: usize = 10_000;
/// The longest name or password that is looked at, in bytes.
const CREDENTIAL_MAX_BYTES: usize = 4096;

/// Who a request comes from, as its credentials say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub principal: Arc<Principal>,
    /// How.
    pub by: By,
}

/// How a request signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// It did not.
    Nothing,
    /// With the account's own password or long-lived token.
    Account,
    /// With a bearer token of `/token`: what it was not asked for, it does not open, and a new one may.
    Bearer(Arc<[Asked]>),
}

/// A bearer token, for whoever asked.
pub struct IssuedToken {
    /// The token.
    pub token: Secret<String>,
    /// How long it is good for, in seconds.
    pub expires_in_seconds: u64,
    /// When it was made, in seconds since 1970.
    pub issued_at_seconds: u64,
}

/// The use cases of signing in. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct SignIn {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    passwords: Passwords,
    bearers: Bearers,
    throttle: Throttle,
    fingerprint: Fingerprint,
    verified: Cache<[u8; 32], Verified>,
    opened: Cache<Box<str>, Opened>,
}

/// Credentials of an account that were right.
#[derive(Clone)]
struct Verified {
    principal: Arc<Principal>,
    // The password's hash at that time, or nothing for a token: its row is looked up by itself.
    password_hash: Option<Arc<str>>,
    // In seconds since 1970, as all ends of validity here.
    until: u64,
    generation: Option<u64>,
}

/// A bearer token that was right.
#[derive(Clone)]
struct Opened {
    signed_in: SignedIn,
    until: u64,
    generation: Option<u64>,
}

impl SignIn {
    /// Signing in to these accounts, with bearer tokens of this key and these names.
    ///
    /// # Errors
    /// [`Failure::Terminal`] if the system gives no random bytes.
    pub fn new(
        store: Store,
        passwords: Passwords,
        key: &SigningKey,
        names: TokenNames,
    ) -> Result<Self, Failure> {
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                passwords,
                bearers: Bearers::new(key, names),
                throttle: Throttle::default(),
                fingerprint: Fingerprint::random()?,
                verified: Cache::new(REMEMBERED_MAX),
                opened: Cache::new(REMEMBERED_MAX),
            }),
        })
    }

    /// The name of this registry in tokens and challenges.
    pub fn service(&self) -> &str {
        self.inner.bearers.service()
    }

    /// Signs in with a name and a password, or with a long-lived token in the place of the password.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`] whatever is wrong; [`Rejection::TooMany`] after too many wrong tries from `address`.
    pub async fn basic(
        &self,
        name: &str,
        password: &Secret<String>,
        address: IpAddr,
    ) -> Result<Principal, FlowError> {
        if name.len() > CREDENTIAL_MAX_BYTES || password.expose().len() > CREDENTIAL_MAX_BYTES {
            return Err(Rejection::Unauthenticated.into());
        }
        let fingerprint = self.inner.fingerprint.of(name, password);
        let now = bearer::now_seconds();
        let remembered = self
            .inner
            .verified
            .get(&fingerprint)
            .filter(|known| now < known.until);
        if let Some(known) = &remembered
            && self.is_current(known.generation)
        {
            return Ok(Principal::clone(&known.principal));
        }
        let generation = self.inner.store.generation();
        let (account, token) = self.look_up(name, token_hash(password.expose())).await?;
        if let Some(owner) = token {
            let until = ends(
                [owner.expires_at, owner.account.expires_at],
                now + REMEMBERED_SECONDS,
            );
            let principal = Arc::new(Principal {
                scopes: owner.scopes,
                ..owner.account.principal
            });
            let verified = Verified {
                principal: principal.clone(),
                password_hash: None,
                until,
                generation,
            };
            self.inner.verified.put(fingerprint, verified);
            return Ok(Principal::clone(&principal));
        }
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
        let until = ends(
            [account.expires_at, None],
            before.map_or(now + REMEMBERED_SECONDS, |known| known.until),
        );
        let verified = Verified {
            principal: Arc::new(account.principal.clone()),
            password_hash: account.password_hash.map(Into::into),
            until,
            generation,
        };
        self.inner.verified.put(fingerprint, verified);
        Ok(account.principal)
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

    fn is_current(&self, generation: Option<u64>) -> bool {
        generation.is_some() && generation == self.inner.store.generation()
    }

    /// Signs in with a bearer token: one of `/token`, or a long-lived one.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`] whatever is wrong.
    pub async fn bearer(&self, token: &str) -> Result<SignedIn, FlowError> {
        let now = bearer::now_seconds();
        if let Some(opened) = self.inner.opened.get(token)
            && now < opened.until
            && self.is_current(opened.generation)
        {
            return Ok(opened.signed_in);
        }
        if token.split('.').count() != 3 {
            let principal = self.by_long_token(token).await?;
            return Ok(SignedIn {
                principal: Arc::new(principal),
                by: By::Account,
            });
        }
        let claims = self
            .inner
            .bearers
            .open(token)
            .map_err(|_| Rejection::Unauthenticated)?;
        let generation = self.inner.store.generation();
        let asked = claims.asked();
        let mut until = claims.exp;
        let principal = match claims.principal_id() {
            None => Principal {
                scopes: Some(scope::scopes(&asked)),
                ..Principal::anonymous()
            },
            Some(id) => {
                let found = self.inner.store.read(move |tx| {
                    let id = id.clone();
                    Box::pin(async move { rows::by_id(tx, &id).await })
                });
                let account = found.await?.ok_or(Rejection::Unauthenticated)?;
                until = ends([account.expires_at, None], until);
                let scopes = scope::narrowed(scope::scopes(&asked), claims.outer.as_deref());
                Principal {
                    scopes: Some(scopes),
                    ..account.principal
                }
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

    async fn by_long_token(&self, token: &str) -> Result<Principal, FlowError> {
        if token.is_empty() || token.len() > CREDENTIAL_MAX_BYTES {
            return Err(Rejection::Unauthenticated.into());
        }
        let owner = self.token_owner(token_hash(token), Refresh::Never).await?;
        let owner = owner.ok_or(Rejection::Unauthenticated)?;
        Ok(Principal {
            scopes: owner.scopes,
            ..owner.account.principal
        })
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

    /// A bearer token for `principal`, narrowed to `asked`. It is no error to ask for more than the account may do:
    /// what opens is decided when the token is shown.
    ///
    /// # Errors
    /// [`Failure::Terminal`] if the token cannot be signed.
    pub fn issue(&self, principal: &Principal, asked: &[Asked]) -> Result<IssuedToken, FlowError> {
        Ok(self.inner.bearers.issue(principal, asked)?)
    }

    /// A refresh token of an account, for a client that asked to stay signed in; `None` for anonymous, and for tokens with
    /// a narrowing of their own, which a refresh token would lose.
    ///
    /// # Errors
    /// [`FlowError`] of the store.
    pub async fn offer_refresh(
        &self,
        principal: &Principal,
        client: &str,
    ) -> Result<Option<Secret<String>>, FlowError> {
        let (Some(account), None) = (principal.id.clone(), &principal.scopes) else {
            return Ok(None);
        };
        let (token, hash) = new_long_token("rfr_")?;
        let id = TokenId::from_ulid(ulid::Ulid::new());
        let label: String = client
            .chars()
            .filter(|letter| !letter.is_control())
            .take(100)
            .collect();
        let kept = self.inner.store.write(move |tx| {
            let (id, account, label) = (id.clone(), account.clone(), label.clone());
            Box::pin(async move { rows::add_refresh(tx, &id, &account, &hash, &label).await })
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
    ) -> Result<Principal, FlowError> {
        let found = self
            .token_owner(token_hash(token.expose()), Refresh::Only)
            .await?;
        if let Some(owner) = found {
            return Ok(owner.account.principal);
        }
        self.inner.throttle.check(address)?;
        self.inner.throttle.failed(address);
        Err(Rejection::Unauthenticated.into())
    }
}

/// The earliest of some ends and `latest`, in seconds since 1970.
fn ends(ends: [Option<Timestamp>; 2], latest: u64) -> u64 {
    let seconds = |end: Timestamp| u64::try_from(end.micros() / 1_000_000).unwrap_or(0);
    ends.into_iter()
        .flatten()
        .map(seconds)
        .fold(latest, u64::min)
}
