//! H12-H16, H19, H25: what the app's programs load and start, on both bases.

use super::scope;
use crate::case::{Case, describe, hex};
use crate::config::variables;
use crate::delta::ChangeKind;
use crate::search::{Closure, Loader, Provider, directories, elf_at};
use crate::tree::Tree;
use crate::verdict::{Code, Reason, Tier};
use refloat_layer::{Facts, Kind, Mention, path};
use refloat_packages::Elf;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

mod chain;
mod start;
mod symbols;

pub(super) use start::commands;

/// What was found out about the app's programs, for the checks that follow.
#[derive(Default)]
pub(super) struct Found {
    /// Names of libraries that the app's programs load, directly or not.
    pub names: BTreeSet<String>,
    /// The app's files whose symbols all come from what they load by name.
    complete: BTreeSet<String>,
}

/// ELF machines by the config's architecture.
const MACHINES: [(&str, u16); 8] = [
    ("amd64", 62),
    ("arm64", 183),
    ("386", 3),
    ("arm", 40),
    ("ppc64le", 21),
    ("s390x", 22),
    ("riscv64", 243),
    ("loong64", 258),
];

struct Program<'e> {
    path: String,
    layer: String,
    elf: &'e Elf,
}

/// H12, H13, H14, H15, H16: interpreters and libraries of the app's own programs.
pub(super) fn closures(case: &mut Case<'_>) -> Found {
    let mut reasons = Vec::new();
    let mut found = Found::default();
    let programs = own_programs(case, &mut reasons);
    let parts = |config: &Value| variables(config.get("config").unwrap_or(&Value::Null));
    let mut old = Loader::new(&case.old, &parts(&case.app.config));
    let mut new = Loader::new(&case.new, &parts(&case.merged));
    let mut loaded: BTreeMap<String, Reason> = BTreeMap::new();
    for own in &programs {
        if let Some(interpreter) = &own.elf.interpreter {
            reasons.extend(loader_of(case, own, interpreter));
        }
        let (before, after) = (
            old.closure(&own.path, own.elf),
            new.closure(&own.path, own.elf),
        );
        found.names.extend(after.names.keys().cloned());
        found.names.extend(before.names.keys().cloned());
        reasons.extend(compared(case, own, &before, &after, &mut loaded));
        reasons.extend(symbols::missing(case, own, &before, &after));
        if symbols::is_complete(case, own, &after) {
            found.complete.insert(own.path.clone());
        }
    }
    let shadows = shadows(case, &new, &programs);
    let unseen = unseen(case, &programs, &found, !loaded.is_empty());
    reasons.extend(loaded.into_values());
    reasons.extend(shadows);
    reasons.extend(unseen);
    case.extend(reasons);
    found
}

fn own_programs<'c>(case: &'c Case<'_>, reasons: &mut Vec<Reason>) -> Vec<Program<'c>> {
    let architecture = case
        .app
        .config
        .get("architecture")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let machine = MACHINES
        .iter()
        .find(|(name, _)| *name == architecture)
        .map(|(_, machine)| *machine);
    let mut programs = Vec::new();
    for own in case.owned() {
        let Kind::File { facts, .. } = &own.entry.kind else {
            continue;
        };
        match facts {
            // Programs for other machines are cargo.
            Facts::Elf(elf)
                if machine
                    .is_none_or(|machine| machine == elf.machine || is_narrow(machine, elf)) =>
            {
                programs.push(Program {
                    path: own.path.to_owned(),
                    layer: own.layer.clone(),
                    elf,
                });
            }
            Facts::Unread(why) => reasons.push(
                Reason::new(
                    Code::H13,
                    Tier::Test,
                    format!("what it needs could not be read: {why}"),
                )
                .at(own.path)
                .layer(own.layer.clone()),
            ),
            _ => {}
        }
    }
    programs
}

/// 32-bit programs run on some 64-bit machines.
fn is_narrow(machine: u16, elf: &Elf) -> bool {
    matches!((machine, elf.machine), (62, 3) | (183, 40))
}

/// H12.
fn loader_of(case: &Case<'_>, own: &Program<'_>, interpreter: &str) -> Option<Reason> {
    let (before, after) = (case.old.resolve(interpreter), case.new.resolve(interpreter));
    let flavour = |at: &Option<String>| at.as_deref().map(|at| path::name(at).contains("musl"));
    let (tier, detail) = match (&before, &after) {
        (Some(_), None) => (
            Tier::Unsafe,
            format!("its loader {interpreter} is missing from the new base"),
        ),
        (None, None) => (
            Tier::Test,
            format!("its loader {interpreter} is on neither base: it does not run"),
        ),
        (None, Some(_)) => (
            Tier::Test,
            format!("its loader {interpreter} is on the new base only"),
        ),
        (Some(_), Some(_)) if flavour(&before) != flavour(&after) => (
            Tier::Unsafe,
            "its loader belongs to another C library now".to_owned(),
        ),
        (Some(_), Some(at)) if elf_at(&case.new, at).is_none() => (
            Tier::Unsafe,
            format!("its loader {interpreter} is no program"),
        ),
        _ => return None,
    };
    Some(
        Reason::new(Code::H12, tier, detail)
            .at(&own.path)
            .layer(own.layer.clone())
            .values(before, after),
    )
}

/// H13, and changed libraries whose symbols do not all stay.
fn compared(
    case: &Case<'_>,
    own: &Program<'_>,
    before: &Closure,
    after: &Closure,
    loaded: &mut BTreeMap<String, Reason>,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let say = |tier: Tier, detail: String| {
        Reason::new(Code::H13, tier, detail)
            .at(&own.path)
            .layer(own.layer.clone())
    };
    if before.is_cut || after.is_cut {
        let detail = "it loads too many libraries to be followed";
        reasons.push(say(Tier::Test, detail.to_owned()));
    }
    let names: BTreeSet<&String> = before.names.keys().chain(after.names.keys()).collect();
    for name in names {
        let provider =
            |closure: &Closure| closure.names.get(name).and_then(|found| found.1.clone());
        let (old, new) = (provider(before), provider(after));
        if let (Some(old), Some(new)) = (&old, &new) {
            if let Some(reason) = provided(case, own, name, old, new) {
                loaded
                    .entry(format!("{name} {}", reason.code.word()))
                    .or_insert(reason);
            }
        } else if let Some((tier, detail)) = missing(name, before, after) {
            let told = |provider: Option<Provider>| provider.map(|it| it.file);
            reasons.push(say(tier, detail).values(told(old), told(new)));
        }
    }
    reasons
}

/// A name that at least one base does not provide.
fn missing(name: &String, before: &Closure, after: &Closure) -> Option<(Tier, String)> {
    let (was, is) = (before.names.get(name), after.names.get(name));
    let requester = is.or(was).map_or("", |(who, _)| who.as_str());
    let has =
        |side: Option<&(String, Option<Provider>)>| side.is_some_and(|found| found.1.is_some());
    match (has(was), has(is)) {
        // A library that nothing needs any more is no loss.
        (true, false) if is.is_none() => None,
        (true, false) => Some((
            Tier::Unsafe,
            format!("{requester} needs {name}, which the new base does not have"),
        )),
        (false, false) if was.is_none() => Some((
            Tier::Unsafe,
            format!("{requester} of the new base needs {name}, which is not there"),
        )),
        (false, false) => Some((
            Tier::Test,
            format!("{requester} needs {name}, which is on neither base"),
        )),
        (false, true) if was.is_some() => Some((
            Tier::Test,
            format!("{requester} needs {name}, which only the new base has"),
        )),
        // A changed library of the base needs more than before, and has it.
        (false | true, true) => None,
    }
}

/// The same name on both bases: the same library?
fn provided(
    case: &Case<'_>,
    own: &Program<'_>,
    name: &str,
    old: &Provider,
    new: &Provider,
) -> Option<Reason> {
    let reason = |code: Code, tier: Tier, detail: String| {
        let values = (told(&case.old, &old.file), told(&case.new, &new.file));
        Some(
            Reason::new(code, tier, detail)
                .at(&new.file)
                .layer(own.layer.clone())
                .values(values.0, values.1),
        )
    };
    let hashes = (case.old.hash_of(&old.file), case.new.hash_of(&new.file));
    if hashes.0 == hashes.1 {
        return None;
    }
    if old.at != new.at && case.new.resolve(&old.at).is_some() {
        return reason(
            Code::H25,
            Tier::Unsafe,
            format!(
                "{} would load {name} from {} instead of {}",
                own.path, new.at, old.at
            ),
        );
    }
    let soname = |tree: &Tree, file: &str| elf_at(tree, file).and_then(|elf| elf.soname.clone());
    let (before, after) = (soname(&case.old, &old.file), soname(&case.new, &new.file));
    if before != after {
        let words = |name: Option<String>| name.unwrap_or_else(|| "none".into());
        let detail = format!(
            "{} loads {name}, whose own name went from {} to {}",
            own.path,
            words(before),
            words(after)
        );
        return reason(Code::H13, Tier::Unsafe, detail);
    }
    let given = |tree: &Tree, file: &str| elf_at(tree, file).and_then(|elf| elf.symbols.clone());
    let detail = match (given(&case.old, &old.file), given(&case.new, &new.file)) {
        (Some(before), Some(after)) if own.elf.symbols.is_some() => {
            // Only additions are compatible for whoever looks symbols up while it runs (Debian Policy 8.6.2).
            if before.is_kept_by(&after) {
                return None;
            }
            "changed, and no longer gives all of its symbols"
        }
        _ => "changed; its symbols were not compared",
    };
    let detail = format!("{} loads {name}, which {detail}", own.path);
    reason(Code::Dynamic, Tier::Test, detail)
}

fn told(tree: &Tree, file: &str) -> Option<String> {
    Some(format!("{file} blake3:{}", hex(&tree.hash_of(file)?)))
}

/// H16: a library of the app's that changed programs of the base would load.
fn shadows(case: &Case<'_>, loader: &Loader<'_>, programs: &[Program<'_>]) -> Vec<Reason> {
    let places: BTreeSet<String> = loader
        .places()
        .filter_map(|place| case.new.resolve(place))
        .collect();
    let mut reasons = Vec::new();
    let mut names: Vec<(String, String, String)> = Vec::new();
    for own in case.owned() {
        let is_in_place =
            path::parent(own.path).is_some_and(|directory| places.contains(directory));
        let is_file = !matches!(own.entry.kind, Kind::Directory);
        if is_in_place && is_file && path::name(own.path).contains(".so") {
            names.push((
                path::name(own.path).to_owned(),
                own.path.to_owned(),
                own.layer.clone(),
            ));
        }
    }
    for (name, at, layer) in names {
        let Some(user) = case.delta.needed_by_changed.get(&name) else {
            continue;
        };
        if programs.iter().any(|own| own.path == *user) || case.is_own(user) {
            continue;
        }
        let detail = format!("{user} of the new base needs {name} and would load the image's own");
        reasons.push(
            Reason::new(Code::H16, Tier::Unsafe, detail)
                .at(&at)
                .layer(layer)
                .values(
                    describe(case.delta.old.get(&at)),
                    describe(case.delta.new.get(&at)),
                ),
        );
    }
    reasons
}

/// What no list of needs says: libraries that programs open by themselves, and plugins that are opened.
fn unseen(case: &Case<'_>, programs: &[Program<'_>], found: &Found, is_told: bool) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let Some(changed) = case.delta.changed_libraries.first() else {
        return reasons;
    };
    let values = (
        describe(case.delta.old.get(changed)),
        describe(case.delta.new.get(changed)),
    );
    let dynamic = programs.iter().find(|own| {
        own.elf.is_dynamic && own.elf.interpreter.is_some() && symbols::opens_others(own.elf)
    });
    if let (Some(own), false) = (dynamic, is_told) {
        let detail = format!(
            "{changed} changed; it loads none that lost a symbol by name, but may open one while it runs"
        );
        reasons.push(
            Reason::new(Code::Dynamic, Tier::Test, detail)
                .at(&own.path)
                .layer(own.layer.clone())
                .values(values.0.clone(), values.1.clone()),
        );
    }
    let needed: BTreeSet<&String> = programs.iter().flat_map(|own| &own.elf.needed).collect();
    let is_plugin = |own: &&Program<'_>| {
        // A static program that may lie anywhere has a dynamic section, too, but no name and no needs.
        let is_library = own.elf.soname.is_some()
            || !own.elf.needed.is_empty()
            || path::name(&own.path).contains(".so");
        is_library
            && !found.complete.contains(&own.path)
            && own.elf.interpreter.is_none()
            && !needed.contains(&path::name(&own.path).to_owned())
            && own
                .elf
                .soname
                .as_ref()
                .is_none_or(|soname| !needed.contains(soname))
    };
    if let Some(own) = programs.iter().find(is_plugin) {
        let detail = "a library that some program opens while it runs; the symbols that this program gives it were looked up by name only";
        reasons.push(
            Reason::new(Code::H15, Tier::Test, detail)
                .at(&own.path)
                .layer(own.layer.clone())
                .values(values.0, values.1),
        );
    }
    reasons
}

/// H25: new files in directories where names are looked up, and new drop-ins.
pub(super) fn added_names(case: &mut Case<'_>, found: &Found) {
    let mut reasons = Vec::new();
    let parts = |config: &Value| variables(config.get("config").unwrap_or(&Value::Null));
    let search: Vec<String> = directories(&parts(&case.merged));
    let places: BTreeMap<String, usize> = search
        .iter()
        .enumerate()
        .filter_map(|(rank, place)| Some((case.new.resolve(place)?, rank)))
        .rev()
        .collect();
    for (at, change) in &case.delta.changes {
        let is_preload = at == "etc/ld.so.preload";
        let is_new = is_preload || matches!(change.kind, ChangeKind::Added | ChangeKind::Kind);
        let is_visible = case
            .new
            .get(at)
            .is_some_and(|entry| entry.kind != Kind::Directory)
            && !case.is_own(at);
        if !is_new || !is_visible || scope::is_idle(at) || scope::database(at).is_some() {
            continue;
        }
        let value = describe(case.delta.new.get(at));
        let name = path::name(at);
        if scope::is_drop_in(at) {
            let detail = "a new file in a directory whose files are all read";
            reasons.push(
                Reason::new(Code::H25, Tier::Test, detail)
                    .at(at)
                    .values(None, value),
            );
        } else if let Some(rank) = path::parent(at).and_then(|directory| places.get(directory)) {
            reasons.extend(
                new_program(case, at, name, &search, *rank)
                    .map(|reason| reason.values(None, value)),
            );
        } else if name.contains(".so") && found.names.contains(name) && case.old.get(at).is_none() {
            // Whether a program would load it instead was told with the program.
            let detail = format!("a new file called {name}, as a library that the image loads");
            reasons.push(
                Reason::new(Code::H25, Tier::Test, detail)
                    .at(at)
                    .values(None, value),
            );
        }
    }
    case.extend(reasons);
}

fn new_program(
    case: &Case<'_>,
    at: &str,
    name: &str,
    search: &[String],
    rank: usize,
) -> Option<Reason> {
    let later = search
        .iter()
        .skip(rank + 1)
        .map(|directory| format!("{directory}/{name}"))
        .find(|other| {
            case.old.resolve(other).is_some() && case.new.resolve(other) != case.new.resolve(at)
        });
    let (mention, layer) = case.mentions(name);
    let (tier, detail) = match (later, mention) {
        (Some(other), Mention::Yes) => (
            Tier::Unsafe,
            format!("a new program found before {other}, and the image speaks of `{name}`"),
        ),
        (Some(other), Mention::CannotTell) => {
            (Tier::Test, format!("a new program found before {other}"))
        }
        (Some(other), Mention::No) => (
            Tier::Test,
            format!("a new program found before {other}; the image does not speak of it"),
        ),
        (None, Mention::Yes) => (
            Tier::Test,
            format!("a new program; the image speaks of `{name}`"),
        ),
        (None, _) => return None,
    };
    Some(Reason::new(Code::H25, tier, detail).at(at).layer(layer))
}
