//! Versions and ranges in the sense of Masterminds' semver, which Helm uses.

use refloat_template::versions::{Constraint, Version};

/// Whether a text is a version in the lenient sense: `1`, `v1.2`, `1.2.3-rc.1+build`.
pub fn is_lenient(text: &str) -> bool {
    Version::parse(text).is_ok()
}

/// Whether a text is a version in the strict sense of semver.org: three numbers, and no `v`.
pub fn is_strict(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or(text);
    let number = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits && (part == "0" || !part.starts_with('0'))
    };
    core.split('.').count() == 3 && core.split('.').all(number) && is_lenient(text)
}

/// Whether a version fits a range; what cannot be read fits nothing (helm, pkg/chart/v2/util/compatible.go).
pub fn fits(range: &str, version: &str) -> bool {
    match (Constraint::parse(range), Version::parse(version)) {
        (Ok(range), Ok(version)) => range.holds(&version),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_helm_lets_them_hold() {
        let cases = [
            ("", "1.2.3", false),
            ("*", "1.2.3", true),
            (">=0.1.0 <1", "0.2.0", true),
            ("~0.1", "0.2.0", false),
            (">=1.20-0", "v1.36.0", true),
            ("0.x", "0.2.0", true),
            ("1.2", "no version", false),
            ("no range", "1.2.3", false),
        ];
        for (range, version, expected) in cases {
            assert_eq!(fits(range, version), expected, "{range} and {version}");
        }
    }

    #[test]
    fn versions_are_read_leniently() {
        for text in [
            "1",
            "v1.2",
            "1.2.3",
            "1.2.3-rc.1+build.5",
            "1.0.0-0",
            "0.1.0+x",
        ] {
            assert!(is_lenient(text), "{text}");
        }
        for text in [
            "", "v", "1.2.3.4", "1.x", "1.2.3-", "1.2.3-01", "a.b.c", "1.2.3+", "-1",
        ] {
            assert!(!is_lenient(text), "{text}");
        }
    }
}
