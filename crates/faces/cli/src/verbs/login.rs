//! `login` and `logout`: credentials are checked with the registry before they are kept.
//!
//! ```text
//! GET /v2/ ─► 200: no account needed, Basic is tried anyway
//!          ─► 401 Basic ─► GET /v2/ with them ─► 200
//!          ─► 401 Bearer realm ─► GET realm with them ─► token ─► GET /v2/ with the token ─► 200
//! ```

mod realm;

use super::accounts::{ask_hidden, read_stdin_line};
use super::text;
use crate::arguments::{LoginArguments, LogoutArguments};
use crate::client::{Client, ServerUrl, http, root_cause};
use crate::docker::{Config, Credential, Hidden};
use crate::error::{CliError, EXIT_NOT_FOUND};
use crate::output::{Answer, remark};
use crate::settings::Settings;
use reqwest::blocking::Response;
use serde_json::{Value, json};
use std::io::{BufRead as _, IsTerminal as _, Write as _};

pub(super) fn login(arguments: LoginArguments, settings: &Settings) -> Result<Answer, CliError> {
    if arguments.cert.is_some() || arguments.key.is_some() {
        return Err(CliError::unsupported("login with a client certificate"));
    }
    let server = server(arguments.registry.as_deref(), settings)?;
    let (username, password) = match arguments.token {
        Some(token) => token_owner(&server, arguments.username, Hidden::new(token))?,
        None => named(
            arguments.username,
            arguments.password,
            arguments.password_stdin,
            settings,
        )?,
    };
    check(&server, &username, &password)?;
    let mut config = Config::load()?;
    let known = Credential::Password {
        username: username.clone(),
        password: password.clone(),
    };
    let changed = config.get(&server.host).ok().flatten() != Some(known);
    if changed {
        config.store(&server.host, &username, &password)?;
    }
    let place = config.place(&server.host);
    let json = json!({ "registry": server.host.as_str(), "username": username, "kept_in": place });
    Ok(Answer::done(
        json,
        changed,
        format!(
            "signed in to {} as {username}; kept in {place}",
            server.host
        ),
    ))
}

pub(super) fn logout(arguments: &LogoutArguments, settings: &Settings) -> Result<Answer, CliError> {
    let server = server(arguments.registry.as_deref(), settings)?;
    let changed = Config::load()?.erase(&server.host)?;
    let line = if changed {
        format!("signed out of {}", server.host)
    } else {
        format!("nobody was signed in to {}", server.host)
    };
    Ok(Answer::done(
        json!({ "registry": server.host.as_str() }),
        changed,
        line,
    ))
}

fn server(registry: Option<&str>, settings: &Settings) -> Result<ServerUrl, CliError> {
    let configured = settings.server()?;
    let Some(text) = registry else {
        return configured.ok_or_else(|| {
            CliError::usage(
                "no registry is named",
                "write refloat login HOST, or set --server",
            )
        });
    };
    let named: ServerUrl = text.parse()?;
    // The host alone says nothing of the scheme; the configured server of the same host does.
    Ok(configured
        .filter(|server| server.host == named.host && !text.contains("://"))
        .unwrap_or(named))
}

fn named(
    username: Option<String>,
    password: Option<String>,
    from_stdin: bool,
    settings: &Settings,
) -> Result<(String, Hidden), CliError> {
    let terminal = std::io::stdin().is_terminal();
    let username = match username {
        Some(username) => username,
        None if terminal && !from_stdin => ask("Username: ")?,
        None => return Err(CliError::usage("no user is named", "say -u NAME")),
    };
    let password = match password {
        Some(password) => {
            remark(
                "refloat: a password on the command line is seen by others; --password-stdin is safer",
                settings,
            );
            Hidden::new(password)
        }
        None if from_stdin => read_stdin_line()?,
        None if terminal => ask_hidden("Password: ")?,
        None => {
            return Err(CliError::usage(
                "a password is needed",
                "pipe it and say --password-stdin",
            ));
        }
    };
    Ok((username, password))
}

fn ask(prompt: &str) -> Result<String, CliError> {
    let mut line = String::new();
    let asked = (|| {
        std::io::stderr().write_all(prompt.as_bytes())?;
        std::io::stdin().lock().read_line(&mut line)
    })();
    asked.map_err(|error| {
        CliError::failed(
            "terminal",
            format!("the name cannot be read: {error}"),
            "say -u NAME",
        )
    })?;
    Ok(line.trim().to_owned())
}

/// Whose token this is: a refloat server says so itself.
fn token_owner(
    server: &ServerUrl,
    username: Option<String>,
    token: Hidden,
) -> Result<(String, Hidden), CliError> {
    if let Some(username) = username {
        return Ok((username, token));
    }
    let client = Client::with(reachable(server)?, Some(Credential::Token(token.clone())))?;
    let name = text(&client.get("/whoami", &[])?, "name");
    if name.is_empty() || name == "anonymous" {
        return Err(CliError::usage(
            format!("{} does not say whose token this is", server.host),
            "say -u NAME as well",
        ));
    }
    Ok((name, token))
}

/// The server's address, encrypted where plain HTTP does not answer.
fn reachable(server: &ServerUrl) -> Result<ServerUrl, CliError> {
    if server.is_encrypted()
        || http()?
            .get(format!("{server}/v2/"))
            .send()
            .is_ok_and(|answer| answer.status().as_u16() != 400)
    {
        return Ok(server.clone());
    }
    Ok(server.encrypted())
}

fn check(server: &ServerUrl, username: &str, password: &Hidden) -> Result<(), CliError> {
    let server = reachable(server)?;
    let http = http()?;
    let base = format!("{}/v2/", api_host(&server));
    let ask = |request: reqwest::blocking::RequestBuilder| {
        request.send().map_err(|error| unreachable(&server, &error))
    };
    let first = ask(http.get(&base))?;
    let realm = match challenge(&first) {
        Some(Challenge::Bearer { realm, service }) => Some((realm, service)),
        Some(Challenge::Basic) | None => None,
    };
    let Some((realm, service)) = realm else {
        let answer = ask(http
            .get(&base)
            .basic_auth(username, Some(password.expose())))?;
        return if answer.status().is_success() {
            Ok(())
        } else {
            Err(wrong(&server, &answer))
        };
    };
    if let Some(objection) = realm::objection(&server.to_string(), &realm) {
        let message = format!(
            "{} is not trusted with the password: {objection}",
            server.host
        );
        return Err(CliError::failed(
            "foreign_realm",
            message,
            "ask its administrator; nothing was sent",
        ));
    }
    let query = [
        ("service", service.as_str()),
        ("account", username),
        ("client_id", "refloat"),
    ];
    let answer = ask(http
        .get(&realm)
        .query(&query)
        .basic_auth(username, Some(password.expose())))?;
    if !answer.status().is_success() {
        return Err(wrong(&server, &answer));
    }
    let body: Value = answer.json().unwrap_or_default();
    let token = body["token"]
        .as_str()
        .or_else(|| body["access_token"].as_str())
        .unwrap_or_default();
    let answer = ask(http.get(&base).bearer_auth(token))?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(wrong(&server, &answer))
    }
}

/// Docker Hub's API does not answer under its name.
fn api_host(server: &ServerUrl) -> String {
    if server.host.as_str() == refloat_oci::RegistryHost::DOCKER_HUB {
        "https://registry-1.docker.io".to_owned()
    } else {
        server.to_string()
    }
}

fn unreachable(server: &ServerUrl, error: &reqwest::Error) -> CliError {
    CliError::failed(
        "unreachable",
        format!("no answer from {server}: {}", root_cause(error)),
        "check the name of the registry",
    )
}

fn wrong(server: &ServerUrl, answer: &Response) -> CliError {
    match answer.status().as_u16() {
        401 | 403 => CliError::failed(
            "unauthorized",
            format!("{} does not take these credentials", server.host),
            "check the name and the password or token",
        )
        .exiting(EXIT_NOT_FOUND),
        429 => CliError::failed(
            "too_many",
            format!("{} asks to try later", server.host),
            "wait a little; too many wrong passwords were tried",
        ),
        status => CliError::failed(
            "failed",
            format!("{} answered {status}", server.host),
            "check that it is a registry",
        ),
    }
}

enum Challenge {
    Basic,
    Bearer { realm: String, service: String },
}

fn challenge(answer: &Response) -> Option<Challenge> {
    let values = answer
        .headers()
        .get_all("www-authenticate")
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .filter_map(parse_challenge)
        .reduce(|first, second| match first {
            Challenge::Bearer { .. } => first,
            Challenge::Basic => second,
        })
}

fn parse_challenge(value: &str) -> Option<Challenge> {
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let parameter = |name: &str| {
        let start = rest.find(&format!("{name}=\""))? + name.len() + 2;
        rest[start..].split('"').next().map(str::to_owned)
    };
    Some(Challenge::Bearer {
        realm: parameter("realm")?,
        service: parameter("service").unwrap_or_default(),
    })
}
