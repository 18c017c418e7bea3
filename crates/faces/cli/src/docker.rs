//! Credentials where docker keeps them: `~/.docker/config.json`, and the helper programs it names.
//!
//! `credHelpers` decides for a host, then `credsStore`, then `auths` in the file itself. Keys that are not ours stay as they are.

mod helper;
#[cfg(test)]
mod tests;

use crate::error::CliError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use refloat_oci::RegistryHost;
use serde_json::{Map, Value, json};
use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A text that is not printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hidden(String);

impl Hidden {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(secret)")
    }
}

/// What opens a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A name with a password, or with a long-lived token in its place.
    Password { username: String, password: Hidden },
    /// A token alone.
    Token(Hidden),
}

/// The account of `REFLOAT_USER` and `REFLOAT_PASSWORD`.
pub(crate) fn from_environment() -> Option<Credential> {
    let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let (username, password) = (variable("REFLOAT_USER")?, variable("REFLOAT_PASSWORD")?);
    Some(Credential::Password {
        username,
        password: Hidden(password),
    })
}

/// Docker's configuration file, as it was read.
pub(crate) struct Config {
    path: PathBuf,
    json: Map<String, Value>,
}

impl Config {
    /// Reads the file of `DOCKER_CONFIG` or of the home folder; absent is empty.
    pub(crate) fn load() -> Result<Self, CliError> {
        let folder = match std::env::var_os("DOCKER_CONFIG").filter(|path| !path.is_empty()) {
            Some(folder) => PathBuf::from(folder),
            None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".docker"),
        };
        Self::read(&folder.join("config.json"))
    }

    /// Reads helm's own file of the same form: `HELM_REGISTRY_CONFIG`, or `registry/config.json` in its configuration.
    pub(crate) fn load_of_helm() -> Result<Self, CliError> {
        let variable = |name| std::env::var_os(name).filter(|text| !text.is_empty());
        let home = || PathBuf::from(variable("HOME").unwrap_or_default()).join(".config");
        let base = || variable("XDG_CONFIG_HOME").map_or_else(home, PathBuf::from);
        let folder = || {
            let own = variable("HELM_CONFIG_HOME").map(PathBuf::from);
            own.unwrap_or_else(|| base().join("helm"))
        };
        let file = variable("HELM_REGISTRY_CONFIG").map(PathBuf::from);
        Self::read(&file.unwrap_or_else(|| folder().join("registry/config.json")))
    }

    fn read(path: &Path) -> Result<Self, CliError> {
        let wrong = |reason: String| {
            let message = format!(
                "docker's configuration {} cannot be read: {reason}",
                path.display()
            );
            CliError::failed(
                "docker_config",
                message,
                "correct the file, or point DOCKER_CONFIG to another folder",
            )
        };
        let json = match std::fs::read_to_string(path) {
            Ok(text) if text.trim().is_empty() => Map::new(),
            Ok(text) => serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Map::new(),
            Err(error) => return Err(wrong(error.to_string())),
        };
        Ok(Self {
            path: path.to_owned(),
            json,
        })
    }

    /// Where credentials of `host` are kept, for messages.
    pub(crate) fn place(&self, host: &RegistryHost) -> String {
        match self.helper(host) {
            Some(helper) => format!("credential helper {helper}"),
            None => self.path.display().to_string(),
        }
    }

    /// The credentials of `host`.
    pub(crate) fn get(&self, host: &RegistryHost) -> Result<Option<Credential>, CliError> {
        let key = key(host);
        if let Some(helper) = self.helper(host) {
            return helper::get(&helper, &key);
        }
        let entry = self.json.get("auths").and_then(|auths| {
            auths
                .get(&key)
                .or_else(|| auths.get(format!("https://{key}")))
        });
        Ok(entry.and_then(read_entry))
    }

    /// Keeps credentials of `host`.
    pub(crate) fn store(
        &mut self,
        host: &RegistryHost,
        username: &str,
        password: &Hidden,
    ) -> Result<(), CliError> {
        let key = key(host);
        if let Some(helper) = self.helper(host) {
            return helper::store(&helper, &key, username, password);
        }
        let auth = STANDARD.encode(format!("{username}:{}", password.expose()));
        if !self.json.get("auths").is_some_and(Value::is_object) {
            self.json.insert("auths".to_owned(), json!({}));
        }
        self.json["auths"][key] = json!({ "auth": auth });
        self.write()
    }

    /// Forgets the credentials of `host`; false if there were none.
    pub(crate) fn erase(&mut self, host: &RegistryHost) -> Result<bool, CliError> {
        let key = key(host);
        if let Some(helper) = self.helper(host) {
            let known = helper::get(&helper, &key)?.is_some();
            if known {
                helper::erase(&helper, &key)?;
            }
            return Ok(known);
        }
        let auths = self.json.get_mut("auths").and_then(Value::as_object_mut);
        if auths.and_then(|auths| auths.remove(&key)).is_none() {
            return Ok(false);
        }
        self.write()?;
        Ok(true)
    }

    fn helper(&self, host: &RegistryHost) -> Option<String> {
        let own = self
            .json
            .get("credHelpers")
            .and_then(|helpers| helpers.get(key(host)));
        let chosen = own
            .or_else(|| self.json.get("credsStore"))
            .and_then(Value::as_str);
        chosen.filter(|name| !name.is_empty()).map(str::to_owned)
    }

    /// Writes beside the file and renames, so that docker never reads a part.
    fn write(&self) -> Result<(), CliError> {
        let written = (|| {
            let folder = self.path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder)?;
            // A link stays a link: what it points at is replaced.
            let target = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
            let draft = target.with_extension(format!("json.{}", std::process::id()));
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&draft)?;
            file.write_all(format!("{:#}\n", Value::Object(self.json.clone())).as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&draft, &target)
        })();
        written.map_err(|error: std::io::Error| {
            let message = format!(
                "docker's configuration {} cannot be written: {error}",
                self.path.display()
            );
            CliError::failed(
                "docker_config",
                message,
                "check the folder's permissions, or set DOCKER_CONFIG",
            )
        })
    }
}

/// Docker keeps Docker Hub under an address of its own.
fn key(host: &RegistryHost) -> String {
    if host.as_str() == RegistryHost::DOCKER_HUB {
        "https://index.docker.io/v1/".to_owned()
    } else {
        host.to_string()
    }
}

fn read_entry(entry: &Value) -> Option<Credential> {
    let text = |key: &str| {
        entry[key]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    if let Some(token) = text("identitytoken").or_else(|| text("registrytoken")) {
        return Some(Credential::Token(Hidden(token)));
    }
    if let (Some(username), Some(password)) = (text("username"), text("password")) {
        return Some(Credential::Password {
            username,
            password: Hidden(password),
        });
    }
    let decoded = STANDARD.decode(text("auth")?).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some(Credential::Password {
        username: username.to_owned(),
        password: Hidden::new(password.trim_end_matches('\0')),
    })
}
