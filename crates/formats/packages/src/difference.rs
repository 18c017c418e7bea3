//! What differs between two sets of installed packages.

use crate::dpkg::Package;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A package that came, went or changed its version. In JSON `{"type","name","old","new"}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PackageChange {
    /// The kind of package: `deb`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name, with `:architecture` where two architectures of it are installed.
    pub name: String,
    /// The version before; none if it came.
    pub old: Option<String>,
    /// The version after; none if it went.
    pub new: Option<String>,
}

/// Differences from `old` to `new`, by name.
pub fn differences(old: &[Package], new: &[Package]) -> Vec<PackageChange> {
    let (old, new) = (by_name(old), by_name(new));
    let mut changes: Vec<PackageChange> = Vec::new();
    let mut note = |name: &str, before: Option<&String>, after: Option<&String>| {
        if before != after {
            changes.push(PackageChange {
                kind: "deb".into(),
                name: name.to_owned(),
                old: before.cloned(),
                new: after.cloned(),
            });
        }
    };
    for (name, version) in &old {
        note(name, Some(version), new.get(name));
    }
    for (name, version) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
        note(name, None, Some(version));
    }
    changes.sort();
    changes
}

fn by_name(packages: &[Package]) -> BTreeMap<String, String> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for package in packages {
        *count.entry(&package.name).or_default() += 1;
    }
    packages
        .iter()
        .map(|package| {
            let name = if count[package.name.as_str()] > 1 {
                format!("{}:{}", package.name, package.architecture)
            } else {
                package.name.clone()
            };
            (name, package.version.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, architecture: &str, version: &str) -> Package {
        Package {
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
