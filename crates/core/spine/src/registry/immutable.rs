//! Which tags never move: lists of rules, one list per policy.

use crate::access::glob;
use refloat_oci::TagName;

/// The most rules in one list.
pub const RULES_MAX: usize = 100;
/// The longest rule in bytes.
pub const RULE_MAX_BYTES: usize = 200;

/// A list of rules that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a rule for tags; write a tag with `*` for any characters, or `!` and such a tag to exempt it"
)]
pub struct RulesError(String);

/// The rules of all policies that match a repository. A tag is immutable if the list of any policy says so; in a
/// list the last rule that matches decides, and one that begins with `!` exempts.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ImmutableTags(Vec<Vec<String>>);

impl ImmutableTags {
    /// Takes one checked list per policy.
    ///
    /// # Errors
    /// [`RulesError`] names the first rule that cannot be.
    pub fn new(lists: Vec<Vec<String>>) -> Result<Self, RulesError> {
        for list in &lists {
            let wrong = list.iter().find(|rule| !is_rule(rule));
            let wrong = wrong.or_else(|| list.get(RULES_MAX));
            if let Some(rule) = wrong {
                return Err(RulesError(rule.chars().take(RULE_MAX_BYTES).collect()));
            }
        }
        Ok(Self(lists))
    }

    /// Whether `tag`, once it exists, may neither move nor go.
    pub fn covers(&self, tag: &TagName) -> bool {
        self.0.iter().any(|list| decides(list, tag.as_str()))
    }

    /// The lists, one per policy.
    pub fn lists(&self) -> &[Vec<String>] {
        &self.0
    }
}

fn is_rule(rule: &str) -> bool {
    let tag = rule.strip_prefix('!').unwrap_or(rule);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-*".contains(&byte);
    !tag.is_empty() && rule.len() <= RULE_MAX_BYTES && tag.bytes().all(allowed)
}

fn decides(list: &[String], tag: &str) -> bool {
    let decided = list
        .iter()
        .rev()
        .find_map(|rule| match rule.strip_prefix('!') {
            Some(exempt) => glob(exempt, tag).then_some(false),
            None => glob(rule, tag).then_some(true),
        });
    decided.unwrap_or(false)
}
