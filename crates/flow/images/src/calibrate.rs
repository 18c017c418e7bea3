//! Verdicts held against what really happens: an image both rebased and rebuilt, the two compared.
//!
//! ```text
//!                rebased == rebuilt, tests alike     they differ            its tests fail, the rebuilt one's do not
//! proven         right                               false-safe             false-safe
//! test           right                               differs                caught
//! unsafe         false-unsafe                        right                  right
//! ```

use refloat_verdict::Tier;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What became of one image, made in both ways.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its name.
    pub name: String,
    /// The verdict on the rebase.
    pub tier: Tier,
    /// The codes of the reasons of that tier.
    pub codes: BTreeSet<String>,
    /// Paths and fields in which the rebased image differs from the rebuilt one, less those in which two rebuilds differ.
    pub differences: Vec<String>,
    /// Whether the tests passed in the rebased and in the rebuilt image; `None` without tests.
    pub tests: Option<(bool, bool)>,
}

/// Whether the verdict was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It would have been published, and is not what a rebuild makes.
    FalseSafe,
    /// For a test: its tests failed, and the rebuilt image's passed.
    Caught,
    /// For a test: it is not what a rebuild makes, and no test shows that it matters.
    Differs,
    /// It was refused, and is what a rebuild makes.
    FalseUnsafe,
    /// It was right.
    Right,
}

impl Outcome {
    /// All, the worst first.
    pub const ALL: [Self; 5] = [
        Self::FalseSafe,
        Self::Caught,
        Self::Differs,
        Self::FalseUnsafe,
        Self::Right,
    ];

    /// As it is written for people and programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::FalseSafe => "false-safe",
            Self::Caught => "caught",
            Self::Differs => "differs",
            Self::FalseUnsafe => "false-unsafe",
            Self::Right => "right",
        }
    }
}

impl Sample {
    /// Whether the verdict was right.
    pub fn outcome(&self) -> Outcome {
        let is_same = self.differences.is_empty();
        let is_broken = matches!(self.tests, Some((false, true)));
        match self.tier {
            Tier::Unchanged | Tier::Proven if is_same && !is_broken => Outcome::Right,
            Tier::Unchanged | Tier::Proven => Outcome::FalseSafe,
            Tier::Test if is_broken => Outcome::Caught,
            Tier::Test if is_same => Outcome::Right,
            Tier::Test => Outcome::Differs,
            Tier::Unsafe if is_same && !is_broken => Outcome::FalseUnsafe,
            Tier::Unsafe | Tier::Blocked => Outcome::Right,
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "outcome": self.outcome().word(),
            "verdict": self.tier.word(),
            "codes": self.codes,
            "differences": self.differences,
            "tests": self.tests.map(|(rebased, rebuilt)| json!({ "rebased": rebased, "rebuilt": rebuilt })),
        })
    }
}

/// `{"counts":{..},"codes":[{"code","counts"}],"samples":[..]}`, the worst first. A verdict without a reason counts
/// under the code `none`.
pub fn report(samples: &[Sample]) -> Value {
    let mut order: Vec<&Sample> = samples.iter().collect();
    order.sort_by(|left, right| {
        let key = |sample: &Sample| (sample.outcome(), sample.name.clone());
        key(left).cmp(&key(right))
    });
    let mut codes: BTreeMap<&str, BTreeMap<Outcome, u64>> = BTreeMap::new();
    let mut whole = BTreeMap::new();
    for sample in samples {
        let outcome = sample.outcome();
        *whole.entry(outcome).or_insert(0) += 1;
        let none = sample.codes.is_empty().then_some("none");
        for code in sample.codes.iter().map(String::as_str).chain(none) {
            let of_code = codes.entry(code).or_default();
            *of_code.entry(outcome).or_insert(0) += 1;
        }
    }
    let mut rows: Vec<_> = codes.into_iter().collect();
    let count =
        |counts: &BTreeMap<Outcome, u64>, outcome| counts.get(&outcome).copied().unwrap_or(0);
    rows.sort_by_key(|(_, counts)| Outcome::ALL.map(|outcome| u64::MAX - count(counts, outcome)));
    let told = |counts: &BTreeMap<Outcome, u64>| -> Value {
        let pairs =
            Outcome::ALL.map(|outcome| (outcome.word().to_owned(), json!(count(counts, outcome))));
        Value::Object(pairs.into_iter().collect())
    };
    json!({
        "counts": told(&whole),
        "codes": rows.iter().map(|(code, counts)| json!({ "code": code, "counts": told(counts) })).collect::<Vec<_>>(),
        "samples": order.iter().map(|sample| sample.to_json()).collect::<Vec<_>>(),
    })
}

/// What a comparison found, each as a line: `changed /usr/bin/x: content`, `config Env`.
pub fn differences(compared: &Value) -> BTreeSet<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found = BTreeSet::new();
    for kind in ["added", "removed"] {
        for path in list(&compared["files"][kind]) {
            found.insert(format!("{kind} {}", text(&path)));
        }
    }
    for changed in list(&compared["files"]["changed"]) {
        found.insert(format!("changed {}", text(&changed["path"])));
    }
    for field in list(&compared["config"]) {
        found.insert(format!("config {}", text(&field["field"])));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str, tier: Tier, differences: &[&str], tests: Option<(bool, bool)>) -> Sample {
        Sample {
            name: name.to_owned(),
            tier,
            codes: match tier {
                Tier::Proven => BTreeSet::new(),
                _ => BTreeSet::from(["H2".to_owned()]),
            },
            differences: differences.iter().map(ToString::to_string).collect(),
            tests,
        }
    }

    #[test]
    fn verdicts_are_right_or_wrong_in_known_ways() {
        let other = &["changed /app/x"][..];
        let cases = [
            (Tier::Proven, &[][..], None, Outcome::Right),
            (Tier::Proven, &[], Some((true, true)), Outcome::Right),
            (Tier::Proven, other, None, Outcome::FalseSafe),
            (Tier::Proven, &[], Some((false, true)), Outcome::FalseSafe),
            (Tier::Proven, &[], Some((false, false)), Outcome::Right),
            (Tier::Test, &[], None, Outcome::Right),
            (Tier::Test, other, Some((true, true)), Outcome::Differs),
            (Tier::Test, other, Some((false, true)), Outcome::Caught),
            (Tier::Unsafe, other, None, Outcome::Right),
            (Tier::Unsafe, &[], Some((true, true)), Outcome::FalseUnsafe),
            (Tier::Unsafe, &[], Some((false, true)), Outcome::Right),
            (Tier::Blocked, &[], None, Outcome::Right),
        ];
        for (tier, differences, tests, expected) in cases {
            let found = sample("a", tier, differences, tests).outcome();
            assert_eq!(found, expected, "{tier:?} {differences:?} {tests:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_first() {
        let samples = [
            sample("right", Tier::Unsafe, &["config Env"], None),
            sample("needless", Tier::Unsafe, &[], None),
            sample("wrong", Tier::Proven, &["changed /x"], None),
        ];
        let report = report(&samples);
        assert_eq!(report["counts"]["false-safe"], 1);
        assert_eq!(report["counts"]["false-unsafe"], 1);
        assert_eq!(report["samples"][0]["name"], "wrong");
        assert_eq!(report["samples"][1]["name"], "needless");
        assert_eq!(report["codes"][0]["code"], "none");
        assert_eq!(report["codes"][1]["counts"]["right"], 1);
    }
}
