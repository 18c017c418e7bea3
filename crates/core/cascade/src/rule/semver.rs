//! Versions and ranges as Masterminds' library for Go reads them, which Helm and Flux use: `^`, `~`, `x`, hyphens, `||`, and
//! versions with a `v` or with fewer than three numbers. A pre-release is in a range only if the range names one.

use std::cmp::Ordering;

/// A version. A leading `v` and missing numbers are forgiven, build metadata is forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    numbers: [u64; 3],
    pre: Vec<Identifier>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Text(String),
}

impl Version {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let partial = Partial::parse(text)?;
        let no_wildcard = !text.split(['-', '+']).next()?.contains(['x', 'X', '*']);
        no_wildcard.then(|| partial.lowest())
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = self.numbers.cmp(&other.numbers);
        numbers.then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => self.pre.cmp(&other.pre),
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A version with numbers left out or written as `x`.
struct Partial {
    numbers: Vec<u64>,
    pre: Vec<Identifier>,
}

impl Partial {
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let text = text.split('+').next()?;
        let (core, pre) = match text.split_once('-') {
            Some((core, pre)) => (core, Some(pre)),
            None => (text, None),
        };
        let mut numbers = Vec::new();
        let mut wild = false;
        for (index, word) in core.split('.').enumerate() {
            if index > 2 {
                return None;
            }
            match word {
                "x" | "X" | "*" => wild = true,
                _ if wild => return None,
                _ if word.bytes().all(|byte| byte.is_ascii_digit()) => {
                    numbers.push(word.parse().ok()?);
                }
                _ => return None,
            }
        }
        let pre = pre.map_or_else(
            || Some(Vec::new()),
            |pre| pre.split('.').map(identifier).collect(),
        )?;
        Some(Self { numbers, pre })
    }

    fn number(&self, index: usize) -> u64 {
        self.numbers.get(index).copied().unwrap_or(0)
    }

    fn lowest(&self) -> Version {
        Version {
            numbers: [self.number(0), self.number(1), self.number(2)],
            pre: self.pre.clone(),
        }
    }

    /// The first version above all that this one stands for.
    fn above(&self) -> Option<Version> {
        let next = |numbers| Version {
            numbers,
            pre: Vec::new(),
        };
        match self.numbers.len() {
            0 => None,
            1 => Some(next([self.number(0) + 1, 0, 0])),
            2 => Some(next([self.number(0), self.number(1) + 1, 0])),
            _ => Some(next([self.number(0), self.number(1), self.number(2) + 1])),
        }
    }
}

fn identifier(word: &str) -> Option<Identifier> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if word.is_empty() || !word.bytes().all(allowed) {
        return None;
    }
    Some(match word.parse() {
        Ok(number) => Identifier::Number(number),
        Err(_) => Identifier::Text(word.to_owned()),
    })
}

/// Alternatives, each a list of conditions that all hold.
pub(super) struct Range(Vec<Vec<Condition>>);

struct Condition {
    /// Not below this.
    low: Option<Version>,
    /// Below this.
    high: Option<Version>,
    /// Inside of `low..high` is wrong instead of right.
    negated: bool,
    /// Whether a pre-release was written.
    names_pre: bool,
}

impl Range {
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.split("||")
            .map(alternative)
            .collect::<Option<_>>()
            .map(Self)
    }

    pub(super) fn contains(&self, version: &Version) -> bool {
        self.0.iter().any(|all| {
            let pre_fits = version.pre.is_empty() || all.iter().any(|one| one.names_pre);
            pre_fits && all.iter().all(|one| one.holds(version))
        })
    }
}

impl Condition {
    fn holds(&self, version: &Version) -> bool {
        let inside = self.low.as_ref().is_none_or(|low| version >= low)
            && self.high.as_ref().is_none_or(|high| version < high);
        inside != self.negated
    }
}

fn alternative(text: &str) -> Option<Vec<Condition>> {
    let text = text.trim();
    if let Some((low, high)) = text.split_once(" - ") {
        return Some(vec![
            condition(">=", low.trim())?,
            condition("<=", high.trim())?,
        ]);
    }
    let mut conditions = Vec::new();
    let mut waiting = String::new();
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        let word = std::mem::take(&mut waiting) + word;
        let end = word.find(|letter: char| !"=!<>~^".contains(letter));
        let Some(end) = end else {
            waiting = word;
            continue;
        };
        let (operator, version) = word.split_at(end);
        conditions.push(condition(operator, version)?);
    }
    let whole = waiting.is_empty() && !conditions.is_empty();
    whole.then_some(conditions)
}

fn condition(operator: &str, text: &str) -> Option<Condition> {
    let partial = Partial::parse(text)?;
    let low = partial.lowest();
    let names_pre = !partial.pre.is_empty();
    let between = |low: Option<Version>, high: Option<Version>| Condition {
        low,
        high,
        negated: false,
        names_pre,
    };
    let exact_above = |version: &Version| {
        if version.pre.is_empty() {
            return partial.above();
        }
        // The next pre-release there can be: the same one with a further, lowest identifier.
        let mut above = version.clone();
        above.pre.push(Identifier::Number(0));
        Some(above)
    };
    Some(match operator {
        "" | "=" | "==" => between(Some(low.clone()), exact_above(&low)),
        "!=" => Condition {
            negated: true,
            ..between(Some(low.clone()), exact_above(&low))
        },
        ">" => between(Some(exact_above(&low)?), None),
        ">=" | "=>" => between(Some(low), None),
        "<" => between(None, Some(low)),
        "<=" | "=<" => between(None, exact_above(&low)),
        "~" | "~>" => {
            let high = Partial {
                numbers: partial.numbers.iter().take(2).copied().collect(),
                pre: Vec::new(),
            };
            between(Some(low), high.above())
        }
        "^" => {
            let first = partial.numbers.iter().position(|number| *number > 0);
            let keep = first.map_or(partial.numbers.len(), |index| index + 1);
            let high = Partial {
                numbers: partial.numbers.iter().take(keep).copied().collect(),
                pre: Vec::new(),
            };
            between(Some(low), high.above())
        }
        _ => return None,
    })
}
