//! H8, H9: what the base no longer has, and what it allows differently.

use super::effect::package_of;
use super::{frameworks, languages, scope};
use crate::case::{Case, describe};
use crate::delta::ChangeKind;
use crate::search::{directories, program};
use crate::verdict::{Code, Reason, Tier};
use refloat_layer::{Entry, Facts, Kind, Mention, path};
use serde_json::Value;
use std::collections::BTreeSet;

/// H8: something is gone. Unsafe if the app speaks of it or stands on the runtime it belonged to; what cannot be told
/// is for a test.
pub(super) fn removed(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    let languages = languages::used(case);
    let mut told = BTreeSet::new();
    for (at, change) in &case.delta.changes {
        let is_gone = change.kind == ChangeKind::Removed
            || change.kind == ChangeKind::Kind
                && case
                    .delta
                    .old
                    .get(at)
                    .is_some_and(|it| it.kind != Kind::Directory);
        let is_of_interest = !scope::is_idle(at)
            && scope::database(at).is_none()
            && !path::ancestors(at).any(|above| told.contains(above));
        // The app brings it itself, or had hidden it anyway.
        let is_missed =
            case.old.get(at).is_some() && case.new.get(at).is_none() && !case.was_own(at);
        if !is_gone || !is_of_interest || !is_missed {
            continue;
        }
        let Some(entry) = case.delta.old.get(at) else {
            continue;
        };
        if let Some((tier, detail, layer)) = weigh(case, at, entry, &languages) {
            told.insert(at.as_str());
            reasons.push(
                Reason::new(Code::H8, tier, detail)
                    .at(at)
                    .layer(layer)
                    .values(describe(Some(entry)), Some("removed".into())),
            );
        }
    }
    reasons.extend(dangling(case));
    case.extend(reasons);
}

/// H8, H18: paths that the app's scripts name, whole, and that are gone.
pub(super) fn named(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (at, change) in &case.delta.changes {
        let is_missed = matches!(change.kind, ChangeKind::Removed | ChangeKind::Kind)
            && case.old.resolve(at).is_some()
            && case.new.resolve(at).is_none();
        if !is_missed || scope::is_idle(at) || path::ancestors(at).any(|above| told.contains(above))
        {
            continue;
        }
        let Some(layer) = case.named_in(at) else {
            continue;
        };
        told.insert(at);
        let runtime = ["java", "jdk", "jre", "jvm", "dotnet"];
        let code = if runtime.iter().any(|word| at.contains(word)) {
            Code::H18
        } else {
            Code::H8
        };
        let detail = format!("a script of the image names /{at}, which the new base does not have");
        reasons.push(
            Reason::new(code, Tier::Unsafe, detail)
                .at(at)
                .layer(layer)
                .values(describe(case.delta.old.get(at)), Some("removed".into())),
        );
    }
    case.extend(reasons);
}

fn weigh(
    case: &Case<'_>,
    at: &str,
    entry: &Entry,
    languages: &BTreeSet<&'static str>,
) -> Option<(Tier, String, Option<String>)> {
    let name = path::name(at);
    if let Some(language) = languages::module_of(at)
        && languages.contains(language)
        && !has_successor(case, at, entry)
    {
        if stays_as_package(case, at) {
            let detail = format!("a part of a {language} package is gone, and the package stays");
            return Some((Tier::Test, detail, None));
        }
        let detail = format!("a module of {language} is gone, and the image runs on it");
        return Some((Tier::Unsafe, detail, None));
    }
    if entry.kind == Kind::Directory {
        return folder(case, at, name);
    }
    let (mention, layer) = case.mentions(name);
    if has_successor(case, at, entry) {
        // Who names the file instead of the library, or looks it up by hand, cannot be told from who links it.
        let detail = format!(
            "the file of this library is called otherwise now, and the image may speak of `{name}`"
        );
        return (mention != Mention::No).then_some((Tier::Test, detail, layer));
    }
    if mention != Mention::No && moved_with_path(case, at) {
        let detail = format!(
            "the base has `{name}` elsewhere now, and its PATH says so; who names the old place would miss it"
        );
        return Some((Tier::Test, detail, layer));
    }
    if mention == Mention::Yes && case.owned().any(|own| path::name(own.path) == name) {
        let detail = format!("it is gone from the base; the image brings a `{name}` of its own");
        return Some((Tier::Test, detail, layer));
    }
    if mention == Mention::Yes {
        return Some((
            Tier::Unsafe,
            format!("it is gone from the base, and the image speaks of `{name}`"),
            layer,
        ));
    }
    let is_used_unseen = scope::is_program_place(at)
        || name.contains(".so")
        || entry.mode & 0o111 != 0 && matches!(entry.kind, Kind::File { .. });
    if mention == Mention::CannotTell {
        let detail =
            format!("it is gone from the base; whether the image uses `{name}` cannot be seen");
        return Some((Tier::Test, detail, layer));
    }
    let why = if case.has_programs {
        "what compiled programs start cannot be seen"
    } else if case.seam.ran.is_empty() {
        return None;
    } else {
        "its layers were made by commands"
    };
    is_used_unseen.then(|| {
        let detail =
            format!("it is gone from the base; nothing in the image speaks of it, but {why}");
        (Tier::Test, detail, None)
    })
}

/// A folder that is gone, if the image speaks of it. A file may name the folder and never what is in it; then it names
/// all of the way to it.
fn folder(case: &Case<'_>, at: &str, name: &str) -> Option<(Tier, String, Option<String>)> {
    let (mention, layer) = case.mentions(name);
    if mention != Mention::Yes || name.len() <= 3 {
        return None;
    }
    let is_empty = case.delta.old.below(at).next().is_none();
    let is_named = || {
        at.split('/')
            .all(|part| case.mentions(part).0 == Mention::Yes)
    };
    (is_empty || is_named()).then(|| {
        let detail = format!("the directory is gone, and the image speaks of `{name}`");
        (Tier::Test, detail, layer)
    })
}

/// A program of a directory that the base took out of PATH, and that PATH finds elsewhere.
fn moved_with_path(case: &Case<'_>, at: &str) -> bool {
    let search = |config: &Value| directories(&languages::variables_of(config));
    let (old, new) = (search(&case.app.config), search(&case.merged));
    let directory = format!("/{}", path::parent(at).unwrap_or_default());
    old.contains(&directory)
        && !new.contains(&directory)
        && program(&case.new, path::name(at), &new, "/").is_some()
}

/// A part of something that is still there in another version: of a Python distribution whose modules nobody in the
/// image names, or of a .NET framework that the image's configuration takes in the new version.
fn stays_as_package(case: &Case<'_>, at: &str) -> bool {
    if at.contains("/shared/Microsoft.") {
        return matches!(frameworks::dotnet(case), frameworks::Asks::Met { .. });
    }
    let Some((site, below)) = ["/site-packages/", "/dist-packages/"]
        .iter()
        .find_map(|mark| Some((at.find(mark)? + mark.len(), mark)))
        .map(|(end, _)| at.split_at(end))
    else {
        return false;
    };
    let top = below.split('/').next().unwrap_or_default();
    if let Some((name, _)) = package_of(top) {
        let of_site = case.new.below(site.trim_end_matches('/'));
        let mut folders = of_site.filter_map(|(path, _)| {
            let rest = path.strip_prefix(site)?;
            (!rest.contains('/')).then_some(rest)
        });
        return folders.any(|folder| package_of(folder).is_some_and(|other| other.0 == name));
    }
    let stem = path::name(at).split('.').next().unwrap_or_default();
    below.contains('/')
        && case.new.get(&format!("{site}{top}")).is_some()
        && case.mentions(stem).0 != Mention::Yes
}

/// A library whose name for others stays, only its file is called otherwise; or the same file elsewhere under a link.
fn has_successor(case: &Case<'_>, at: &str, entry: &Entry) -> bool {
    let directory = path::parent(at).unwrap_or_default();
    if let Kind::File {
        facts: Facts::Elf(elf),
        ..
    } = &entry.kind
        && let Some(soname) = &elf.soname
        && soname != path::name(at)
    {
        let is_library = |found: &Entry| matches!(&found.kind, Kind::File { facts: Facts::Elf(new), .. } if new.soname.as_ref() == Some(soname) && new.bits == elf.bits && new.machine == elf.machine);
        let is_same = case
            .new
            .follow(&path::join(directory, soname))
            .is_some_and(|(_, found)| is_library(found));
        if is_same {
            return true;
        }
    }
    // A directory above became a link, and the path still leads to the same.
    let old = case.old.hash_of(at);
    old.is_some() && case.new.hash_of(at) == old
}

/// Links of the app's that pointed to something and would point to nothing.
fn dangling(case: &Case<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for own in case.owned() {
        let Kind::Symlink(target) = &own.entry.kind else {
            continue;
        };
        if case.old.follow(own.path).is_some() && case.new.follow(own.path).is_none() {
            reasons.push(
                Reason::new(
                    Code::H8,
                    Tier::Unsafe,
                    format!("the image's link to {target} would point to nothing"),
                )
                .at(own.path)
                .layer(own.layer.clone())
                .values(case.old.resolve(own.path), Some("removed".into())),
            );
        }
    }
    reasons
}

/// H9: capabilities, set-id bits and permissions of what the app does not write itself.
pub(super) fn attributes(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    for (at, change) in &case.delta.changes {
        let (Some(old), Some(new)) = (case.delta.old.get(at), case.delta.new.get(at)) else {
            continue;
        };
        if !change.is_meta
            || scope::is_idle(at)
            || scope::database(at).is_some()
            || case.new.get(at).is_none()
            || case.is_own(at)
        {
            continue;
        }
        let is_program =
            |entry: &Entry| matches!(entry.kind, Kind::File { .. }) && entry.mode & 0o111 != 0;
        let powers = |entry: &Entry| {
            (
                entry.mode & 0o6000,
                entry.xattrs.get("security.capability").cloned(),
            )
        };
        let detail = if is_program(old) && !is_program(new) {
            "it may no longer be executed"
        } else if powers(old) != powers(new) {
            "capabilities or set-id bits changed"
        } else {
            "permissions, owner or attributes changed"
        };
        let is_used = is_program(old) && matches!(case.mentions(path::name(at)).0, Mention::Yes);
        let loses = is_program(old) && (!is_program(new) || powers(old) != powers(new));
        let tier = if is_used && loses {
            Tier::Unsafe
        } else {
            Tier::Test
        };
        reasons.push(
            Reason::new(Code::H9, tier, detail)
                .at(at)
                .values(describe(Some(old)), describe(Some(new))),
        );
    }
    case.extend(reasons);
}
