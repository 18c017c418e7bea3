//! What differs between two sets of installed packages.

use crate::package::{Package, PackageKind};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// A package that came, went or changed its version. In JSON `{"type","name","old","new"}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PackageChange {
    /// The kind of package: `deb`, `apk`, `rpm`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name, with `:architecture` where two architectures of it are installed.
    pub name: String,
    /// The version before; none if it came.
    pub old: Option<String>,
    /// The version after; none if it went.
    pub new: Option<String>,
}

/// Differences from `old` to `new`, by kind and name.
pub fn differences(old: &[Package], new: &[Package]) -> Vec<PackageChange> {
    let (old, new) = (by_name(old), by_name(new));
    let mut changes: Vec<PackageChange> = Vec::new();
    let names: BTreeSet<&(PackageKind, String)> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (before, after) = (old.get(name), new.get(name));
        if before != after {
            changes.push(PackageChange {
                kind: name.0.word().to_owned(),
                name: name.1.clone(),
                old: before.cloned(),
                new: after.cloned(),
            });
        }
    }
    changes.sort();
    changes
}

impl PackageChange {
    /// True if the version goes down.
    pub fn is_downgrade(&self) -> bool {
        let kind = PackageKind::of_word(&self.kind).unwrap_or_default();
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => kind.compare(new, old) == Ordering::Less,
            _ => false,
        }
    }
}

/// Versions by name. Several versions of one package side by side (rpm's kernels) are told together.
fn by_name(packages: &[Package]) -> BTreeMap<(PackageKind, String), String> {
    let mut architectures: BTreeMap<(PackageKind, &str), BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        architectures
            .entry((package.kind, &package.name))
            .or_default()
            .insert(&package.architecture);
    }
    let mut found: BTreeMap<(PackageKind, String), String> = BTreeMap::new();
    for package in packages {
        let name = if architectures[&(package.kind, package.name.as_str())].len() > 1 {
            format!("{}:{}", package.name, package.architecture)
        } else {
            package.name.clone()
        };
        found
            .entry((package.kind, name))
            .and_modify(|versions| {
                versions.push_str(", ");
                versions.push_str(&package.version);
            })
            .or_insert_with(|| package.version.clone());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, architecture: &str, version: &str) -> Package {
        Package {
            kind: PackageKind::Deb,
            name: name.into(),
            architecture: architecture.into(),
            version: version.into(),
            provides: String::new(),
        }
    }

    #[test]
    fn came_went_and_moved() {
        let old = [
            package("a", "all", "1"),
            package("b", "all", "1"),
            package("c", "amd64", "1"),
            package("c", "i386", "1"),
        ];
        let new = [
            package("a", "all", "2"),
            package("d", "all", "1"),
            package("c", "amd64", "1"),
            package("c", "i386", "2"),
        ];
        let told: Vec<String> = differences(&old, &new)
            .into_iter()
            .map(|change| format!("{} {:?} {:?}", change.name, change.old, change.new))
            .collect();
        assert_eq!(
            told,
            [
                "a Some(\"1\") Some(\"2\")",
                "b Some(\"1\") None",
                "c:i386 Some(\"1\") Some(\"2\")",
                "d None Some(\"1\")"
            ]
        );
    }
}
