//! H5, H6: directories that the app's layers name on the way to their files.

use crate::case::{Case, describe};
use crate::delta::{ChangeKind, difference};
use crate::tree::Act;
use crate::verdict::{Code, Reason, Tier};
use refloat_layer::{Kind, path};
use std::collections::BTreeSet;

/// H5: an entry of a directory carries the old base's mode and owner over the new ones.
pub(super) fn attributes(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    for own in case.owned() {
        if own.entry.kind != Kind::Directory {
            continue;
        }
        let Some(wanted) = case.delta.new.get(own.path) else {
            continue;
        };
        if wanted.kind != Kind::Directory || case.delta.change(own.path).is_none() {
            continue;
        }
        if difference(Some(wanted), Some(own.entry)).is_some() {
            let detail = format!(
                "the base changed this directory's mode, owner or attributes; the image's entry sets {}",
                describe(Some(own.entry)).unwrap_or_default()
            );
            reasons.push(
                Reason::new(Code::H5, Tier::Unsafe, detail)
                    .at(own.path)
                    .layer(own.layer.clone())
                    .values(
                        describe(case.delta.old.get(own.path)),
                        describe(Some(wanted)),
                    ),
            );
        }
    }
    case.extend(reasons);
}

/// H5: a directory above the app's files that one base has and the other does not: without an entry of its own it gets
/// what runtimes give, and no longer what it had.
pub(super) fn implied(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    let mut seen = BTreeSet::new();
    for own in case.owned() {
        for at in path::ancestors(own.path) {
            if !seen.insert(at.to_owned()) {
                break;
            }
            let is_one_sided = case.delta.change(at).is_some_and(|change| {
                matches!(change.kind, ChangeKind::Added | ChangeKind::Removed)
            });
            let (Some(old), Some(new)) = (case.old.get(at), case.new.get(at)) else {
                continue;
            };
            let are_directories = old.kind == Kind::Directory && new.kind == Kind::Directory;
            if !is_one_sided || !are_directories || difference(Some(old), Some(new)).is_none() {
                continue;
            }
            let is_narrower = old.mode & !new.mode != 0 || (old.uid, old.gid) != (new.uid, new.gid);
            let tier = if is_narrower {
                Tier::Unsafe
            } else {
                Tier::Test
            };
            let detail = "the directory above the image's files has other permissions or another owner on the new base";
            reasons.push(
                Reason::new(Code::H5, tier, detail)
                    .at(at)
                    .layer(own.layer.clone())
                    .values(describe(Some(old)), describe(Some(new))),
            );
        }
    }
    case.extend(reasons);
}

/// H6: on the new base the same entry would land elsewhere, or meets something of another kind.
pub(super) fn parents(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    let mut seen = BTreeSet::new();
    for (old, new) in &case.touches {
        if old.path != new.path {
            let detail = "a directory above it became a link, or is one no longer: the file would land elsewhere";
            reasons.push(
                Reason::new(Code::H6, Tier::Unsafe, detail)
                    .at(&new.written)
                    .layer(case.layer_of(new))
                    .values(Some(old.path.clone()), Some(new.path.clone())),
            );
            continue;
        }
        for at in std::iter::once(new.written.as_str()).chain(path::ancestors(&new.written)) {
            let is_itself = at == new.written;
            if !seen.insert((at.to_owned(), is_itself)) {
                if is_itself {
                    continue;
                }
                break;
            }
            reasons.extend(
                changed_kind(case, at, is_itself, new)
                    .map(|reason| reason.layer(case.layer_of(new))),
            );
        }
        if let Some(through) = new.through.as_ref().or(new.over.as_ref())
            && seen.insert((format!("{through}/"), true))
        {
            let detail = format!(
                "{through} is {} on both bases; runtimes disagree on what a layer that writes below it does",
                if new.over.is_some() {
                    "no directory"
                } else {
                    "a link"
                }
            );
            reasons.push(
                Reason::new(Code::H6, Tier::Test, detail)
                    .at(&new.written)
                    .layer(case.layer_of(new))
                    .values(
                        describe(case.delta.old.get(through)),
                        describe(case.delta.new.get(through)),
                    ),
            );
        }
    }
    case.extend(reasons);
}

fn changed_kind(
    case: &Case<'_>,
    at: &str,
    is_itself: bool,
    touch: &crate::tree::Touch,
) -> Option<Reason> {
    let change = case.delta.change(at)?;
    let (before, after) = (case.delta.old.get(at), case.delta.new.get(at));
    let is_directory =
        |entry: Option<&refloat_layer::Entry>| entry.map(|entry| entry.kind == Kind::Directory);
    let (was, is) = (is_directory(before), is_directory(after));
    let differs = match change.kind {
        ChangeKind::Kind => was == Some(true) || is == Some(true) || !is_itself,
        ChangeKind::Added => {
            let wants_directory = !is_itself
                || touch.act != Act::Write
                || case
                    .new
                    .touched(touch)
                    .is_some_and(|entry| entry.kind == Kind::Directory);
            touch.act == Act::Write && is == Some(!wants_directory)
        }
        // A link that is written otherwise and leads to the same place; where it leads elsewhere was told above.
        ChangeKind::Content | ChangeKind::Removed | ChangeKind::Meta => false,
    };
    differs.then(|| {
        let detail = if is_itself {
            "the base has something of another kind here now"
        } else {
            "a directory above the image's files is something else in the new base"
        };
        Reason::new(Code::H6, Tier::Unsafe, detail)
            .at(at)
            .values(describe(before), describe(after))
    })
}
