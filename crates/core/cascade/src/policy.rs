//! What a policy says about patches of the images that match it. Of several, the strictest wins, key by key.

use serde::{Deserialize, Serialize};

/// Which methods may patch an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PatchMethod {
    /// None: it stays as it is.
    Off,
    /// Its task builds it, whatever the verdict.
    Rebuild,
    /// Rebase only.
    Rebase,
    /// Whatever the ladder finds.
    Auto,
}

/// The worst verdict that is published without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Allowed {
    /// What is proven.
    Proven,
    /// What is proven, or passed its tests.
    Test,
}

/// The `patch` keys, as they hold for one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatchPolicy {
    /// The methods.
    pub method: PatchMethod,
    /// The verdicts.
    pub allow: Allowed,
    /// The rules of its lines; empty: its newest pushed tag.
    #[serde(default)]
    pub lines: Vec<String>,
    /// Commands that must exit 0 in a container from the candidate, for images whose task has no tests, or that have no task.
    #[serde(default)]
    pub tests: Vec<Vec<String>>,
}

impl PatchPolicy {
    /// Both policies together: the stricter method and verdict, all lines, all tests.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut both = Self {
            method: self.method.min(other.method),
            allow: self.allow.min(other.allow),
            lines: self.lines,
            tests: self.tests,
        };
        both.lines.extend(other.lines);
        both.tests.extend(other.tests);
        both.lines.sort();
        both.lines.dedup();
        both.tests.sort();
        both.tests.dedup();
        both
    }
}

/// Whether a task may build what no rebase serves: not where the policy says `rebase`.
pub fn may_build(policy: Option<&PatchPolicy>) -> bool {
    policy.is_none_or(|policy| policy.method != PatchMethod::Rebase)
}

/// Why this task does not, in words.
pub fn may_not_build(task: &str) -> String {
    format!("its policy says `patch: {{ method: rebase }}`, so task {task} may not build it")
}

/// Whether tests may decide about a rebase that is not proven.
pub fn tests_may_decide(policy: Option<&PatchPolicy>) -> bool {
    policy.is_none_or(|policy| policy.allow == Allowed::Test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_wins_key_by_key() {
        let wide = PatchPolicy {
            method: PatchMethod::Auto,
            allow: Allowed::Proven,
            lines: vec!["semver:*".to_owned()],
            tests: vec![],
        };
        let narrow = PatchPolicy {
            method: PatchMethod::Rebase,
            allow: Allowed::Test,
            lines: vec![],
            tests: vec![vec!["/selftest".to_owned()]],
        };
        let both = wide.and(narrow);
        assert_eq!(both.method, PatchMethod::Rebase);
        assert_eq!(both.allow, Allowed::Proven);
        assert_eq!((both.lines.len(), both.tests.len()), (1, 1));
    }
}
