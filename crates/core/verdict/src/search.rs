//! How names become files: programs by PATH, libraries as the loader looks for them (ld.so(8)).

use crate::tree::{Content, Tree};
use refloat_layer::{Facts, Kind, path};
use refloat_packages::Elf;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// PATH where a config sets none, as runtimes do.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Libraries that one program may load before it counts as hostile.
const CLOSURE_MAX: usize = 2000;
/// Directories of the loader's configuration that are followed.
const DIRECTORIES_MAX: usize = 500;

/// The directories of a PATH.
pub(crate) fn directories(variables: &[(String, String)]) -> Vec<String> {
    crate::config::get(variables, "PATH")
        .unwrap_or(DEFAULT_PATH)
        .split(':')
        .filter(|directory| directory.starts_with('/'))
        .map(str::to_owned)
        .collect()
}

/// The path of a program as it is found first; links of its last segment are not followed.
pub(crate) fn program(tree: &Tree, name: &str, path: &[String], working: &str) -> Option<String> {
    let is_there = |at: &str| {
        tree.follow(at)
            .is_some_and(|(_, entry)| matches!(entry.kind, Kind::File { .. }))
    };
    if name.contains('/') {
        let at = if name.starts_with('/') {
            name.to_owned()
        } else {
            format!("{working}/{name}")
        };
        return is_there(&at).then(|| clean(&at));
    }
    path.iter()
        .map(|directory| format!("{directory}/{name}"))
        .find(|at| is_there(at))
        .map(|at| clean(&at))
}

fn clean(at: &str) -> String {
    at.split('/')
        .filter(|segment| !segment.is_empty() && *segment != ".")
        .collect::<Vec<_>>()
        .join("/")
}

/// The loader of one tree.
pub(crate) struct Loader<'t> {
    tree: &'t Tree,
    preset: Vec<String>,
    standard: Vec<String>,
    found: BTreeMap<(String, u8, u16), Option<Provider>>,
}

/// The file that a library's name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provider {
    /// Where the name was found.
    pub at: String,
    /// The file behind all links.
    pub file: String,
}

/// What a program loads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Closure {
    /// By name: who needs it, and what provides it.
    pub names: BTreeMap<String, (String, Option<Provider>)>,
    /// It was cut at [`CLOSURE_MAX`].
    pub is_cut: bool,
}

impl<'t> Loader<'t> {
    pub fn new(tree: &'t Tree, variables: &[(String, String)]) -> Self {
        let preset = crate::config::get(variables, "LD_LIBRARY_PATH")
            .unwrap_or_default()
            .split([':', ';'])
            .filter(|directory| directory.starts_with('/'))
            .map(str::to_owned)
            .collect();
        Self {
            tree,
            preset,
            standard: standard(tree),
            found: BTreeMap::new(),
        }
    }

    /// Directories that every program looks into.
    pub fn places(&self) -> impl Iterator<Item = &String> {
        self.preset.iter().chain(&self.standard)
    }

    /// All that a program at `path` loads, as far as names say.
    pub fn closure<'e>(&mut self, path: &str, elf: &'e Elf) -> Closure
    where
        't: 'e,
    {
        let mut closure = Closure::default();
        let own = |elf: &Elf, origin: &str| match (&elf.rpath, &elf.runpath) {
            (Some(rpath), None) => expanded(rpath, origin),
            _ => Vec::new(),
        };
        let mut queue: VecDeque<(String, &'e Elf, Vec<String>)> =
            VecDeque::from([(path.to_owned(), elf, own(elf, path))]);
        while let Some((requester, elf, inherited)) = queue.pop_front() {
            for name in &elf.needed {
                if closure.names.contains_key(name) {
                    continue;
                }
                if closure.names.len() >= CLOSURE_MAX {
                    closure.is_cut = true;
                    return closure;
                }
                let provider = self.find(name, &requester, elf, &inherited);
                closure
                    .names
                    .insert(name.clone(), (requester.clone(), provider.clone()));
                if let Some(provider) = provider
                    && let Some(next) = elf_at(self.tree, &provider.file)
                {
                    let mut paths = own(next, &provider.file);
                    paths.extend(inherited.iter().cloned());
                    queue.push_back((provider.file, next, paths));
                }
            }
        }
        closure
    }

    fn find(
        &mut self,
        name: &str,
        requester: &str,
        elf: &Elf,
        inherited: &[String],
    ) -> Option<Provider> {
        if name.contains('/') {
            return self.suits(name, elf);
        }
        if elf.runpath.is_none() {
            let found = inherited
                .iter()
                .find_map(|directory| self.suits(&format!("{directory}/{name}"), elf));
            if found.is_some() {
                return found;
            }
        }
        let preset = self
            .preset
            .iter()
            .find_map(|directory| self.suits(&format!("{directory}/{name}"), elf));
        if preset.is_some() {
            return preset;
        }
        if let Some(runpath) = &elf.runpath {
            let found = expanded(runpath, requester)
                .iter()
                .find_map(|directory| self.suits(&format!("{directory}/{name}"), elf));
            if found.is_some() {
                return found;
            }
        }
        let key = (name.to_owned(), elf.bits, elf.machine);
        if let Some(known) = self.found.get(&key) {
            return known.clone();
        }
        let found = self
            .standard
            .iter()
            .find_map(|directory| self.suits(&format!("{directory}/{name}"), elf));
        self.found.insert(key, found.clone());
        found
    }

    /// A library at this path, of the same machine.
    fn suits(&self, at: &str, elf: &Elf) -> Option<Provider> {
        let file = self.tree.resolve(at)?;
        let found = elf_at(self.tree, &file)?;
        (found.bits == elf.bits && found.machine == elf.machine).then(|| Provider {
            at: clean(at),
            file,
        })
    }
}

pub(crate) fn elf_at<'t>(tree: &'t Tree, file: &str) -> Option<&'t Elf> {
    match &tree.get(file)?.kind {
        Kind::File {
            facts: Facts::Elf(elf),
            ..
        } => Some(elf),
        _ => None,
    }
}

fn expanded(list: &str, requester: &str) -> Vec<String> {
    let origin = format!("/{}", path::parent(requester).unwrap_or_default());
    list.split(':')
        .filter(|directory| !directory.is_empty())
        .map(|directory| {
            directory
                .replace("${ORIGIN}", &origin)
                .replace("$ORIGIN", &origin)
        })
        .filter(|directory| directory.starts_with('/') && !directory.contains('$'))
        .collect()
}

/// The loader's own directories: its configuration, then the built-in ones.
fn standard(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    configured(tree, "etc/ld.so.conf", &mut found, &mut BTreeSet::new());
    for (file, _) in tree.below("etc") {
        let is_musl = path::name(file).starts_with("ld-musl-");
        if is_musl && let Content::Known(bytes) = tree.content(file) {
            let text = String::from_utf8_lossy(bytes).into_owned();
            found.extend(
                text.split([':', '\n'])
                    .filter(|line| line.starts_with('/'))
                    .map(str::to_owned),
            );
        }
    }
    let triplets = [
        "x86_64-linux-gnu",
        "aarch64-linux-gnu",
        "i386-linux-gnu",
        "arm-linux-gnueabihf",
        "powerpc64le-linux-gnu",
        "s390x-linux-gnu",
        "riscv64-linux-gnu",
    ];
    for triplet in triplets {
        found.push(format!("/lib/{triplet}"));
        found.push(format!("/usr/lib/{triplet}"));
    }
    for directory in ["/lib64", "/usr/lib64", "/lib", "/usr/lib"] {
        found.push(directory.to_owned());
    }
    let has_musl = tree.resolve("lib").is_some_and(|lib| {
        tree.below(&lib)
            .any(|(at, _)| path::name(at).starts_with("ld-musl-"))
    });
    if has_musl {
        found.push("/usr/local/lib".into());
    }
    found.retain(|directory| tree.resolve(directory).is_some());
    let mut seen = BTreeSet::new();
    found.retain(|directory| seen.insert(directory.clone()));
    found
}

fn configured(tree: &Tree, file: &str, found: &mut Vec<String>, seen: &mut BTreeSet<String>) {
    if seen.len() > DIRECTORIES_MAX || !seen.insert(file.to_owned()) {
        return;
    }
    let Content::Known(bytes) = tree.content(file) else {
        return;
    };
    let text = String::from_utf8_lossy(bytes).into_owned();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(pattern) = line.strip_prefix("include ") {
            let pattern = pattern.trim().trim_start_matches('/');
            let folder = path::parent(pattern).unwrap_or_default().to_owned();
            let files: Vec<String> = tree
                .below(&folder)
                .map(|(at, _)| at.to_owned())
                .filter(|at| {
                    path::parent(at) == Some(&folder) && at.rsplit('.').next() == Some("conf")
                })
                .collect();
            for at in files {
                configured(tree, &at, found, seen);
            }
        } else if line.starts_with('/') && found.len() < DIRECTORIES_MAX {
            found.push(line.to_owned());
        }
    }
}
