//! Rules about any text: what it is called and what it must not say.

use std::path::Path;

use super::Violation;

/// Hosts of package registries, in parts, since this file is checked as well.
///
/// A machine's own settings say where packages come from; an address written here would
/// be wrong wherever there is a mirror.
const REGISTRY_HOSTS: [&[&str]; 10] = [
    &["crates", "io"],
    &["pypi", "org"],
    &["files", "pythonhosted", "org"],
    &["proxy", "golang", "org"],
    &["sum", "golang", "org"],
    &["registry", "npmjs", "org"],
    &["registry", "yarnpkg", "com"],
    &["rubygems", "org"],
    &["deb", "debian", "org"],
    &["security", "debian", "org"],
];

/// Every violation in one file.
pub(super) fn check(path: &Path, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    if path.file_name().is_some_and(|name| name == "mod.rs") {
        let message = "a module is foo.rs beside its folder foo/: move it up and rename it";
        violations.push(Violation::new(path, 1, message));
    }
    let hosts: Vec<String> = REGISTRY_HOSTS.iter().map(|parts| parts.join(".")).collect();
    for (index, line) in text.lines().enumerate() {
        let host = hosts.iter().find(|host| line.contains(*host));
        if let Some(host) = host {
            let message = format!("names {host}: leave the address to the machine's settings");
            violations.push(Violation::new(path, index + 1, message));
        }
        if is_bare_reminder(line) {
            let message =
                "a reminder without a condition: write TO\u{44}O(when ..): what, or do it";
            violations.push(Violation::new(path, index + 1, message));
        }
    }
    violations
}

/// True for the word in capitals without `(when ..)` behind it.
fn is_bare_reminder(line: &str) -> bool {
    let word = ["TO", "DO"].concat();
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(&word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + word.len()..];
        let whole = !before.is_some_and(is_letter) && !after.starts_with(is_letter);
        whole && !after.starts_with("(when ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_must_not_say() {
        let reminder = ["TO", "DO"].concat();
        let host = REGISTRY_HOSTS[0].join(".");
        let cases = [
            ("src/mod.rs", "fn f() {}".to_owned(), 1),
            ("src/a.rs", format!("// {reminder}: later"), 1),
            (
                "src/a.rs",
                format!("// {reminder}(when S3 is built): stream"),
                0,
            ),
            ("src/a.rs", format!("const MAS{reminder}N: u8 = 1;"), 0),
            ("README.md", format!("see https://{host}/refloat"), 1),
            ("README.md", "docker.io is where images are".to_owned(), 0),
        ];
        for (path, text, expected) in cases {
            assert_eq!(
                check(Path::new(path), &text).len(),
                expected,
                "{path}: {text}"
            );
        }
    }
}
