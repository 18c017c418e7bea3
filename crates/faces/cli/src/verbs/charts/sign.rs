//! `package --sign`: the secret key, its passphrase, and a signature by them.

use super::source;
use super::values;
use crate::arguments::PackageArguments;
use crate::error::CliError;
use aws_lc_rs::rand::SystemRandom;
use refloat_chart::Chart;
use refloat_chart::provenance::{ProvenanceError, SecretKeyring, Signer, sign};
use std::env;
use std::path::PathBuf;

/// What signs, read once for all charts of a call.
pub(super) struct Key {
    keyring: SecretKeyring,
    place: PathBuf,
    name: String,
    passphrase: Option<String>,
}

impl Key {
    /// The key that the flags name; `None` without `--sign`.
    pub(super) fn of(arguments: &PackageArguments) -> Result<Option<Self>, CliError> {
        if !arguments.sign {
            return Ok(None);
        }
        let place = arguments
            .keyring
            .keyring
            .clone()
            .unwrap_or_else(default_keyring);
        let bytes = source::read(&place)?;
        let keyring = SecretKeyring::parse(&bytes).map_err(|error| refused(&place, &error))?;
        let passphrase = arguments.passphrase_file.as_deref().map(values::text);
        let passphrase = passphrase.transpose()?;
        let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
        Ok(Some(Self {
            keyring,
            place,
            name: arguments.key.clone().unwrap_or_default(),
            passphrase: passphrase.map(first),
        }))
    }

    /// The provenance file of an archive.
    pub(super) fn sign(
        &self,
        chart: &Chart,
        archive: &[u8],
        file_name: &str,
    ) -> Result<String, CliError> {
        let random = SystemRandom::new();
        let signer = Signer {
            keyring: &self.keyring,
            key: &self.name,
            passphrase: self.passphrase.as_ref().map(String::as_bytes),
            random: &random,
        };
        let now = jiff::Timestamp::now().as_second();
        let now_seconds = u64::try_from(now).unwrap_or(0);
        let signed = sign(chart, archive, file_name, &signer, now_seconds);
        signed.map_err(|error| refused(&self.place, &error))
    }
}

/// Where GnuPG kept secret keys before it had a keybox.
fn default_keyring() -> PathBuf {
    let variable = |name| env::var_os(name).filter(|text| !text.is_empty());
    let home = || PathBuf::from(variable("HOME").unwrap_or_default()).join(".gnupg");
    let folder = variable("GNUPGHOME").map_or_else(home, PathBuf::from);
    folder.join("secring.gpg")
}

fn refused(place: &std::path::Path, error: &ProvenanceError) -> CliError {
    CliError::failed(
        "keyring",
        format!("{}: {error}", place.display()),
        "give --keyring the output of `gpg --export-secret-keys`, and --key a part of the key's name",
    )
}
