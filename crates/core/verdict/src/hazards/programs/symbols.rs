//! H14, H15: whether the libraries that a program loads still give what it takes.
//!
//! Both closures are asked the same question, so that what was missing before is no news. Versions are compared as the
//! loader does (a library without versions gives any), symbols over the whole closure, since one may come from any
//! library that is loaded.

use super::Program;
use crate::case::Case;
use crate::search::{Closure, elf_at};
use crate::tree::Tree;
use crate::verdict::{Code, Reason, Tier};
use refloat_packages::{Elf, Import, Symbols, elf::name_hash};

/// Missing symbols that one program's reasons name one by one.
const MISSING_MAX: usize = 5;

/// A file that is loaded.
struct Member<'t> {
    name: &'t str,
    file: &'t str,
    elf: &'t Elf,
}

/// One program on one base.
struct Loaded<'t> {
    members: Vec<Member<'t>>,
}

impl<'t> Loaded<'t> {
    fn of(tree: &'t Tree, own: &'t Program<'_>, closure: &'t Closure) -> Self {
        let mut members = vec![Member {
            name: "",
            file: &own.path,
            elf: own.elf,
        }];
        for (name, (_, provider)) in &closure.names {
            if let Some(provider) = provider
                && let Some(elf) = elf_at(tree, &provider.file)
            {
                let file = &provider.file;
                members.push(Member { name, file, elf });
            }
        }
        Self { members }
    }

    fn member(&self, name: &str) -> Option<&Member<'t>> {
        self.members.iter().find(|member| member.name == name)
    }

    fn symbols(&self, name: &str) -> Option<&Symbols> {
        self.member(name)?.elf.symbols.as_deref()
    }

    /// True if some library gives it, or may: one whose symbols are not known.
    fn gives(&self, wanted: &Import) -> bool {
        self.members.iter().any(|member| {
            let symbols = member.elf.symbols.as_deref();
            symbols.map_or(member.elf.is_dynamic, |symbols| symbols.gives(wanted))
        })
    }

    /// Whether a version that a member needs is there; none if that cannot be told.
    fn defines(&self, library: &str, version: &str) -> Option<bool> {
        Some(self.symbols(library)?.defines(version))
    }
}

/// What went missing for one program.
pub(super) fn missing(
    case: &Case<'_>,
    own: &Program<'_>,
    before: &Closure,
    after: &Closure,
) -> Vec<Reason> {
    if !is_any_changed(case, before, after) && !is_shared(own) {
        return Vec::new();
    }
    let (old, new) = (
        Loaded::of(&case.old, own, before),
        Loaded::of(&case.new, own, after),
    );
    let mut reasons = versions(case, own, &old, &new);
    reasons.extend(symbols(case, own, &old, &new));
    reasons.extend(of_the_host(case, own, &old, &new));
    reasons
}

/// True if everything that a library without a loader takes comes from its own closure, on the new base.
pub(super) fn is_complete(case: &Case<'_>, own: &Program<'_>, after: &Closure) -> bool {
    let new = Loaded::of(&case.new, own, after);
    new.members
        .iter()
        .all(|member| member.elf.symbols.is_some())
        && own
            .elf
            .symbols
            .iter()
            .flat_map(|symbols| &symbols.imports)
            .all(|import| new.gives(import))
}

/// True if a program opens libraries by names that no list has.
pub(super) fn opens_others(elf: &Elf) -> bool {
    elf.symbols.as_ref().is_none_or(|symbols| {
        let opens = |import: &Import| matches!(import.name.as_str(), "dlopen" | "dlmopen");
        symbols.imports.iter().any(opens)
    })
}

fn is_shared(own: &Program<'_>) -> bool {
    own.elf.interpreter.is_none()
}

fn is_any_changed(case: &Case<'_>, before: &Closure, after: &Closure) -> bool {
    let hash = |tree: &Tree, closure: &Closure, name: &String| {
        let provider = closure.names.get(name)?.1.as_ref()?;
        tree.hash_of(&provider.file)
    };
    after
        .names
        .keys()
        .chain(before.names.keys())
        .any(|name| hash(&case.old, before, name) != hash(&case.new, after, name))
}

/// H14.
fn versions(case: &Case<'_>, own: &Program<'_>, old: &Loaded<'_>, new: &Loaded<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for member in &new.members {
        let Some(symbols) = &member.elf.symbols else {
            continue;
        };
        let needed_before = old
            .symbols(member.name)
            .map(|symbols| symbols.needs.as_slice())
            .unwrap_or_default();
        for need in &symbols.needs {
            if new.defines(&need.library, &need.version) != Some(false) {
                continue;
            }
            let was_missing = needed_before.contains(need)
                && old.defines(&need.library, &need.version) == Some(false);
            let is_own = case.is_own(member.file);
            if was_missing && !is_own {
                continue;
            }
            let (tier, detail) = if was_missing {
                (Tier::Test, "which is on neither base")
            } else {
                (Tier::Unsafe, "which is not there on the new base")
            };
            let told = |loaded: &Loaded<'_>| {
                let symbols = loaded.symbols(&need.library)?;
                Some(newest(symbols, &need.version))
            };
            let detail = format!(
                "{} needs version {} of {}, {detail}",
                member.file, need.version, need.library
            );
            reasons.push(
                Reason::new(Code::H14, tier, detail)
                    .at(&own.path)
                    .layer(own.layer.clone())
                    .values(told(old), told(new)),
            );
        }
    }
    reasons
}

/// The versions of the same family that a library defines: what a person compares.
fn newest(symbols: &Symbols, wanted: &str) -> String {
    let family = wanted.split('_').next().unwrap_or_default();
    let of_family: Vec<&str> = symbols
        .versions
        .iter()
        .map(String::as_str)
        .filter(|version| version.split('_').next() == Some(family))
        .collect();
    if of_family.is_empty() {
        return format!("no version of {family}");
    }
    let last = of_family
        .iter()
        .max_by(|left, right| refloat_packages::compare(left, right))
        .copied()
        .unwrap_or_default();
    format!("{} versions, up to {last}", of_family.len())
}

/// H15, inside of what the program loads.
fn symbols(case: &Case<'_>, own: &Program<'_>, old: &Loaded<'_>, new: &Loaded<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let has_own_library = new.members[1..]
        .iter()
        .any(|member| case.is_own(member.file));
    for member in &new.members {
        let Some(symbols) = &member.elf.symbols else {
            continue;
        };
        let is_own = case.is_own(member.file);
        if !is_own && !has_own_library {
            // The base's libraries fit each other.
            continue;
        }
        let missing: Vec<&Import> = symbols
            .imports
            .iter()
            .filter(|import| !new.gives(import))
            .filter(|import| {
                let was_asked = is_own
                    || old
                        .symbols(member.name)
                        .is_some_and(|symbols| symbols.imports.contains(import));
                if was_asked { old.gives(import) } else { true }
            })
            .collect();
        for import in missing.iter().take(MISSING_MAX) {
            let giver = |loaded: &Loaded<'_>| {
                let mut all = loaded.members.iter();
                all.find(|member| {
                    let symbols = member.elf.symbols.as_ref();
                    symbols.is_some_and(|symbols| symbols.gives(import))
                })
                .map(|member| member.file.to_owned())
            };
            let detail = format!(
                "{} uses the symbol {import}, which no library of the new base gives{}",
                member.file,
                more(missing.len())
            );
            reasons.push(
                Reason::new(Code::H15, Tier::Unsafe, detail)
                    .at(&own.path)
                    .layer(own.layer.clone())
                    .values(giver(old), Some("missing".into())),
            );
        }
    }
    reasons
}

fn more(count: usize) -> String {
    match count.saturating_sub(MISSING_MAX) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    }
}

/// H15 for what is opened while something runs: symbols that its host gave, wherever the host was.
fn of_the_host(
    case: &Case<'_>,
    own: &Program<'_>,
    old: &Loaded<'_>,
    new: &Loaded<'_>,
) -> Vec<Reason> {
    if !is_shared(own) {
        return Vec::new();
    }
    let imports = own.elf.symbols.iter().flat_map(|symbols| &symbols.imports);
    let lost = imports.filter_map(|import| {
        let giver = case.delta.lost_symbols.get(&name_hash(&import.name))?;
        let is_lost = !old.gives(import) && !new.gives(import) && !is_given_by_app(case, import);
        is_lost.then_some((import, giver))
    });
    lost.take(MISSING_MAX)
        .map(|(import, giver)| {
            let detail = format!(
                "{} uses the symbol {import} of the program that opens it, and nothing on the new base gives it",
                own.path
            );
            Reason::new(Code::H15, Tier::Unsafe, detail)
                .at(&own.path)
                .layer(own.layer.clone())
                .values(Some(giver.clone()), Some("missing".into()))
        })
        .collect()
}

fn is_given_by_app(case: &Case<'_>, wanted: &Import) -> bool {
    case.owned().any(|own| {
        elf_at(&case.new, own.path)
            .and_then(|elf| elf.symbols.as_ref())
            .is_some_and(|symbols| symbols.gives(wanted))
    })
}
