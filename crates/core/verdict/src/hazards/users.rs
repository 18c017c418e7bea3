//! H10, H11: users and groups, by name and by number.

use super::scope;
use crate::case::{Case, describe};
use crate::config::non_empty;
use crate::delta::difference;
use crate::system::Users;
use crate::verdict::{Code, Reason, Tier};
use serde_json::Value;
use std::collections::BTreeMap;

/// H10: the app's copy of a users file hides the base's, which changed.
pub(super) fn files_on_both_sides(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    for own in case.owned() {
        if !scope::is_users(own.path) || case.delta.change(own.path).is_none() {
            continue;
        }
        let wanted = case.delta.new.get(own.path);
        if difference(wanted, Some(own.entry)).is_some() {
            let detail = "the image and the new base both changed the users or groups: the base's would be lost";
            reasons.push(
                Reason::new(Code::H10, Tier::Unsafe, detail)
                    .at(own.path)
                    .layer(own.layer.clone())
                    .values(describe(case.delta.old.get(own.path)), describe(wanted)),
            );
        }
    }
    case.extend(reasons);
}

/// H11: the user that the image runs as, and the owners of its files, mean the same on both bases.
pub(super) fn meanings(case: &mut Case<'_>) {
    let (old, new) = (Users::of(&case.old), Users::of(&case.new));
    if old == new && !old.is_unknown {
        return;
    }
    let mut reasons = Vec::new();
    if old.is_unknown || new.is_unknown {
        let detail = "the users could not be read";
        reasons.push(Reason::new(Code::H11, Tier::Test, detail).at("etc/passwd"));
    }
    let user = case
        .merged_config("User")
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let was = case.config("User").as_str().unwrap_or_default().to_owned();
    let (before, after) = (account(&was, &old), account(&user, &new));
    if before != after {
        let detail = format!("the image runs as `{user}`, who is somebody else on the new base");
        reasons.push(
            Reason::new(Code::H11, Tier::Unsafe, detail)
                .at("config.User")
                .values(Some(before), Some(after)),
        );
    }
    reasons.extend(owners(case, &old, &new));
    case.extend(reasons);
}

/// Who `user[:group]` is: numbers, names and the home.
fn account(written: &str, users: &Users) -> String {
    let (user, group) = written.split_once(':').unwrap_or((written, ""));
    let user = if user.is_empty() { "0" } else { user };
    let (uid, known) = if let Ok(uid) = user.parse::<u64>() {
        (
            Some(uid),
            users
                .user_names
                .get(&uid)
                .and_then(|name| users.accounts.get(name)),
        )
    } else {
        let known = users.accounts.get(user);
        (known.map(|known| known.uid), known)
    };
    let gid = match group {
        "" => known.map(|known| known.gid),
        _ => group
            .parse()
            .ok()
            .or_else(|| users.groups.get(group).copied()),
    };
    let name = uid
        .and_then(|uid| users.user_names.get(&uid))
        .map_or("nobody known", String::as_str);
    let group_name = gid
        .and_then(|gid| users.group_names.get(&gid))
        .map_or("", String::as_str);
    let number = |id: Option<u64>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
    let home = known.map_or("", |known| known.home.as_str());
    let others = users
        .memberships
        .get(name)
        .map(|groups| groups.join(","))
        .unwrap_or_default();
    format!(
        "{}({name}) {}({group_name}) {others} {home}",
        number(uid),
        number(gid)
    )
}

fn owners(case: &Case<'_>, old: &Users, new: &Users) -> Vec<Reason> {
    let mut users: BTreeMap<u64, (String, String)> = BTreeMap::new();
    let mut groups: BTreeMap<u64, (String, String)> = BTreeMap::new();
    for own in case.owned() {
        users
            .entry(own.entry.uid)
            .or_insert_with(|| (own.path.to_owned(), own.layer.clone()));
        groups
            .entry(own.entry.gid)
            .or_insert_with(|| (own.path.to_owned(), own.layer.clone()));
    }
    let mut reasons = Vec::new();
    for (found, before, after, what) in [
        (&users, &old.user_names, &new.user_names, "user"),
        (&groups, &old.group_names, &new.group_names, "group"),
    ] {
        for (id, (path, layer)) in found {
            if *id != 0 && before.get(id) != after.get(id) {
                let detail = format!(
                    "the image's files belong to {what} {id}, who is somebody else on the new base"
                );
                reasons.push(
                    Reason::new(Code::H11, Tier::Unsafe, detail)
                        .at(path)
                        .layer(layer.clone())
                        .values(before.get(id).cloned(), after.get(id).cloned()),
                );
            }
        }
    }
    reasons
}

/// True if the default user of the base changed under an app that inherits it.
pub(super) fn inherited_user(case: &Case<'_>) -> Option<Reason> {
    let field = |config: &Value| {
        config
            .pointer("/config/User")
            .and_then(non_empty)
            .map(ToString::to_string)
    };
    let (old, new) = (
        field(&case.delta.old_facts.config),
        field(&case.delta.new_facts.config),
    );
    let own = field(&case.app.config);
    (old != new && own == old).then(|| {
        Reason::new(
            Code::H22,
            Tier::Unsafe,
            "the base's default user changed, and the image inherits it",
        )
        .at("config.User")
        .values(old, new)
    })
}
