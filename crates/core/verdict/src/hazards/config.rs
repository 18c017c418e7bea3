//! H20, H22, the history, and everything that could not be read.

use super::languages::variables_of;
use super::users;
use crate::case::{Case, describe};
use crate::config::{get, non_empty};
use crate::system::is_read;
use crate::verdict::{Code, Reason, Tier};
use refloat_layer::{Kind, Mention};
use serde_json::Value;
use std::collections::BTreeSet;

/// H20: files of the app beside configuration that the base changed.
pub(super) fn beside(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    let mut seen = BTreeSet::new();
    for own in case.owned() {
        if own.entry.kind == Kind::Directory {
            continue;
        }
        let Some(root) = root_of(own.path) else {
            continue;
        };
        if !seen.insert(root.to_owned()) {
            continue;
        }
        let changed = case.delta.changes_below(root).find(|(at, _)| {
            case.new
                .get(at)
                .is_none_or(|entry| entry.kind != Kind::Directory)
                && !case.is_own(at)
        });
        if let Some((changed, _)) = changed {
            let detail =
                format!("the image configures {root}, and the base changed {changed} beside it");
            reasons.push(
                Reason::new(Code::H20, Tier::Test, detail)
                    .at(own.path)
                    .layer(own.layer.clone())
                    .values(
                        describe(case.delta.old.get(changed)),
                        describe(case.delta.new.get(changed)).or_else(|| Some("removed".into())),
                    ),
            );
        }
    }
    case.extend(reasons);
}

/// The folder of one program's configuration: `etc/nginx`.
fn root_of(at: &str) -> Option<&str> {
    ["etc/", "usr/local/etc/", "usr/etc/", "opt/"]
        .iter()
        .find_map(|beginning| {
            let rest = at.strip_prefix(beginning)?;
            let (folder, _) = rest.split_once('/')?;
            Some(&at[..beginning.len() + folder.len()])
        })
        // Everything of etc/ssl is H3's.
        .filter(|root| *root != "etc/ssl")
}

/// H22: another distribution, C library, package manager or default user.
pub(super) fn another_thing(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    let (old, new) = &case.delta.os;
    let words =
        |os: &Option<crate::system::OsRelease>| os.as_ref().map(crate::system::OsRelease::words);
    if old.as_ref().map(crate::system::OsRelease::line)
        != new.as_ref().map(crate::system::OsRelease::line)
    {
        let detail = "the base is another distribution or another release of it";
        reasons.push(
            Reason::new(Code::H22, Tier::Unsafe, detail)
                .at("etc/os-release")
                .values(words(old), words(new)),
        );
    }
    let (before, after) = &case.delta.databases;
    let list = |names: &[&str]| Some(names.join(", "));
    if before.libc != after.libc {
        let detail = "the base has another C library";
        reasons.push(
            Reason::new(Code::H22, Tier::Unsafe, detail)
                .at("lib")
                .values(list(&before.libc), list(&after.libc)),
        );
    }
    if before.managers != after.managers {
        let detail = "the base has another package manager";
        reasons.push(
            Reason::new(Code::H22, Tier::Unsafe, detail)
                .values(list(&before.managers), list(&after.managers)),
        );
    }
    reasons.extend(users::inherited_user(case));
    case.extend(reasons);
}

/// Fields that change what a container does, and that the image takes over from the new base.
const FELT: [&str; 6] = [
    "Entrypoint",
    "Cmd",
    "WorkingDir",
    "Volumes",
    "StopSignal",
    "Healthcheck",
];
/// Variables that change what programs load.
const LOADING: [&str; 11] = [
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "NODE_OPTIONS",
    "NODE_PATH",
    "JAVA_TOOL_OPTIONS",
    "BASH_ENV",
    "PERL5LIB",
    "RUBYLIB",
    "RUBYOPT",
];

/// The new base's defaults arrive by the merge; whether the app gets along with them is for a test.
pub(super) fn inherited(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    for field in FELT {
        let (old, new) = (
            non_empty(case.config(field)),
            non_empty(case.merged_config(field)),
        );
        if old != new {
            let detail = format!("the base changed {field}, and the image inherits it");
            let told = |value: Option<&Value>| value.map(ToString::to_string);
            reasons.push(
                Reason::new(Code::H22, Tier::Test, detail)
                    .at(&format!("config.{field}"))
                    .values(told(old), told(new)),
            );
        }
    }
    for field in ["Entrypoint", "Cmd"] {
        if case.merged_config(field).is_string() {
            let detail = format!("{field} is no list; what it starts was not looked up");
            reasons.push(Reason::new(Code::H19, Tier::Test, detail).at(&format!("config.{field}")));
        }
    }
    let (old, new) = (variables_of(&case.app.config), variables_of(&case.merged));
    for key in LOADING {
        let (before, after) = (get(&old, key), get(&new, key));
        if before != after {
            let detail = format!("the base changed {key}, which changes what programs load");
            let told = |value: Option<&str>| value.map(str::to_owned);
            reasons.push(
                Reason::new(Code::H25, Tier::Test, detail)
                    .at(&format!("config.Env.{key}"))
                    .values(told(before), told(after)),
            );
        }
    }
    reasons.extend(dropped(case, &old, &new));
    case.extend(reasons);
}

/// H21: variables that the base sets no longer, or otherwise, and that the image's files or commands speak of.
fn dropped(case: &Case<'_>, old: &[(String, String)], new: &[(String, String)]) -> Vec<Reason> {
    let started: String = ["Entrypoint", "Cmd", "Healthcheck"]
        .iter()
        .map(|field| case.merged_config(field).to_string())
        .collect();
    let mut reasons = Vec::new();
    for (key, value) in old {
        let now = get(new, key);
        if now == Some(value) || key == "PATH" || LOADING.contains(&key.as_str()) {
            continue;
        }
        let (mut mention, layer) = case.mentions_in_files(key);
        if started.contains(&format!("${key}")) || started.contains(&format!("${{{key}")) {
            mention = Mention::Yes;
        }
        let (tier, detail) = match (now, mention) {
            (None, Mention::Yes) => (
                Tier::Unsafe,
                format!("the base no longer sets {key}, and the image speaks of it"),
            ),
            (None, Mention::CannotTell) => (
                Tier::Test,
                format!("the base no longer sets {key}; whether the image reads it cannot be seen"),
            ),
            (Some(_), Mention::Yes) => (
                Tier::Test,
                format!("the base sets {key} otherwise, and the image speaks of it"),
            ),
            _ => continue,
        };
        reasons.push(
            Reason::new(Code::H21, tier, detail)
                .at(&format!("config.Env.{key}"))
                .layer(layer)
                .values(Some(value.clone()), now.map(str::to_owned)),
        );
    }
    reasons
}

/// What ran while the app's layers were made may have read anything of the base.
pub(super) fn history(case: &mut Case<'_>) {
    let has_layers = !case.layers().is_empty();
    if case.delta.is_empty() || !has_layers {
        return;
    }
    let reason = if case.seam.at.is_none() {
        Reason::new(
            Code::History,
            Tier::Test,
            "the image has no history: how its layers were made is not known",
        )
    } else if let Some(first) = case.seam.ran.first() {
        let detail = format!(
            "{} instruction(s) of the image ran commands on the old base, the first: {first}",
            case.seam.ran.len()
        );
        Reason::new(Code::History, Tier::Test, detail)
    } else {
        return;
    };
    case.push(reason);
}

/// Databases and layers that are there and could not be understood.
pub(super) fn unreadable(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    if case.delta.is_empty() && case.delta.ambiguous.is_empty() {
        return;
    }
    if let Err(why) = &case.delta.packages {
        reasons.push(Reason::new(
            Code::Packages,
            Tier::Test,
            format!("the base's packages cannot be read: {why}"),
        ));
    }
    for databases in [&case.delta.databases.0, &case.delta.databases.1] {
        if let Some(manager) = databases.unknown() {
            let detail = format!("unknown package database: {manager}'s cannot be read yet");
            reasons.push(Reason::new(Code::Packages, Tier::Test, detail));
        }
    }
    for own in case.owned() {
        let unknown = super::scope::database(own.path).filter(|manager| !is_read(manager));
        if let Some(manager) = unknown {
            let detail =
                format!("unknown package database in the image: {manager}'s cannot be read yet");
            reasons.push(
                Reason::new(Code::Packages, Tier::Test, detail)
                    .at(own.path)
                    .layer(own.layer.clone()),
            );
            break;
        }
    }
    for touch in &case.delta.ambiguous {
        let detail = "a layer of the base writes below a link or over a file; runtimes disagree on what that does";
        reasons.push(Reason::new(Code::Layer, Tier::Test, detail).at(&touch.written));
    }
    let bases = case
        .delta
        .old
        .layers()
        .iter()
        .chain(case.delta.new.layers());
    for layer in bases.chain(case.layers()) {
        for oddity in &layer.oddities {
            reasons.push(
                Reason::new(Code::Layer, Tier::Test, oddity.kind.words())
                    .at(&oddity.path)
                    .layer(layer.diff_id.to_string()),
            );
        }
        for entry in &layer.entries {
            let is_mark = entry.kind == Kind::Character(0, 0)
                || entry.xattrs.keys().any(|name| name.contains("overlay."));
            if is_mark {
                let detail =
                    "a mark of an overlay file system: some runtimes take it for a whiteout";
                reasons.push(
                    Reason::new(Code::Layer, Tier::Test, detail)
                        .at(&entry.path)
                        .layer(layer.diff_id.to_string()),
                );
            }
        }
    }
    case.extend(reasons);
}
