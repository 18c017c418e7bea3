//! Users, robots, tokens.

use crate::answer::Answer;
use crate::asking::Asking;
use crate::face::Api;
use refloat_core::access::Scope;
use refloat_core::{Rejection, Secret, TokenId};
use refloat_flow::FlowError;
use refloat_flow::administer::{AccountRow, NewRobot, TokenAsked, UserStanding};
use serde::Deserialize;
use serde_json::{Value, json};

#[expect(
    clippy::needless_pass_by_value,
    reason = "lists map over rows that they own"
)]
fn account(row: AccountRow) -> Value {
    json!({
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "administrator": row.administrator,
        "expires_at": row.expires_at,
        "created_at": row.created_at,
    })
}

/// A life of at least a second and at most a hundred years.
fn life(seconds: Option<i64>) -> Result<Option<i64>, Rejection> {
    match seconds {
        Some(seconds) if !(1..=100 * 365 * 86_400).contains(&seconds) => Err(Rejection::Invalid(
            "`expires_seconds` is a number of seconds from 1 to a hundred years".to_owned(),
        )),
        fits => Ok(fits),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserBody {
    name: String,
    password: Secret<String>,
    #[serde(default)]
    administrator: bool,
}

pub(crate) async fn users(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    Ok(Answer::page(
        api.administration
            .users(&asking.caller, &asking.page()?)
            .await?,
        account,
    ))
}

pub(crate) async fn create_user(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let body: UserBody = asking.read()?;
    let standing = if body.administrator {
        UserStanding::Administrator
    } else {
        UserStanding::Member
    };
    let made = api
        .administration
        .create_user(&asking.caller, body.name, &body.password, standing)
        .await?;
    Ok(Answer::created(account(made)))
}

pub(crate) async fn delete_user(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    api.administration
        .delete_user(&asking.caller, asking.required("name")?)
        .await?;
    Ok(Answer::changed(true))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordBody {
    password: Secret<String>,
}

pub(crate) async fn set_password(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let body: PasswordBody = asking.read()?;
    api.administration
        .set_password(&asking.caller, asking.required("name")?, &body.password)
        .await?;
    Ok(Answer::changed(true))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RobotBody {
    name: String,
    #[serde(default)]
    project: Option<String>,
    #[serde(default)]
    expires_seconds: Option<i64>,
}

pub(crate) async fn robots(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let found = api
        .administration
        .robots(&asking.caller, asking.parameter("project"), &asking.page()?)
        .await?;
    Ok(Answer::page(found, account))
}

pub(crate) async fn create_robot(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let RobotBody {
        name,
        project,
        expires_seconds,
    } = asking.read()?;
    let robot = NewRobot {
        name,
        project,
        expires_seconds: life(expires_seconds)?,
    };
    let (made, token) = api
        .administration
        .create_robot(&asking.caller, robot)
        .await?;
    let mut json = account(made);
    json["token"] = Value::from(token.expose().as_str());
    Ok(Answer::created(json).shown_once())
}

pub(crate) async fn delete_robot(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    api.administration
        .delete_robot(&asking.caller, asking.required("name")?)
        .await?;
    Ok(Answer::changed(true))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenBody {
    #[serde(default)]
    label: String,
    #[serde(default)]
    expires_seconds: Option<i64>,
    #[serde(default)]
    scopes: Option<Vec<Scope>>,
}

pub(crate) async fn tokens(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let found = api
        .administration
        .tokens(&asking.caller, &asking.page()?)
        .await?;
    Ok(Answer::page(found, |row| {
        json!({
            "id": row.id,
            "purpose": row.purpose.name(),
            "label": row.label,
            "scopes": row.scopes,
            "expires_at": row.expires_at,
            "created_at": row.created_at,
        })
    }))
}

pub(crate) async fn create_token(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let TokenBody {
        label,
        expires_seconds,
        scopes,
    } = asking.read()?;
    let asked = TokenAsked {
        label,
        scopes,
        expires_seconds: life(expires_seconds)?,
    };
    let (id, token) = api
        .administration
        .create_token(&asking.caller, asked)
        .await?;
    Ok(Answer::created(json!({ "id": id, "token": token.expose() })).shown_once())
}

pub(crate) async fn revoke_token(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let id = asking.required("id")?;
    let unknown = |_| Rejection::NotFound {
        kind: "token",
        name: id.chars().take(100).collect(),
    };
    let id: TokenId = id.parse().map_err(unknown)?;
    api.administration.revoke_token(&asking.caller, id).await?;
    Ok(Answer::changed(true))
}
