//! Accounts: users with passwords, robots with tokens, and their end. Passwords arrive hashed (argon2id, PHC text),
//! tokens as SHA-256: neither is ever stored, or told to the log.

mod admin;
mod tokens;

pub use admin::{AdminMade, ensure_admin, has_administrator};
pub use tokens::{NewToken, TokenPurpose, TokenRow, create_token, list_tokens, revoke_token};

use crate::access::{ANONYMOUS, AuthorizedProject, AuthorizedServer, actor};
use crate::fresh;
use crate::grants;
use crate::projects::default_project;
use crate::records::Records;
use crate::registry::limit;
use refloat_core::event::AccessEvent;
use refloat_core::{
    Principal, PrincipalId, PrincipalKind, ProjectId, Rejection, Secret, Timestamp, TokenId,
};
use refloat_database::{Row, StoreError, Tx, Value, sql};

/// The longest name of an account in bytes.
pub const NAME_MAX_BYTES: usize = 128;
/// Names that no account may have, since they mean something else.
const RESERVED: [&str; 2] = [ANONYMOUS, "system"];

/// An account, without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Its id.
    pub id: PrincipalId,
    /// The project that it belongs to.
    pub project: ProjectId,
    /// User or robot.
    pub kind: PrincipalKind,
    /// Its name.
    pub name: String,
    /// Whether it administers the server.
    pub administrator: bool,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it came to be.
    pub created_at: Timestamp,
}

/// What a new user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// An account that may what it is granted.
    Member,
    /// An account that administers the server.
    Administrator,
}

/// Makes a user.
///
/// # Errors
/// [`Rejection::Conflict`] if the name is taken, [`Rejection::NameInvalid`].
pub async fn create_user(
    tx: &mut dyn Tx,
    leave: &AuthorizedServer,
    name: &str,
    password_hash: &Secret<String>,
    standing: Standing,
) -> Result<AccountRow, StoreError> {
    let account = NewAccount {
        project: default_project(),
        kind: PrincipalKind::User,
        name,
        password_hash: Some(password_hash),
        standing,
        expires_at: None,
    };
    let mut records = Records::of(&actor(leave.principal()), None);
    let made = insert(tx, &account, &mut records).await?;
    records.append(tx).await?;
    Ok(made)
}

/// Makes a robot of a project, and its first token.
///
/// # Errors
/// [`Rejection::Conflict`] if the name is taken, [`Rejection::NameInvalid`], [`Rejection::Invalid`] for an end that is past.
pub async fn create_robot(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    name: &str,
    expires_at: Option<Timestamp>,
    token_hash: &[u8],
) -> Result<(AccountRow, TokenId), StoreError> {
    if expires_at.is_some_and(|end| end <= tx.now()) {
        return Err(Rejection::Invalid("the robot would have expired already".to_owned()).into());
    }
    let account = NewAccount {
        project: leave.id().clone(),
        kind: PrincipalKind::Robot,
        name,
        password_hash: None,
        standing: Standing::Member,
        expires_at,
    };
    let mut records = Records::of(&actor(leave.principal()), None);
    let made = insert(tx, &account, &mut records).await?;
    let token = NewToken {
        purpose: TokenPurpose::Robot,
        hash: token_hash,
        label: name,
        scopes: None,
        expires_at,
    };
    let token = tokens::insert(tx, &made, &token, &mut records).await?;
    records.append(tx).await?;
    Ok((made, token))
}

/// Sets a password anew: one's own, or anybody's by an administrator. Refresh tokens of the account end.
///
/// # Errors
/// [`Rejection::NotFound`] for an account that is absent or somebody else's, [`Rejection::Invalid`] for a robot.
pub async fn set_password(
    tx: &mut dyn Tx,
    by: &Principal,
    id: &PrincipalId,
    password_hash: &Secret<String>,
) -> Result<(), StoreError> {
    let account = own(tx, by, id).await?;
    if account.kind != PrincipalKind::User {
        return Err(Rejection::Invalid(format!(
            "`{}` is a robot: it has tokens, no password",
            account.name
        ))
        .into());
    }
    tx.execute(
        sql("update principal set password_hash = $2 where id = $1"),
        &[id.as_str().into(), password_hash.expose().into()],
    )
    .await?;
    tx.execute(
        sql("delete from token where principal_id = $1 and purpose = 'refresh'"),
        &[id.as_str().into()],
    )
    .await?;
    let mut records = Records::of(&actor(by), None);
    records.access(
        &account.project,
        "account",
        id.as_str(),
        AccessEvent::PasswordChanged { id: id.clone() },
    );
    records.append(tx).await.map(drop)
}

/// Ends an account of a project with its tokens and grants. Users belong to `default`.
///
/// # Errors
/// [`Rejection::NotFound`]; [`Rejection::InUse`] for the last administrator.
pub async fn delete(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    id: &PrincipalId,
) -> Result<(), StoreError> {
    let found = by_id(tx, id)
        .await?
        .filter(|account| account.project == *leave.id());
    let account = found.ok_or_else(|| not_found(id))?;
    if account.administrator {
        let others = tx
            .first(
                sql("select id from principal where administrator = 1 and id <> $1 and (expires_at is null or expires_at > $2) limit 1"),
                &[id.as_str().into(), tx.now().into()],
            )
            .await?;
        others.ok_or_else(|| {
            Rejection::InUse(format!("`{}` is the last administrator", account.name))
        })?;
    }
    grants::change(tx).await?;
    let key = [Value::from(id.as_str())];
    tx.execute(sql("delete from grant_rule where subject = $1"), &key)
        .await?;
    tx.execute(sql("delete from grant_repository where subject = $1"), &key)
        .await?;
    tx.execute(sql("delete from principal where id = $1"), &key)
        .await?;
    let mut records = Records::of(&actor(leave.principal()), None);
    records.access(
        &account.project,
        "account",
        id.as_str(),
        AccessEvent::AccountDeleted { id: id.clone() },
    );
    records.append(tx).await.map(drop)
}

/// The accounts of a project of one kind, by name, those after `after`.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn list(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    kind: PrincipalKind,
    after: Option<&str>,
    at_most: usize,
) -> Result<Vec<AccountRow>, StoreError> {
    let rows = tx
        .query(
            sql("select id, project_id, kind, name, administrator, expires_at, created_at from principal \
                 where project_id = $1 and kind = $2 and name > $3 order by name limit $4"),
            &[leave.id().as_str().into(), kind_name(kind).into(), after.unwrap_or("").into(), limit(at_most)],
        )
        .await?;
    rows.iter().map(account).collect()
}

/// The account of this name. It says nothing about who may know of it.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn by_name(tx: &mut dyn Tx, name: &str) -> Result<Option<AccountRow>, StoreError> {
    let statement = sql(
        "select id, project_id, kind, name, administrator, expires_at, created_at from principal where name = $1",
    );
    tx.first(statement, &[name.into()])
        .await?
        .as_ref()
        .map(account)
        .transpose()
}

/// The account with this id.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn by_id(tx: &mut dyn Tx, id: &PrincipalId) -> Result<Option<AccountRow>, StoreError> {
    let statement = sql(
        "select id, project_id, kind, name, administrator, expires_at, created_at from principal where id = $1",
    );
    tx.first(statement, &[id.as_str().into()])
        .await?
        .as_ref()
        .map(account)
        .transpose()
}

struct NewAccount<'a> {
    project: ProjectId,
    kind: PrincipalKind,
    name: &'a str,
    password_hash: Option<&'a Secret<String>>,
    standing: Standing,
    expires_at: Option<Timestamp>,
}

/// Makes the row, and writes out what project documents say about this name.
async fn insert(
    tx: &mut dyn Tx,
    new: &NewAccount<'_>,
    records: &mut Records,
) -> Result<AccountRow, StoreError> {
    check_name(new.name)?;
    let now = tx.now();
    let made = AccountRow {
        id: PrincipalId::from_ulid(fresh::ulid(now)?),
        project: new.project.clone(),
        kind: new.kind,
        name: new.name.to_owned(),
        administrator: new.standing == Standing::Administrator,
        expires_at: new.expires_at,
        created_at: now,
    };
    let inserted = tx
        .execute(
            sql("insert into principal (id, project_id, kind, name, password_hash, administrator, expires_at, created_at) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (name) do nothing"),
            &[
                made.id.as_str().into(),
                made.project.as_str().into(),
                kind_name(made.kind).into(),
                made.name.as_str().into(),
                new.password_hash.map(|hash| hash.expose().as_str()).into(),
                i64::from(made.administrator).into(),
                made.expires_at.into(),
                now.into(),
            ],
        )
        .await?;
    if inserted == 0 {
        return Err(
            Rejection::Conflict(format!("there is an account `{}` already", new.name)).into(),
        );
    }
    grants::become_member(tx, &made.name, made.id.as_str()).await?;
    let event = AccessEvent::AccountCreated {
        id: made.id.clone(),
        kind: made.kind,
        expires: made.expires_at,
    };
    records.access(&made.project, "account", made.id.as_str(), event);
    Ok(made)
}

fn check_name(name: &str) -> Result<(), Rejection> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@+".contains(&byte);
    let starts = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    let fits = starts && name.len() <= NAME_MAX_BYTES && name.bytes().all(allowed);
    // Ids are accepted where names are: a name must not look like one.
    if fits && !RESERVED.contains(&name) && !name.starts_with(PrincipalId::PREFIX) {
        return Ok(());
    }
    let shown: String = name.chars().take(NAME_MAX_BYTES).collect();
    Err(Rejection::NameInvalid(format!(
        "`{shown}` is not a name for an account: letters, digits and `._-@+`, a letter or digit first; `anonymous` and `system` are taken"
    )))
}

/// The account, if it is the caller's own or the caller is an administrator.
async fn own(tx: &mut dyn Tx, by: &Principal, id: &PrincipalId) -> Result<AccountRow, StoreError> {
    if by.id.as_ref() != Some(id) {
        crate::access::authorize_server(tx, by)
            .await
            .map_err(|_| not_found(id))?;
    } else if by.scopes.is_some() {
        return Err(
            Rejection::Denied("a token that was narrowed administers nothing".to_owned()).into(),
        );
    }
    by_id(tx, id).await?.ok_or_else(|| not_found(id).into())
}

fn not_found(id: &PrincipalId) -> Rejection {
    Rejection::NotFound {
        kind: "account",
        name: id.to_string(),
    }
}

fn kind_name(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => "user",
        PrincipalKind::Robot => "robot",
        PrincipalKind::Anonymous => ANONYMOUS,
        PrincipalKind::System => "system",
    }
}

fn account(row: &Row) -> Result<AccountRow, StoreError> {
    Ok(AccountRow {
        id: row.parsed(0)?,
        project: row.parsed(1)?,
        kind: match row.text(2)? {
            "user" => PrincipalKind::User,
            "robot" => PrincipalKind::Robot,
            _ => return Err(StoreError::column(2, "not the kind of an account")),
        },
        name: row.text(3)?.to_owned(),
        administrator: row.flag(4)?,
        expires_at: row.optional(5, Row::instant)?,
        created_at: row.instant(6)?,
    })
}
