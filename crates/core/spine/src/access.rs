//! Who may do what: principals, actions, and the patterns that name repositories.

use crate::id::PrincipalId;
use refloat_oci::RepositoryName;
use std::fmt;
use std::str::FromStr;

/// What can be granted on a repository.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Read manifests, blobs, tags, referrers.
    Pull,
    /// Add blobs, manifests and new tags.
    Push,
    /// Move a tag that exists.
    Update,
    /// Delete manifests, tags and blobs.
    Delete,
    /// Decide about quarantine.
    Clear,
    /// Change policies and grants of the repository; implies all others.
    Admin,
}

impl Action {
    /// All actions, weakest first.
    pub const ALL: [Self; 6] = [
        Self::Pull,
        Self::Push,
        Self::Update,
        Self::Delete,
        Self::Clear,
        Self::Admin,
    ];

    /// The word users write.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Clear => "clear",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// A set of actions.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Actions(u8);

impl Actions {
    /// No action.
    pub const NONE: Self = Self(0);
    /// Every action.
    pub const EVERY: Self = Self(0b11_1111);

    /// Whether `action` is in the set; `admin` contains all.
    pub fn contains(self, action: Action) -> bool {
        self.0 & (action.bit() | Action::Admin.bit()) != 0
    }

    /// The set with `action` added.
    #[must_use]
    pub fn with(self, action: Action) -> Self {
        Self(self.0 | action.bit())
    }

    /// Both sets together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both sets contain, `admin` standing for all.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Action::ALL
            .into_iter()
            .filter(|action| self.contains(*action) && other.contains(*action))
            .fold(Self::NONE, Self::with)
    }

    /// Whether nothing is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The actions, weakest first, as they were granted.
    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL
            .into_iter()
            .filter(move |action| self.0 & action.bit() != 0)
    }

    /// The form in rows: bit n is the nth of [`Action::ALL`].
    pub fn to_row(self) -> i64 {
        i64::from(self.0)
    }

    /// Reads the form in rows; unknown bits are dropped.
    pub fn from_row(row: i64) -> Self {
        Self(u8::try_from(row & 0b11_1111).unwrap_or(0))
    }
}

impl FromIterator<Action> for Actions {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        actions.into_iter().fold(Self::NONE, Self::with)
    }
}

/// A word that is no action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an action; use pull, push, update, delete, clear or admin, separated by commas"
)]
pub struct ActionError(String);

impl FromStr for Actions {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Self, ActionError> {
        text.split(',')
            .map(|word| {
                Action::ALL
                    .into_iter()
                    .find(|action| action.name() == word.trim())
                    .ok_or_else(|| ActionError(word.chars().take(40).collect()))
            })
            .collect()
    }
}

impl fmt::Display for Actions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Action::name).collect();
        formatter.write_str(&words.join(","))
    }
}

impl fmt::Debug for Actions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A repository pattern: segments of literals and `*` (within one segment); a segment `**` is any number of segments.
/// The first one may be a foreign registry's host with its port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Pattern(String);

/// The longest pattern in bytes.
pub const PATTERN_MAX_BYTES: usize = 512;
/// The most segments in a pattern.
pub const PATTERN_SEGMENTS_MAX: usize = 32;

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a repository pattern; write segments with `*` for part of one and `**` for any number of them, for example apps/**"
)]
pub struct PatternError(String);

impl Pattern {
    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names `repository`.
    pub fn matches(&self, repository: &RepositoryName) -> bool {
        self.matches_path(repository.as_str())
    }

    /// Whether it names `path`, a repository with a foreign registry's host before it: `*/apps/**` names those of every host.
    pub fn matches_path(&self, path: &str) -> bool {
        let pattern: Vec<_> = self.0.split('/').collect();
        let name: Vec<_> = path.split('/').collect();
        // reached[n]: the pattern so far matches the first n segments.
        let mut reached = vec![false; name.len() + 1];
        reached[0] = true;
        for part in pattern {
            let mut next = vec![false; name.len() + 1];
            if part == "**" {
                let from = reached.iter().position(|hit| *hit).unwrap_or(reached.len());
                next.iter_mut().skip(from).for_each(|hit| *hit = true);
            } else {
                for (index, segment) in name.iter().enumerate() {
                    next[index + 1] = reached[index] && glob(part, segment);
                }
            }
            reached = next;
        }
        reached[name.len()]
    }
}

/// `*` stands for any characters; everything else for itself. Linear in the product of the lengths.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut position) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while position < text.len() {
        if at < pattern.len() && pattern[at] == b'*' {
            retry = Some((at, position));
            at += 1;
        } else if at < pattern.len() && pattern[at] == text[position] {
            at += 1;
            position += 1;
        } else if let Some((star, taken)) = retry {
            retry = Some((star, taken + 1));
            at = star + 1;
            position = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-*".contains(&byte)
        };
        let segment = |part: &str| {
            !part.is_empty() && part.bytes().all(allowed) && (part == "**" || !part.contains("**"))
        };
        let fits =
            text.len() <= PATTERN_MAX_BYTES && text.split('/').count() <= PATTERN_SEGMENTS_MAX;
        // Before the repositories of a foreign registry stands its host, which may have a port.
        let (host, rest) = text.split_once('/').unwrap_or((text, ""));
        let named = match host.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() && segment(host) => rest,
            _ => text,
        };
        if fits && named.split('/').all(segment) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PatternError(text.chars().take(200).collect()))
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What kind of principal acts.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalKind {
    /// Nobody signed in.
    Anonymous,
    /// A person with a password.
    User,
    /// A headless account with a token.
    Robot,
    /// The server itself: its jobs and executors.
    System,
}

/// Who acts, as authentication found it. It carries no rights: those are looked up where they are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The account; `None` for anonymous and system.
    pub id: Option<PrincipalId>,
    /// Its kind.
    pub kind: PrincipalKind,
    /// Its name as users know it: `alice`, `robot name`, `anonymous`, `system`.
    pub name: String,
    /// Whether it administers the whole server.
    pub administrator: bool,
    /// What its token was narrowed to; `None` means that the account's rights alone decide.
    pub scopes: Option<Vec<Scope>>,
}

impl Principal {
    /// Nobody signed in.
    pub fn anonymous() -> Self {
        Self {
            id: None,
            kind: PrincipalKind::Anonymous,
            name: "anonymous".to_owned(),
            administrator: false,
            scopes: None,
        }
    }

    /// The server itself. Jobs of a project act with that project's rights, not as this.
    pub fn system() -> Self {
        Self {
            id: None,
            kind: PrincipalKind::System,
            name: "system".to_owned(),
            administrator: true,
            scopes: None,
        }
    }

    /// What the token of this principal allows on `repository` at most.
    pub fn scope_limit(&self, repository: &RepositoryName) -> Actions {
        match &self.scopes {
            None => Actions::EVERY,
            Some(scopes) => scopes
                .iter()
                .filter(|scope| scope.pattern.matches(repository))
                .fold(Actions::NONE, |all, scope| all.union(scope.actions)),
        }
    }
}

/// One narrowing of a token: these actions on these repositories.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Scope {
    /// The repositories.
    pub pattern: Pattern,
    /// The actions.
    #[serde(with = "actions_text")]
    pub actions: Actions,
}

/// Actions as the comma-separated text users write.
pub mod actions_text {
    use super::Actions;

    /// Writes `pull,push`.
    pub fn serialize<S: serde::Serializer>(
        actions: &Actions,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(actions)
    }

    /// Reads `pull,push`.
    pub fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Actions, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Actions::NONE);
        }
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_segments() {
        let cases = [
            ("**", "a/b/c", true),
            ("apps/**", "apps/web", true),
            ("apps/**", "apps/a/b", true),
            ("apps/**", "apps", true),
            ("apps/**", "apps2/web", false),
            ("apps/*", "apps/web", true),
            ("apps/*", "apps/a/b", false),
            ("*/web", "apps/web", true),
            ("**/web", "a/b/web", true),
            ("**/web", "web", true),
            ("team-*/x", "team-a/x", true),
            ("a/**/z", "a/b/c/z", true),
            ("a/**/z", "a/z", true),
            ("a", "a/b", false),
        ];
        for (pattern, name, expected) in cases {
            let pattern: Pattern = pattern.parse().expect("a pattern");
            let name: RepositoryName = name.parse().expect("a name");
            assert_eq!(pattern.matches(&name), expected, "{pattern} {name}");
        }
        let foreign: Pattern = "127.0.0.1:5000/apps/**".parse().expect("a pattern");
        assert!(foreign.matches_path("127.0.0.1:5000/apps/web"));
        assert!(!foreign.matches_path("127.0.0.1:5001/apps/web"));
        for bad in [
            "",
            "a//b",
            "A",
            "a**b",
            "a/",
            "../x?",
            "a:5000",
            "a/b:5000/c",
            "a:x/b",
        ] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn admin_contains_every_action() {
        let admin = Actions::NONE.with(Action::Admin);
        assert!(Action::ALL.iter().all(|action| admin.contains(*action)));
        let both: Actions = "pull,push".parse().expect("actions");
        assert_eq!(admin.intersection(both), both);
        assert_eq!(both.to_string(), "pull,push");
        assert_eq!(Actions::from_row(both.to_row()), both);
        assert!("pull,fly".parse::<Actions>().is_err());
    }
}
