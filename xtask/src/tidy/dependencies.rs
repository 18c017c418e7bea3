//! What a crate declares, it uses: an unused dependency costs every build and misleads whoever reads the manifest.

use super::Violation;
use super::direction::line_of;
use super::sources::{Crate, Source};

/// Every dependency that no source of its crate names. Those for tests alone are not looked at.
pub(super) fn check(crates: &[Crate], sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for user in crates {
        let own: Vec<&Source> = sources
            .iter()
            .filter(|source| source.path.starts_with(&user.path))
            .collect();
        for used in &user.uses {
            let ident = used.replace('-', "_");
            if !own.iter().any(|source| names(&source.text, &ident)) {
                let line = line_of(&user.manifest.text, used);
                let message = format!("{} uses nothing of {used}: take the line out", user.name);
                violations.push(Violation::new(&user.manifest.path, line, message));
            }
        }
    }
    violations
}

/// True if `ident` stands in `text` as the first part of a path.
fn names(text: &str, ident: &str) -> bool {
    text.match_indices(ident).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = &text[at + ident.len()..];
        let begins = !before.is_some_and(|one| one.is_alphanumeric() || "_.:".contains(one))
            || text[..at].ends_with(" ::");
        begins
            && ["::", ";", " as "]
                .iter()
                .any(|next| after.starts_with(next))
    })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::sources::Text;
    use super::*;

    #[test]
    fn only_what_is_named_counts() {
        let user = Crate {
            name: "refloat-a".to_owned(),
            path: PathBuf::from("crates/a"),
            manifest: Text {
                path: PathBuf::from("crates/a/Cargo.toml"),
                text: "[dependencies]\nserde.workspace = true\naws-lc-rs.workspace = true\n"
                    .to_owned(),
            },
            uses: vec!["serde".to_owned(), "aws-lc-rs".to_owned()],
        };
        let source = Source::parse(
            Path::new("crates/a/src/lib.rs"),
            "use aws_lc_rs::digest;\nmod serde {}\nuse my_serde::X;\nuse crate::serde::Y;\n",
        )
        .expect("it parses");
        let found = check(&[user], &[source]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].line, found[0].message.contains("serde")),
            (2, true)
        );
    }
}
