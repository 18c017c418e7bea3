//! What the binary does for charts: registries, classic repositories and the client's store.

use crate::error::CliError;
use refloat_chart::ChartArtifact;
use refloat_oci::{Location, RegistryHost};
use serde_json::Value;
use std::fmt;
use std::path::PathBuf;

/// A provenance file, where there is one.
pub type ProvenanceFile = Result<Option<Vec<u8>>, CliError>;

/// Where charts are had from and kept.
#[derive(Clone, Copy)]
pub struct ChartPlaces {
    /// A packaged chart out of a registry, or out of the store if it is there and still what is meant.
    pub pull: fn(&Location, &Reach) -> Result<PulledChart, CliError>,
    /// The provenance file of a chart in a registry, if it has one.
    pub provenance: fn(&Location, &Reach) -> ProvenanceFile,
    /// Keeps a chart under a tag.
    pub push: fn(&Location, ChartArtifact, &Reach) -> Result<PushedChart, CliError>,
    /// All tags of a chart's repository.
    pub tags: fn(&Location, &Reach) -> Result<Vec<String>, CliError>,
    /// The index of a classic repository.
    pub index: fn(&RepositoryLogin, Freshness) -> Result<Vec<u8>, CliError>,
    /// An archive of a classic repository by its address, and the SHA-256 that the index gives for it.
    pub file: fn(&str, &RepositoryLogin, Option<&str>) -> Result<PulledChart, CliError>,
    /// The provenance file of such an archive, if it has one.
    pub file_provenance: fn(&str, &RepositoryLogin) -> ProvenanceFile,
    /// Charts in the store by a word, as JSON.
    pub search: fn(&str) -> Vec<Value>,
}

/// How a registry is reached.
#[derive(Clone, Default)]
pub struct Reach {
    /// The configured server, whose account may come from the environment.
    pub server: Option<RegistryHost>,
    /// The account that was given for the chart's own registry, before any that is kept: name and password.
    pub account: Option<(String, String)>,
}

impl fmt::Debug for Reach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} (secret)", self.server)
    }
}

/// A chart's archive, and how it was had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledChart {
    /// Its bytes, which fit their digest.
    pub archive: Vec<u8>,
    /// The manifest's digest, of what lies in a registry.
    pub digest: Option<String>,
    /// Why it is the one seen last, if its place did not answer.
    pub offline: Option<String>,
}

/// What a registry answers to a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedChart {
    /// The manifest's digest.
    pub digest: String,
    /// Whether the tag named it before.
    pub changed: bool,
}

/// Whether an index that was seen before will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Only if the repository does not answer.
    Fresh,
    /// Always.
    Kept,
}

/// A classic repository, and what opens it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RepositoryLogin {
    /// Its name in helm's configuration; empty for none.
    pub name: String,
    /// Its address.
    pub url: String,
    /// The account; empty for none.
    pub username: String,
    /// Its password.
    pub password: String,
    /// Authorities to trust, PEM.
    pub authorities: Option<PathBuf>,
    /// A client certificate, PEM.
    pub certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
    /// Whether the account may be told to other hosts that the index names.
    pub account_everywhere: bool,
}

impl fmt::Debug for RepositoryLogin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (secret)", self.url)
    }
}

impl RepositoryLogin {
    /// A repository that anybody may read.
    pub fn open(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }
}
