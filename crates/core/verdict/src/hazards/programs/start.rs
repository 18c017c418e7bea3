//! H19: what is started: entrypoint, command, health check, and the interpreters of the app's scripts.

use super::chain::Chains;
use super::{Found, scope};
use crate::case::{Case, describe};
use crate::config::variables;
use crate::delta::ChangeKind;
use crate::search::{directories, elf_at, program};
use crate::tree::Tree;
use crate::verdict::{Code, Reason, Tier};
use refloat_layer::{Facts, Kind, Mention, path};
use serde_json::Value;
use std::collections::BTreeSet;

/// Words of a shell command that are looked up as programs.
const SHELL_WORDS_MAX: usize = 200;

/// Looks at everything that is started by name.
pub(in crate::hazards) fn commands(case: &mut Case<'_>, _found: &Found) {
    let mut reasons = Vec::new();
    let search = Search::of(case);
    let mut chains = Chains::new(case, &search);
    for (field, words) in started(case) {
        reasons.extend(search.compare(case, &words[0], &field, None, true));
        reasons.extend(chains.behind(&words[0], &field, None));
        if let Some(script) = shell_script(&words) {
            for word in script_words(script) {
                reasons.extend(search.compare(case, word, &field, None, false));
                reasons.extend(chains.behind(word, &field, None));
            }
            let detail = "a shell command; what it starts was looked up by name only";
            reasons.push(Reason::new(Code::Script, Tier::Test, detail).at(&field));
        }
        reasons.extend(arguments(case, &field, &words));
    }
    reasons.extend(scripts(case, &search, &mut chains));
    reasons.extend(retargeted(case));
    case.extend(reasons);
}

/// Where names of programs are looked for, on both bases.
pub(super) struct Search {
    pub(super) old: Vec<String>,
    pub(super) new: Vec<String>,
    pub(super) working: (String, String),
}

impl Search {
    fn of(case: &Case<'_>) -> Self {
        let path =
            |config: &Value| directories(&variables(config.get("config").unwrap_or(&Value::Null)));
        let working = |value: &Value| value.as_str().unwrap_or("/").to_owned();
        Self {
            old: path(&case.app.config),
            new: path(&case.merged),
            working: (
                working(case.config("WorkingDir")),
                working(case.merged_config("WorkingDir")),
            ),
        }
    }

    /// The same name on both bases. `is_needed`: it is started for certain.
    fn compare(
        &self,
        case: &Case<'_>,
        name: &str,
        field: &str,
        layer: Option<&str>,
        is_needed: bool,
    ) -> Option<Reason> {
        let old = program(&case.old, name, &self.old, &self.working.0);
        let new = program(&case.new, name, &self.new, &self.working.1);
        let reason = |tier: Tier, detail: String| {
            let values = (
                told(&case.old, old.as_deref()),
                told(&case.new, new.as_deref()),
            );
            Some(
                Reason::new(Code::H19, tier, detail)
                    .at(field)
                    .layer(layer.map(str::to_owned))
                    .values(values.0, values.1),
            )
        };
        match (&old, &new) {
            (None, None) if is_needed => reason(Tier::Test, format!("`{name}` is on neither base")),
            (None, None) => None,
            (Some(_), None) => reason(
                Tier::Unsafe,
                format!("`{name}` is missing from the new base"),
            ),
            (None, Some(_)) => reason(Tier::Test, format!("`{name}` is on the new base only")),
            (Some(before), Some(after)) => {
                if before != after && case.new.resolve(before).is_some() {
                    let detail = format!("`{name}` would be {after} instead of {before}");
                    return Some(Reason {
                        code: Code::H25,
                        ..reason(Tier::Unsafe, detail)?
                    });
                }
                let (tier, detail) = implementation(case, name, before, after)?;
                reason(tier, detail)
            }
        }
    }
}

fn told(tree: &Tree, at: Option<&str>) -> Option<String> {
    let at = at?;
    let (file, entry) = tree.follow(at)?;
    Some(format!(
        "{file}: {}",
        describe(Some(entry)).unwrap_or_default()
    ))
}

/// Whether a name that is found on both bases means the same program.
fn implementation(
    case: &Case<'_>,
    name: &str,
    before: &str,
    after: &str,
) -> Option<(Tier, String)> {
    let (old_file, old) = case.old.follow(before)?;
    let (new_file, new) = case.new.follow(after)?;
    let (
        Kind::File {
            hash: was,
            facts: old_facts,
            ..
        },
        Kind::File {
            hash: is,
            facts: new_facts,
            ..
        },
    ) = (&old.kind, &new.kind)
    else {
        return None;
    };
    if new.mode & 0o111 == 0 && old.mode & 0o111 != 0 {
        return Some((Tier::Unsafe, format!("`{name}` may no longer be executed")));
    }
    if was == is {
        return None;
    }
    let is_other = |detail: String| {
        Some((
            Tier::Unsafe,
            format!("`{name}` is another program: {detail}"),
        ))
    };
    if path::name(&old_file) != path::name(&new_file) {
        return is_other(format!("{old_file} before, {new_file} now"));
    }
    if std::mem::discriminant(old_facts) != std::mem::discriminant(new_facts) {
        return is_other("a script before and a program now, or the reverse".into());
    }
    let (owners_old, owners_new) = &case.delta.owners;
    if let (Some(old), Some(new)) = (owners_old.get(&old_file), owners_new.get(&new_file))
        && old != new
    {
        return is_other(format!("of package {old} before, of {new} now"));
    }
    let (old_twins, new_twins) = (
        twins(&case.old, *was, &old_file),
        twins(&case.new, *is, &new_file),
    );
    if !old_twins.is_empty() && !new_twins.is_empty() && old_twins.is_disjoint(&new_twins) {
        let first = |names: &BTreeSet<String>| names.first().cloned().unwrap_or_default();
        return is_other(format!(
            "the same file as {} before, as {} now",
            first(&old_twins),
            first(&new_twins)
        ));
    }
    // One that is a single program here and a box of many there is another one.
    if old_twins.len().abs_diff(new_twins.len()) > 20 {
        return is_other("one of many names of one file before or now".into());
    }
    let soname = |tree: &Tree, file: &str| {
        elf_at(tree, file).map(|elf| (elf.machine, elf.interpreter.clone()))
    };
    if soname(&case.old, &old_file) != soname(&case.new, &new_file) {
        return is_other("for another machine or C library".into());
    }
    // The same launcher of the same Java: whether it runs what the image has is H18.
    let is_java = path::name(&new_file) == "java" && matches!(new_facts, Facts::Elf(_));
    let detail = format!("`{name}` is started, and its file changed");
    (!is_java).then_some((Tier::Test, detail))
}

/// Other names in directories of programs that are the same file.
fn twins(tree: &Tree, hash: [u8; 32], file: &str) -> BTreeSet<String> {
    let own = path::name(file);
    tree.iter()
        .filter(|(at, _, entry)| {
            matches!(entry.kind, Kind::File { hash: own, .. } if own == hash)
                && scope::is_program_place(at)
        })
        .map(|(at, ..)| path::name(at).to_owned())
        .filter(|name| name != own)
        .collect()
}

/// What the result's config starts: the field, and the words.
fn started(case: &Case<'_>) -> Vec<(String, Vec<String>)> {
    let words = |value: &Value| -> Vec<String> {
        let list = value.as_array().into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (entrypoint, command) = (
        words(case.merged_config("Entrypoint")),
        words(case.merged_config("Cmd")),
    );
    let mut found = Vec::new();
    if entrypoint.is_empty() {
        found.push(("config.Cmd", command));
    } else {
        // The command is what entrypoint scripts start in the end.
        found.push(("config.Entrypoint", entrypoint));
        found.push(("config.Cmd", command));
    }
    let health = words(
        case.merged_config("Healthcheck")
            .get("Test")
            .unwrap_or(&Value::Null),
    );
    match health.first().map(String::as_str) {
        Some("CMD") => found.push(("config.Healthcheck", health[1..].to_vec())),
        Some("CMD-SHELL") => {
            let mut shell = words(case.merged_config("Shell"));
            if shell.is_empty() {
                shell = vec!["/bin/sh".into(), "-c".into()];
            }
            shell.extend_from_slice(&health[1..]);
            found.push(("config.Healthcheck", shell));
        }
        _ => {}
    }
    found.retain(|(_, words)| words.first().is_some_and(|word| !word.is_empty()));
    // An argument that only looks like a program, after an entrypoint, is not needed on any base.
    found
        .into_iter()
        .map(|(field, words)| (field.to_owned(), words))
        .collect()
}

fn shell_script(words: &[String]) -> Option<&str> {
    let shell = path::name(words.first()?);
    let is_shell = matches!(shell, "sh" | "bash" | "ash" | "dash" | "zsh" | "ksh");
    let flag = words
        .iter()
        .position(|word| word.starts_with('-') && word.ends_with('c'))?;
    is_shell.then(|| words.get(flag + 1).map(String::as_str))?
}

/// Words of a shell command that could be programs.
fn script_words(script: &str) -> BTreeSet<&str> {
    let is_end =
        |character: char| character.is_whitespace() || "|&;<>()$`\"'{}=".contains(character);
    script
        .split(is_end)
        .filter(|word| !word.is_empty() && !word.starts_with('-'))
        .take(SHELL_WORDS_MAX)
        .collect()
}

/// Absolute paths among the arguments that exist on the old base and not on the new one.
fn arguments(case: &Case<'_>, field: &str, words: &[String]) -> Vec<Reason> {
    words
        .iter()
        .flat_map(|word| word.split(['=', ' ', ',', ':', '"', '\'']))
        .filter(|word| word.starts_with('/') && word.len() > 1)
        .filter(|word| case.old.resolve(word).is_some() && case.new.resolve(word).is_none())
        .map(|word| {
            let detail = format!("{word}, which {field} names, is missing from the new base");
            Reason::new(Code::H19, Tier::Unsafe, detail)
                .at(field)
                .values(case.old.resolve(word), Some("missing".into()))
        })
        .collect()
}

/// The interpreters of the app's scripts; and that there are scripts at all.
fn scripts(case: &Case<'_>, search: &Search, chains: &mut Chains<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut first = None;
    let mut count = 0;
    for own in case.owned() {
        let Kind::File {
            facts: Facts::Script(shebang),
            ..
        } = &own.entry.kind
        else {
            continue;
        };
        count += 1;
        first.get_or_insert_with(|| (own.path.to_owned(), own.layer.clone()));
        let env = shebang.through_env();
        for name in std::iter::once(shebang.interpreter.as_str()).chain(env) {
            let is_env = env.is_some() && path::name(name) == "env";
            let reason = search.compare(case, name, own.path, Some(own.layer), true);
            // `env` itself only looks the program up.
            reasons.extend(reason.filter(|reason| !is_env || reason.tier > Tier::Test));
            reasons.extend(chains.behind(name, own.path, Some(own.layer)));
        }
    }
    if let Some((path, layer)) = first
        && !case.delta.is_empty()
    {
        let detail =
            format!("{count} script(s); what they start and read of the base cannot be seen");
        reasons.push(
            Reason::new(Code::Script, Tier::Test, detail)
                .at(&path)
                .layer(layer),
        );
    }
    reasons
}

/// Names of programs that the base gives to others now, if the app speaks of them.
fn retargeted(case: &Case<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for (at, change) in &case.delta.changes {
        let is_replaced = matches!(change.kind, ChangeKind::Content | ChangeKind::Kind);
        let is_link = |tree: &Tree| {
            tree.get(at)
                .is_some_and(|entry| matches!(entry.kind, Kind::Symlink(_)))
        };
        let is_name = scope::is_program_place(at) || path::parent(at) == Some("etc/alternatives");
        if !is_replaced
            || !is_name
            || case.is_own(at)
            || !(is_link(&case.delta.old) || is_link(&case.delta.new))
        {
            continue;
        }
        let (Some(before), Some(after)) = (case.old.resolve(at), case.new.resolve(at)) else {
            continue;
        };
        if path::name(&before) == path::name(&after) {
            continue;
        }
        let name = path::name(at);
        let (mention, layer) = case.mentions(name);
        let tier = match mention {
            Mention::No if !case.has_programs => continue,
            Mention::No | Mention::CannotTell => Tier::Test,
            Mention::Yes => Tier::Unsafe,
        };
        let detail = format!("`{name}` is another program now, and the image may start it");
        reasons.push(
            Reason::new(Code::H19, tier, detail)
                .at(at)
                .layer(layer)
                .values(Some(before), Some(after)),
        );
    }
    reasons
}
