//! H23: the base's fix does not reach what the app brings itself: copies, linked-in code, vendored packages.

use crate::case::{Case, describe};
use crate::search::elf_at;
use crate::verdict::{Code, Reason, Tier};
use refloat_layer::{Facts, Kind, path};
use refloat_packages::{PackageChange, compare};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Package names by the project whose code they hold: beginnings, as Debian, Alpine and Red Hat call them.
const PROJECTS: [(&str, &[&str]); 5] = [
    ("openssl", &["libssl", "openssl", "libcrypto"]),
    ("zlib", &["zlib"]),
    ("libpng", &["libpng"]),
    ("curl", &["libcurl", "curl"]),
    ("sqlite", &["libsqlite3", "sqlite"]),
];
/// Parts of every virtual environment: the base's and the app's move apart as a rule.
const TOOLS: [&str; 3] = ["pip", "setuptools", "wheel"];

/// Looks for copies of what the base replaces.
pub(super) fn effect(case: &mut Case<'_>) {
    if case.delta.is_empty() {
        return;
    }
    let mut reasons = copies(case);
    reasons.extend(own_libraries(case));
    reasons.extend(linked_in(case));
    reasons.extend(vendored(case));
    case.extend(reasons);
}

/// Programs, libraries and archives that are byte for byte what the base replaces, at another path.
fn copies(case: &Case<'_>) -> Vec<Reason> {
    let mut replaced = BTreeMap::new();
    for at in case.delta.changes.keys() {
        if let Some(hash) = holds_code(case.delta.old.get(at).map(|entry| &entry.kind)) {
            replaced.insert(hash, at.as_str());
        }
    }
    if replaced.is_empty() {
        return Vec::new();
    }
    for (_, _, entry) in case.delta.new.iter() {
        if let Some(hash) = holds_code(Some(&entry.kind)) {
            replaced.remove(&hash);
        }
    }
    let copy = |own: crate::case::Own<'_>| {
        let at = *replaced.get(&holds_code(Some(&own.entry.kind))?)?;
        if at == own.path {
            // H1 says so.
            return None;
        }
        let detail = format!("a copy of the old {at}: the base's change does not reach it");
        let after = describe(case.delta.new.get(at)).or_else(|| Some("removed".into()));
        Some(
            Reason::new(Code::H23, Tier::Unsafe, detail)
                .at(own.path)
                .layer(own.layer.clone())
                .values(describe(case.delta.old.get(at)), after),
        )
    };
    case.owned().filter_map(copy).collect()
}

fn holds_code(kind: Option<&Kind>) -> Option<[u8; 32]> {
    match kind? {
        Kind::File {
            hash,
            facts: Facts::Elf(_) | Facts::Packed | Facts::Java(_),
            ..
        } => Some(*hash),
        _ => None,
    }
}

/// The app's own build of a library that the base changes.
fn own_libraries(case: &Case<'_>) -> Vec<Reason> {
    let mut changed: BTreeMap<&str, &str> = BTreeMap::new();
    for at in &case.delta.changed_libraries {
        let soname = elf_at(&case.delta.old, at).and_then(|elf| elf.soname.as_deref());
        if let Some(soname) = soname {
            changed.insert(soname, at);
        }
    }
    let library = |own: crate::case::Own<'_>| {
        let soname = elf_at(&case.new, own.path)?.soname.as_deref()?;
        let at = *changed.get(soname)?;
        (at != own.path).then(|| {
            let detail = format!(
                "the image's own {soname}: what the base changes in {at} does not reach it"
            );
            Reason::new(Code::H23, Tier::Test, detail)
                .at(own.path)
                .layer(own.layer.clone())
                .values(
                    describe(case.delta.old.get(at)),
                    describe(case.delta.new.get(at)),
                )
        })
    };
    case.owned().filter_map(library).collect()
}

/// Code of a library that the base's package brings newer, by the mark that the library leaves.
fn linked_in(case: &Case<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for own in case.owned() {
        let Some(elf) = elf_at(&case.new, own.path) else {
            continue;
        };
        for contained in &elf.contains {
            let Some((change, old, new)) = change_of(case, &contained.project) else {
                continue;
            };
            let version = &contained.version;
            let tier = match compare(version, &new) {
                Ordering::Less => Tier::Unsafe,
                // A fix may have come without a new version.
                Ordering::Equal => Tier::Test,
                Ordering::Greater => continue,
            };
            let detail = format!(
                "it holds {} {version} itself: the change of {} does not reach it",
                contained.project, change.name
            );
            reasons.push(
                Reason::new(Code::H23, tier, detail)
                    .at(own.path)
                    .layer(own.layer.clone())
                    .values(Some(old), Some(new)),
            );
        }
    }
    reasons
}

/// The package of a project that goes up, with upstream's versions.
fn change_of<'c>(case: &'c Case<'_>, project: &str) -> Option<(&'c PackageChange, String, String)> {
    let (_, names) = PROJECTS.iter().find(|(name, _)| *name == project)?;
    case.delta.packages().iter().find_map(|change| {
        let is_of = names.iter().any(|name| change.name.starts_with(name));
        let (old, new) = (change.old.as_deref()?, change.new.as_deref()?);
        is_of.then(|| (change, upstream(old), upstream(new)))
    })
}

/// `3.0.11` of `1:3.0.11+dfsg-1~deb12u1`.
fn upstream(version: &str) -> String {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let version = version
        .rsplit_once('-')
        .map_or(version, |(upstream, _)| upstream);
    version
        .split(['+', '~'])
        .next()
        .unwrap_or(version)
        .to_owned()
}

/// Packages of languages by the names of their folders and archives: the base replaces a version that the app has, too.
fn vendored(case: &Case<'_>) -> Vec<Reason> {
    let mut gone: BTreeMap<(String, String), &str> = BTreeMap::new();
    let mut come: BTreeSet<String> = BTreeSet::new();
    for at in case.delta.changes.keys() {
        let Some((name, version)) = package_of(at) else {
            continue;
        };
        let (was, is) = (case.delta.old.get(at), case.delta.new.get(at));
        if was.is_some() && is.is_none() {
            gone.insert((name, version), at);
        } else if is.is_some() && was.is_none() {
            come.insert(name);
        }
    }
    let mut told = BTreeSet::new();
    let mut reasons = Vec::new();
    for own in case.owned() {
        // A folder often has no entry of its own.
        for at in path::ancestors(own.path).chain([own.path]) {
            let Some(package) = package_of(at) else {
                continue;
            };
            let Some(place) = gone.get(&package).filter(|_| come.contains(&package.0)) else {
                continue;
            };
            if !told.insert(at.to_owned()) || *place == at {
                continue;
            }
            let tier = if TOOLS.contains(&package.0.as_str()) {
                Tier::Test
            } else {
                Tier::Unsafe
            };
            let detail = format!(
                "the image has {} {} of its own, which the base replaces: the change does not reach it",
                package.0, package.1
            );
            reasons.push(
                Reason::new(Code::H23, tier, detail)
                    .at(at)
                    .layer(own.layer.clone())
                    .values(Some((*place).to_owned()), Some("replaced".into())),
            );
        }
    }
    reasons
}

/// Name and version of a Python distribution or a Java archive: `urllib3-1.26.5.dist-info`, `log4j-core-2.14.1.jar`.
pub(super) fn package_of(at: &str) -> Option<(String, String)> {
    let (stem, suffix) = path::name(at).rsplit_once('.')?;
    if !matches!(suffix, "dist-info" | "egg-info" | "jar") {
        return None;
    }
    let (name, version) = stem
        .match_indices('-')
        .map(|(at, _)| (&stem[..at], &stem[at + 1..]))
        .find(|(_, version)| version.starts_with(|it: char| it.is_ascii_digit()))?;
    let version = version.split("-py").next().unwrap_or(version);
    Some((
        name.to_ascii_lowercase().replace('-', "_"),
        version.to_owned(),
    ))
}
