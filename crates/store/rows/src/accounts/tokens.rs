//! Long-lived tokens of robots and people. Only hashes are stored; a token is shown once, by its maker.

use super::{AccountRow, own};
use crate::access::actor;
use crate::fresh;
use crate::records::Records;
use refloat_core::access::Scope;
use refloat_core::event::AccessEvent;
use refloat_core::{Principal, PrincipalId, Rejection, Timestamp, TokenId};
use refloat_database::{Row, StoreError, Tx, sql};

/// The most tokens of one account.
const TOKENS_MAX: usize = 100;
/// The most scopes of one token.
const SCOPES_MAX: usize = 100;
/// The longest label in bytes.
const LABEL_MAX_BYTES: usize = 200;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPurpose {
    /// A robot signs in with it.
    Robot,
    /// A person made it in place of the password.
    Personal,
    /// The token service takes it for a new bearer token.
    Refresh,
}

impl TokenPurpose {
    /// The form in rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Robot => "robot",
            Self::Personal => "personal",
            Self::Refresh => "refresh",
        }
    }

    fn from_row(text: &str) -> Result<Self, StoreError> {
        let all = [Self::Robot, Self::Personal, Self::Refresh];
        all.into_iter()
            .find(|purpose| purpose.name() == text)
            .ok_or_else(|| StoreError::column(1, "not a purpose"))
    }
}

/// A token to store.
#[derive(Debug, Clone, Copy)]
pub struct NewToken<'a> {
    /// What it is for.
    pub purpose: TokenPurpose,
    /// SHA-256 of the token.
    pub hash: &'a [u8],
    /// What its owner calls it.
    pub label: &'a str,
    /// What it is narrowed to.
    pub scopes: Option<&'a [Scope]>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A token, without what opens anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id.
    pub id: TokenId,
    /// What it is for.
    pub purpose: TokenPurpose,
    /// What its owner calls it.
    pub label: String,
    /// What it is narrowed to.
    pub scopes: Option<Vec<Scope>>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it came to be.
    pub created_at: Timestamp,
}

/// Stores a token of an account: one's own, or anybody's by an administrator.
///
/// # Errors
/// [`Rejection::NotFound`] for an account that is absent or somebody else's, [`Rejection::Invalid`], [`Rejection::TooMany`].
pub async fn create_token(
    tx: &mut dyn Tx,
    by: &Principal,
    owner: &PrincipalId,
    token: &NewToken<'_>,
) -> Result<TokenId, StoreError> {
    let account = own(tx, by, owner).await?;
    if token.expires_at.is_some_and(|end| end <= tx.now()) {
        return Err(Rejection::Invalid("the token would have expired already".to_owned()).into());
    }
    if stored(tx, owner).await?.len() >= TOKENS_MAX {
        return Err(Rejection::TooMany(format!(
            "`{}` has {TOKENS_MAX} tokens; revoke some",
            account.name
        ))
        .into());
    }
    let mut records = Records::of(&actor(by), None);
    let id = insert(tx, &account, token, &mut records).await?;
    records.append(tx).await?;
    Ok(id)
}

pub(super) async fn insert(
    tx: &mut dyn Tx,
    account: &AccountRow,
    token: &NewToken<'_>,
    records: &mut Records,
) -> Result<TokenId, StoreError> {
    if token.label.len() > LABEL_MAX_BYTES
        || token.scopes.is_some_and(|scopes| scopes.len() > SCOPES_MAX)
    {
        return Err(Rejection::Invalid(format!(
            "a token has a label of at most {LABEL_MAX_BYTES} bytes and at most {SCOPES_MAX} scopes"
        ))
        .into());
    }
    let now = tx.now();
    let id = TokenId::from_ulid(fresh::ulid(now)?);
    let scopes = token
        .scopes
        .map(|scopes| serde_json::to_string(scopes).expect("scopes are plain data"));
    tx.execute(
        sql("insert into token (id, principal_id, purpose, hash, label, scopes, expires_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8)"),
        &[
            id.as_str().into(),
            account.id.as_str().into(),
            token.purpose.name().into(),
            token.hash.into(),
            token.label.into(),
            scopes.into(),
            token.expires_at.into(),
            now.into(),
        ],
    )
    .await?;
    let event = AccessEvent::TokenCreated {
        token: id.clone(),
        id: account.id.clone(),
        expires: token.expires_at,
    };
    records.access(&account.project, "account", account.id.as_str(), event);
    Ok(id)
}

/// The tokens of an account, oldest first, without its refresh tokens: one's own, or anybody's for an administrator.
///
/// # Errors
/// [`Rejection::NotFound`] for an account that is absent or somebody else's.
pub async fn list_tokens(
    tx: &mut dyn Tx,
    by: &Principal,
    owner: &PrincipalId,
) -> Result<Vec<TokenRow>, StoreError> {
    own(tx, by, owner).await?;
    stored(tx, owner).await
}

async fn stored(tx: &mut dyn Tx, owner: &PrincipalId) -> Result<Vec<TokenRow>, StoreError> {
    let rows = tx
        .query(
            sql(
                "select id, purpose, label, scopes, expires_at, created_at from token \
                 where principal_id = $1 and purpose <> 'refresh' order by id",
            ),
            &[owner.as_str().into()],
        )
        .await?;
    rows.iter().map(token).collect()
}

fn token(row: &Row) -> Result<TokenRow, StoreError> {
    let scopes = row
        .optional(3, Row::text)?
        .map(serde_json::from_str)
        .transpose();
    Ok(TokenRow {
        id: row.parsed(0)?,
        purpose: TokenPurpose::from_row(row.text(1)?)?,
        label: row.text(2)?.to_owned(),
        scopes: scopes.map_err(|_| StoreError::column(3, "not a list of scopes"))?,
        expires_at: row.optional(4, Row::instant)?,
        created_at: row.instant(5)?,
    })
}

/// Revokes a token: one's own, or anybody's by an administrator.
///
/// # Errors
/// [`Rejection::NotFound`] for a token that is absent or somebody else's.
pub async fn revoke_token(tx: &mut dyn Tx, by: &Principal, id: &TokenId) -> Result<(), StoreError> {
    let not_found = || Rejection::NotFound {
        kind: "token",
        name: id.to_string(),
    };
    let row = tx
        .first(
            sql("select principal_id from token where id = $1"),
            &[id.as_str().into()],
        )
        .await?;
    let owner: PrincipalId = row.ok_or_else(not_found)?.parsed(0)?;
    let account = own(tx, by, &owner).await.map_err(|error| match error {
        StoreError::Rejected(Rejection::NotFound { .. }) => not_found().into(),
        other => other,
    })?;
    tx.execute(
        sql("delete from token where id = $1"),
        &[id.as_str().into()],
    )
    .await?;
    let mut records = Records::of(&actor(by), None);
    records.access(
        &account.project,
        "account",
        owner.as_str(),
        AccessEvent::TokenRevoked { token: id.clone() },
    );
    records.append(tx).await.map(drop)
}
