//! Reads the checkout: crates with what they use, Rust sources, and all other text.

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use proc_macro2::TokenStream;
use refloat_rig::run;
use serde_json::Value;
use syn::spanned::Spanned;
use syn::visit::Visit;

use super::direction::Room;
use crate::stage::cargo;

/// Not ours, or not text that somebody wrote.
const LEFT_OUT: [&str; 4] = [".git", "target", "refloat-data", "Cargo.lock"];

/// Everything the rules look at; paths are relative to the checkout.
pub(super) struct Checkout {
    /// The crates below `crates/`.
    pub(super) crates: Vec<Crate>,
    /// Rust files of the product, of the rig and of this program.
    pub(super) sources: Vec<Source>,
    /// Every file that is text.
    pub(super) texts: Vec<Text>,
}

/// A crate and its dependencies, those for its tests left out.
pub(super) struct Crate {
    pub(super) name: String,
    /// The folder.
    pub(super) path: PathBuf,
    pub(super) manifest: Text,
    /// Names of packages.
    pub(super) uses: Vec<String>,
}

/// A file as it is.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// A Rust file, and which of its lines are tests.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) syntax: syn::File,
    pub(super) tokens: TokenStream,
    /// The whole file is tests.
    pub(super) is_test: bool,
    /// Lines, from 1, of items that exist in tests only.
    pub(super) tests: Vec<RangeInclusive<usize>>,
}

impl Source {
    /// Parses `text`; `is_test` if it belongs to tests as a whole.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self> {
        let cannot = || format!("cannot parse {}", path.display());
        let syntax = syn::parse_file(text).with_context(cannot)?;
        let tokens = text.parse::<TokenStream>().map_err(syn::Error::from);
        let mut items = TestItems::default();
        items.visit_file(&syntax);
        let named_tests = path.file_stem().is_some_and(|stem| stem == "tests");
        let outside_the_product = |part: &std::ffi::OsStr| part == "tests" || part == "benches";
        let below_tests = path.iter().any(outside_the_product);
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens: tokens.with_context(cannot)?,
            is_test: named_tests || below_tests || has_test_cfg(&syntax.attrs),
            syntax,
            tests: items.lines,
        })
    }

    /// The room of the house it stands in.
    pub(super) fn room(&self) -> Option<Room> {
        Room::of(&self.path)
    }

    /// True for a line that exists in tests only.
    pub(super) fn is_test_line(&self, line: usize) -> bool {
        self.is_test || self.tests.iter().any(|range| range.contains(&line))
    }
}

impl Checkout {
    /// Reads all of it.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        walk(root, Path::new(""), &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut sources = Vec::new();
        for file in files.iter().filter(|file| is_source(&file.path)) {
            sources.push(Source::parse(&file.path, &file.text)?);
        }
        mark_test_modules(&mut sources);
        let crates = crates(root, &files)?;
        Ok(Self {
            crates,
            sources,
            texts: files,
        })
    }
}

fn is_source(path: &Path) -> bool {
    let first = path.iter().next().and_then(|part| part.to_str());
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    is_rust && matches!(first, Some("crates" | "rig" | "xtask"))
}

/// `#[cfg(test)] mod NAME;` makes a test of the file that NAME names.
fn mark_test_modules(sources: &mut [Source]) {
    let mut named = BTreeSet::new();
    for source in &*sources {
        let declared = source.syntax.items.iter().filter_map(|item| match item {
            syn::Item::Mod(module) if module.content.is_none() => Some(module),
            _ => None,
        });
        for module in declared.filter(|module| has_test_cfg(&module.attrs)) {
            named.insert(submodule(&source.path, &module.ident.to_string()));
        }
    }
    for source in sources {
        source.is_test |= named.contains(&source.path);
    }
}

/// The file of the module `name` declared in `path`.
fn submodule(path: &Path, name: &str) -> PathBuf {
    let is_root = path
        .file_stem()
        .is_some_and(|stem| stem == "lib" || stem == "main");
    let folder = if is_root {
        path.parent().map(Path::to_owned).unwrap_or_default()
    } else {
        path.with_extension("")
    };
    folder.join(format!("{name}.rs"))
}

fn walk(root: &Path, below: &Path, files: &mut Vec<Text>) -> Result<()> {
    let folder = root.join(below);
    let entries =
        fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let path = below.join(&name);
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(root, &path, files)?;
        } else if kind.is_file()
            // What is not UTF-8 is no text; what has vanished is nobody's any more.
            && let Ok(text) = fs::read_to_string(entry.path())
        {
            files.push(Text { path, text });
        }
    }
    Ok(())
}

/// The crates, as cargo itself reads their manifests.
fn crates(root: &Path, files: &[Text]) -> Result<Vec<Crate>> {
    let mut metadata = cargo()?;
    metadata.args([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ]);
    let metadata: Value = serde_json::from_str(&run::stdout(&mut metadata)?)?;
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let mut crates = Vec::new();
    for package in packages {
        let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap_or_default());
        let path = manifest.strip_prefix(root)?.to_owned();
        let Some(manifest) = files.iter().find(|file| file.path == path) else {
            continue;
        };
        if !path.starts_with("crates") {
            continue;
        }
        crates.push(Crate {
            name: package["name"].as_str().unwrap_or_default().to_owned(),
            path: path.parent().map(Path::to_owned).unwrap_or_default(),
            manifest: manifest.clone(),
            uses: uses(&package),
        });
    }
    Ok(crates)
}

fn uses(package: &Value) -> Vec<String> {
    let all = package["dependencies"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    all.iter()
        .filter(|dependency| dependency["kind"] != "dev")
        .filter_map(|dependency| Some(dependency["name"].as_str()?.to_owned()))
        .collect()
}

/// Collects the lines of items that only tests compile.
#[derive(Default)]
struct TestItems {
    lines: Vec<RangeInclusive<usize>>,
}

impl TestItems {
    /// True, and the lines noted, if `attributes` make a test of `item`.
    fn note(&mut self, attributes: &[syn::Attribute], item: &impl Spanned) -> bool {
        let is_test = has_test_cfg(attributes);
        if is_test {
            let span = item.span();
            self.lines.push(span.start().line..=span.end().line);
        }
        is_test
    }
}

impl<'ast> Visit<'ast> for TestItems {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !self.note(&item.attrs, item) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !self.note(&item.attrs, item) {
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !self.note(&item.attrs, item) {
            syn::visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !self.note(&item.attrs, item) {
            syn::visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note(&item.attrs, item);
    }
}

/// `#[test]`, `#[tokio::test]` or a `cfg` that names `test` and does not deny it.
fn has_test_cfg(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        if path
            .segments
            .last()
            .is_some_and(|last| last.ident == "test")
        {
            return true;
        }
        let syn::Meta::List(list) = &attribute.meta else {
            return false;
        };
        let condition = list.tokens.to_string();
        let words: Vec<&str> = condition.split(|c: char| !c.is_alphanumeric()).collect();
        path.is_ident("cfg") && words.contains(&"test") && !words.contains(&"not")
    })
}
