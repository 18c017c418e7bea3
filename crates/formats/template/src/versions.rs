//! Versions and constraints by the grammar of `github.com/Masterminds/semver`, version 3.

use std::any::Any;
use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::value::{CallError, Object, Value};

/// A version or constraint that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct VersionError(String);

/// A version: up to three numbers, read leniently (`v1.2` is `1.2.0`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second.
    pub minor: u64,
    /// The third.
    pub patch: u64,
    /// What follows the dash.
    pub prerelease: String,
    /// What follows the plus.
    pub metadata: String,
    /// As it was written.
    pub original: String,
}

/// Bytes of a version.
const VERSION_MAX: usize = 256;
/// Bytes of a constraint.
const CONSTRAINT_MAX: usize = 512;
/// Alternatives of a constraint.
const GROUPS_MAX: usize = 32;

const LOOSE: &str = r"v?([0-9]+)(\.[0-9]+)?(\.[0-9]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?";
const WILD: &str = r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?";
const OPERATORS: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";

static VERSION: LazyLock<Regex> = LazyLock::new(|| expression(&format!("^{LOOSE}$")));
static ONE: LazyLock<Regex> =
    LazyLock::new(|| expression(&format!(r"^\s*({OPERATORS})\s*({WILD})\s*$")));
static RANGE: LazyLock<Regex> =
    LazyLock::new(|| expression(&format!(r"\s*({WILD})\s+-\s+({WILD})\s*")));
static EACH: LazyLock<Regex> = LazyLock::new(|| expression(&format!(r"({OPERATORS})\s*({WILD})")));
static VALID: LazyLock<Regex> = LazyLock::new(|| {
    expression(&format!(
        r"^(\s*({OPERATORS})\s*({WILD})\s*)((?:\s+|,\s*)({OPERATORS})\s*({WILD})\s*)*$"
    ))
});

fn expression(text: &str) -> Regex {
    crate::expressions::compile(text).expect("the expressions of versions are good")
}

fn error(text: impl Into<String>) -> VersionError {
    VersionError(text.into())
}

fn group<'t>(found: &Captures<'t>, index: usize) -> &'t str {
    found.get(index).map_or("", |part| part.as_str())
}

impl Version {
    /// Reads a version.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        if text.len() > VERSION_MAX {
            return Err(error(format!(
                "version string is too long (max {VERSION_MAX} bytes)"
            )));
        }
        let found = VERSION
            .captures(text)
            .ok_or_else(|| error("invalid semantic version"))?;
        let number = |index: usize| {
            match group(&found, index).trim_start_matches('.') {
            "" => Ok(0),
            digits => digits.parse().map_err(|_| {
                error(format!(
                    "error parsing version segment: strconv.ParseUint: parsing {digits:?}: value out of range"
                ))
            }),
        }
        };
        let version = Self {
            major: number(1)?,
            minor: number(2)?,
            patch: number(3)?,
            prerelease: group(&found, 5).to_owned(),
            metadata: group(&found, 8).to_owned(),
            original: text.to_owned(),
        };
        let starts_with_zero = |part: &str| {
            part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit())
        };
        if version.prerelease.split('.').any(starts_with_zero) {
            return Err(error("version segment starts with 0"));
        }
        Ok(version)
    }

    /// The order of versions; metadata does not count.
    pub fn compare(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| {
            match (self.prerelease.as_str(), other.prerelease.as_str()) {
                ("", "") => Ordering::Equal,
                ("", _) => Ordering::Greater,
                (_, "") => Ordering::Less,
                (a, b) => compare_prereleases(a, b),
            }
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(formatter, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(formatter, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

fn compare_prereleases(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let (a, b) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => (a.unwrap_or(""), b.unwrap_or("")),
        };
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            _ if a == b => Ordering::Equal,
            _ if a.is_empty() => Ordering::Less,
            _ if b.is_empty() => Ordering::Greater,
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// What a constraint asks of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    TildeOrEqual,
    NotEqual,
    Greater,
    Less,
    AtLeast,
    AtMost,
    Tilde,
    Caret,
}

#[derive(Debug, Clone)]
struct Condition {
    operator: Operator,
    version: Version,
    /// Any number is left out or a wildcard.
    dirty: bool,
    minor_dirty: bool,
    patch_dirty: bool,
}

/// Alternatives, each of conditions that must all hold.
#[derive(Debug, Clone)]
pub struct Constraint {
    alternatives: Vec<Vec<Condition>>,
}

impl Constraint {
    /// Reads `>=1.19-0 <2 || ~3.1 || 1.2 - 1.4`.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        if text.len() > CONSTRAINT_MAX {
            return Err(error(format!(
                "constraint string is too long (max {CONSTRAINT_MAX} bytes)"
            )));
        }
        let mut rewritten = text.to_owned();
        for found in RANGE.captures_iter(text) {
            let bounds = format!(">= {}, <= {} ", group(&found, 1), group(&found, 11));
            rewritten = rewritten.replacen(group(&found, 0), &bounds, 1);
        }
        let parts: Vec<&str> = rewritten.split("||").collect();
        if parts.len() > GROUPS_MAX {
            return Err(error(format!(
                "too many constraint groups (max {GROUPS_MAX})"
            )));
        }
        let alternatives: Result<Vec<_>, _> = parts.into_iter().map(conditions).collect();
        Ok(Self {
            alternatives: alternatives?,
        })
    }

    /// True if the version is within. A prerelease is only where the constraint names one.
    pub fn holds(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|all| {
            let names_prerelease = all.iter().any(|one| !one.version.prerelease.is_empty());
            let may_be = version.prerelease.is_empty() || names_prerelease;
            may_be && all.iter().all(|one| one.holds(version))
        })
    }
}

fn conditions(part: &str) -> Result<Vec<Condition>, VersionError> {
    if !VALID.is_match(part) {
        return Err(error(format!(
            "improper constraint: {}",
            crate::format::quote(part)
        )));
    }
    let found: Vec<&str> = EACH.find_iter(part).map(|found| found.as_str()).collect();
    let found = if found.is_empty() { vec![part] } else { found };
    found.into_iter().map(Condition::parse).collect()
}

fn is_wild(part: &str) -> bool {
    matches!(part, "" | "x" | "X" | "*")
}

impl Condition {
    fn parse(text: &str) -> Result<Self, VersionError> {
        let Some(found) = ONE.captures(text) else {
            return Err(error(format!(
                "improper constraint: {}",
                crate::format::quote(text)
            )));
        };
        let operator = match group(&found, 1) {
            "" | "=" => Operator::TildeOrEqual,
            "!=" => Operator::NotEqual,
            ">" => Operator::Greater,
            "<" => Operator::Less,
            ">=" | "=>" => Operator::AtLeast,
            "<=" | "=<" => Operator::AtMost,
            "~" | "~>" => Operator::Tilde,
            _ => Operator::Caret,
        };
        let [major, minor, patch, end] = [3, 4, 5, 6].map(|index| group(&found, index));
        let mut condition = Self {
            operator,
            version: Version::parse("0.0.0")?,
            dirty: true,
            minor_dirty: false,
            patch_dirty: false,
        };
        let written = if is_wild(major) {
            format!("0.0.0{end}")
        } else if is_wild(minor.trim_start_matches('.')) {
            condition.minor_dirty = true;
            format!("{major}.0.0{end}")
        } else if is_wild(patch.trim_start_matches('.')) {
            condition.patch_dirty = true;
            format!("{major}{minor}.0{end}")
        } else {
            condition.dirty = false;
            group(&found, 2).to_owned()
        };
        condition.version =
            Version::parse(&written).map_err(|_| error("constraint parser error"))?;
        Ok(condition)
    }

    fn holds(&self, version: &Version) -> bool {
        let order = version.compare(&self.version);
        match self.operator {
            Operator::TildeOrEqual if self.dirty => self.tilde(version),
            Operator::TildeOrEqual => order.is_eq(),
            Operator::NotEqual => self.not_equal(version),
            Operator::Greater => self.greater(version),
            Operator::Less => order.is_lt(),
            Operator::AtLeast => order.is_ge(),
            Operator::AtMost => self.at_most(version),
            Operator::Tilde => self.tilde(version),
            Operator::Caret => self.caret(version),
        }
    }

    fn not_equal(&self, version: &Version) -> bool {
        let own = &self.version;
        if self.dirty {
            if own.major != version.major {
                return true;
            }
            if own.minor != version.minor && !self.minor_dirty {
                return true;
            }
            if self.minor_dirty {
                return false;
            }
            if own.patch != version.patch && !self.patch_dirty {
                return true;
            }
            if self.patch_dirty {
                let any = !version.prerelease.is_empty() || !own.prerelease.is_empty();
                return any && compare_prereleases(&version.prerelease, &own.prerelease).is_ne();
            }
        }
        version.compare(own).is_ne()
    }

    fn greater(&self, version: &Version) -> bool {
        let own = &self.version;
        if !self.dirty || version.major != own.major {
            return if self.dirty {
                version.major > own.major
            } else {
                version.compare(own).is_gt()
            };
        }
        if self.minor_dirty {
            return false;
        }
        if self.patch_dirty {
            return version.minor > own.minor;
        }
        version.compare(own).is_gt()
    }

    fn at_most(&self, version: &Version) -> bool {
        let own = &self.version;
        if !self.dirty {
            return version.compare(own).is_le();
        }
        let minor_above =
            version.major == own.major && version.minor > own.minor && !self.minor_dirty;
        version.major <= own.major && !minor_above
    }

    fn tilde(&self, version: &Version) -> bool {
        let own = &self.version;
        if version.compare(own).is_lt() {
            return false;
        }
        let is_zero = (own.major, own.minor, own.patch) == (0, 0, 0);
        if is_zero && !self.minor_dirty && !self.patch_dirty {
            return true;
        }
        version.major == own.major && (version.minor == own.minor || self.minor_dirty)
    }

    fn caret(&self, version: &Version) -> bool {
        let own = &self.version;
        if version.compare(own).is_lt() {
            return false;
        }
        if own.major > 0 || self.minor_dirty {
            return version.major == own.major;
        }
        if version.major > 0 {
            return false;
        }
        if own.minor > 0 || self.patch_dirty {
            return version.minor == own.minor;
        }
        version.minor == 0 && own.patch == version.patch
    }
}

impl Object for Version {
    fn type_name(&self) -> &'static str {
        "*semver.Version"
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<usize> {
        match name {
            "Major" | "Minor" | "Patch" | "Prerelease" | "Metadata" | "Original" | "String" => {
                Some(0)
            }
            "Compare" | "Equal" | "LessThan" | "GreaterThan" | "LessThanEqual"
            | "GreaterThanEqual" => Some(1),
            _ => None,
        }
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, CallError> {
        let other = || {
            let found = match arguments.first() {
                Some(Value::Object(object)) => Rc::clone(object).as_any().downcast::<Self>().ok(),
                _ => None,
            };
            found.ok_or_else(|| CallError("expected *semver.Version".to_owned()))
        };
        Ok(match name {
            "Major" => Value::Uint64(self.major),
            "Minor" => Value::Uint64(self.minor),
            "Patch" => Value::Uint64(self.patch),
            "Prerelease" => Value::from(self.prerelease.as_str()),
            "Metadata" => Value::from(self.metadata.as_str()),
            "Original" => Value::from(self.original.as_str()),
            "Compare" => Value::Int(i64::from(self.compare(other()?.as_ref()) as i8)),
            "Equal" => Value::Bool(self.compare(other()?.as_ref()).is_eq()),
            "LessThan" => Value::Bool(self.compare(other()?.as_ref()).is_lt()),
            "GreaterThan" => Value::Bool(self.compare(other()?.as_ref()).is_gt()),
            "LessThanEqual" => Value::Bool(self.compare(other()?.as_ref()).is_le()),
            "GreaterThanEqual" => Value::Bool(self.compare(other()?.as_ref()).is_ge()),
            _ => Value::from(self.to_string()),
        })
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn Any> {
        self
    }
}
