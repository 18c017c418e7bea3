//! `kind: Credential`: a user name with a password, a token, a kubeconfig, an age key or an SSH key. Never shown again.

use crate::error::DocumentError;
use crate::fields::Fields;
use crate::node::{Node, NodeValue};
use serde_json::{Value, json};
use std::fmt;

/// The longest secret in bytes; kubeconfigs are the long ones.
pub const SECRET_MAX_BYTES: usize = 256 * 1024;

/// What kind of secret a credential holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// A password, beside `username`.
    Password,
    /// A bearer token.
    Token,
    /// A whole kubeconfig file.
    Kubeconfig,
    /// An age identity.
    AgeKey,
    /// A private SSH key.
    SshKey,
}

impl SecretKind {
    /// All kinds, in the order of messages.
    pub const ALL: [Self; 5] = [
        Self::Password,
        Self::Token,
        Self::Kubeconfig,
        Self::AgeKey,
        Self::SshKey,
    ];

    /// The key of the document.
    pub fn key(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token => "token",
            Self::Kubeconfig => "kubeconfig",
            Self::AgeKey => "age_key",
            Self::SshKey => "ssh_key",
        }
    }
}

/// A secret's text: no Debug of the value, no Display.
#[derive(Clone, PartialEq, Eq)]
pub struct PlainSecret(String);

impl PlainSecret {
    /// The value. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value, given away.
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl fmt::Debug for PlainSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(secret)")
    }
}

/// One secret and what it opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialDocument {
    /// Its name, unique in its project.
    pub name: String,
    /// What it is for, a host; `None` if only its name is used.
    pub target: Option<String>,
    /// The user name beside a password.
    pub username: Option<String>,
    /// What kind of secret.
    pub kind: SecretKind,
    /// The secret.
    pub secret: PlainSecret,
}

impl CredentialDocument {
    /// Reads the keys of the kind.
    ///
    /// # Errors
    /// [`DocumentError`] with the line; it never contains the value.
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, DocumentError> {
        let name = crate::project::name(fields)?;
        let target = fields.text("for")?;
        if let Some(target) = target.as_ref().filter(|target| !is_target(&target.value)) {
            let message = format!(
                "`{}` is not a host",
                target.value.chars().take(80).collect::<String>()
            );
            return Err(DocumentError::invalid(
                target.line,
                message,
                "write host, host:port or host/path",
            ));
        }
        let username = fields.text("username")?;
        let (kind, secret) = secret(fields)?;
        match (&username, kind) {
            (None, SecretKind::Password) => return Err(fields.missing("username")),
            (Some(username), SecretKind::Token | SecretKind::Kubeconfig | SecretKind::AgeKey) => {
                let message = format!("`username` does not go with `{}`", kind.key());
                return Err(DocumentError::invalid(
                    username.line,
                    message,
                    "remove it, or write password instead",
                ));
            }
            _ => {}
        }
        Ok(Self {
            name,
            target: target.map(|target| target.value),
            username: username.map(|username| username.value),
            kind,
            secret,
        })
    }

    /// The document as it is kept and shown: without the secret.
    pub(crate) fn to_json(&self) -> Value {
        let mut json = json!({ "name": self.name });
        if let Some(target) = &self.target {
            json["for"] = Value::from(target.as_str());
        }
        if let Some(username) = &self.username {
            json["username"] = Value::from(username.as_str());
        }
        json[self.kind.key()] = Value::from("(not shown)");
        json
    }
}

fn secret(fields: &mut Fields) -> Result<(SecretKind, PlainSecret), DocumentError> {
    let given: Vec<(SecretKind, Node)> = SecretKind::ALL
        .into_iter()
        .filter_map(|kind| fields.take(kind.key()).map(|node| (kind, node)))
        .collect();
    let mut given = given.into_iter();
    let Some((kind, node)) = given.next() else {
        let message = "Credential has no secret";
        return Err(DocumentError::invalid(
            fields.line(),
            message,
            "add one of password, token, kubeconfig, age_key, ssh_key",
        ));
    };
    if let Some((other, node)) = given.next() {
        let message = format!("Credential has both `{}` and `{}`", kind.key(), other.key());
        return Err(DocumentError::invalid(
            node.line,
            message,
            "write two credentials",
        ));
    }
    let line = node.line;
    let problem = match node.value {
        NodeValue::Text(text) if (1..=SECRET_MAX_BYTES).contains(&text.len()) => {
            return Ok((kind, PlainSecret(text)));
        }
        NodeValue::Text(text) if text.is_empty() => "is empty",
        NodeValue::Text(_) => "is too long",
        NodeValue::Map(_) => {
            "is a reference, which only the client that applies a document resolves"
        }
        _ => "must be text or a reference",
    };
    let message = format!("the value of `{}` {problem}", kind.key());
    Err(DocumentError::invalid(
        line,
        message,
        "write { env: NAME }, { file: PATH } or { stdin: true } and use `refloat apply`",
    ))
}

/// `host`, `host:port`, or either with a path.
fn is_target(text: &str) -> bool {
    let (host, path) = text.split_once('/').unwrap_or((text, ""));
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>\\`@?#".contains(&byte);
    text.len() <= 400
        && host.parse::<refloat_oci::RegistryHost>().is_ok()
        && path.bytes().all(plain)
}
