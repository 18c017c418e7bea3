//! H12, H13, H19: what stands behind a program of the base that the image starts: the interpreter of a script, and the
//! interpreter's own, down to a program and its libraries.

use super::missing;
use super::start::Search;
use crate::case::Case;
use crate::config::variables;
use crate::search::{Loader, elf_at, program};
use crate::verdict::{Code, Reason, Tier};
use refloat_layer::{Facts, Kind};
use refloat_packages::{Elf, Shebang};
use serde_json::Value;
use std::collections::BTreeSet;

/// Interpreters of interpreters that a kernel follows.
const DEPTH_MAX: usize = 5;

/// Follows programs on both trees; each file once.
pub(super) struct Chains<'c> {
    case: &'c Case<'c>,
    search: &'c Search,
    loaders: (Loader<'c>, Loader<'c>),
    seen: BTreeSet<String>,
}

impl<'c> Chains<'c> {
    pub(super) fn new(case: &'c Case<'c>, search: &'c Search) -> Self {
        let parts = |config: &Value| variables(config.get("config").unwrap_or(&Value::Null));
        Self {
            case,
            search,
            loaders: (
                Loader::new(&case.old, &parts(&case.app.config)),
                Loader::new(&case.new, &parts(&case.merged)),
            ),
            seen: BTreeSet::new(),
        }
    }

    /// What is missing behind a name that both bases know; `at` is where it is spoken of.
    pub(super) fn behind(&mut self, name: &str, at: &str, layer: Option<&str>) -> Vec<Reason> {
        let (mut before, mut now) = self.both(name);
        for _ in 0..DEPTH_MAX {
            let Some((file, entry)) = now.as_deref().and_then(|now| self.case.new.follow(now))
            else {
                break;
            };
            let Kind::File { facts, .. } = &entry.kind else {
                break;
            };
            if !self.seen.insert(file.clone()) {
                break;
            }
            match facts {
                Facts::Script(shebang) => match self.interpreter(&file, shebang) {
                    Ok(next) => (before, now) = next,
                    Err(reason) => return vec![reason.layer(layer.map(str::to_owned))],
                },
                Facts::Elf(elf) if !self.case.is_own(&file) => {
                    let reasons = self.libraries(&file, elf, before.as_deref(), at);
                    let of_layer = |reason: Reason| reason.layer(layer.map(str::to_owned));
                    return reasons.into_iter().map(of_layer).collect();
                }
                _ => break,
            }
        }
        Vec::new()
    }

    fn both(&self, name: &str) -> (Option<String>, Option<String>) {
        let (search, case) = (self.search, self.case);
        (
            program(&case.old, name, &search.old, &search.working.0),
            program(&case.new, name, &search.new, &search.working.1),
        )
    }

    /// The interpreter of a script on both trees, the one that `env` finds if it is asked.
    fn interpreter(
        &self,
        file: &str,
        shebang: &Shebang,
    ) -> Result<(Option<String>, Option<String>), Reason> {
        let mut next = (None, None);
        for name in std::iter::once(shebang.interpreter.as_str()).chain(shebang.through_env()) {
            let found = self.both(name);
            if let (Some(was), None) = &found {
                let detail = format!(
                    "{file} is run by `{name}`, which is missing from the new base, and the image starts it"
                );
                return Err(Reason::new(Code::H19, Tier::Unsafe, detail)
                    .at(file)
                    .values(Some(was.clone()), Some("missing".into())));
            }
            next = found;
        }
        Ok(next)
    }

    fn libraries(&mut self, file: &str, elf: &Elf, before: Option<&str>, at: &str) -> Vec<Reason> {
        let case = self.case;
        let after = self.loaders.1.closure(file, elf);
        let before = match before.and_then(|before| elf_at(&case.old, before)) {
            Some(old) => self.loaders.0.closure(file, old),
            None => return Vec::new(),
        };
        let mut reasons = Vec::new();
        let loader = elf.interpreter.as_deref();
        if let Some(loader) = loader.filter(|it| case.new.resolve(it).is_none()) {
            let detail = format!("{at} starts {file}, whose loader {loader} is missing");
            reasons.push(Reason::new(Code::H12, Tier::Unsafe, detail).at(file));
        }
        for name in after.names.keys() {
            let is_there = after.names.get(name).is_some_and(|found| found.1.is_some());
            if is_there {
                continue;
            }
            if let Some((tier, detail)) = missing(name, &before, &after)
                && tier == Tier::Unsafe
            {
                let detail = format!("{at} starts {file}: {detail}");
                reasons.push(Reason::new(Code::H13, tier, detail).at(file));
            }
        }
        reasons
    }
}
