//! The rule of a line: which tags of a repository are its candidates, and which of them is the current one.
//!
//! A patched tag is `{original}-p{n}`: it is a candidate if its original is, and sorts as (original, n), so that
//! `1.2.3 < 1.2.3-p2 < 1.2.3-p10 < 1.2.4` (DESIGN.md section 8).

mod semver;

use refloat_oci::TagName;
use semver::{Range, Version};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The longest rule in bytes.
pub const RULE_MAX_BYTES: usize = 256;

/// Which tags are candidates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// One tag, that moves.
    Tag(TagName),
    /// Versions in a range, as Masterminds' library reads it; the highest is current.
    Semver(String),
    /// Tags of a form with `*`; the newest by number, then by letters, is current.
    Glob(String),
    /// The runs of a task; the newest is current.
    Runs(String),
}

/// A text that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rule for tags; write tag:T, semver:RANGE, glob:G or runs:TASK")]
pub struct RuleError(String);

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let wrong = || RuleError(text.chars().take(200).collect());
        if text.len() > RULE_MAX_BYTES {
            return Err(wrong());
        }
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        match kind {
            "tag" => rest.parse().map(Self::Tag).map_err(|_| wrong()),
            "semver" => match Range::parse(rest) {
                Some(_) => Ok(Self::Semver(rest.to_owned())),
                None => Err(wrong()),
            },
            "glob" if is_glob(rest) => Ok(Self::Glob(rest.to_owned())),
            "runs" if !rest.is_empty() => Ok(Self::Runs(rest.to_owned())),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(formatter, "tag:{tag}"),
            Self::Semver(range) => write!(formatter, "semver:{range}"),
            Self::Glob(glob) => write!(formatter, "glob:{glob}"),
            Self::Runs(task) => write!(formatter, "runs:{task}"),
        }
    }
}

fn is_glob(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-*".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

impl Rule {
    /// The tag that its patch moves, if there is one: lines of many tags get a new one instead.
    pub fn stable(&self) -> Option<&TagName> {
        match self {
            Self::Tag(tag) => Some(tag),
            Self::Semver(_) | Self::Glob(_) | Self::Runs(_) => None,
        }
    }

    /// Whether `tag` is a candidate. A task's runs are known by the task alone, so no tag matches them.
    pub fn matches(&self, tag: &TagName) -> bool {
        let original = Patched::of(tag.as_str()).original;
        match self {
            Self::Tag(own) => own == tag,
            Self::Semver(range) => {
                let version = Version::parse(original);
                version.is_some_and(|version| {
                    Range::parse(range).is_some_and(|range| range.contains(&version))
                })
            }
            Self::Glob(glob) => glob_matches(glob, original),
            Self::Runs(_) => false,
        }
    }

    /// The current one of the candidates among `tags`.
    pub fn current<'a>(&self, tags: impl IntoIterator<Item = &'a TagName>) -> Option<&'a TagName> {
        tags.into_iter()
            .filter(|tag| self.matches(tag))
            .max_by(|left, right| self.order(left, right))
    }

    fn order(&self, left: &TagName, right: &TagName) -> Ordering {
        let (left, right) = (Patched::of(left.as_str()), Patched::of(right.as_str()));
        let originals = match self {
            Self::Semver(_) => {
                let version = |text: &str| Version::parse(text);
                version(left.original).cmp(&version(right.original))
            }
            Self::Tag(_) | Self::Glob(_) | Self::Runs(_) => natural(left.original, right.original),
        };
        originals
            .then_with(|| left.original.cmp(right.original))
            .then(left.number.cmp(&right.number))
    }
}

/// A tag taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patched<'a> {
    /// The tag that was patched first.
    pub original: &'a str,
    /// 0 for an original.
    pub number: u64,
}

impl<'a> Patched<'a> {
    /// Takes `{original}-p{n}` apart.
    pub fn of(tag: &'a str) -> Self {
        let whole = Self {
            original: tag,
            number: 0,
        };
        let Some((original, number)) = tag.rsplit_once("-p") else {
            return whole;
        };
        match number.parse() {
            Ok(parsed) if !original.is_empty() && !number.starts_with(['0', '+']) => Self {
                original,
                number: parsed,
            },
            Ok(_) | Err(_) => whole,
        }
    }

    /// The tag, if it is short enough to be one.
    pub fn tag(&self) -> Option<TagName> {
        if self.number == 0 {
            return self.original.parse().ok();
        }
        format!("{}-p{}", self.original, self.number).parse().ok()
    }
}

/// Whether `text` has the form of `glob`, in which `*` is any part. Linear in the product of the lengths, no backtracking.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let (glob, text) = (glob.as_bytes(), text.as_bytes());
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for part in glob {
        let mut next = vec![false; text.len() + 1];
        if *part == b'*' {
            let mut any = false;
            for (slot, hit) in next.iter_mut().zip(&reached) {
                any |= *hit;
                *slot = any;
            }
        } else {
            for (index, byte) in text.iter().enumerate() {
                next[index + 1] = reached[index] && byte == part;
            }
        }
        reached = next;
    }
    reached[text.len()]
}

/// Compares runs of digits as numbers and everything else as bytes.
fn natural(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left, right);
    loop {
        if left.is_empty() || right.is_empty() {
            return left.len().cmp(&right.len());
        }
        let (a, left_rest) = part(left);
        let (b, right_rest) = part(right);
        let digits = |text: &str| text.starts_with(|letter: char| letter.is_ascii_digit());
        let order = if digits(a) && digits(b) {
            let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        } else {
            a.cmp(b)
        };
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
}

/// The leading digits, or the leading bytes that are none.
fn part(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|letter: char| letter.is_ascii_digit());
    let end = text
        .find(|letter: char| letter.is_ascii_digit() != digits)
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(texts: &str) -> Vec<TagName> {
        texts
            .split_whitespace()
            .map(|text| text.parse().expect("a tag"))
            .collect()
    }

    /// Each line: a rule, the tags there are, and the current one.
    #[test]
    fn the_current_tag() {
        let cases = [
            ("tag:1.2", "1.1 1.2 1.3", "1.2"),
            ("tag:1.2", "1.1", "-"),
            ("semver:*", "1.2.3 1.2.10 1.2.9 latest", "1.2.10"),
            ("semver:~1.2", "1.2.3 1.2.3-p2 1.2.3-p10 1.3.0", "1.2.3-p10"),
            ("semver:~1.2", "1.2.3-p10 1.2.4", "1.2.4"),
            ("semver:^1", "1.9.0 2.0.0 1.9.1-rc.1", "1.9.0"),
            ("semver:>=1.0.0-0", "1.9.0 1.10.0-rc.1", "1.10.0-rc.1"),
            (
                "semver:1.2.x || 3",
                "1.2.9 2.0.0 3.0.0-p1 3.0.0",
                "3.0.0-p1",
            ),
            ("semver:1.0.0 - 2.0.0", "0.9.0 2.0.0 2.0.1", "2.0.0"),
            ("semver:1.0 - 2.0", "0.9.0 2.0.1 2.1.0", "2.0.1"),
            ("semver:!=1.2.3, >1", "1.2.3 1.2.2", "-"),
            ("glob:build-*", "build-9 build-10 other-11", "build-10"),
            ("glob:build-*", "build-9 build-9-p1", "build-9-p1"),
            ("glob:2024*", "20240101 20241231 2023", "20241231"),
            ("runs:web", "1 2", "-"),
        ];
        for (rule, there, expected) in cases {
            let rule: Rule = rule.parse().expect("a rule");
            let there = tags(there);
            let found = rule.current(&there).map_or("-", |tag| tag.as_str());
            assert_eq!(found, expected, "{rule}");
        }
    }

    #[test]
    fn what_is_no_rule() {
        for text in [
            "",
            "1.2",
            "tag:",
            "tag:.x",
            "semver:abc",
            "glob:",
            "glob:a/b",
            "runs:",
            "x:y",
        ] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
    }

    #[test]
    fn patched_tags_come_apart() {
        for (tag, original, number) in [
            ("1.2.3-p2", "1.2.3", 2),
            ("1.2.3", "1.2.3", 0),
            ("a-p0", "a-p0", 0),
            ("a-px", "a-px", 0),
            ("-p1", "-p1", 0),
            ("a-p1-p2", "a-p1", 2),
        ] {
            assert_eq!(Patched::of(tag), Patched { original, number }, "{tag}");
        }
    }
}
