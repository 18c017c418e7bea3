//! What differs between two images: merged files, configuration, packages.
//!
//! Compared is what a container sees, not how layers cut it. Left out unless asked for: times, logs and caches
//! ([`ignored`]), and the configuration's own times and history.

mod config;
mod ignored;

use crate::cache::IndexCache;
use crate::error::ImageError;
use crate::facts::{facts, facts_on};
use crate::observe::Observer;
use crate::packages::installed;
use crate::platform::Platform;
use crate::tree::Files;
use crate::walk::{ImageTree, PlatformImage, damaged, walk};
use refloat_layer::{Entry, Kind};
use refloat_packages::{PackageChange, differences};
use refloat_ports::Place;
use refloat_verdict::ImageFacts;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How much is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Without times, logs and caches.
    Meaning,
    /// Everything that is known.
    All,
}

/// What is compared.
#[derive(Debug, Clone)]
pub struct CompareOptions {
    /// How much.
    pub depth: Depth,
    /// One platform only; `None` means every platform.
    pub platform: Option<Platform>,
}

/// Compares two images. JSON: `{"same_files","packages","files":{"added","removed","changed":[{"path","what"}]},
/// "config":[{"field","old","new"}]}`; with several platforms each entry is preceded by its platform.
///
/// # Errors
/// [`ImageError`] for what cannot be read; nothing is guessed equal.
pub async fn compare(
    old: &Place,
    new: &Place,
    options: &CompareOptions,
    cache: &dyn IndexCache,
    observer: &Observer,
) -> Result<Value, ImageError> {
    let (old, new) = (walk(old).await?, walk(new).await?);
    let pairs = pairs(&old, &new, options)?;
    let mut found = Found::default();
    found.platforms(&old, &new, options);
    let several = pairs.len() > 1;
    for (one, two) in pairs {
        let below = facts(&old.place, one, cache, observer).await?;
        let above = facts_on(&new.place, two, Some(&below), cache, observer).await?;
        whole(&old, one, &below)?;
        whole(&new, two, &above)?;
        let prefix = if several {
            format!("{}: ", one.platform)
        } else {
            String::new()
        };
        found.pair(&below, &above, options.depth, &prefix);
    }
    Ok(found.to_json())
}

fn pairs<'a>(
    old: &'a ImageTree,
    new: &'a ImageTree,
    options: &CompareOptions,
) -> Result<Vec<(&'a PlatformImage, &'a PlatformImage)>, ImageError> {
    let wanted = |image: &&PlatformImage| {
        options
            .platform
            .as_ref()
            .is_none_or(|platform| image.platform.fits(platform))
    };
    let pairs: Vec<_> = old
        .platforms
        .iter()
        .filter(wanted)
        .filter_map(|one| Some((one, new.platform(&one.platform)?)))
        .collect();
    if pairs.is_empty() {
        let text = format!(
            "{} and {} have no platform in common",
            old.place.written, new.place.written
        );
        return Err(ImageError::Unsupported(text));
    }
    Ok(pairs)
}

/// An image of which a layer was not read cannot be compared.
fn whole(tree: &ImageTree, image: &PlatformImage, facts: &ImageFacts) -> Result<(), ImageError> {
    match facts.unread.first() {
        None => Ok(()),
        Some((position, reason)) => Err(damaged(
            &tree.place,
            image.layers[*position].digest,
            reason.clone(),
        )),
    }
}

#[derive(Default)]
struct Found {
    packages: Vec<PackageChange>,
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<(String, String)>,
    config: Vec<Value>,
}

impl Found {
    fn platforms(&mut self, old: &ImageTree, new: &ImageTree, options: &CompareOptions) {
        let names = |tree: &ImageTree| {
            let mut names: Vec<String> = tree
                .platforms
                .iter()
                .map(|image| image.platform.to_string())
                .collect();
            names.sort();
            names
        };
        let (old, new) = (names(old), names(new));
        if options.platform.is_none() && old != new {
            self.config
                .push(json!({ "field": "platforms", "old": old, "new": new }));
        }
    }

    fn pair(&mut self, old: &ImageFacts, new: &ImageFacts, depth: Depth, prefix: &str) {
        let (below, above) = (Files::of(&old.layers), Files::of(&new.layers));
        self.files(&below, &above, depth, prefix);
        match (installed(&below), installed(&above)) {
            (Ok(old), Ok(new)) => {
                for change in differences(&old, &new) {
                    if !self.packages.contains(&change) {
                        self.packages.push(change);
                    }
                }
            }
            (Err(error), _) | (_, Err(error)) => {
                self.config.push(
                    json!({ "field": format!("{prefix}packages"), "old": error, "new": null }),
                );
            }
        }
        self.config
            .extend(config::differences(&old.config, &new.config, depth, prefix));
    }

    fn files(&mut self, old: &Files, new: &Files, depth: Depth, prefix: &str) {
        let seen = |files: &'_ Files| -> BTreeMap<String, Entry> {
            let entries = files.entries();
            let entries =
                entries.filter(|(path, _)| depth == Depth::All || !ignored::is_ignored(path));
            entries
                .map(|(path, entry)| (path.to_owned(), entry.clone()))
                .collect()
        };
        let (old, new) = (seen(old), seen(new));
        let named = |path: &String| format!("{prefix}/{path}");
        self.removed.extend(
            old.keys()
                .filter(|path| !new.contains_key(*path))
                .map(named),
        );
        self.added.extend(
            new.keys()
                .filter(|path| !old.contains_key(*path))
                .map(named),
        );
        for (path, one) in &old {
            let what = new.get(path).map(|two| what(one, two)).unwrap_or_default();
            if !what.is_empty() {
                self.changed.push((named(path), what.join(", ")));
            }
        }
    }

    fn to_json(&self) -> Value {
        let same = self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty();
        let changed: Vec<Value> = self
            .changed
            .iter()
            .map(|(path, what)| json!({ "path": path, "what": what }))
            .collect();
        json!({
            "same_files": same,
            "packages": self.packages,
            "files": { "added": self.added, "removed": self.removed, "changed": changed },
            "config": self.config,
        })
    }
}

/// How two entries of a path differ, in words.
fn what(old: &Entry, new: &Entry) -> Vec<String> {
    let mut words = Vec::new();
    match (&old.kind, &new.kind) {
        (
            Kind::File {
                size: was,
                hash: before,
                ..
            },
            Kind::File { size, hash, .. },
        ) => {
            if before != hash {
                words.push(format!("content ({was} -> {size} bytes)"));
            }
        }
        (Kind::Symlink(before), Kind::Symlink(after)) => {
            if before != after {
                words.push(format!("target {before} -> {after}"));
            }
        }
        (before, after) => {
            if before != after {
                words.push(format!("{} -> {}", before.word(), after.word()));
            }
        }
    }
    // What a link's own mode says, nobody reads.
    if old.mode != new.mode && !matches!(new.kind, Kind::Symlink(_)) {
        words.push(format!("mode {:04o} -> {:04o}", old.mode, new.mode));
    }
    if (old.uid, old.gid) != (new.uid, new.gid) {
        words.push(format!(
            "owner {}:{} -> {}:{}",
            old.uid, old.gid, new.uid, new.gid
        ));
    }
    if old.xattrs != new.xattrs {
        words.push("extended attributes".to_owned());
    }
    words
}
