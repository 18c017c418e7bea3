//! What a tree says of itself: distribution, C library, package databases, users.

use crate::tree::{Content, Tree};
use refloat_layer::path;
use std::collections::BTreeMap;

/// `ID` and `VERSION_ID` of os-release(5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OsRelease {
    pub id: String,
    pub version: String,
}

impl OsRelease {
    pub fn of(tree: &Tree) -> Option<Self> {
        let text = ["etc/os-release", "usr/lib/os-release"]
            .iter()
            .find_map(|at| match tree.content(at) {
                Content::Known(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
                Content::Absent | Content::Unknown => None,
            })?;
        let field = |key: &str| {
            text.lines()
                .filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))
                .next_back()
                .map(|value| value.trim_matches(['"', '\'']).to_owned())
                .unwrap_or_default()
        };
        Some(Self {
            id: field("ID"),
            version: field("VERSION_ID"),
        })
    }

    /// The part of the version that makes it another release: `3.18` of Alpine's `3.18.4`, all of Debian's `12`.
    pub fn line(&self) -> (String, String) {
        let parts: Vec<&str> = self.version.split('.').collect();
        let version = if parts.len() >= 3 {
            parts[..2].join(".")
        } else {
            self.version.clone()
        };
        (self.id.clone(), version)
    }

    pub fn words(&self) -> String {
        format!("{} {}", self.id, self.version).trim().to_owned()
    }
}

/// Package databases by their places, and the C library by its loader.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Databases {
    pub managers: Vec<&'static str>,
    pub libc: Vec<&'static str>,
}

/// Databases that are recognised; pacman's is not read.
const DATABASES: [(&str, &[&str]); 4] = [
    ("dpkg", &["var/lib/dpkg/status", "var/lib/dpkg/status.d"]),
    ("apk", &["lib/apk/db/installed", "usr/lib/apk/db/installed"]),
    ("rpm", &["var/lib/rpm", "usr/lib/sysimage/rpm"]),
    ("pacman", &["var/lib/pacman/local"]),
];

impl Databases {
    pub fn of(tree: &Tree) -> Self {
        let managers = DATABASES
            .iter()
            .filter(|(_, places)| places.iter().any(|place| tree.resolve(place).is_some()))
            .map(|(name, _)| *name)
            .collect();
        let mut libc = Vec::new();
        for directory in ["lib", "lib64", "usr/lib", "usr/lib64"] {
            let Some(directory) = tree.resolve(directory) else {
                continue;
            };
            for (below, _) in tree.below(&directory) {
                let name = path::name(below);
                let flavour = if name.starts_with("ld-musl-") {
                    "musl"
                } else if name.starts_with("ld-linux") || name.starts_with("ld64.so") {
                    "glibc"
                } else {
                    continue;
                };
                if !libc.contains(&flavour) {
                    libc.push(flavour);
                }
            }
        }
        libc.sort_unstable();
        Self { managers, libc }
    }

    /// A database that nobody here can read.
    pub fn unknown(&self) -> Option<&'static str> {
        self.managers.iter().find(|name| !is_read(name)).copied()
    }
}

/// True for package managers whose database is read.
pub(crate) fn is_read(manager: &str) -> bool {
    matches!(manager, "dpkg" | "apk" | "rpm")
}

/// Names and numbers of users and groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Users {
    pub accounts: BTreeMap<String, User>,
    pub user_names: BTreeMap<u64, String>,
    pub groups: BTreeMap<String, u64>,
    pub group_names: BTreeMap<u64, String>,
    /// Groups by member.
    pub memberships: BTreeMap<String, Vec<String>>,
    /// A file is there and was not kept.
    pub is_unknown: bool,
}

/// One line of passwd(5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub uid: u64,
    pub gid: u64,
    pub home: String,
}

impl Users {
    pub fn of(tree: &Tree) -> Self {
        let mut found = Self::default();
        let lines = |at: &str, is_unknown: &mut bool| -> Vec<Vec<String>> {
            match tree.content(at) {
                Content::Absent => Vec::new(),
                Content::Unknown => {
                    *is_unknown = true;
                    Vec::new()
                }
                Content::Known(bytes) => String::from_utf8_lossy(bytes)
                    .lines()
                    .map(|line| line.split(':').map(str::to_owned).collect())
                    .collect(),
            }
        };
        for fields in lines("etc/passwd", &mut found.is_unknown) {
            let number = |at: usize| fields.get(at).and_then(|text: &String| text.parse().ok());
            if let (Some(uid), Some(gid)) = (number(2), number(3)) {
                // The first line of a name or number wins, as in getpwnam(3).
                found
                    .user_names
                    .entry(uid)
                    .or_insert_with(|| fields[0].clone());
                found
                    .accounts
                    .entry(fields[0].clone())
                    .or_insert_with(|| User {
                        uid,
                        gid,
                        home: fields.get(5).cloned().unwrap_or_default(),
                    });
            }
        }
        for fields in lines("etc/group", &mut found.is_unknown) {
            for member in fields.get(3).into_iter().flat_map(|list| list.split(',')) {
                if !member.is_empty() {
                    found
                        .memberships
                        .entry(member.to_owned())
                        .or_default()
                        .push(fields[0].clone());
                }
            }
            if let Some(gid) = fields.get(2).and_then(|text| text.parse().ok()) {
                found
                    .group_names
                    .entry(gid)
                    .or_insert_with(|| fields[0].clone());
                found.groups.entry(fields[0].clone()).or_insert(gid);
            }
        }
        found
    }
}
