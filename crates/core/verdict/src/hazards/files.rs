//! H1, H2, H3, H7: what the app writes over or beside what the base changed.

use super::scope::{self, Inputs};
use crate::case::{Case, describe};
use crate::delta::{ChangeKind, difference};
use crate::verdict::{Code, Reason, Tier};
use refloat_layer::{Kind, path};
use std::collections::BTreeSet;

/// H1 and its special cases H2 (package databases) and H3 (derived files); users are H10.
pub(super) fn masked(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    for own in case.owned() {
        if own.entry.kind == Kind::Directory {
            continue;
        }
        if let Some(reason) = special(case, own.path) {
            reasons.push(reason.layer(own.layer.clone()));
            continue;
        }
        reasons.extend(covered(case, own.path).map(|reason| reason.layer(own.layer.clone())));
        let Some(change) = case.delta.change(own.path) else {
            continue;
        };
        let wanted = case.delta.new.get(own.path);
        if scope::is_idle(own.path)
            || scope::is_users(own.path)
            || difference(wanted, Some(own.entry)).is_none()
        {
            continue;
        }
        let detail = match change.kind {
            ChangeKind::Removed => {
                "the base dropped this file, and the image's copy of it would stay"
            }
            ChangeKind::Added => "the base brings this file now, and the image's own hides it",
            ChangeKind::Meta => {
                "the base changed this file's attributes, and the image's copy hides that"
            }
            ChangeKind::Content | ChangeKind::Kind => {
                "the base changed this file, and the image's copy hides the change"
            }
        };
        let before = describe(case.delta.old.get(own.path));
        let after = describe(wanted).or_else(|| Some("removed".into()));
        reasons.push(
            Reason::new(
                Code::H1,
                Tier::Unsafe,
                format!(
                    "{detail}: the image has {}",
                    describe(Some(own.entry)).unwrap_or_default()
                ),
            )
            .at(own.path)
            .layer(own.layer.clone())
            .values(before, after),
        );
    }
    reasons.extend(hidden_databases(case));
    case.extend(reasons);
}

/// H1: the app has a link or file where the base has a directory, and the base changed something in it.
fn covered(case: &Case<'_>, at: &str) -> Option<Reason> {
    let (below, _) = case
        .delta
        .changes_below(at)
        .find(|(below, _)| !scope::is_idle(below))?;
    let detail = format!(
        "the image replaced this directory, and hides what the base changed in it: {below}"
    );
    let after = describe(case.delta.new.get(below)).or_else(|| Some("removed".into()));
    Some(
        Reason::new(Code::H1, Tier::Unsafe, detail)
            .at(at)
            .values(describe(case.delta.old.get(below)), after),
    )
}

/// H2 and H3 for one path that the app writes.
fn special(case: &Case<'_>, at: &str) -> Option<Reason> {
    if let Some(manager) = scope::database(at) {
        return Some(database(case, at, manager)).flatten();
    }
    let derived = scope::derived(at)?;
    let input = changed_input(case, at, &derived.inputs)?;
    let detail = format!(
        "{}; its input {input} changed in the base, and the image's copy is older",
        derived.what
    );
    let values = (
        describe(case.delta.old.get(&input)),
        describe(case.delta.new.get(&input)).or_else(|| Some("removed".into())),
    );
    Some(
        Reason::new(Code::H3, Tier::Unsafe, detail)
            .at(at)
            .values(values.0, values.1),
    )
}

fn database(case: &Case<'_>, at: &str, manager: &str) -> Option<Reason> {
    let delta = case.delta;
    if scope::is_single_package(at) {
        let is_same = difference(delta.new.get(at), case.new.get(at)).is_none();
        if delta.change(at).is_none() || is_same {
            return None;
        }
    }
    let changed = scope::database_places(manager)
        .iter()
        .flat_map(|place| delta.changes_below(place))
        .map(|(path, _)| path)
        .find(|path| {
            scope::is_single_package(path) == scope::is_single_package(at)
                && scope::database(path).is_some()
        });
    let Some(changed) = changed else {
        let detail =
            format!("the image installed packages with {manager}; the base's own did not change");
        return Some(Reason::new(Code::H2, Tier::Test, detail).at(at));
    };
    let detail = format!(
        "the image's {manager} database hides the base's, which changed ({changed}): scanners and the package manager would see the old packages"
    );
    let what = if delta.change(at).is_some() {
        at
    } else {
        changed
    };
    Some(
        Reason::new(Code::H2, Tier::Unsafe, detail)
            .at(at)
            .values(describe(delta.old.get(what)), describe(delta.new.get(what))),
    )
}

/// A package database that the app deletes or empties.
fn hidden_databases(case: &Case<'_>) -> Vec<Reason> {
    case.touches
        .iter()
        .filter(|(_, touch)| touch.act != crate::tree::Act::Write)
        .filter_map(|(_, touch)| {
            let manager = scope::database(&touch.path)?;
            let reason = database(case, &touch.path, manager)?;
            Some(reason.layer(case.layer_of(touch)))
        })
        .collect()
}

fn changed_input(case: &Case<'_>, at: &str, inputs: &Inputs) -> Option<String> {
    let delta = case.delta;
    let is_below_any = |place: &str| -> Option<String> {
        if delta
            .change(place)
            .is_some_and(|change| change.kind != ChangeKind::Meta)
        {
            return Some(place.to_owned());
        }
        delta
            .changes_below(place)
            .find(|(path, change)| *path != at && change.kind != ChangeKind::Meta)
            .map(|(path, _)| path.to_owned())
    };
    let found = match inputs {
        Inputs::Below(places) => places.iter().find_map(|place| is_below_any(place)),
        Inputs::Folder(folder) => is_below_any(folder),
        Inputs::File(file) => is_below_any(file),
        Inputs::Libraries => delta
            .changed_libraries
            .first()
            .cloned()
            .or_else(|| is_below_any("etc/ld.so.conf"))
            .or_else(|| is_below_any("etc/ld.so.conf.d")),
    };
    // The file itself changed: it is the base's, whatever it is made from.
    found.or_else(|| {
        let is_same = difference(delta.new.get(at), case.new.get(at)).is_none();
        (delta.change(at).is_some() && !is_same).then(|| at.to_owned())
    })
}

/// H7: hard links into the base, in archives that some runtimes cannot even unpack.
pub(super) fn hardlinks(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    let mut seen = BTreeSet::new();
    for (_, touch) in &case.touches {
        let Some(entry) = case.new.touched(touch) else {
            continue;
        };
        let Kind::LowerHardlink(target) = &entry.kind else {
            continue;
        };
        if !seen.insert(touch.path.clone()) {
            continue;
        }
        let is_there = case.delta.new.get(target).is_some() || case.new.get(target).is_some();
        let change = case.delta.change(target);
        let hits_parent = path::ancestors(target).any(|above| {
            case.delta
                .change(above)
                .is_some_and(|it| it.kind == ChangeKind::Kind)
        });
        let (tier, detail) = if change.is_some() || hits_parent || !is_there {
            (
                Tier::Unsafe,
                format!("a hard link to {target} of a lower layer, which changed in the base"),
            )
        } else {
            (
                Tier::Test,
                format!("a hard link to {target} of a lower layer: not every runtime unpacks it"),
            )
        };
        reasons.push(
            Reason::new(Code::H7, tier, detail)
                .at(&touch.path)
                .layer(case.layer_of(touch))
                .values(
                    describe(case.delta.old.get(target)),
                    describe(case.delta.new.get(target)),
                ),
        );
    }
    case.extend(reasons);
}
