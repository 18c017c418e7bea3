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

mod basic;
mod bearer;
mod cache;
mod passwords;
mod scope;
mod secrets;
mod throttle;
mod tokens;

pub use bearer::{SigningKey, TokenNames};
pub use passwords::{PasswordError, Passwords};
pub use scope::Asked;
pub use secrets::{new_long_token, token_hash};

use bearer::Bearers;
use cache::Cache;
use refloat_core::{Failure, Principal, Secret, Timestamp, TokenId};
use refloat_store::Store;
use refloat_store::sign_in::TokenOwner;
use secrets::Fingerprint;
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
    Account(Credential),
    /// With a bearer token of `/token`: what it was not asked for, it does not open, and a new one may.
    Bearer(Arc<[Asked]>),
}

/// What an account showed. A bearer token opens nothing any more when that is changed or revoked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Credential {
    /// Its password: a stamp of the hash in its row.
    Password(String),
    /// A long-lived or refresh token.
    Token(TokenId),
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
    signed_in: SignedIn,
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

    /// Whether nothing has been committed since `generation`. Several processes never know.
    fn is_current(&self, generation: Option<u64>) -> bool {
        generation.is_some() && generation == self.inner.store.generation()
    }
}

impl SignedIn {
    /// Nobody.
    pub fn anonymous() -> Self {
        Self {
            principal: Arc::new(Principal::anonymous()),
            by: By::Nothing,
        }
    }

    fn by_token(owner: TokenOwner) -> Self {
        let principal = Principal {
            scopes: owner.scopes,
            ..owner.account.principal
        };
        Self {
            principal: Arc::new(principal),
            by: By::Account(Credential::Token(owner.token)),
        }
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
