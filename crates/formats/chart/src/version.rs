//! Versions and ranges in the sense of Masterminds' semver, which Helm uses.

use refloat_template::{Context, Map, Set, Value};

/// Whether a text is a version in the lenient sense: `1`, `v1.2`, `1.2.3-rc.1+build`.
pub fn is_lenient(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (rest, metadata) = match text.split_once('+') {
        Some((rest, metadata)) => (rest, Some(metadata)),
        None => (text, None),
    };
    let (numbers, pre_release) = match rest.split_once('-') {
        Some((numbers, pre_release)) => (numbers, Some(pre_release)),
        None => (rest, None),
    };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let word = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !text.is_empty() && text.bytes().all(allowed)
    };
    let words = |text: &str| text.split('.').all(word);
    let leading_zero = |text: &str| {
        let zero = |part: &str| number(part) && part.len() > 1 && part.starts_with('0');
        text.split('.').any(zero)
    };
    let parts: Vec<&str> = numbers.split('.').collect();
    parts.len() <= 3
        && parts.iter().all(|part| number(part) && part.parse::<u64>().is_ok())
        && pre_release.is_none_or(|text| words(text) && !leading_zero(text))
        && metadata.is_none_or(words)
}

/// Whether a version fits a range; what cannot be read fits nothing (helm, pkg/chart/v2/util/compatible.go).
pub fn fits(range: &str, version: &str) -> bool {
    let data: Map = [("range", Value::from(range)), ("version", Value::from(version))]
        .into_iter()
        .collect();
    let set = Set::parse(&[("fits", "{{ semverCompare .range .version }}")]);
    let rendered = set.and_then(|set| set.render("fits", &Value::Map(data), &mut Context::default()));
    rendered.is_ok_and(|text| text == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_leniently() {
        for text in ["1", "v1.2", "1.2.3", "1.2.3-rc.1+build.5", "1.0.0-0", "0.1.0+x"] {
            assert!(is_lenient(text), "{text}");
        }
        for text in ["", "v", "1.2.3.4", "1.x", "1.2.3-", "1.2.3-01", "a.b.c", "1.2.3+", "-1"] {
            assert!(!is_lenient(text), "{text}");
        }
    }
}
