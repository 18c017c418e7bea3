//! H4: what the app deleted, and whether it stays deleted, and nothing new is deleted with it.

use super::scope;
use crate::case::{Case, describe};
use crate::delta::ChangeKind;
use crate::tree::{Act, Touch};
use crate::verdict::{Code, Reason, Tier};
use refloat_layer::{Kind, path};
use std::collections::{BTreeMap, BTreeSet};

/// Whiteouts and opaque directories.
pub(super) fn whiteouts(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    let mut hidden: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, touch) in &case.touches {
        match touch.act {
            Act::Write => {}
            Act::Hide => {
                let directory = path::parent(&touch.path).unwrap_or_default();
                hidden
                    .entry(directory.to_owned())
                    .or_default()
                    .insert(touch.path.clone());
                reasons.extend(whiteout(case, touch));
            }
            Act::Opaque => {
                reasons.extend(new_below(case, touch, "the image empties this directory"));
            }
        }
    }
    for (directory, gone) in &hidden {
        reasons.extend(emptied(case, directory, gone));
    }
    case.extend(reasons);
}

fn whiteout(case: &Case<'_>, touch: &Touch) -> Option<Reason> {
    let at = touch.path.as_str();
    if scope::is_idle(at) || scope::database(at).is_some() {
        return None;
    }
    let change = case.delta.change(at);
    match change.map(|change| change.kind) {
        Some(ChangeKind::Removed) => renamed(case, touch),
        Some(ChangeKind::Added) => Some(
            reason(
                case,
                touch,
                "the image hides what the old base did not have and the new base brings",
            )
            .values(None, describe(case.delta.new.get(at))),
        ),
        Some(ChangeKind::Kind) => Some(
            reason(
                case,
                touch,
                "the image deleted something, and the new base has something of another kind there",
            )
            .values(
                describe(case.delta.old.get(at)),
                describe(case.delta.new.get(at)),
            ),
        ),
        _ => new_below(case, touch, "the image deletes this directory"),
    }
}

fn reason(case: &Case<'_>, touch: &Touch, detail: impl Into<String>) -> Reason {
    Reason::new(Code::H4, Tier::Unsafe, detail)
        .at(&touch.path)
        .layer(case.layer_of(touch))
}

/// Something that the base added or changed below what the app hides whole.
fn new_below(case: &Case<'_>, touch: &Touch, what: &str) -> Option<Reason> {
    let (added, _) = case
        .delta
        .changes_below(&touch.path)
        .filter(|(path, _)| !scope::is_idle(path) && scope::database(path).is_none())
        .find(|(path, change)| {
            change.kind == ChangeKind::Added
                && case
                    .delta
                    .new
                    .get(path)
                    .is_some_and(|it| it.kind != Kind::Directory)
        })?;
    let detail = format!("{what}; the new base's {added} would be hidden with it");
    Some(reason(case, touch, detail).values(None, describe(case.delta.new.get(added))))
}

/// The deleted path is gone from the new base: simply gone, or under another name?
fn renamed(case: &Case<'_>, touch: &Touch) -> Option<Reason> {
    let delta = case.delta;
    let at = touch.path.as_str();
    let mut gone: Vec<String> = delta
        .old
        .below(at)
        .map(|(path, _)| path.to_owned())
        .collect();
    gone.push(at.to_owned());
    for (path, change) in &delta.changes {
        if change.kind != ChangeKind::Added
            || scope::is_idle(path)
            || scope::database(path).is_some()
        {
            continue;
        }
        // What the app hides too does not come back.
        if case.new.get(path).is_none() {
            continue;
        }
        let Some(entry) = delta.new.get(path) else {
            continue;
        };
        let because = gone
            .iter()
            .find_map(|was| is_successor(case, was, path, entry));
        if let Some(because) = because {
            let detail =
                format!("the image deleted this; the new base has it as {path} ({because})");
            return Some(
                reason(case, touch, detail).values(describe(delta.old.get(at)), Some(path.clone())),
            );
        }
    }
    None
}

fn is_successor(
    case: &Case<'_>,
    was: &str,
    now: &str,
    entry: &refloat_layer::Entry,
) -> Option<&'static str> {
    let delta = case.delta;
    let before = delta.old.get(was)?;
    match (&before.kind, &entry.kind) {
        (
            Kind::File {
                hash: old, size, ..
            },
            Kind::File { hash: new, .. },
        ) if old == new && *size > 0 => return Some("the same content"),
        (Kind::Directory, _) | (_, Kind::Directory) => return None,
        _ => {}
    }
    if path::name(was) == path::name(now) {
        return Some("the same name");
    }
    let (old, new) = &delta.owners;
    if let (Some(old), Some(new)) = (old.get(was), new.get(now))
        && old == new
        && path::parent(was) == path::parent(now)
    {
        return Some("the same package in the same directory");
    }
    (path::parent(was) == path::parent(now)).then_some("a new file in the same directory")
}

/// The app deleted all that the old base had in a directory; the new base has more there.
fn emptied(case: &Case<'_>, directory: &str, gone: &BTreeSet<String>) -> Option<Reason> {
    let delta = case.delta;
    if scope::is_idle(directory) || directory.is_empty() {
        return None;
    }
    let is_child = |at: &str| path::parent(at) == Some(directory);
    let mut children = delta
        .old
        .below(directory)
        .filter(|(at, _)| is_child(at))
        .peekable();
    children.peek()?;
    if !children.all(|(at, _)| gone.contains(at)) {
        return None;
    }
    let added = delta
        .changes_below(directory)
        .find(|(at, change)| {
            is_child(at)
                && change.kind == ChangeKind::Added
                && case.new.get(at).is_some()
                && !case.is_own(at)
        })?
        .0;
    let layer = case
        .touches
        .iter()
        .find(|(_, touch)| touch.act == Act::Hide && gone.contains(&touch.path))
        .map(|(_, touch)| case.layer_of(touch));
    let detail = format!(
        "the image deleted all that was in {directory}; the new base's {added} would be there again"
    );
    Some(
        Reason::new(Code::H4, Tier::Unsafe, detail)
            .at(added)
            .layer(layer)
            .values(None, describe(delta.new.get(added))),
    )
}
