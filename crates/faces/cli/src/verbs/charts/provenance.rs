//! `verify`, and `--verify` of what is fetched.

use super::source;
use crate::arguments::{KeyringArguments, VerifyArguments};
use crate::error::CliError;
use crate::output::{Answer, View};
use refloat_chart::provenance::{Keyring, Verification, verify as check};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub(in super::super) fn verify(arguments: &VerifyArguments) -> Result<Answer, CliError> {
    let archive = source::read(&arguments.file)?;
    let found = beside(&arguments.file, &archive, &arguments.keyring)?;
    Ok(Answer::read(json_of(&found), View::Lines(lines(&found))))
}

/// Checks a file against the one with `.prov` beside it.
pub(super) fn beside(
    file: &Path,
    archive: &[u8],
    arguments: &KeyringArguments,
) -> Result<Verification, CliError> {
    let mut beside = file.to_owned().into_os_string();
    beside.push(".prov");
    let provenance = source::read(&PathBuf::from(beside))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let keyring = keyring(arguments)?;
    proven(archive, &name, &provenance, &keyring)
}

/// The public keys to trust.
pub(super) fn keyring(arguments: &KeyringArguments) -> Result<Keyring, CliError> {
    let variable = |name| std::env::var_os(name).filter(|text| !text.is_empty());
    let default = || {
        let home = || PathBuf::from(variable("HOME").unwrap_or_default()).join(".gnupg");
        let folder = variable("GNUPGHOME").map_or_else(home, PathBuf::from);
        folder.join("pubring.gpg")
    };
    let path = arguments.keyring.clone().unwrap_or_else(default);
    let bytes = source::read(&path)?;
    Keyring::parse(&bytes).map_err(|error| {
        CliError::failed(
            "keyring",
            format!("{}: {error}", path.display()),
            "give --keyring the output of `gpg --export`",
        )
    })
}

/// Checks an archive; what is not proven is an error.
pub(super) fn proven(
    archive: &[u8],
    name: &str,
    provenance: &[u8],
    keyring: &Keyring,
) -> Result<Verification, CliError> {
    let now = jiff::Timestamp::now().as_second();
    let now_seconds = u64::try_from(now).unwrap_or(0);
    check(archive, name, provenance, keyring, now_seconds).map_err(|error| {
        CliError::failed(
            "provenance",
            format!("{name} is not verified: {error}"),
            "do not use it before you know who made it",
        )
    })
}

/// A chart without a provenance file where one is asked for.
pub(super) fn missing(name: &str) -> CliError {
    CliError::failed(
        "provenance",
        format!("{name} has no provenance file"),
        "leave --verify out if you trust its place",
    )
}

/// As helm tells it.
pub(super) fn lines(found: &Verification) -> Vec<String> {
    let signed = found
        .identities
        .iter()
        .map(|name| format!("Signed by: {name}"));
    let key = format!("Using Key With Fingerprint: {}", found.fingerprint);
    let hash = format!("Chart Hash Verified: {}", found.hash);
    signed.chain([key, hash]).collect()
}

pub(super) fn json_of(found: &Verification) -> Value {
    json!({
        "signed_by": found.identities,
        "fingerprint": found.fingerprint,
        "hash": found.hash,
    })
}
