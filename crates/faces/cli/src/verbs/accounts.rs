//! People, robots, grants, tokens.

use super::{changed, text, when};
use crate::arguments::{
    GrantArguments, RevokeArguments, RobotCreate, RobotVerb, TokenCreate, TokenVerb, UserCreate,
    UserVerb,
};
use crate::docker::Hidden;
use crate::error::CliError;
use crate::output::{Answer, View, remark};
use crate::settings::Settings;
use serde_json::{Value, json};
use std::io::{BufRead as _, IsTerminal as _};

pub(super) fn user(verb: UserVerb, settings: &Settings) -> Result<Answer, CliError> {
    match verb {
        UserVerb::Create(arguments) => create_user(&arguments, settings),
        UserVerb::List => list_accounts("/users", &[], settings),
        UserVerb::Delete { name } => delete_account("/users", &name, settings),
        UserVerb::Passwd {
            name,
            password_stdin,
        } => {
            let client = settings.client()?;
            let name = match name {
                Some(name) => name,
                None => text(&client.get("/whoami", &[])?, "name"),
            };
            let password = new_password(password_stdin, &name)?;
            let json = client.post(
                &format!("/users/{}/password", segment(&name)?),
                &json!({ "password": password.expose() }),
            )?;
            let changed = changed(&json);
            Ok(Answer::done(
                json,
                changed,
                format!("password of {name} is set"),
            ))
        }
    }
}

fn create_user(arguments: &UserCreate, settings: &Settings) -> Result<Answer, CliError> {
    let password = new_password(arguments.password_stdin, &arguments.name)?;
    let body = json!({ "name": arguments.name, "password": password.expose(), "administrator": arguments.admin });
    let json = settings.client()?.post("/users", &body)?;
    let changed = changed(&json);
    Ok(
        Answer::done(json, changed, format!("user {} is created", arguments.name))
            .with_brief(vec![arguments.name.clone()]),
    )
}

pub(super) fn robot(verb: RobotVerb, settings: &Settings) -> Result<Answer, CliError> {
    match verb {
        RobotVerb::Create(RobotCreate { name, expires }) => {
            let body =
                json!({ "name": name, "expires_seconds": expires, "project": settings.project });
            let json = settings.client()?.post("/robots", &body)?;
            Ok(with_token(
                json,
                &format!("robot {name} is created; its token, which is not shown again:"),
                settings,
            ))
        }
        RobotVerb::List => list_accounts("/robots", &of_project(settings), settings),
        RobotVerb::Delete { name } => delete_account("/robots", &name, settings),
    }
}

/// The token alone on standard output, the rest beside it, so that it can be piped.
fn with_token(json: Value, said: &str, settings: &Settings) -> Answer {
    let token = text(&json, "token");
    if settings.output == crate::arguments::Format::Table {
        remark(said, settings);
    }
    Answer::done(json, true, token.clone()).with_brief(vec![token])
}

/// The project as a parameter, if one is named.
fn of_project(settings: &Settings) -> Vec<(&'static str, &str)> {
    settings
        .project
        .as_deref()
        .map(|project| ("project", project))
        .into_iter()
        .collect()
}

fn list_accounts(
    path: &str,
    query: &[(&str, &str)],
    settings: &Settings,
) -> Result<Answer, CliError> {
    let items = settings.client()?.list(path, query)?;
    let row = |item: &Value| {
        let role = if item["administrator"].as_bool() == Some(true) {
            "administrator"
        } else {
            ""
        };
        vec![
            text(item, "name"),
            role.to_owned(),
            when(item, "created_at"),
            when(item, "expires_at"),
        ]
    };
    let rows = items.iter().map(row).collect();
    Ok(Answer::read(
        Value::Array(items),
        View::Table(vec!["NAME", "ROLE", "CREATED", "ENDS"], rows),
    ))
}

fn delete_account(path: &str, name: &str, settings: &Settings) -> Result<Answer, CliError> {
    let json = settings
        .client()?
        .delete(&format!("{path}/{}", segment(name)?), &[])?;
    let changed = changed(&json);
    Ok(Answer::done(json, changed, format!("{name} is deleted")))
}

pub(super) fn grant(arguments: &GrantArguments, settings: &Settings) -> Result<Answer, CliError> {
    let (Some(subject), Some(actions), Some(pattern)) =
        (&arguments.subject, &arguments.actions, &arguments.pattern)
    else {
        let items = settings.client()?.list("/grants", &of_project(settings))?;
        let row = |item: &Value| {
            ["subject", "actions", "pattern", "source"]
                .map(|key| text(item, key))
                .to_vec()
        };
        let rows = items.iter().map(row).collect();
        return Ok(Answer::read(
            Value::Array(items),
            View::Table(vec!["SUBJECT", "ACTIONS", "PATTERN", "BY"], rows),
        ));
    };
    let body = json!({ "subject": subject, "actions": actions, "pattern": pattern, "project": settings.project });
    let json = settings.client()?.post("/grants", &body)?;
    let changed = changed(&json);
    Ok(Answer::done(
        json,
        changed,
        format!("{subject} may {actions} on {pattern}"),
    ))
}

pub(super) fn revoke(arguments: &RevokeArguments, settings: &Settings) -> Result<Answer, CliError> {
    let (actions, pattern) = match arguments.actions_and_pattern.as_slice() {
        [pattern] => (None, pattern),
        [actions, pattern] => (Some(actions), pattern),
        _ => {
            return Err(CliError::usage(
                "revoke takes a pattern",
                "write refloat revoke SUBJECT [ACTIONS] PATTERN",
            ));
        }
    };
    let body = json!({ "subject": arguments.subject, "actions": actions, "pattern": pattern, "project": settings.project });
    let json = settings.client()?.post("/grants/revoke", &body)?;
    let what = actions.map_or("anything", String::as_str);
    let changed = changed(&json);
    Ok(Answer::done(
        json,
        changed,
        format!(
            "{} may no longer {what} on {pattern} by this grant",
            arguments.subject
        ),
    ))
}

pub(super) fn token(verb: TokenVerb, settings: &Settings) -> Result<Answer, CliError> {
    match verb {
        TokenVerb::Create(arguments) => create_token(&arguments, settings),
        TokenVerb::List => {
            let items = settings.client()?.list("/tokens", &[])?;
            let row = |item: &Value| {
                vec![
                    text(item, "id"),
                    text(item, "label"),
                    scopes(item),
                    when(item, "created_at"),
                    when(item, "expires_at"),
                ]
            };
            let rows = items.iter().map(row).collect();
            Ok(Answer::read(
                Value::Array(items),
                View::Table(vec!["ID", "LABEL", "SCOPES", "CREATED", "ENDS"], rows),
            ))
        }
        TokenVerb::Revoke { id } => {
            let json = settings
                .client()?
                .delete(&format!("/tokens/{}", segment(&id)?), &[])?;
            let changed = changed(&json);
            Ok(Answer::done(
                json,
                changed,
                format!("token {id} is revoked"),
            ))
        }
    }
}

fn scopes(item: &Value) -> String {
    let list = item["scopes"].as_array().into_iter().flatten();
    list.map(|scope| format!("{}={}", text(scope, "actions"), text(scope, "pattern")))
        .collect::<Vec<_>>()
        .join(" ")
}

fn create_token(arguments: &TokenCreate, settings: &Settings) -> Result<Answer, CliError> {
    let scope = |scope: &String| match scope.split_once('=') {
        Some((actions, pattern)) => Ok(json!({ "actions": actions, "pattern": pattern })),
        None => Err(CliError::usage(
            format!("`{scope}` is not a scope"),
            "write ACTIONS=PATTERN, for example pull=apps/**",
        )),
    };
    let scopes = arguments
        .scopes
        .iter()
        .map(scope)
        .collect::<Result<Vec<_>, _>>()?;
    let scopes = if scopes.is_empty() {
        Value::Null
    } else {
        Value::Array(scopes)
    };
    let body =
        json!({ "label": arguments.label, "expires_seconds": arguments.expires, "scopes": scopes });
    let json = settings.client()?.post("/tokens", &body)?;
    Ok(with_token(
        json,
        "the token, which is not shown again:",
        settings,
    ))
}

/// A password from standard input, or asked for twice.
fn new_password(from_stdin: bool, name: &str) -> Result<Hidden, CliError> {
    if from_stdin {
        return read_stdin_line();
    }
    if !std::io::stdin().is_terminal() {
        return Err(CliError::usage(
            "a password is needed",
            "pipe it and say --password-stdin",
        ));
    }
    let first = ask_hidden(&format!("New password of {name}: "))?;
    if first != ask_hidden("Again: ")? {
        return Err(CliError::failed(
            "password",
            "the two passwords differ",
            "try again",
        ));
    }
    Ok(first)
}

pub(super) fn ask_hidden(prompt: &str) -> Result<Hidden, CliError> {
    rpassword::prompt_password(prompt)
        .map(Hidden::new)
        .map_err(|error| {
            CliError::failed(
                "terminal",
                format!("the password cannot be read: {error}"),
                "use --password-stdin",
            )
        })
}

/// The first line of standard input, without its end.
pub(super) fn read_stdin_line() -> Result<Hidden, CliError> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| {
        CliError::failed(
            "stdin",
            format!("standard input cannot be read: {error}"),
            "pipe the password in",
        )
    })?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(CliError::usage(
            "standard input has no password",
            "pipe it in, for example printf %s \"$PASSWORD\" | ..",
        ));
    }
    Ok(Hidden::new(password))
}

/// A name as one segment of a path.
fn segment(name: &str) -> Result<String, CliError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@+".contains(&byte);
    if !name.is_empty() && name.bytes().all(plain) {
        return Ok(name.replace('@', "%40").replace('+', "%2B"));
    }
    Err(CliError::failed(
        "not_found",
        format!("`{name}` is not known"),
        "check the name",
    )
    .exiting(crate::error::EXIT_NOT_FOUND))
}
