//! A kubeconfig as far as a server may use one: who to ask, how to trust it, who we are. Nothing is executed.

use crate::yaml;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use refloat_core::{Failure, Secret};
use serde_json::Value;
use std::path::PathBuf;

/// A cluster, and who asks.
#[derive(Debug, Clone)]
pub struct Access {
    /// The API server.
    pub server: String,
    /// The name that its certificate has, where it is not the host's.
    pub(crate) authority: Option<Vec<u8>>,
    pub(crate) verify: Verify,
    pub(crate) identity: Option<Secret<Vec<u8>>>,
    pub(crate) authorization: Option<Secret<String>>,
    /// The namespace of the context.
    pub namespace: Option<String>,
}

/// Whether the server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verify {
    Yes,
    No,
}

/// Whether files that a kubeconfig names may be read. A server never reads files for a document; a person's own program does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// They may.
    Read {
        /// Where relative paths begin: the kubeconfig's folder.
        base: PathBuf,
    },
    /// Data must stand in the kubeconfig itself.
    Refuse,
}

impl Access {
    /// Reads the context `context` of a kubeconfig, or its current one.
    ///
    /// # Errors
    /// [`Failure::Terminal`] by the name of what is missing or not supported.
    pub fn read(text: &str, context: Option<&str>, files: &Files) -> Result<Self, Failure> {
        let wrong = |what: String| Failure::Terminal(format!("kubeconfig: {what}"));
        let documents = yaml::read_all(text).map_err(wrong)?;
        let config = documents.first().cloned().unwrap_or_default();
        let context = context.or_else(|| config["current-context"].as_str());
        let context = context
            .filter(|name| !name.is_empty())
            .ok_or_else(|| wrong("it has no current context; name one".to_owned()))?;
        let named = |list: &str, name: &str, what: &str| {
            let found = config[list].as_array().into_iter().flatten();
            let found = found.into_iter().find(|entry| entry["name"] == name);
            let found = found.map(|entry| entry[what].clone());
            found.ok_or_else(|| wrong(format!("it has no {what} `{name}`")))
        };
        let chosen = named("contexts", context, "context")?;
        let cluster = named(
            "clusters",
            chosen["cluster"].as_str().unwrap_or_default(),
            "cluster",
        )?;
        let user = named("users", chosen["user"].as_str().unwrap_or_default(), "user")?;
        let data = |from: &Value, key: &str| material(from, key, files).map_err(wrong);
        for unbuilt in ["proxy-url", "tls-server-name"] {
            if !cluster[unbuilt].is_null() {
                return Err(wrong(format!("unsupported: `{unbuilt}`")));
            }
        }
        let server = cluster["server"].as_str().unwrap_or_default();
        if !server.starts_with("https://") && !server.starts_with("http://") {
            return Err(wrong(format!("`{server}` is no address of a server")));
        }
        Ok(Self {
            server: server.trim_end_matches('/').to_owned(),
            authority: data(&cluster, "certificate-authority")?,
            verify: if cluster["insecure-skip-tls-verify"] == true {
                Verify::No
            } else {
                Verify::Yes
            },
            identity: identity(&user, files).map_err(wrong)?,
            authorization: authorization(&user, files).map_err(wrong)?,
            namespace: chosen["namespace"].as_str().map(str::to_owned),
        })
    }
}

/// Certificate and key, one behind the other.
fn identity(user: &Value, files: &Files) -> Result<Option<Secret<Vec<u8>>>, String> {
    let certificate = material(user, "client-certificate", files)?;
    let key = material(user, "client-key", files)?;
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(Secret::new(
            [certificate, b"\n".to_vec(), key].concat(),
        ))),
        (None, None) => Ok(None),
        _ => Err("a client certificate and its key belong together".to_owned()),
    }
}

fn authorization(user: &Value, files: &Files) -> Result<Option<Secret<String>>, String> {
    for unbuilt in ["exec", "auth-provider"] {
        if !user[unbuilt].is_null() {
            return Err(format!(
                "unsupported: users by `{unbuilt}`; use a token or a client certificate"
            ));
        }
    }
    if let Some(token) = user["token"].as_str() {
        return Ok(Some(Secret::new(format!("Bearer {token}"))));
    }
    if let Some(path) = user["tokenFile"].as_str() {
        let token = file(path, files)?;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        return Ok(Some(Secret::new(format!("Bearer {token}"))));
    }
    if let (Some(name), Some(password)) = (user["username"].as_str(), user["password"].as_str()) {
        let basic = STANDARD.encode(format!("{name}:{password}"));
        return Ok(Some(Secret::new(format!("Basic {basic}"))));
    }
    Ok(None)
}

/// `KEY-data` in base64, or the file that `KEY` names.
fn material(from: &Value, key: &str, files: &Files) -> Result<Option<Vec<u8>>, String> {
    let inline = format!("{key}-data");
    if let Some(text) = from[&inline].as_str() {
        let bytes = STANDARD.decode(text.trim());
        let bytes = bytes.map_err(|_| format!("`{inline}` is no base64"))?;
        return Ok(Some(bytes));
    }
    from[key].as_str().map(|path| file(path, files)).transpose()
}

fn file(path: &str, files: &Files) -> Result<Vec<u8>, String> {
    let Files::Read { base } = files else {
        return Err(format!(
            "it names the file `{path}`; put the data into it (`kubectl config view --raw --flatten`)"
        ));
    };
    std::fs::read(base.join(path)).map_err(|error| format!("cannot read `{path}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "
apiVersion: v1
current-context: a
contexts:
- {name: a, context: {cluster: one, user: token, namespace: shop}}
- {name: b, context: {cluster: one, user: plugin}}
- {name: c, context: {cluster: file, user: token}}
clusters:
- {name: one, cluster: {server: 'https://127.0.0.1:6443/', certificate-authority-data: YWI=}}
- {name: file, cluster: {server: 'https://127.0.0.1:6443', certificate-authority: /nowhere}}
users:
- {name: token, user: {token: t}}
- {name: plugin, user: {exec: {command: x}}}
";

    fn said(context: &str) -> String {
        let read = Access::read(CONFIG, Some(context), &Files::Refuse);
        read.err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn the_current_context_is_read() -> Result<(), Failure> {
        let access = Access::read(CONFIG, None, &Files::Refuse)?;
        assert_eq!(access.server, "https://127.0.0.1:6443");
        assert_eq!(access.authority.as_deref(), Some(&b"ab"[..]));
        assert_eq!(access.namespace.as_deref(), Some("shop"));
        let token = access.authorization.map(|token| token.expose().clone());
        assert_eq!(token.as_deref(), Some("Bearer t"));
        Ok(())
    }

    #[test]
    fn what_is_not_built_is_named() {
        assert!(
            said("b").contains("unsupported: users by `exec`"),
            "{}",
            said("b")
        );
        assert!(
            said("c").contains("names the file `/nowhere`"),
            "{}",
            said("c")
        );
        assert!(said("d").contains("no context `d`"), "{}", said("d"));
    }
}
