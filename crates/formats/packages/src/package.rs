//! What all package databases tell, and where they lie.

use crate::{apk, dpkg, rpm, version};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// A family of packages: whose versions are ordered how.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PackageKind {
    /// dpkg's.
    #[default]
    Deb,
    /// apk's.
    Apk,
    /// rpm's.
    Rpm,
}

impl PackageKind {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
        }
    }

    /// The kind that a word means.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Deb, Self::Apk, Self::Rpm]
            .into_iter()
            .find(|kind| kind.word() == word)
    }

    /// Orders two versions as the family's own program does.
    pub fn compare(self, left: &str, right: &str) -> Ordering {
        match self {
            Self::Deb => version::compare(left, right),
            Self::Apk => version::apk::compare(left, right),
            Self::Rpm => version::rpm::compare(left, right),
        }
    }
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its architecture; `all` and the native one are both there.
    pub architecture: String,
    /// Its version.
    pub version: String,
    /// What else it stands for: `Provides`, as written.
    pub provides: String,
    /// Whose package it is.
    #[serde(default, rename = "type")]
    pub kind: PackageKind,
}

/// Databases of one file, by path, without a leading slash.
pub const DATABASES: [(&str, PackageKind); 11] = [
    ("var/lib/dpkg/status", PackageKind::Deb),
    ("lib/apk/db/installed", PackageKind::Apk),
    ("usr/lib/apk/db/installed", PackageKind::Apk),
    ("var/lib/rpm/rpmdb.sqlite", PackageKind::Rpm),
    ("var/lib/rpm/Packages.db", PackageKind::Rpm),
    ("var/lib/rpm/Packages", PackageKind::Rpm),
    ("usr/lib/sysimage/rpm/rpmdb.sqlite", PackageKind::Rpm),
    ("usr/lib/sysimage/rpm/Packages.db", PackageKind::Rpm),
    ("usr/lib/sysimage/rpm/Packages", PackageKind::Rpm),
    ("usr/share/rpm/rpmdb.sqlite", PackageKind::Rpm),
    ("usr/share/rpm/Packages.db", PackageKind::Rpm),
];
/// distroless keeps a file per package in this folder, as dpkg's status file has paragraphs.
pub const FOLDER: &str = "var/lib/dpkg/status.d";

/// The family of the database at a path; none if none is there.
pub fn database_at(path: &str) -> Option<PackageKind> {
    let of_folder = || {
        let file = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
        let is_one = !file.contains('/') && !file.ends_with(".md5sums");
        is_one.then_some(PackageKind::Deb)
    };
    let known = DATABASES.iter().find(|(place, _)| *place == path);
    known.map(|(_, kind)| *kind).or_else(of_folder)
}

/// Installed packages of a database, sorted. An rpm database may also be its summary ([`rpm::summary`]).
///
/// # Errors
/// A sentence if it is no such database.
pub fn read(kind: PackageKind, content: &[u8]) -> Result<Vec<Package>, String> {
    match kind {
        PackageKind::Deb => dpkg::parse(content).map_err(|error| error.to_string()),
        PackageKind::Apk => apk::parse(content).map_err(|error| error.to_string()),
        PackageKind::Rpm => rpm::parse(content).map_err(|error| error.to_string()),
    }
}
