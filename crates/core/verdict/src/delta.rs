//! What two bases say without an app: their trees, D (what differs between them), packages, users, distribution.
//!
//! Made once per pair of bases and shared by all dependents.

use crate::hazards::languages::{self, Lines};
use crate::input::ImageFacts;
use crate::system::{Databases, OsRelease};
use crate::tree::{Content, Touch, Tree};
use refloat_layer::{Entry, Facts, Kind, path};
use refloat_packages::{Package, PackageChange, Symbols, differences, package};
use std::collections::{BTreeMap, BTreeSet};

/// How a path differs between the bases. Times never count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub kind: ChangeKind,
    /// Mode, owner or attributes differ too.
    pub is_meta: bool,
}

/// See [`Change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Added,
    Removed,
    /// Another content, link target or device of the same kind.
    Content,
    /// A file became a directory, and the like.
    Kind,
    /// Mode, owner or attributes only.
    Meta,
}

/// The base side of a verdict.
#[derive(Debug, Clone)]
pub struct BaseDelta {
    pub(crate) old_facts: ImageFacts,
    pub(crate) new_facts: ImageFacts,
    pub(crate) old: Tree,
    pub(crate) new: Tree,
    pub(crate) ambiguous: Vec<Touch>,
    pub(crate) changes: BTreeMap<String, Change>,
    pub(crate) packages: Result<Vec<PackageChange>, String>,
    pub(crate) databases: (Databases, Databases),
    /// Lines of language runtimes.
    pub(crate) lines: (Lines, Lines),
    pub(crate) os: (Option<OsRelease>, Option<OsRelease>),
    /// Names that changed or new base programs and libraries need.
    pub(crate) needed_by_changed: BTreeMap<String, String>,
    /// Shared libraries in D.
    pub(crate) changed_libraries: BTreeSet<String>,
    /// Hashes of symbols that a changed or removed file gave and nothing on the new base gives, with that file.
    pub(crate) lost_symbols: BTreeMap<u64, String>,
    /// Package that owns a path, by dpkg's lists, on both sides.
    pub(crate) owners: (BTreeMap<String, String>, BTreeMap<String, String>),
}

impl BaseDelta {
    /// Compares two bases.
    pub fn new(old: &ImageFacts, new: &ImageFacts) -> Self {
        let (old_tree, mut ambiguous) = Tree::of(&old.layers);
        let (new_tree, more) = Tree::of(&new.layers);
        ambiguous.extend(more);
        let changes = changes(&old_tree, &new_tree);
        let (needed_by_changed, changed_libraries) = programs(&changes, &old_tree, &new_tree);
        let is_owner_known = changes
            .values()
            .any(|change| change.kind != ChangeKind::Meta);
        let owners = if is_owner_known {
            (owners(&old_tree, &changes), owners(&new_tree, &changes))
        } else {
            Default::default()
        };
        let installed = (packages(&old_tree), packages(&new_tree));
        let lost_symbols = lost_symbols(&changes, &old_tree, &new_tree);
        let lines = |tree: &Tree, image: &ImageFacts, installed: &Result<Vec<Package>, String>| {
            languages::lines(
                tree,
                &image.config,
                installed.as_deref().unwrap_or_default(),
            )
        };
        Self {
            lines: (
                lines(&old_tree, old, &installed.0),
                lines(&new_tree, new, &installed.1),
            ),
            packages: installed
                .0
                .and_then(|before| Ok(differences(&before, &installed.1?))),
            databases: (Databases::of(&old_tree), Databases::of(&new_tree)),
            os: (OsRelease::of(&old_tree), OsRelease::of(&new_tree)),
            old_facts: old.clone(),
            new_facts: new.clone(),
            old: old_tree,
            new: new_tree,
            ambiguous,
            changes,
            needed_by_changed,
            changed_libraries,
            lost_symbols,
            owners,
        }
    }

    /// True if nothing but times differs.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many paths differ.
    pub fn changed_paths(&self) -> usize {
        self.changes.len()
    }

    /// Packages that the new base changes; empty where the database cannot be read.
    pub fn packages(&self) -> &[PackageChange] {
        self.packages.as_deref().unwrap_or_default()
    }

    pub(crate) fn change(&self, path: &str) -> Option<Change> {
        self.changes.get(path).copied()
    }

    /// Changes strictly below a directory.
    pub(crate) fn changes_below<'a>(
        &'a self,
        directory: &'a str,
    ) -> impl Iterator<Item = (&'a str, Change)> {
        self.changes
            .range(format!("{directory}/")..)
            .take_while(move |(path, _)| path::is_below(path, directory))
            .map(|(path, change)| (path.as_str(), *change))
    }
}

fn changes(old: &Tree, new: &Tree) -> BTreeMap<String, Change> {
    let mut found = BTreeMap::new();
    let mut left = old.iter().peekable();
    let mut right = new.iter().peekable();
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(ours), Some(theirs)) => ours.0.cmp(theirs.0),
        };
        let before = order.is_le().then(|| left.next()).flatten();
        let after = order.is_ge().then(|| right.next()).flatten();
        let path = before.or(after).map_or("", |(path, ..)| path);
        if let Some(change) = difference(before.map(|it| it.2), after.map(|it| it.2)) {
            found.insert(path.to_owned(), change);
        }
    }
    found
}

/// How two entries at one path differ.
pub(crate) fn difference(old: Option<&Entry>, new: Option<&Entry>) -> Option<Change> {
    let (old, new) = match (old, new) {
        (None, None) => return None,
        (None, Some(_)) => {
            return Some(Change {
                kind: ChangeKind::Added,
                is_meta: false,
            });
        }
        (Some(_), None) => {
            return Some(Change {
                kind: ChangeKind::Removed,
                is_meta: false,
            });
        }
        (Some(old), Some(new)) => (old, new),
    };
    let is_link = matches!(new.kind, Kind::Symlink(_));
    // A link's mode means nothing.
    let is_meta = (!is_link && old.mode != new.mode)
        || old.uid != new.uid
        || old.gid != new.gid
        || old.xattrs != new.xattrs;
    let is_same_kind = std::mem::discriminant(&old.kind) == std::mem::discriminant(&new.kind);
    let kind = match (&old.kind, &new.kind) {
        (Kind::File { hash: before, .. }, Kind::File { hash: after, .. }) if before == after => {
            ChangeKind::Meta
        }
        (before, after) if before == after => ChangeKind::Meta,
        _ if is_same_kind => ChangeKind::Content,
        _ => ChangeKind::Kind,
    };
    (kind != ChangeKind::Meta || is_meta).then_some(Change { kind, is_meta })
}

fn programs(
    changes: &BTreeMap<String, Change>,
    old: &Tree,
    new: &Tree,
) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let mut needed = BTreeMap::new();
    let mut libraries = BTreeSet::new();
    for path in changes.keys() {
        for (entry, is_new) in [(old.get(path), false), (new.get(path), true)] {
            let Some(entry) = entry else { continue };
            let Kind::File { facts, .. } = &entry.kind else {
                continue;
            };
            if path::name(path).contains(".so") {
                libraries.insert(path.clone());
            }
            if let Facts::Elf(elf) = facts
                && is_new
            {
                for name in &elf.needed {
                    needed.entry(name.clone()).or_insert_with(|| path.clone());
                }
            }
        }
    }
    (needed, libraries)
}

fn lost_symbols(
    changes: &BTreeMap<String, Change>,
    old: &Tree,
    new: &Tree,
) -> BTreeMap<u64, String> {
    let mut lost = BTreeMap::new();
    for path in changes.keys() {
        let Some(before) = symbols_at(old, path) else {
            continue;
        };
        let after = symbols_at(new, path);
        if after.is_some_and(|after| before.is_kept_by(after)) {
            continue;
        }
        for (name, _) in before.given() {
            lost.entry(name).or_insert_with(|| path.clone());
        }
    }
    if lost.is_empty() {
        return lost;
    }
    for (path, ..) in new.iter() {
        let given = symbols_at(new, path).into_iter();
        for (name, _) in given.flat_map(Symbols::given) {
            lost.remove(&name);
        }
    }
    lost
}

fn symbols_at<'t>(tree: &'t Tree, path: &str) -> Option<&'t Symbols> {
    match &tree.get(path)?.kind {
        Kind::File {
            facts: Facts::Elf(elf),
            ..
        } => elf.symbols.as_deref(),
        _ => None,
    }
}

/// All packages of a tree, of every database that is read.
pub(crate) fn packages(tree: &Tree) -> Result<Vec<Package>, String> {
    let mut all = Vec::new();
    let places = package::DATABASES.iter().map(|(at, _)| (*at).to_owned());
    let singles = tree
        .below(package::FOLDER)
        .filter(|(_, entry)| entry.kind != Kind::Directory)
        .map(|(at, _)| at.to_owned());
    let places: Vec<String> = places.chain(singles).collect();
    let mut seen = BTreeSet::new();
    for at in &places {
        let Some(kind) = package::database_at(at) else {
            continue;
        };
        // usr/lib/apk may be lib/apk behind a link.
        let Some(file) = tree.resolve(at).filter(|file| seen.insert(file.clone())) else {
            continue;
        };
        if let Some(log) = open_log(tree, &file) {
            return Err(format!("{log} has changes that are not in {at} yet"));
        }
        match tree.content(at) {
            Content::Absent => {}
            Content::Unknown => return Err(format!("{at} is too large, damaged or no file")),
            Content::Known(bytes) => {
                all.extend(package::read(kind, bytes).map_err(|error| format!("{at}: {error}"))?);
            }
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// A write-ahead log with something in it.
fn open_log(tree: &Tree, database: &str) -> Option<String> {
    let at = format!("{database}-wal");
    match tree.get(&at)?.kind {
        Kind::File { size, .. } if size > 0 => Some(at),
        _ => None,
    }
}

/// Owners of paths in D. Before usr-merge packages name `bin/sh` what is `usr/bin/sh` in the tree.
fn owners(tree: &Tree, changes: &BTreeMap<String, Change>) -> BTreeMap<String, String> {
    let mut owners = BTreeMap::new();
    for (list, _) in tree.below("var/lib/dpkg/info") {
        let Some(package) = path::name(list).strip_suffix(".list") else {
            continue;
        };
        let package = package.split(':').next().unwrap_or(package);
        if let Content::Known(bytes) = tree.content(list) {
            for line in String::from_utf8_lossy(bytes).lines() {
                let line = line.trim_start_matches('/');
                for at in [line.to_owned(), format!("usr/{line}")] {
                    if changes.contains_key(&at) {
                        owners.insert(at, package.to_owned());
                    }
                }
            }
        }
    }
    owners
}
