//! Classic repositories: helm's `repositories.yaml`, indexes, addresses of archives.

use super::places::{Freshness, PulledChart, RepositoryLogin};
use super::source;
use crate::Local;
use crate::error::{CliError, EXIT_NOT_FOUND};
use refloat_chart::dependency::{Index, IndexEntry, choose};
use refloat_chart::metadata::Dependency;
use refloat_template::{Map, Value, yaml};
use reqwest::Url;
use std::path::PathBuf;

/// The largest `repositories.yaml` that is read.
const CONFIGURATION_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What helm is configured to know.
pub(super) struct Repositories(Vec<RepositoryLogin>);

impl Repositories {
    /// Reads `HELM_REPOSITORY_CONFIG`, or `repositories.yaml` in helm's configuration; absent is empty.
    pub(super) fn load() -> Result<Self, CliError> {
        let variable = |name| std::env::var_os(name).filter(|text| !text.is_empty());
        let home = |below: &str| Some(PathBuf::from(variable("HOME")?).join(below));
        let folder = variable("HELM_CONFIG_HOME").map(PathBuf::from).or_else(|| {
            let base = variable("XDG_CONFIG_HOME").map(PathBuf::from);
            base.or_else(|| home(".config"))
                .map(|base| base.join("helm"))
        });
        let path = variable("HELM_REPOSITORY_CONFIG").map(PathBuf::from);
        let path = path.or_else(|| folder.map(|folder| folder.join("repositories.yaml")));
        let Some(path) = path.filter(|path| path.is_file()) else {
            return Ok(Self(Vec::new()));
        };
        let wrong = |reason: String| {
            let message = format!("{} cannot be read: {reason}", path.display());
            CliError::failed("repositories", message, "correct the file, or move it away")
        };
        let length = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if length > CONFIGURATION_MAX_BYTES {
            return Err(wrong(format!(
                "it is larger than {CONFIGURATION_MAX_BYTES} bytes"
            )));
        }
        let bytes = source::read(&path)?;
        let value = yaml::read(&String::from_utf8_lossy(&bytes))
            .map_err(|error| wrong(error.to_string()))?;
        let entries = value.as_map().and_then(|map| map.get("repositories"));
        let Some(Value::List(entries)) = entries else {
            return Ok(Self(Vec::new()));
        };
        entries
            .iter()
            .filter_map(Value::as_map)
            .map(entry)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The repository of a name.
    pub(super) fn named(&self, name: &str) -> Result<RepositoryLogin, CliError> {
        let found = self.0.iter().find(|entry| entry.name == name).cloned();
        found.ok_or_else(|| {
            CliError::failed(
                "repositories",
                format!("no repository definition for @{name}"),
                "add it with `helm repo add`, or write the repository's address",
            )
        })
    }

    /// The repository at an address, with its account if there is one.
    pub(super) fn at(&self, url: &str) -> RepositoryLogin {
        let plain = |url: &str| url.trim_end_matches('/').to_owned();
        let found = self.0.iter().find(|entry| plain(&entry.url) == plain(url));
        found.cloned().unwrap_or_else(|| RepositoryLogin::open(url))
    }
}

fn entry(map: &Map) -> Result<RepositoryLogin, CliError> {
    let text = |key: &str| {
        let value = map.get(key);
        let text = value.as_ref().and_then(Value::as_str).map(str::to_owned);
        text.unwrap_or_default()
    };
    let truth = |key: &str| map.get(key).and_then(|value| value.as_bool()) == Some(true);
    let file = |key: &str| {
        Some(text(key))
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    };
    let login = RepositoryLogin {
        name: text("name"),
        url: text("url"),
        username: text("username"),
        password: text("password"),
        authorities: file("caFile"),
        certificate: file("certFile"),
        key: file("keyFile"),
        account_everywhere: truth("pass_credentials_all"),
    };
    if truth("insecure_skip_tls_verify") {
        let what = format!("insecure_skip_tls_verify of the repository {}", login.name);
        return Err(CliError::unsupported(&what));
    }
    Ok(login)
}

/// Reads a repository's index.
pub(super) fn index(
    login: &RepositoryLogin,
    freshness: Freshness,
    local: &Local,
) -> Result<Index, CliError> {
    let bytes = (local.charts.index)(login, freshness)?;
    Index::parse(&String::from_utf8_lossy(&bytes)).map_err(|error| {
        CliError::failed(
            "repository",
            format!(
                "looks like {:?} is not a valid chart repository: {error}",
                login.url
            ),
            "check the address; helm repositories serve an index.yaml",
        )
    })
}

/// Chooses a version of a chart; an empty range means the newest.
pub(super) fn find<'a>(
    index: &'a Index,
    url: &str,
    name: &str,
    range: &str,
) -> Result<&'a IndexEntry, CliError> {
    let absent = |what: String| {
        CliError::failed("not_found", what, "check its name and version").exiting(EXIT_NOT_FOUND)
    };
    let versions = index.versions(name);
    if versions.is_empty() {
        return Err(absent(format!("{name} chart not found in repo {url}")));
    }
    let wanted = Dependency {
        name: name.to_owned(),
        version: if range.is_empty() { "*" } else { range }.to_owned(),
        repository: url.to_owned(),
        ..Dependency::default()
    };
    let all = versions.iter().map(|entry| entry.version.as_str());
    let chosen = choose(&wanted, all).map_err(|error| absent(error.to_string()))?;
    let found = versions.iter().find(|entry| entry.version == chosen);
    found.ok_or_else(|| absent(format!("{name} {chosen} has no address in {url}")))
}

/// Fetches an archive that an index names.
pub(super) fn archive(
    entry: &IndexEntry,
    login: &RepositoryLogin,
    local: &Local,
) -> Result<(String, PulledChart), CliError> {
    let address = address(&login.url, &entry.urls[0])?;
    if address.starts_with("oci://") {
        let what = format!("an archive at {address} in an index over HTTP");
        return Err(CliError::unsupported(&what));
    }
    let digest = Some(entry.digest.trim_start_matches("sha256:"));
    let digest = digest.filter(|digest| !digest.is_empty());
    let pulled = (local.charts.file)(&address, login, digest)?;
    Ok((address, pulled))
}

/// An address in an index, made absolute (helm, `repo.ResolveReferenceURL`).
fn address(base: &str, written: &str) -> Result<String, CliError> {
    let wrong = |error: &dyn std::fmt::Display| {
        let message = format!("the index of {base} names {written}: {error}");
        CliError::failed("repository", message, "the repository's index is wrong")
    };
    if Url::parse(written).is_ok() {
        return Ok(written.to_owned());
    }
    let mut base = Url::parse(base).map_err(|error| wrong(&error))?;
    let path = format!("{}/", base.path().trim_end_matches('/'));
    base.set_path(&path);
    let mut joined = base.join(written).map_err(|error| wrong(&error))?;
    joined.set_query(base.query());
    Ok(joined.to_string())
}

/// The name of an archive's file in its address.
pub(super) fn file_name(address: &str) -> String {
    let url = Url::parse(address).ok();
    let name = url.and_then(|url| url.path_segments()?.next_back().map(str::to_owned));
    name.filter(|name| !name.is_empty() && name != ".." && !name.contains('\\'))
        .unwrap_or_else(|| "chart.tgz".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_relative_to_the_repository() {
        let cases = [
            (
                "https://x.y/charts",
                "a-1.tgz",
                "https://x.y/charts/a-1.tgz",
            ),
            (
                "https://x.y/charts/",
                "charts/a-1.tgz",
                "https://x.y/charts/charts/a-1.tgz",
            ),
            ("https://x.y/c?t=1", "a-1.tgz", "https://x.y/c/a-1.tgz?t=1"),
            ("https://x.y/c", "https://z/a.tgz", "https://z/a.tgz"),
            ("https://x.y/c", "/a.tgz", "https://x.y/a.tgz"),
        ];
        for (base, written, expected) in cases {
            assert_eq!(address(base, written).expect("an address"), expected);
        }
        assert_eq!(file_name("https://x.y/c/a-1.tgz?t=1"), "a-1.tgz");
        assert_eq!(file_name("https://x.y"), "chart.tgz");
    }
}
