//! The list of fail points and the sources name the same ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

use super::Violation;
use super::sources::Source;

/// Where the list stands.
const LIST: &str = "crates/fail/src/lib.rs";

/// Compares the list with what the product passes, outside tests.
pub(super) fn check(sources: &[Source]) -> Vec<Violation> {
    let mut listed = BTreeMap::new();
    let mut passed: BTreeMap<String, (PathBuf, usize)> = BTreeMap::new();
    for source in sources
        .iter()
        .filter(|source| source.path.starts_with("crates"))
    {
        if source.path == Path::new(LIST) {
            listed = list(&source.syntax);
        } else if !source.path.starts_with("crates/fail") {
            let mut calls = Vec::new();
            collect(&source.tokens, &mut calls);
            calls.retain(|(_, line)| !source.is_test_line(*line));
            let placed = calls
                .into_iter()
                .map(|(name, line)| (name, (source.path.clone(), line)));
            passed.extend(placed);
        }
    }
    let unlisted = passed
        .iter()
        .filter(|(name, _)| !listed.contains_key(*name));
    let unlisted = unlisted.map(|(name, (path, line))| {
        let message = format!("fail point {name:?} is not in the list: add it to {LIST}");
        Violation::new(path, *line, message)
    });
    let unused = listed
        .iter()
        .filter(|(name, _)| !passed.contains_key(*name));
    let unused = unused.map(|(name, line)| {
        let message =
            format!("no source passes the fail point {name:?}: remove it here, or pass it");
        Violation::new(Path::new(LIST), *line, message)
    });
    unlisted.chain(unused).collect()
}

/// The names in `const POINTS`, with their lines.
fn list(file: &syn::File) -> BTreeMap<String, usize> {
    let constant = file.items.iter().find_map(|item| match item {
        syn::Item::Const(constant) if constant.ident == "POINTS" => Some(&*constant.expr),
        _ => None,
    });
    let elements = match constant {
        Some(syn::Expr::Reference(reference)) => match &*reference.expr {
            syn::Expr::Array(array) => Some(&array.elems),
            _ => None,
        },
        Some(syn::Expr::Array(array)) => Some(&array.elems),
        _ => None,
    };
    let names = elements
        .into_iter()
        .flatten()
        .filter_map(|element| match element {
            syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(name),
                ..
            }) => Some((name.value(), name.span().start().line)),
            _ => None,
        });
    names.collect()
}

/// Calls of `point("..")`, however the function was brought into scope.
fn collect(tokens: &TokenStream, found: &mut Vec<(String, usize)>) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else {
            continue;
        };
        let called = at.checked_sub(1).map(|before| tokens[before].to_string());
        if called.as_deref() == Some("point")
            && let Ok(name) = syn::parse2::<syn::LitStr>(group.stream())
        {
            found.push((name.value(), name.span().start().line));
        }
        collect(&group.stream(), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_are_compared() -> anyhow::Result<()> {
        let list =
            "/// All.\npub const POINTS: &[&str] = &[\n    \"a.used\",\n    \"a.unused\",\n];\n";
        let code = "\
fn f() -> Result<()> {
    refloat_fail::point(\"a.used\")?;
    if x { point(\"a.unlisted\")?; }
    Ok(())
}
#[test]
fn g() { point(\"a.test\"); }
";
        let sources = [
            Source::parse(Path::new(LIST), list)?,
            Source::parse(Path::new("crates/flow/src/f.rs"), code)?,
        ];
        let found: Vec<String> = check(&sources).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("crates/flow/src/f.rs:3: fail point \"a.unlisted\""));
        assert!(found[1].starts_with("crates/fail/src/lib.rs:4: no source passes"));
        Ok(())
    }
}
