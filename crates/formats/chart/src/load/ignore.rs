//! `.helmignore`: which files of a folder are no part of its chart (helm, pkg/ignore/rules.go).
//!
//! A pattern without a slash is matched against the last name of a path, one with a slash against the whole path; a
//! trailing slash matches folders only; `!` turns a pattern round. `**` is refused, as Helm refuses it.

use super::pattern::{self, BadPattern};

/// The name of the file.
pub const FILE_NAME: &str = ".helmignore";

/// The rules of one chart, in the order in which they stand.
#[derive(Debug, Clone, Default)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    pattern: String,
    place: Place,
    negated: bool,
    folders_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    WholePath,
    LastName,
}

/// What is wrong with a line of `.helmignore`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// `**`.
    #[error(
        ".helmignore line {line}: double-star (**) syntax is not supported; write one rule per level"
    )]
    DoubleStar {
        /// Counted from 1.
        line: usize,
    },
    /// A bracket that does not close, or nothing behind a backslash.
    #[error(".helmignore line {line}: `{text}` is no pattern; close its brackets")]
    Pattern {
        /// Counted from 1.
        line: usize,
        /// The line.
        text: String,
    },
}

impl IgnoreRules {
    /// Reads the text of a `.helmignore`, and adds the rule that is always there: hidden files directly below `templates/`.
    ///
    /// # Errors
    /// [`IgnoreError`] names the line.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let mut rules = Self::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            rules.add(line.trim(), index + 1)?;
        }
        rules.add("templates/.?*", 0)?;
        Ok(rules)
    }

    fn add(&mut self, text: &str, line: usize) -> Result<(), IgnoreError> {
        if text.is_empty() || text.starts_with('#') {
            return Ok(());
        }
        if text.contains("**") {
            return Err(IgnoreError::DoubleStar { line });
        }
        let wrong = |_: BadPattern| IgnoreError::Pattern {
            line,
            text: text.to_owned(),
        };
        pattern::matches(text, "abc").map_err(wrong)?;
        let (negated, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (folders_only, rest) = match rest.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let (place, rest) = match rest.strip_prefix('/') {
            Some(rest) => (Place::WholePath, rest),
            None if rest.contains('/') => (Place::WholePath, rest),
            None => (Place::LastName, rest),
        };
        self.rules.push(Rule {
            pattern: rest.to_owned(),
            place,
            negated,
            folders_only,
        });
        Ok(())
    }

    /// Whether a folder is left out, with all it holds.
    pub fn ignores_folder(&self, path: &str) -> bool {
        self.ignores(path, Kind::Folder)
    }

    /// Whether a file is left out by a rule of its own.
    pub fn ignores_file(&self, path: &str) -> bool {
        self.ignores(path, Kind::File)
    }

    /// Whether a file is left out by a rule of its own or of a folder it lies in.
    pub fn leaves_out(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        folders
            .into_iter()
            .any(|folder| self.ignores_folder(folder))
            || self.ignores_file(path)
    }

    fn ignores(&self, path: &str, kind: Kind) -> bool {
        if path.is_empty() || path == "." || path == "./" {
            return false;
        }
        for rule in &self.rules {
            let wrong_kind = rule.folders_only && kind == Kind::File;
            if rule.negated {
                // A negated rule leaves out what it does not name; only what it names goes on to the next rule.
                if wrong_kind || !rule.matches(path) {
                    return true;
                }
            } else if !wrong_kind && rule.matches(path) {
                return true;
            }
        }
        false
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

impl Rule {
    fn matches(&self, path: &str) -> bool {
        let subject = match self.place {
            Place::WholePath => path,
            Place::LastName => path.rsplit('/').next().unwrap_or(path),
        };
        pattern::matches(&self.pattern, subject).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (rules, path, left out); from the cases of helm's own rules_test.go.
    #[test]
    fn rules_decide_as_helm_decides() -> Result<(), IgnoreError> {
        let cases = [
            ("helm.txt", "helm.txt", true),
            ("helm.*", "helm.txt", true),
            ("helm.*", "rudder.txt", false),
            ("*.txt", "tiller.txt", true),
            ("*.txt", "cargo/a.txt", true),
            ("cargo/*.txt", "cargo/a.txt", true),
            ("cargo/*.*", "mast/a.txt", false),
            ("cargo/*.txt", "mast/cargo/a.txt", false),
            ("ru[c-e]?er.txt", "rudder.txt", true),
            ("templates/.?*", "templates/.dotfile", true),
            ("/*.txt", "cargo/a.txt", false),
            ("/*.txt", "a.txt", true),
            ("cargo/", "cargo/a.txt", true),
            ("a.txt/", "cargo/a.txt", false),
            ("!helm.txt", "tiller.txt", true),
            ("", "templates/.hidden", true),
            ("", "templates/sub/.hidden", false),
            ("# a.txt", "a.txt", false),
        ];
        for (rules, path, expected) in cases {
            let parsed = IgnoreRules::parse(rules)?;
            assert_eq!(parsed.leaves_out(path), expected, "{rules:?} on {path:?}");
        }
        Ok(())
    }

    #[test]
    fn what_helm_refuses_is_refused_with_its_line() {
        assert_eq!(
            IgnoreRules::parse("a\nb/**/c").err(),
            Some(IgnoreError::DoubleStar { line: 2 })
        );
        assert!(IgnoreRules::parse("[a").is_err());
    }
}
