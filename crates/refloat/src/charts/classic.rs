//! Charts of classic repositories, read through the client's store.

use super::{described, kept, run};
use refloat_chart::load_archive;
use refloat_chart::provenance::PROVENANCE_MAX_BYTES;
use refloat_charts::{
    ARCHIVE_MAX_BYTES, ClientStore, INDEX_MAX_BYTES, Kept, Login, RepositoryError, fetch,
};
use refloat_cli::error::{CliError, EXIT_NOT_FOUND};
use refloat_cli::{Freshness, PulledChart, RepositoryLogin};
use refloat_oci::{Algorithm, Digest};
use std::path::Path;

/// The largest PEM file that is read.
const PEM_MAX_BYTES: u64 = 1024 * 1024;

/// The index of a repository; the one seen last if it does not answer, or if that will do.
pub(super) fn index(
    repository: &RepositoryLogin,
    freshness: Freshness,
) -> Result<Vec<u8>, CliError> {
    let address = beside(&repository.url, "index.yaml");
    let name = format!("index {address}");
    let store = ClientStore::of_user();
    let known = || {
        let store = store.as_ref()?;
        store.blob(&store.named(&name)?.content)
    };
    if let (Freshness::Kept, Some(bytes)) = (freshness, known()) {
        return Ok(bytes);
    }
    match get(&address, repository, Account::Given, INDEX_MAX_BYTES) {
        Ok(bytes) => {
            keep(store.as_ref(), &name, &bytes, false);
            Ok(bytes)
        }
        Err(error @ RepositoryError::Unreachable { .. }) => known().ok_or_else(|| told(&error)),
        Err(error) => Err(told(&error)),
    }
}

/// An archive by its address. With the digest that an index gives for it, it is fetched once.
pub(super) fn file(
    address: &str,
    repository: &RepositoryLogin,
    digest: Option<&str>,
) -> Result<PulledChart, CliError> {
    let wanted = match digest {
        None => None,
        Some(hex) => {
            let digest: Result<Digest, _> = format!("sha256:{hex}").parse();
            Some(digest.map_err(|_| {
                let message = format!("the index gives {hex:?} as digest of {address}");
                CliError::failed("repository", message, "the repository's index is wrong")
            })?)
        }
    };
    let pulled = |archive, offline| PulledChart {
        archive,
        digest: None,
        offline,
    };
    let store = ClientStore::of_user();
    if let (Some(store), Some(digest)) = (&store, &wanted)
        && let Some(bytes) = store.blob(digest)
    {
        keep(Some(store), address, &bytes, true);
        return Ok(pulled(bytes, None));
    }
    let bytes = match get(
        address,
        repository,
        account(address, repository),
        ARCHIVE_MAX_BYTES,
    ) {
        Ok(bytes) => bytes,
        Err(error @ RepositoryError::Unreachable { .. }) => {
            let known = store.as_ref().and_then(|store| {
                let known = store.named(address)?;
                // An index that names other bytes knows better.
                let fits = wanted.is_none_or(|wanted| wanted == known.content);
                fits.then(|| store.blob(&known.content))?
            });
            let bytes = known.ok_or_else(|| told(&error))?;
            return Ok(pulled(bytes, Some(format!("{address} does not answer"))));
        }
        Err(error) => return Err(told(&error)),
    };
    let found = Digest::of(Algorithm::Sha256, &bytes);
    if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
        let message = format!("{address} is {found}, but the index says {wanted}");
        return Err(CliError::failed(
            "damaged",
            message,
            "the repository's index or archive is wrong",
        ));
    }
    keep(store.as_ref(), address, &bytes, true);
    Ok(pulled(bytes, None))
}

/// The provenance file beside an archive.
pub(super) fn provenance(
    address: &str,
    repository: &RepositoryLogin,
) -> Result<Option<Vec<u8>>, CliError> {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let mark = if query.is_empty() { "" } else { "?" };
    let beside = format!("{path}.prov{mark}{query}");
    let limit = PROVENANCE_MAX_BYTES as u64;
    match get(&beside, repository, account(address, repository), limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(RepositoryError::NotFound(_)) => Ok(None),
        Err(error) => Err(told(&error)),
    }
}

/// Whether a file's host is told the repository's account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Account {
    Given,
    Kept,
}

/// The account is for the repository's own scheme, host and port.
fn account(address: &str, repository: &RepositoryLogin) -> Account {
    let authority = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        Some((
            scheme.to_ascii_lowercase(),
            rest[..end].to_ascii_lowercase(),
        ))
    };
    let own = authority(address).is_some() && authority(address) == authority(&repository.url);
    if own || repository.account_everywhere {
        Account::Given
    } else {
        Account::Kept
    }
}

fn beside(url: &str, name: &str) -> String {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}/{name}{mark}{query}", path.trim_end_matches('/'))
}

fn keep(store: Option<&ClientStore>, name: &str, bytes: &[u8], is_chart: bool) {
    let Some(store) = store else { return };
    match store.put_blob(bytes) {
        Ok(content) => {
            let chart = is_chart.then(|| load_archive(bytes).ok()).flatten();
            kept(store.put_name(&Kept {
                name: name.to_owned(),
                manifest: None,
                content,
                provenance: None,
                chart: chart.as_ref().map(described),
            }));
        }
        Err(error) => kept::<()>(Err(error)),
    }
}

fn get(
    address: &str,
    repository: &RepositoryLogin,
    account: Account,
    limit: u64,
) -> Result<Vec<u8>, RepositoryError> {
    let pem = |path: &Path| {
        let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let read = if length > PEM_MAX_BYTES {
            Err(format!("larger than {PEM_MAX_BYTES} bytes"))
        } else {
            std::fs::read(path).map_err(|error| error.to_string())
        };
        read.map_err(|reason| RepositoryError::Certificates {
            address: address.to_owned(),
            reason: format!("{}: {reason}", path.display()),
        })
    };
    let mut login = Login {
        authorities: repository.authorities.as_deref().map(pem).transpose()?,
        ..Login::default()
    };
    if account == Account::Given {
        login.username.clone_from(&repository.username);
        login.password.clone_from(&repository.password);
        if let (Some(certificate), Some(key)) = (&repository.certificate, &repository.key) {
            login.identity = Some([pem(certificate)?, pem(key)?].concat());
        }
    }
    let fetched = run(async { Ok(fetch(address, &login, limit).await) });
    match fetched {
        Ok(fetched) => fetched.map(|fetched| fetched.bytes),
        Err(error) => Err(RepositoryError::Unreachable {
            address: address.to_owned(),
            reason: error.message,
        }),
    }
}

fn told(error: &RepositoryError) -> CliError {
    let text = error.to_string();
    let (message, advice) = text.split_once("; ").unwrap_or((&text, ""));
    match error {
        RepositoryError::Address(_) => CliError::usage(message, advice),
        RepositoryError::NotFound(_) => {
            CliError::failed("not_found", message, "check the repository's address")
                .exiting(EXIT_NOT_FOUND)
        }
        RepositoryError::Refused { .. } => CliError::failed("refused", message, advice),
        RepositoryError::Unreachable { .. } => {
            CliError::failed("unreachable", message, "try again")
        }
        RepositoryError::TooLarge { .. } => {
            CliError::failed("repository", message, "no repository is that large")
        }
        RepositoryError::Certificates { .. } => CliError::failed("tls", message, advice),
    }
}
