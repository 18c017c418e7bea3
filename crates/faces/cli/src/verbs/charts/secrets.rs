//! Values files that sops encrypted: opened in memory with the age identities of whoever runs the program, where sops looks
//! for them. What was opened is never written and never printed by itself.

use crate::error::CliError;
use refloat_sops::{Identities, PlainText, SopsError, decrypt, is_encrypted};
use std::path::PathBuf;
use std::{env, fs};

/// Identities themselves.
const KEY: &str = "SOPS_AGE_KEY";
/// A file of them.
const KEY_FILE: &str = "SOPS_AGE_KEY_FILE";

/// The plain text of a file that sops encrypted; `None` of any other file.
pub(super) fn opened(name: &str, text: &str) -> Result<Option<PlainText>, CliError> {
    if !is_encrypted(text) {
        return Ok(None);
    }
    let plain = decrypt(text, &identities()?).map_err(|error| {
        let (code, advice) = match &error {
            SopsError::Recipients(_) => (
                "secret_key",
                "set SOPS_AGE_KEY or SOPS_AGE_KEY_FILE to an identity of one of these",
            ),
            SopsError::Unsupported(_) => {
                ("unsupported", "see docs/values.md for what is supported")
            }
            SopsError::Mac | SopsError::Value { .. } => {
                ("secret_changed", "edit such files with sops only")
            }
            SopsError::Yaml(_) | SopsError::Plain => ("values", "see the file"),
        };
        CliError::failed(code, format!("{name}: {error}"), advice)
    })?;
    Ok(Some(plain))
}

fn identities() -> Result<Identities, CliError> {
    let (place, text) = if let Ok(text) = env::var(KEY) {
        (KEY.to_owned(), text)
    } else {
        let path = match env::var_os(KEY_FILE) {
            Some(path) => PathBuf::from(path),
            None => default_file(),
        };
        let text = fs::read_to_string(&path).map_err(|error| {
            CliError::failed(
                "secret_key",
                format!(
                    "there is no age identity: cannot read {}: {error}",
                    path.display()
                ),
                "set SOPS_AGE_KEY or SOPS_AGE_KEY_FILE",
            )
        })?;
        (path.display().to_string(), text)
    };
    Identities::parse(&text).map_err(|error| {
        CliError::failed(
            "secret_key",
            format!("{place}: {error}"),
            "write what age-keygen writes",
        )
    })
}

/// `sops/age/keys.txt` of the user's configuration, as sops has it.
fn default_file() -> PathBuf {
    let configuration = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let configuration = configuration
        .unwrap_or_else(|| PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".config"));
    configuration.join("sops/age/keys.txt")
}
