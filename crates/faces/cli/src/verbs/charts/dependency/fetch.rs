//! Where each dependency comes from: which version is there, and its archive.

use super::{unexpected, wrong};
use crate::Local;
use crate::arguments::{AccessArguments, DependencyArguments};
use crate::error::CliError;
use crate::settings::Settings;
use crate::verbs::charts::places::Freshness;
use crate::verbs::charts::repositories::{self, Repositories};
use crate::verbs::charts::source::{self, Origin, Wish};
use crate::verbs::charts::{places::RepositoryLogin, provenance};
use refloat_chart::artifact::{tag_of, version_of};
use refloat_chart::dependency::{Index, Source, choose};
use refloat_chart::metadata::Dependency;
use refloat_chart::package::file_name;
use refloat_chart::provenance::Keyring;
use refloat_chart::{Chart, package, version};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// An archive for `charts/`.
pub(super) struct Fetched {
    pub(super) file_name: String,
    pub(super) archive: Vec<u8>,
}

/// Fetches dependencies of one chart; an index is read once.
pub(super) struct Fetcher<'a> {
    folder: PathBuf,
    access: AccessArguments,
    freshness: Freshness,
    keyring: Option<Keyring>,
    settings: &'a Settings,
    local: &'a Local,
    repositories: Repositories,
    indexes: BTreeMap<String, Index>,
}

impl<'a> Fetcher<'a> {
    pub(super) fn new(
        arguments: &DependencyArguments,
        settings: &'a Settings,
        local: &'a Local,
    ) -> Result<Self, CliError> {
        let keyring = arguments
            .verify
            .then(|| provenance::keyring(&arguments.keyring));
        Ok(Self {
            folder: arguments.chart.clone(),
            access: arguments.access.clone(),
            freshness: if arguments.skip_refresh {
                Freshness::Kept
            } else {
                Freshness::Fresh
            },
            keyring: keyring.transpose()?,
            settings,
            local,
            repositories: Repositories::load()?,
            indexes: BTreeMap::new(),
        })
    }

    fn wish(&self) -> Wish<'_> {
        Wish::with(&self.access)
    }

    /// The version to lock.
    pub(super) fn version(&mut self, wanted: &Dependency) -> Result<String, CliError> {
        let one = |version: &str| choose(wanted, [version]).map(str::to_owned);
        match source(wanted)? {
            Source::Local => {
                let chart = self.below(wanted)?;
                one(&chart.metadata.version).map_err(|error| wrong(&error))?;
                // Helm locks what was asked for here, since nothing is fetched.
                Ok(wanted.version.clone())
            }
            Source::Folder(path) => {
                let chart = source::folder(&self.path(&path))?;
                one(&chart.metadata.version).map_err(|error| wrong(&error))
            }
            Source::Registry(_) if version::is_lenient(&wanted.version) => {
                Ok(wanted.version.clone())
            }
            Source::Registry(path) => {
                let place = source::location(
                    &format!("oci://{path}/{}", wanted.name),
                    None,
                    self.settings,
                )?;
                let reach = self.wish().reach(&place, self.settings)?;
                let tags = (self.local.charts.tags)(&place, &reach)?;
                let versions: Vec<String> = tags.iter().map(|tag| version_of(tag)).collect();
                let strict = versions.iter().map(String::as_str);
                let strict = strict.filter(|version| version::is_strict(version));
                let chosen = choose(wanted, strict).map_err(|error| wrong(&error))?;
                Ok(chosen.to_owned())
            }
            Source::Repository(_) | Source::Named(_) => {
                let (_, index) = self.index(wanted)?;
                let range = wanted.version.as_str();
                let entry = repositories::find(index, &wanted.repository, &wanted.name, range)?;
                Ok(entry.version.clone())
            }
        }
    }

    /// The archives of locked versions; none for those that lie in `charts/`.
    pub(super) fn fetch(&mut self, locked: &[Dependency]) -> Result<Vec<Fetched>, CliError> {
        let mut fetched: Vec<Fetched> = Vec::new();
        for wanted in locked {
            if let Some(one) = self.one(wanted)? {
                // The same chart under two aliases is one file.
                fetched.retain(|other| other.file_name != one.file_name);
                fetched.push(one);
            }
        }
        Ok(fetched)
    }

    fn one(&mut self, wanted: &Dependency) -> Result<Option<Fetched>, CliError> {
        match source(wanted)? {
            Source::Local => {
                self.below(wanted)?;
                Ok(None)
            }
            Source::Folder(path) => {
                let chart = source::folder(&self.path(&path))?;
                unexpected(wanted, &chart).map_or(Ok(()), Err)?;
                let archive = package(&chart).map_err(|error| source::wrong(&error))?;
                Ok(Some(Fetched {
                    file_name: file_name(&chart),
                    archive,
                }))
            }
            Source::Registry(path) => {
                let tag = tag_of(&wanted.version);
                let text = format!("oci://{path}/{}:{tag}", wanted.name);
                let pulled = source::pulled(&text, &self.wish(), self.settings, self.local)?;
                let name = format!("{}-{}.tgz", wanted.name, wanted.version);
                self.checked(wanted, name, pulled.archive, &pulled.origin)
                    .map(Some)
            }
            Source::Repository(_) | Source::Named(_) => {
                let local = self.local;
                let (login, index) = self.index(wanted)?;
                let entry = index.find(&wanted.name, &wanted.version).ok_or_else(|| {
                    CliError::failed(
                        "dependencies",
                        format!("{} {} is not in {}", wanted.name, wanted.version, login.url),
                        "bring the lock up to date with `refloat dependency update`",
                    )
                })?;
                let (address, pulled) = repositories::archive(entry, &login, local)?;
                let name = repositories::file_name(&address);
                let origin = Origin::Repository(address, login);
                self.checked(wanted, name, pulled.archive, &origin)
                    .map(Some)
            }
        }
    }

    fn checked(
        &self,
        wanted: &Dependency,
        file_name: String,
        archive: Vec<u8>,
        origin: &Origin,
    ) -> Result<Fetched, CliError> {
        let chart = source::archive(&archive)?;
        unexpected(wanted, &chart).map_or(Ok(()), Err)?;
        if let Some(keyring) = &self.keyring {
            let proof = origin.provenance(&self.wish(), self.settings, self.local)?;
            let proof = proof.ok_or_else(|| provenance::missing(&file_name))?;
            provenance::proven(&archive, &file_name, &proof, keyring)?;
        }
        Ok(Fetched { file_name, archive })
    }

    /// The repository of a dependency, and its index.
    fn index(&mut self, wanted: &Dependency) -> Result<(RepositoryLogin, &Index), CliError> {
        let login = self
            .wish()
            .login(self.repositories.at(&wanted.repository))?;
        let key = login.url.clone();
        if !self.indexes.contains_key(&key) {
            let index = repositories::index(&login, self.freshness, self.local)?;
            self.indexes.insert(key.clone(), index);
        }
        Ok((login, &self.indexes[&key]))
    }

    /// A chart that lies below `charts/` under its own name.
    fn below(&self, wanted: &Dependency) -> Result<Chart, CliError> {
        source::folder(&self.folder.join("charts").join(&wanted.name))
    }

    /// `file://` is relative to the chart unless it is absolute.
    fn path(&self, path: &str) -> PathBuf {
        self.folder.join(Path::new(path))
    }
}

fn source(wanted: &Dependency) -> Result<Source, CliError> {
    Source::parse(&wanted.repository).map_err(|error| wrong(&error))
}
