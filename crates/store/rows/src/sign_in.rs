//! What signing in reads and writes: accounts by name or id, tokens by their hash, refresh tokens.
//!
//! It decides nothing about rights: those are looked up where they are needed. `flow::sign_in` is the only caller.

use crate::accounts::{self, NewToken, TokenPurpose};
use refloat_core::access::{PrincipalKind, Scope};
use refloat_core::{Principal, PrincipalId, Timestamp, TokenId};
use refloat_database::{Row, StoreError, Tx, Value, sql};

/// What a refresh token's row says in `purpose`; it opens the token service only.
pub const REFRESH_PURPOSE: &str = "refresh";
/// The most refresh tokens of one account; the oldest goes when another is made.
const REFRESH_TOKENS_MAX: i64 = 50;
/// How long a refresh token opens the token service, in days.
const REFRESH_DAYS: i64 = 90;

/// An account as signing in needs it.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Who it is, without the narrowing of a token.
    pub principal: Principal,
    /// Its id.
    pub id: PrincipalId,
    /// The hash of its password in PHC form; robots have none.
    pub password_hash: Option<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A long-lived token that was shown.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenOwner {
    /// Whose it is.
    pub account: Account,
    /// Its id.
    pub token: TokenId,
    /// What it narrows its account to.
    pub scopes: Option<Vec<Scope>>,
    /// When the token ends.
    pub expires_at: Option<Timestamp>,
}

fn account(row: &Row) -> Result<Account, StoreError> {
    let kind = match row.text(1)? {
        "user" => PrincipalKind::User,
        "robot" => PrincipalKind::Robot,
        _ => return Err(StoreError::column(1, "not the kind of an account")),
    };
    let id: PrincipalId = row.parsed(0)?;
    let principal = Principal {
        id: Some(id.clone()),
        kind,
        name: row.text(2)?.to_owned(),
        administrator: row.flag(3)?,
        scopes: None,
    };
    let password_hash = row.optional(4, Row::text)?.map(str::to_owned);
    let expires_at = row.optional(5, Row::instant)?;
    Ok(Account {
        principal,
        id,
        password_hash,
        expires_at,
    })
}

/// The account with this name, unless it has expired.
pub async fn by_name(tx: &mut dyn Tx, name: &str) -> Result<Option<Account>, StoreError> {
    let found = sql(
        "select id, kind, name, administrator, password_hash, expires_at from principal where name = $1 and (expires_at is null or expires_at > $2)",
    );
    let now = tx.now();
    tx.first(found, &[name.into(), now.into()])
        .await?
        .as_ref()
        .map(account)
        .transpose()
}

/// The account with this id, unless it has expired.
pub async fn by_id(tx: &mut dyn Tx, id: &PrincipalId) -> Result<Option<Account>, StoreError> {
    let found = sql(
        "select id, kind, name, administrator, password_hash, expires_at from principal where id = $1 and (expires_at is null or expires_at > $2)",
    );
    let now = tx.now();
    tx.first(found, &[id.as_str().into(), now.into()])
        .await?
        .as_ref()
        .map(account)
        .transpose()
}

/// The token with this hash and its account, unless one of them has expired. Refresh tokens are found only if asked for.
pub async fn by_token(
    tx: &mut dyn Tx,
    hash: &[u8],
    refresh: Refresh,
) -> Result<Option<TokenOwner>, StoreError> {
    let found = sql(
        "select p.id, p.kind, p.name, p.administrator, p.password_hash, p.expires_at, t.id, t.scopes, t.expires_at, t.purpose \
         from token t join principal p on p.id = t.principal_id \
         where t.hash = $1 and (t.expires_at is null or t.expires_at > $2) and (p.expires_at is null or p.expires_at > $2)",
    );
    let now = tx.now();
    let Some(row) = tx.first(found, &[hash.into(), now.into()]).await? else {
        return Ok(None);
    };
    if (row.text(9)? == REFRESH_PURPOSE) != (refresh == Refresh::Only) {
        return Ok(None);
    }
    let damaged = |_| StoreError::column(7, "not a list of scopes");
    let scopes = row
        .optional(7, Row::text)?
        .map(serde_json::from_str)
        .transpose()
        .map_err(damaged)?;
    let expires_at = row.optional(8, Row::instant)?;
    Ok(Some(TokenOwner {
        account: account(&row)?,
        token: row.parsed(6)?,
        scopes,
        expires_at,
    }))
}

/// Whether this token is one of the account's and has not expired, and when it will.
pub async fn token_ends(
    tx: &mut dyn Tx,
    token: &TokenId,
    account: &PrincipalId,
) -> Result<Option<Ends>, StoreError> {
    let found = sql(
        "select expires_at from token where id = $1 and principal_id = $2 and (expires_at is null or expires_at > $3)",
    );
    let now = tx.now();
    let parameters = [token.as_str().into(), account.as_str().into(), now.into()];
    let Some(row) = tx.first(found, &parameters).await? else {
        return Ok(None);
    };
    Ok(Some(match row.optional(0, Row::instant)? {
        None => Ends::Never,
        Some(end) => Ends::At(end),
    }))
}

/// When a token ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// When it is revoked.
    Never,
    /// Then.
    At(Timestamp),
}

/// Which tokens count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Refresh tokens only.
    Only,
    /// All but refresh tokens.
    Never,
}

/// Keeps a refresh token of the account that signed in; the oldest ones beyond a bound are revoked.
pub async fn add_refresh(
    tx: &mut dyn Tx,
    by: &Principal,
    account: &PrincipalId,
    hash: &[u8],
    label: &str,
) -> Result<(), StoreError> {
    let oldest = sql(
        "select id from token where principal_id = $1 and purpose = $2 order by created_at desc, id desc limit 1000 offset $3",
    );
    let values: [Value; 3] = [
        account.as_str().into(),
        REFRESH_PURPOSE.into(),
        (REFRESH_TOKENS_MAX - 1).into(),
    ];
    for row in tx.query(oldest, &values).await? {
        accounts::revoke_token(tx, by, &row.parsed(0)?).await?;
    }
    let expires_at = tx.now().plus_seconds(REFRESH_DAYS * 24 * 3600);
    let token = NewToken {
        purpose: TokenPurpose::Refresh,
        hash,
        label,
        scopes: None,
        expires_at: Some(expires_at),
    };
    accounts::create_token(tx, by, account, &token)
        .await
        .map(drop)
}
